"""The command `fastdrop verify`: its table and file, what it refuses, and the bytes that it gives to other tests."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import oracle
import pytest
from helpers import clean_environment
from test_verify import SMALL

from fastdrop.verify import main, planted, rates, scores, table
from fastdrop.verify.command import HEAD
from fastdrop.verify.planted import FAULTS, Planted
from fastdrop.verify.stream import ORDERS, stream


def test_command(capsys, tmp_path):
    file = tmp_path / "rows.json"
    assert main(["--quick", "--json", str(file)]) == 0
    out = capsys.readouterr().out
    report = json.loads(file.read_text())
    rows = [line for line in out.splitlines() if line.startswith("| ") and line.endswith(" ok |")]
    assert len(rows) == len(report["rows"])
    assert "p-value at least 6.8e-06" in out
    assert min(row["p_value"] for row in report["rows"]) >= 6.8e-6
    shown = [float(line.split(" | ")[5]) for line in rows]
    assert shown == pytest.approx([row["p_value"] for row in report["rows"]], rel=0.06)
    assert "0 failed" in out
    assert "FAILED" not in out
    assert out.count("rows fail (") == len(FAULTS)
    assert "NOT FOUND" not in out
    assert {row["group"] for row in report["rows"]} >= {"rate", "place", "lag", "key", "rank", "type", "noise"}
    # The page shows what is printed; that machine may have more or fewer instruction sets.
    page = (Path(__file__).parent.parent / "docs" / "statistics.md").read_text()
    table = page[page.index(HEAD) + len(HEAD) :].split("\n\n")[0].strip().splitlines()
    shown = {line.split(" | ")[0].removeprefix("| ") for line in table}
    assert shown | {"set"} == {row["group"] for row in report["rows"]} | {"set"}
    assert f"\n{len(table)} rows, none failed" in page


def test_failures_are_told(monkeypatch, capsys, tmp_path):
    exception = scores.exact("rare", "what has no exception", 5, 1)
    file = tmp_path / "rows.json"
    monkeypatch.setattr(table, "LAW", (rates.check_rates, rates.check_refinement))
    monkeypatch.setattr(table, "LIBRARY", (lambda effort: iter([exception]),))
    monkeypatch.setattr(table, "Fastdrop", lambda: Planted("unrefined"))
    assert main(["--quick", "--json", str(file)]) == 1
    told = capsys.readouterr()
    assert "FAILED |" in told.out
    assert "Infinity" not in file.read_text()
    rows = json.loads(file.read_text())["rows"]
    assert [row["passed"] for row in rows] == [
        " ok |" in line for line in told.out.splitlines() if line.startswith("| r")
    ]
    assert [row["z"] for row in rows if row["group"] == "rare"] == [None]
    assert "NOT FOUND" in told.out  # lanes and places were not looked at
    assert "a planted fault was not found: xoshiro128's state" in told.err
    found = {fault for fault, failed, _ in planted(SMALL) if failed}
    assert found >= {"unseeded", "unrefined"}
    assert "unscrambled" not in found


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--seed", "-1"], "--seed has to be at least 0 and below 2^64, but is -1"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--json", "/nowhere/x.json"], "there is no folder /nowhere"),
    ],
)
def test_bad_arguments(arguments, text, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert text in capsys.readouterr().err


def test_streams_are_the_pages():
    words = oracle.pages((7, 0), oracle.COIN, range(8192)).astype("<u4")
    wanted = {
        "pages": words.tobytes(),
        "bytes": oracle.pages((7, 0), oracle.BYTE, range(8192)).astype("<u4").tobytes(),
        "lanes": b"".join(part.reshape(-1, 16).T.tobytes() for part in words.reshape(2, -1)),
        "reversed": np.packbits(
            np.unpackbits(words.view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")[:, ::-1], bitorder="little"
        ).tobytes(),
        "seeds": b"".join(oracle.pages((7 + k, 0), oracle.COIN, [0]).astype("<u4").tobytes() for k in range(40)),
    }
    assert set(wanted) == set(ORDERS) - {"decisions"}
    for order, whole in wanted.items():
        parts = stream(order, 7)
        made = b""
        while len(made) < len(whole):
            made += next(parts)
        assert made == whole, order


def test_stream_of_decisions(monkeypatch):
    """Of two decisions that differ, the first; no bit is lost where one mask ends and the next begins."""
    monkeypatch.setattr("fastdrop.verify.stream.DECISIONS", 1 << 14)
    pairs = oracle.decide((7, 0), 0.1, np.arange(3 << 14)).reshape(-1, 2)
    fair = pairs[pairs[:, 0] != pairs[:, 1], 0]
    parts = stream("decisions", 7)
    made = np.frombuffer(next(parts) + next(parts) + next(parts), np.uint8)
    bits = np.unpackbits(made, bitorder="little")
    assert len(fair) - len(bits) in range(8)
    np.testing.assert_array_equal(bits, fair[: len(bits)])


def test_a_reader_that_goes_away_ends_a_stream():
    command = [sys.executable, "-P", "-m", "fastdrop", "verify", "--stream", "pages"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()) as process:
        assert len(process.stdout.read(1000)) == 1000
        process.stdout.close()
        assert process.wait(timeout=60) == 141
        assert process.stderr.read() == b""
