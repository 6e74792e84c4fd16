"""examples/torch_replace.py and bench/torch_dropout.py run, in small."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import clean_environment

pytest.importorskip("torch", reason="PyTorch is not installed")
ROOT = Path(__file__).resolve().parent.parent


def run(program, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / program), *map(str, arguments)],
        env=clean_environment(), cwd=ROOT / program.split("/")[0], capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_example():
    done = run("examples/torch_replace.py", "--seeds", 2, "--epochs", 3)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert [row[:16].strip() for row in rows[1:5]] == ["no dropout", "nn.Dropout", "after replace", "replacing made"]
    assert re.search(r"dropout cost -?[\d.]+ ms of a step, and costs -?[\d.]+ ms now", done.stdout)
    done = run("examples/torch_replace.py", "--seeds", 1)
    assert done.returncode == 2
    assert "--seeds has to be at least 2" in done.stderr


def test_benchmark(tmp_path):
    picture = tmp_path / "picture.png"
    done = run("bench/torch_dropout.py", "--quick", "--picture", picture)
    assert done.returncode == 0, done.stderr
    assert "| PyTorch | 4.000 |" in done.stdout
    assert "| fastdrop | 0.000 |" in done.stdout
    rows = re.findall(r"^\| (encoder|perceptron).* \| (\d+) \|", done.stdout, re.MULTILINE)
    assert {name for name, _ in rows} == {"encoder", "perceptron"}
    assert picture.read_bytes().startswith(b"\x89PNG")
