"""The table of targets and the README's measured part, from canned numbers: met, not met, not measured."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from test_bench_report import canned, png_size

from fastdrop import _core
from fastdrop.bench import Case, own_rows, peers
from fastdrop.bench.results import Result

BENCH = Path(__file__).resolve().parent.parent / "bench"


@pytest.fixture
def load(monkeypatch):
    """Import a program of bench/."""
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module


def results(batch, medians):
    """A result for each entry of a batch."""
    return [
        Result(row.name, row.kind, row.per_call, case.size, case.p, case.dtype, case.threads, *[value] * 4, rounds=5)
        for (row, case), value in zip(batch.entries, medians, strict=True)
    ]


def small_batch(rows):
    """Three rows, a target of each form."""
    batch = rows.Batch("small")
    table = {row.name: row for row in own_rows.rows()}
    scale, kernel, call = (batch.add(table[n], Case(16, 0.5)) for n in ("in-place scale", "kernel", "fastdrop.dropout"))
    assert batch.add(table["kernel"], Case(16, 0.5)) == kernel
    batch.ask("ratio", "times the scale", kernel, scale, 1.5)
    batch.ask("of ratios", "by another ratio", call, (scale, kernel, scale), 1.5)
    batch.ask("ns", "nanoseconds", kernel, None, 20.0, "ns")
    batch.ask("us", "microseconds", call, None, 0.5, "us")
    return batch


def test_targets_are_met_or_not(load):
    targets, rows = load("targets"), load("target_rows")
    batch = small_batch(rows)
    outcomes = targets.evaluate(batch, results(batch, [10.0, 15.0, 30.0]))
    assert [o.measured for o in outcomes] == pytest.approx([1.5, 2.0, 15.0, 0.48])
    assert [o.met for o in outcomes] == [True, False, True, True]
    worse = targets.evaluate(batch, results(batch, [9.0, 15.0, 90.0]))
    assert [o.met for o in worse] == [False, False, True, False]


def test_a_target_that_is_not_met_is_explained(load, monkeypatch):
    targets, rows = load("targets"), load("target_rows")
    batch = small_batch(rows)
    unmet = targets.evaluate(batch, results(batch, [1.0, 2.0, 2.0]))[0]
    assert re.fullmatch(r"times the scale +2\.000 +<= 1\.5 +NOT MET\n    no explanation on record", unmet.line())
    monkeypatch.setitem(load("target_explanations").EXPLANATIONS, "ratio", "the ports are full")
    assert unmet.line().endswith("\n    the ports are full")


def test_what_could_not_be_measured_says_why(load):
    targets, rows = load("targets"), load("target_rows")
    batch = small_batch(rows)
    found = results(batch, [1.0, 1.0, 1.0])
    found[0] = Result.missing(*batch.entries[0], note="no such instruction set")
    outcomes = targets.evaluate(batch, found)
    assert [o.met for o in outcomes] == [None, None, True, True]
    assert outcomes[0].line().endswith("not measured: no such instruction set")


@pytest.mark.parametrize("isa", ["avx2", "avx512"])
def test_every_target_of_the_table_is_there(isa, load, monkeypatch):
    rows = load("target_rows")
    table = {name: make(isa) for name, make in rows.GROUPS.items() if name != "libxsmm"}
    keys = [target.key for batches in table.values() for batch in batches for target in batch.targets]
    assert len(keys) == len(set(keys))
    for size in ("2^12", "2^16", "2^20", "2^24", "2^26"):
        assert {f"float32 p={p} {size}" for p in (0.5, 0.25, 0.75, 0.1, 0.2, 0.3)} | {f"backward {size}"} <= set(keys)
    limits = {target.key: target.limit for batch in table["float32"] for target in batch.targets}
    assert limits["float32 p=0.5 2^16"] == (1.4 if isa == "avx2" else 1.15)
    assert limits["float32 p=0.3 2^12"] == (3.5 if isa == "avx2" else 2.8)
    for key in ("threads 2^20", "slower p=0.1 2^16", "out of place 2^24", "call 16 p=0.5", "call 16 p=0.5 multiply"):
        assert key in keys
    for key in ("packed p=0.1 2^20", "layout transposed p=0.5", "shared axes", "p per row", "p for every element"):
        assert key in keys
    for dtype in ("bfloat16", "float16", "float64"):
        assert {f"{dtype} p={p} {size}" for p in (0.5, 0.25, 0.1) for size in ("2^16", "2^20", "2^24")} <= set(keys)


def test_libxsmm_is_compared_where_it_is(load, monkeypatch):
    rows = load("target_rows")
    own = next(row for row in own_rows.rows() if row.name == "kernel")
    fake = type(own)("LIBXSMM hsw, in place, no mask", "peer", own.prepare, per_call=False)
    monkeypatch.setattr(peers, "rows", lambda: ([fake], {}))
    batches = rows.libxsmm_batches("avx2")
    assert [target.limit for batch in batches for target in batch.targets][::2] == [0.7, 0.65, 0.7, 0.95, 0.95]
    assert batches[0].entries[1][0] is fake
    monkeypatch.setattr(peers, "rows", lambda: ([], {"LIBXSMM": "LIBXSMM_ROOT is not set"}))
    assert rows.libxsmm_batches("avx2") == []


def test_layouts_are_what_they_are_called(load):
    layouts = load("target_layouts")
    made = {name: make() for name, make in layouts.LAYOUTS.items()}
    assert all(x.size == 1 << 22 and not x.flags.c_contiguous and (x == 1).all() for x in made.values())
    assert made["Fortran-ordered"].flags.f_contiguous
    assert not made["sliced"].flags.f_contiguous
    call = layouts.Call(np.ones((64, 64), np.float32), 0.5)
    call.ready(2)
    call(2)
    assert set(np.unique(call.x)) <= {0.0, 2.0, 4.0}
    assert len(set(call.keys)) == 2


VECTOR = {"avx2", "avx512"} & set(_core.isas())


def test_a_machine_without_targets_is_told(load, monkeypatch, capsys):
    monkeypatch.setattr(load("targets")._core, "isas", lambda: ["scalar"])
    assert load("targets").main([]) == 0
    assert capsys.readouterr().out == "There are targets for avx2 and avx512 only; here run scalar.\n"


@pytest.mark.skipif(not VECTOR, reason="there are targets for AVX2 and AVX-512 only")
def test_the_program_end_to_end(load, monkeypatch, tmp_path, capsys):
    targets, rows = load("targets"), load("target_rows")
    monkeypatch.setitem(rows.GROUPS, "overhead", lambda isa: [small_batch(rows)])
    monkeypatch.setitem(rows.GROUPS, "libxsmm", lambda isa: [])
    monkeypatch.setattr(peers, "rows", lambda: ([], {"LIBXSMM": "LIBXSMM_ROOT is not set"}))
    monkeypatch.setenv("LIBXSMM_TARGET", "hsw")
    path = tmp_path / "t.json"
    assert targets.main(["--only", "overhead,libxsmm", "--seconds", "0.1", "--json", str(path)]) == 0
    text = capsys.readouterr().out
    assert "not measured: libxsmm: LIBXSMM_ROOT is not set" in text
    report = json.loads(path.read_text())
    assert [row["key"] for row in report["targets"]] == ["ratio", "of ratios", "ns", "us"]
    assert all(row["met"] is (row["measured"] <= row["limit"]) for row in report["targets"])
    counted = re.search(r"(\d+) met, (\d+) not met, 0 not measured", text)
    assert int(counted[1]) + int(counted[2]) == 4


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ("--only", "speed"),
            "--only has to be of float32, libxsmm, dtypes, threads, overhead, layouts, but got 'speed'",
        ),
        (("--isa", "scalar"), "but is scalar"),
        (("--seconds", "0"), "--seconds has to be above 0"),
    ],
)
def test_bad_options(options, text, load, capsys):
    with pytest.raises(SystemExit) as exit_info:
        load("targets").main(list(options))
    assert exit_info.value.code == 2
    assert text in capsys.readouterr().err.splitlines()[-1]


def test_readme_takes_a_report(load, tmp_path):
    pytest.importorskip("matplotlib")
    readme = load("readme")
    (tmp_path / "docs").mkdir()
    path = tmp_path / "README.md"
    path.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    canned().save(tmp_path / "r.json")
    assert readme.main([str(tmp_path / "r.json"), "--readme", str(path)]) == 0
    text = path.read_text()
    assert text.startswith(f"before\n{readme.BEGIN}\n![")
    assert text.endswith(f"{readme.END}\nafter\n")
    assert "old" not in text
    assert "| kernel | 0.125 (1.25) | 0.250 (1.25) |" in text
    assert "Not measured: torch (torch is not installed)." in text
    for name in re.findall(r"\((docs/pictures/.*?)\)", text):
        assert png_size(tmp_path / name)[0] == 1275
    path.write_text("no marks")
    with pytest.raises(SystemExit):
        readme.main([str(tmp_path / "r.json"), "--readme", str(path)])
