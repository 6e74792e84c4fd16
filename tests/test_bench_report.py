"""`fastdrop bench` as a program: options, tables, files, pictures, processes. Nothing depends on speed."""

from __future__ import annotations

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from helpers import clean_environment

from fastdrop import _core
from fastdrop.bench import Case, command, describe_machine, full, plan, quick, tables
from fastdrop.bench.extras import InputError, MissingExtraError
from fastdrop.bench.results import Report, Result

MACHINE = {"date": "2001-02-03", "cpu": "a CPU", "instruction set": "avx2", "compiler": "cc", "versions": "fastdrop 1"}


def result(row, kind, size, median, p=0.5, dtype="float32", threads=1, per_call=True, note=""):
    """A result whose spread is nothing."""
    rounds = 0 if median is None else 5
    return Result(row, kind, per_call, size, p, dtype, threads, median, median, median, median, rounds, note)


def canned() -> Report:
    """A small report: two sizes, a peer that could not do the larger one, another dtype."""
    report = Report(dict(MACHINE), full=True, missing={"torch": "torch is not installed"})
    for size, scale in ((1 << 20, 0.1), (1 << 24, 0.2)):
        for p in (0.5, 0.1):
            report.results += [
                result("in-place scale", "roofline", size, scale, p, per_call=False),
                result("kernel", "fastdrop", size, scale * 1.25, p, per_call=False),
                result("fastdrop.dropout", "fastdrop", size, scale * 1.5, p),
                result("slow peer", "peer", size, scale * 300, p),
                result("C peer, backward", "peer", size, scale * 2, p, per_call=False),
                result("C peer", "peer", size, scale * 5, p, per_call=False),
            ]
    report.results[15] = result("slow peer", "peer", 1 << 24, None, note="too slow: 4 s a call")
    report.results.append(result("kernel", "fastdrop", 1 << 20, 0.3, dtype="float64", per_call=False))
    report.small_call = {"fastdrop.dropout p=0.5": 0.25, "np.multiply": 0.5}
    return report


# ---- the plan ----


def test_plan_has_what_is_promised():
    groups = plan.full_plan(plan.Selection(), most_threads=2)
    cases = {group.case for group in groups}
    assert len(cases) == len(groups)
    for p in (0.5, 0.25, 0.1):
        assert {Case(1 << k, p) for k in (12, 16, 20, 24, 26)} <= cases
        assert {Case(1 << k, p, threads=2) for k in (20, 24, 26)} <= cases
        for dtype in ("float16", "bfloat16", "float64"):
            assert {Case(1 << k, p, dtype) for k in (16, 20, 24)} <= cases
    assert {Case(1 << k, p) for k in (8, 14, 18, 22) for p in (0.5, 0.1)} <= cases
    assert not any(case.threads > 1 for case in (g.case for g in plan.full_plan(plan.Selection(), most_threads=1)))


