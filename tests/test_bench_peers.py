"""Every peer that the benchmark times really does dropout: the right share, the right factor, a new mask each time."""

import itertools
import math
import os
import subprocess
import warnings

import numpy as np
import pytest
from conftest import RUNNABLE
from helpers import run_python

from fastdrop.bench import peers
from fastdrop.bench.case import Case, UnsupportedError
from fastdrop.bench.peers import libxsmm, tools

SIZE = 1 << 16
DTYPES = ("float32", "float64", "float16", "bfloat16")
#: 1 and 2 bits are enough for these, so that a peer which rounds p is exact here too.
PROBABILITIES = (0.5, 0.25)
#: What the rows have, and no more; all others refuse, and say so.
SOME_DTYPES = {
    "numba": {"float32", "float64"},
    "onnxruntime": {"float32", "float64"},
    "LIBXSMM": {"float32", "float16", "bfloat16"},
}


def every(**several):
    """Parameters (row, ...) for each row of each family and what it has; one, skipped by name, for a missing family."""
    found = []
    for name, family in peers.FAMILIES.items():
        if reason := family.missing():
            skip = pytest.mark.skip(reason=f"{name}: {reason}")
            found.append(pytest.param(*[None] * (1 + len(several)), id=name, marks=skip))
            continue
        for row, *values in itertools.product(family.rows(), *several.values()):
            case = dict(zip(several, values, strict=True))
            if case.get("dtype", "float32") in SOME_DTYPES.get(name, DTYPES) and has_p(row, case.get("p", 0.5)):
                found.append(pytest.param(row, *values, id="-".join(map(str, (row.name, *values)))))
    return found


def has_p(row, p):
    return p == 0.5 or "p = 0.5" not in row.name


# what torch, TensorFlow and the rest warn of while they compile is theirs
pytestmark = pytest.mark.filterwarnings("ignore")


def numbers(result) -> np.ndarray:
    """The array of a row's result, whatever it is an array of, as float64."""
    first = result[0] if isinstance(result, tuple) else result
    if hasattr(first, "detach"):
        first = first.detach().double()
    return np.asarray(first).astype(np.float64)


def assert_share(dropped: int, n: int, p: float) -> None:
    """The count lies within five standard deviations of n * p."""
    assert abs(dropped - n * p) < 5 * math.sqrt(n * p * (1 - p)), f"{dropped / n} dropped, but p is {p}"


@pytest.mark.parametrize(("row", "dtype", "p"), every(dtype=DTYPES, p=PROBABILITIES))
def test_drops_the_right_share_and_scales_the_rest(row, dtype, p):
    run = row.prepare(Case(SIZE, p, dtype))
    y = numbers(run(1))
    assert y.shape == (SIZE,)
    assert_share(np.count_nonzero(y == 0), SIZE, p)
    kept = y[y != 0]
    accuracy = {"bfloat16": 2**-8, "float16": 2**-11}.get(dtype, 2**-22)
    np.testing.assert_allclose(kept, 1 / (1 - p), rtol=accuracy)


@pytest.mark.parametrize("row", every())
def test_every_repetition_has_a_mask_of_its_own(row):
    run = row.prepare(Case(SIZE, 0.5))
    first = numbers(run(1)) != 0
    second = numbers(run(1)) != 0
    if row.name.endswith("backward") and "forward" not in row.name:
        np.testing.assert_array_equal(first, second)  # one stored mask, again and again
    elif any(word in row.name for word in ("in place", "numba", "raw")):
        assert not np.any(second & ~first), "what was dropped before stays so"
        assert_share(np.count_nonzero(~second), SIZE, 0.75)
        assert_share(np.count_nonzero(numbers(run(2)) == 0), SIZE, 1 - 0.5**4)
    else:
        assert_share(np.count_nonzero(first != second), SIZE, 0.5)


@pytest.mark.parametrize("row", every())
def test_what_is_overwritten_can_be_refilled(row):
    run = row.prepare(Case(SIZE, 0.5))
    run(3)
    if hasattr(run, "ready"):
        run.ready(1)
    assert_share(np.count_nonzero(numbers(run(1)) == 0), SIZE, 0.5)


@pytest.mark.parametrize(("row", "size"), every(size=[1, 7, 1000, 65537]))
def test_odd_sizes(row, size):
    y = numbers(row.prepare(Case(size, 0.5))(1))
    assert y.shape == (size,)
    assert set(np.unique(y)) <= {0.0, 2.0}


@pytest.mark.parametrize("name", SOME_DTYPES)
def test_refusals_say_why(name):
    if reason := peers.FAMILIES[name].missing():
        pytest.skip(f"{name}: {reason}")
    for row in peers.FAMILIES[name].rows():
        for dtype in sorted(set(DTYPES) - SOME_DTYPES[name]):
            with pytest.raises(UnsupportedError, match=dtype):
                row.prepare(Case(16, 0.5, dtype))


