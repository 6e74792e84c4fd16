"""What several test files need: arrays that stress the arithmetic, comparison by bits, fresh interpreters."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import fastdrop

VECTORS = json.loads((Path(__file__).parent / "data" / "mask_vectors.json").read_text())
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = [np.dtype(np.float16), BFLOAT16, *map(np.dtype, (np.float32, np.float64, np.complex64, np.complex128))]
SETTINGS = ("FASTDROP_ISA", "FASTDROP_NUM_THREADS", "OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_DYNAMIC")
EVERY_EDGE = sorted({0, 1, *(edge * k + d for edge in (64, 512, 2048, 16384) for k in (1, 2) for d in (-1, 0, 1))})


def _native() -> tuple[str, ...]:
    """The instruction sets that this processor has, by the system's account and not by fastdrop's."""
    needs = {
        "avx2": {"avx2", "f16c", "bmi1"},
        "avx512": {"avx2", "f16c", "bmi1", "avx512f", "avx512bw", "avx512dq", "avx512vl"},
        "neon": {"asimd"},
    }
    told = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", told, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    return ("scalar", *(name for name, needed in needs.items() if needed <= flags))


#: What has to run here: a build that lacks one of them is found.
NATIVE = _native()
#: Adapters, and packages that documentation uses, and what has to be installed for them.
OPTIONAL = {
    "fastdrop.torch": "torch",
    "fastdrop.jax": "jax",
    "fastdrop.keras": "keras",
    "fastdrop.dask": "dask.array",
    "flax": "flax",
    "equinox": "equinox",
}


def skip_without_packages(code: str) -> None:
    """Skip a test, and say why, whose code uses an adapter to a package that is not installed."""
    for name, package in OPTIONAL.items():
        if re.search(rf"^ *(import|from) {re.escape(name)}\b", code, re.MULTILINE):
            pytest.importorskip(package, reason=f"{package} is not installed")


def parts(x) -> np.ndarray:
    """The real numbers of an array in C order: complex ones become pairs."""
    x = np.array(x, order="C", subok=False).reshape(-1)
    return x.view(x.real.dtype) if x.dtype.kind == "c" else x


def bits_of(x) -> np.ndarray:
    """The bit pattern of every real number of x; all NaNs become one, for no payload is promised."""
    x = parts(x)
    bits = x.view(f"u{x.dtype.itemsize}").copy()
    bits[np.isnan(x)] = np.array(np.nan).astype(x.dtype).view(bits.dtype) & np.iinfo(bits.dtype).max // 2
    return bits


def assert_same(got, wanted) -> None:
    """Equal dtype, shape and bits, so that -0 is not +0; names the first element that differs."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    a, b = (bits_of(v) if v.dtype != bool else v.reshape(-1) for v in (got, wanted))
    if not np.array_equal(a, b):
        wrong = np.flatnonzero(a != b)
        raise AssertionError(
            f"{wrong.size} of {a.size} differ, the first at {wrong[0]}: {a[wrong[0]]} for {b[wrong[0]]}"
        )


def numbers(shape, dtype=np.float32, seed=0) -> np.ndarray:
    """Finite numbers of many sizes: none zero, so that a dropped element can't pass for a kept one."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    n = int(np.prod(shape))
    wide = rng.choice([-1.0, 1.0], size=(2, n)) * 2.0 ** rng.uniform(-8, 8, size=(2, n))
    if dtype.kind == "c":
        return (wide[0] + 1j * wide[1]).astype(dtype).reshape(shape)
    return wide[0].astype(dtype).reshape(shape)


def specials(dtype) -> np.ndarray:
    """Zeros, subnormals, limits, infinities and NaN of a type; for complex, pairs of them."""
    dtype = np.dtype(dtype)
    real = np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype
    info = ml_dtypes.finfo(real)
    tiny = np.array([1, 2, 3], dtype=f"u{real.itemsize}").view(real)
    limits = np.array([info.max, info.tiny, info.eps, 1.0, 0.0, np.inf]).astype(real)
    values = np.concatenate([tiny, limits, -tiny, -limits, np.array([np.nan]).astype(real)])
    if dtype.kind != "c":
        return values
    pairs = np.empty((values.size, values.size), dtype=dtype)
    pairs.real, pairs.imag = values[:, None], values[None, :]
    return pairs.reshape(-1)


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without settings that fastdrop or OpenMP listen to, in which the same fastdrop is imported."""
    env = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    places = [str(Path(__file__).parent), str(Path(fastdrop.__file__).parents[1]), env.get("PYTHONPATH")]
    return env | {"PYTHONPATH": os.pathsep.join(filter(None, places))} | more


def run_python(code: str, *arguments: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess:
    """Run code in a fresh interpreter and a clean environment, with `environment` on top."""
    command = [sys.executable, "-P", "-c", code, *arguments]
    env = clean_environment(**environment)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout)


def answer(code: str, *arguments: str, timeout: float = 60, **environment: str):
    """Like run_python, for code that has to succeed and ends by printing one line of JSON: that value."""
    done = run_python(code, *arguments, timeout=timeout, **environment)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def memory_available() -> int:
    """Bytes of memory that a new process could use, 0 where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
