"""The known answers of continuous noise: made again by the oracle, met by the product, near the exact quantile."""

import json
import re
import subprocess
import sys
from pathlib import Path

import noise_vectors
import numpy as np
import pytest
from helpers import BFLOAT16

import fastdrop as fd
from fastdrop import _core

HERE = Path(__file__).parent
FILE = HERE / "data" / "noise_vectors.json"
VECTORS = json.loads(FILE.read_text())
HEADER = HERE.parent / "csrc" / "noise_coefficients.h"


def normals(words, dtype):
    z = np.empty(len(words), dtype)
    _core.normal(np.ascontiguousarray(words, np.uint32), z)
    return z


def test_the_oracle_makes_the_file():
    assert FILE.read_text() == noise_vectors.text()


def test_coefficients_of_the_core_are_those_of_the_page():
    """A C literal differs from the page's by its suffix alone."""
    text = HEADER.read_text()
    for name, columns in VECTORS["coefficients"].items():
        for letter, numbers in columns.items():
            body = re.search(rf"#define FD_{letter}_F{name[5:]} \\\n([^#]*)", text)[1]
            found = [c.rstrip("f") if name == "float32" else c for c in re.findall(r"-?0x[0-9a-f.]+p[-+]?\d+f?", body)]
            assert [float.fromhex(c) for c in found] == [float.fromhex(c) for c in numbers]
            assert len(numbers) >= 3


@pytest.mark.parametrize("column", [1, 2], ids=["float32", "float64"])
def test_normal(column, isa):
    words = np.array([int(entry[0], 16) for entry in VECTORS["normal"]], np.uint32)
    z = normals(words, ("f4", "f8")[column - 1])
    assert noise_vectors.bits(z) == [entry[column] for entry in VECTORS["normal"]]
    assert np.array_equal(normals(~words, z.dtype), -z)


def test_elements(isa):
    for entry in VECTORS["elements"]:
        key, index = fd.Key(int(entry["seed"], 16), int(entry["stream"], 16)), int(entry["index"], 16)
        noise = fd.Noise(1, rng=key, shard=fd.Shard((index,), (2**62,)))
        for name in ("float32", "float64"):
            assert noise_vectors.bits(noise.normal(name)) == [entry[name]]


@pytest.mark.parametrize("name", VECTORS["values"])
def test_values(name, isa):
    dtype = BFLOAT16 if name == "bfloat16" else np.dtype(name)
    real = np.dtype(f"u{dtype.itemsize // (2 if dtype.kind == 'c' else 1)}")
    for entry in VECTORS["values"][name]:
        x = np.array([int(b, 16) for b in entry["x"]], real).view(dtype)
        place = {"shard": fd.Shard((int(entry["start"], 16),), (2**62,))}
        place["rng"] = fd.Key(int(entry["seed"], 16), int(entry["stream"], 16))
        if entry["rule"] == "multiply":
            y = fd.gaussian_dropout(x, float.fromhex(entry["p"]), **place)
        else:
            y = fd.gaussian_noise(x, float.fromhex(entry["sigma"]), **place)
        got, wanted = noise_vectors.bits(y), entry["y"]
        parts = y.view(y.real.dtype) if dtype.kind == "c" else y
        assert [b for b, v in zip(got, parts, strict=True) if v == v] == [
            b for b, v in zip(wanted, parts, strict=True) if v == v
        ]


def test_near_the_exact_quantile():
    """Within 6 units in the last place, and 1e-14; test_c_noise.py walks all words."""
    special = pytest.importorskip("scipy.special", reason="SciPy is not installed")
    rng = np.random.default_rng(1)
    words = np.concatenate([rng.integers(0, 2**31, 200_000), rng.integers(0, 2**20, 50_000)]).astype(np.uint32)
    exact = special.ndtri((words + 0.5) / 2.0**32)
    wide, narrow = normals(words, "f8"), normals(words, "f4")
    assert (np.abs(wide - exact) <= 1.1e-14 * np.abs(exact)).all()  # SciPy's own error included
    assert (np.abs(narrow - exact) <= 6 * np.spacing(np.abs(exact).astype(np.float32))).all()


@pytest.mark.slow
def test_coefficients_are_derived_again():
    pytest.importorskip("mpmath", reason="mpmath is not installed")
    done = subprocess.run(
        [sys.executable, str(HERE / "noise_coefficients.py")], capture_output=True, text=True, check=True, timeout=1200
    )
    assert done.stdout == HEADER.read_text()