def test_selection_is_every_combination():
    selection = plan.parse_selection("Torch,jax", "2^10, 1000", "float64", "0.3,0.5", "1,2")
    groups = plan.full_plan(selection, most_threads=2)
    assert {g.case for g in groups} == {
        Case(size, p, "float64", threads) for size in (1000, 1024) for p in (0.3, 0.5) for threads in (1, 2)
    }
    assert selection.wants("torch F.dropout")
    assert not selection.wants("numba, hash")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--full", "--sizes", "many"), "--sizes has to be like 2^12 or 4096"),
        (("--full", "--sizes", "0"), "got '0'"),
        (("--full", "--sizes", "2^99"), "got '2^99'"),
        (("--full", "--p", "1"), "--p has to be between 0 and 1"),
        (("--full", "--p", "x"), "got 'x'"),
        (("--full", "--dtypes", "float8"), "float32, float16, bfloat16, float64, but got 'float8'"),
        (("--full", "--threads", "0"), "--threads has to be whole numbers from 1 on"),
        (("--full", "--threads", "100000"), "--threads has to be at most"),
        (("--full", "--only", "no such row"), "--only 'no such row' is in no row's name; rows are in-place scale"),
        (("--full", "--minutes", "0"), "--minutes has to be above 0"),
        (("--minutes", "5"), "--minutes needs --full"),
        (("--sizes", "2^12"), "--sizes needs --full"),
        (("--seconds", "nan"), "--seconds has to be above 0, but got nan"),
        (("--isa", "mmx"), "which run here, but got 'mmx'"),
        (("--json", "nowhere/b.json"), "--json has to be in a folder that is there"),
        (("--pictures", "setup.py/x"), "--pictures has to be in a folder that is there"),
        (("--from-json", "nowhere.json"), "can't read nowhere.json"),
        (("--from-json", "a.json", "--full"), "--from-json measures nothing"),
    ],
)
def test_bad_options_are_one_line(options, text, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_info:
        command.main(list(options))
    assert exit_info.value.code == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert text in errors.splitlines()[-1]


# ---- reports ----


def test_report_survives_its_file(tmp_path):
    report = canned()
    report.save(tmp_path / "r.json")
    assert Report.load(tmp_path / "r.json") == report
    with pytest.raises(InputError, match="can't write"):
        report.save(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "has format None"),
        ('{"format": 1}', "format 2, but has format 1"),
        ('{"format": 2, "machine": {}}', "has to hold machine, results"),
        ('{"format": 2, "machine": {}, "results": [{"row": "x"}]}', "has to hold machine, results"),
    ],
)
def test_other_files_are_refused(text, message, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Report.load(path)


def test_table_has_no_silent_cell():
    report = canned()
    report.results.append(result("odd peer", "peer", 1 << 20, None, note="no p of 0.5"))
    lines = tables.format_one(report, "float32", 0.5, 1).splitlines()
    assert lines[:5] == [
        "| ns an element (× the scale) | 2^20 | 2^24 |",
        "| :--- | ---: | ---: |",
        "| in-place scale | 0.100 (1.00) | 0.200 (1.00) |",
        "| kernel | 0.125 (1.25) | 0.250 (1.25) |",
        "| fastdrop.dropout | 0.150 (1.50) | 0.300 (1.50) |",
    ]
    assert "| slow peer | 30.0 (300) | too slow (4 s a call) |" in lines
    assert "| odd peer | –<sup>1</sup> | – |" in lines
    assert lines[-1] == "<sup>1</sup>: no p of 0.5."


def test_full_report_names_what_is_missing_and_every_part():
    report = canned()
    report.remarks.append("float32, p = 0.5: the process ended")
    text = tables.format_machine(report) + tables.format_full(report)
    assert "not measured: torch (torch is not installed)" in text
    for part in ("**float32, p = 0.5, 1 thread**", "**float32, p = 0.1, 1 thread**", "**float64, p = 0.5, 1 thread**"):
        assert part in text
    assert "`np.multiply` 0.50 µs" in text
    assert text.endswith("float32, p = 0.5: the process ended")


def test_quick_table():
    report = canned()
    report.results += [result("NumPy idiom", "idiom", 1 << 20, 3.0, p) for p in (0.5, 0.1)]
    head, _, first, second = quick.format_quick(report).splitlines()
    assert head.count("|") == first.count("|") == 9
    assert first == "| 2^20 | 0.100 ns | 0.125 ns | 1.25 | 20 | 0.125 ns | 1.25 | 20 |"
    assert second == "| 2^24 | 0.200 ns | 0.250 ns | 1.25 | – | 0.250 ns | 1.25 | – |"


def test_quick_run_measures_its_table():
    report = quick.run_quick((64, 4096), seconds=0.1)
    assert "–" not in quick.format_quick(report)
    assert set(report.small_call) == {"fastdrop.dropout p=0.5", "fastdrop.dropout p=0.1", "np.multiply"}
    assert report.machine["instruction set"] == _core.isa()


# ---- pictures ----


def png_size(path):
    """Width and height of a PNG."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    return struct.unpack(">II", data[16:24])


def test_pictures_are_drawn_from_a_file(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    canned().save(tmp_path / "r.json")
    assert command.main(["--from-json", str(tmp_path / "r.json"), "--pictures", str(tmp_path / "p")]) == 0
    for name in ("time-per-element.png", "speed-up.png"):
        width, height = png_size(tmp_path / "p" / name)
        assert width == 1275
        assert height > 200
        assert 5000 < (tmp_path / "p" / name).stat().st_size < 150_000
    assert "**float64, p = 0.5, 1 thread**" in capsys.readouterr().out


def test_speed_up_compares_like_with_like():
    from fastdrop.bench.pictures import speed_ups

    report = canned()
    report.results.append(result("stored mask applied", "fastdrop", 1 << 20, 0.16, per_call=False))
    assert speed_ups(report, 0.5, 1 << 20) == pytest.approx(
        {"slow peer": 30 / 0.15, "C peer": 0.5 / 0.125, "C peer, backward": 0.2 / 0.16}
    )


def test_labels_never_touch():
    from fastdrop.bench.pictures import spread

    wanted = [0.0, 0.1, 0.1, 0.15, 3.0, 3.2, 9.0]
    placed = spread(wanted, 1.0)
    assert placed == sorted(placed)
    assert min(np.diff(placed)) >= 1 - 1e-9
    assert spread([5.0, 1.0], 1.0) == [5.0, 1.0]


@pytest.mark.parametrize(("options", "module"), [(("--full",), "tqdm"), (("--pictures", "p"), "matplotlib")])
def test_missing_extra_says_what_to_install(options, module, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    assert command.main(list(options)) == 1
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert errors.startswith(f"fastdrop bench: this needs {module}")
    assert "pip install '.[bench]'" in errors
    assert issubclass(MissingExtraError, ImportError)


# ---- processes ----


def full_run(*options, tmp_path):
    """Run a small ``fastdrop bench --full`` and return what it wrote."""
    pytest.importorskip("tqdm")
    path = tmp_path / "full.json"
    arguments = ["--full", "--seconds", "0.05", "--json", str(path), *options]
    program = [sys.executable, "-P", "-m", "fastdrop", "bench", *arguments]
    done = subprocess.run(program, env=clean_environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text()), done.stdout


def test_full_run_in_small(tmp_path):
    chosen = ("--sizes", "4096", "--p", "0.5,0.1", "--dtypes", "float32", "--threads", "1", "--only", "kernel,idiom")
    report, text = full_run(*chosen, tmp_path=tmp_path)
    found = {(r["row"], r["p"]) for r in report["results"] if r["median"]}
    used = report["machine"]["instruction set"]  # the other process has an environment of its own
    assert used in _core.isas()
    for p in (0.5, 0.1):
        assert {(row, p) for row in ("in-place scale", "kernel", "fastdrop.dropout", "NumPy idiom")} <= found
        others = set(_core.isas()) - {"scalar", used}
        assert {(f"kernel [{isa}]", p) for isa in others} <= found
    assert not any(r["row"] == "memcpy" for r in report["results"])
    assert "**float32, p = 0.1, 1 thread**" in text
    assert all(f"not measured: {name} ({why})" in text for name, why in report["missing"].items())


def test_a_process_that_dies_costs_its_group_only(monkeypatch):
    pytest.importorskip("tqdm")
    groups = plan.full_plan(plan.parse_selection("", "64,128,256", "float32", "0.5", "1"), 1)
    deaths = []

    def worker(groups, selection, seconds, fixed, tell):
        tell({"missing": {}})
        if not deaths:
            tell({"results": [vars(result("kernel", "fastdrop", groups[0].case.size, 1.0))]})
            tell({"row": "a peer"})
            deaths.append(len(groups))
            return "signal 11"
        for group in groups:
            tell({"results": [vars(result("kernel", "fastdrop", group.case.size, 1.0))]})
        return ""

    monkeypatch.setattr(full, "run_worker", worker)
    monkeypatch.setattr(full.quick, "small_call", dict)
    report = full.run_full(groups, plan.Selection(), minutes=1, fixed=0.1, bar=False)
    assert [r.size for r in report.results] == [64, 256]
    assert report.remarks == ["float32, p = 0.5, 2^7, 1 thread: not measured, the process ended with signal 11"]


def test_a_process_that_does_not_start_is_an_error(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(full, "environment", lambda threads: clean_environment(FASTDROP_ISA="typo"))
    groups = plan.full_plan(plan.parse_selection("", "64", "float32", "0.5", "1"), 1)
    with pytest.raises(InputError, match=r"did not start: exit code 1: .*typo"):
        full.run_full(groups, plan.Selection(), minutes=1, fixed=0.1, bar=False)


def test_worker_keeps_to_its_cores(monkeypatch):
    from fastdrop.bench import worker

    kept = []
    monkeypatch.setattr(worker.os, "sched_getaffinity", lambda _: {0, 3, 5, 6}, raising=False)
    monkeypatch.setattr(worker.os, "sched_setaffinity", lambda _, cores: kept.append(cores), raising=False)
    worker.keep_to_cores(2)
    assert kept == [[5, 6]]
    assert {full.environment(2)[name] for name in full.POOLS} == {"2"}


def test_machine_is_described():
    machine = describe_machine()
    assert machine["instruction set"] == _core.isa()
    assert f"NumPy {np.__version__}" in machine["versions"]
    assert machine["cpu"].endswith("cores")