@pytest.mark.skipif(tools.cpus() < 2, reason="this process has one CPU")
@pytest.mark.parametrize("name", ["numba", "torch", "torch.compile", "onnxruntime", "LIBXSMM"])
def test_two_threads_do_the_same(name):
    if reason := peers.FAMILIES[name].missing():
        pytest.skip(f"{name}: {reason}")
    for row in peers.FAMILIES[name].rows():
        y = numbers(row.prepare(Case(SIZE, 0.25, threads=2))(1))
        assert_share(np.count_nonzero(y == 0), SIZE, 0.25)
        np.testing.assert_allclose(y[y != 0], 4 / 3, rtol=2**-22)


@pytest.mark.parametrize("row", peers.FAMILIES["NumPy"].rows(), ids=lambda row: row.name)
def test_numpy_rows_overflow_in_silence(row):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert row.prepare(Case(1 << 20, 0.5, "float16"))(18).dtype == np.float16


def test_both_passes_use_one_mask():
    pytest.importorskip("torch")
    row = next(row for row in peers.FAMILIES["torch"].rows() if row.name.endswith("forward + backward"))
    y, gradient = row.prepare(Case(SIZE, 0.25))(1)
    np.testing.assert_array_equal(y.numpy(), gradient.numpy())  # both of ones


def test_names_are_unique_and_kinds_known():
    available, missing = peers.rows()
    names = [row.name for row in available]
    assert len(set(names)) == len(names)
    assert {row.kind for row in available} <= {"idiom", "peer"}
    assert set(missing) <= set(peers.FAMILIES)
    assert "NumPy" not in missing
    assert all(missing.values())


def test_numpy_refuses_what_its_rows_cannot_do():
    raw = next(row for row in peers.FAMILIES["NumPy"].rows() if "bytes" in row.name)
    with pytest.raises(UnsupportedError, match="0/256"):
        raw.prepare(Case(16, 0.001))
    bits = next(row for row in peers.FAMILIES["NumPy"].rows() if "bits" in row.name)
    with pytest.raises(UnsupportedError, match=r"only 0\.5"):
        bits.prepare(Case(16, 0.25))
    with pytest.raises(UnsupportedError, match="one thread"):
        raw.prepare(Case(16, 0.5, threads=2))


def test_listing_the_rows_imports_no_package():
    code = """
import sys
from fastdrop.bench import peers
peers.rows()
print(sorted({"torch", "jax", "tensorflow", "numba", "onnxruntime"} & set(sys.modules)))
"""
    done = run_python(code)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_threads_that_cannot_change_are_refused(monkeypatch):
    monkeypatch.setattr(tools, "started", {})
    assert tools.fixed_threads("package", 1)
    assert not tools.fixed_threads("package", 1)
    with pytest.raises(UnsupportedError, match="package keeps the threads that it started with, 1"):
        tools.fixed_threads("package", 2)


@pytest.mark.parametrize(
    ("root", "reason"), [(None, "LIBXSMM_ROOT is not set"), ("/no/such/folder", "has no include/libxsmm.h")]
)
def test_libxsmm_is_missing_by_name(monkeypatch, root, reason):
    monkeypatch.delenv("LIBXSMM_ROOT", raising=False)
    if root:
        monkeypatch.setenv("LIBXSMM_ROOT", root)
    libxsmm.driver.cache_clear()
    try:
        assert reason in peers.rows()[1]["LIBXSMM"]
    finally:
        libxsmm.driver.cache_clear()


needs_libxsmm = pytest.mark.skipif(bool(libxsmm.missing()), reason=f"LIBXSMM: {libxsmm.missing()}")


@needs_libxsmm
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [1 << 16, 5 * 1024 + 48, 999])
@pytest.mark.parametrize("dtype", SOME_DTYPES["LIBXSMM"])
def test_libxsmm_mask_bits_are_the_elements_kept(dtype, size, threads):
    case = Case(size, 0.25, dtype, threads)
    for row in libxsmm.rows()[1:]:
        x, mask = row.prepare(case)(1)
        bits = np.unpackbits(mask, bitorder="little")[:size]
        np.testing.assert_array_equal(bits != 0, np.asarray(x, np.float32) != 0)
        assert_share(np.count_nonzero(bits == 0), size, 0.25)


@needs_libxsmm
@pytest.mark.parametrize("target", [target for isa, target in (("avx2", "hsw"), ("avx512", "skx")) if isa in RUNNABLE])
def test_libxsmm_target_is_in_the_names(target):
    code = "from fastdrop.bench.peers import libxsmm; print(*(row.name for row in libxsmm.rows()), sep='\\n')"
    done = run_python(code, LIBXSMM_TARGET=target)
    assert done.returncode == 0, done.stderr
    names = done.stdout.splitlines()
    assert len(names) == 3
    assert all(f"LIBXSMM {target}," in name for name in names)


@needs_libxsmm
def test_libxsmm_driver_compiles_without_a_warning(tmp_path):
    command = ["cc", "-std=c11", "-O2", "-fopenmp", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-c"]
    command += ["-isystem", f"{os.environ['LIBXSMM_ROOT']}/include", str(libxsmm.DRIVER), "-o", str(tmp_path / "d.o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
