"""The rows that need no other package: the bounds (in-place scale, memcpy) and fastdrop itself.

All rows of a case work on the same buffers, so that which physical pages an array happened to get is the same for all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

import fastdrop
from fastdrop import _bench, _core
from fastdrop.arrays import DTYPES
from fastdrop.bench.case import Case, Row, UnsupportedError

__all__ = ["CALL", "KERNEL", "SCALE", "STORED", "array", "dtype_of", "forget_buffers", "rows"]

SCALE, KERNEL, CALL, STORED = "in-place scale", "kernel", "fastdrop.dropout", "stored mask applied"
KEEP_ALL = 2.0**-42  # rounds to 0 of 2^40, and its scale to 1
SEEDS = itertools.count(1 << 32, 1 << 24)  # a call of a C loop uses up as many seeds as it repeats


@dataclass(frozen=True)
class Run:
    """What is timed, and what is done before the clock starts."""

    work: Callable[[int], object]
    ready: Callable[[int], object]

    def __call__(self, times: int) -> object:
        """Do the work so many times."""
        return self.work(times)


def dtype_of(name: str) -> np.dtype:
    """Return the NumPy dtype of a name, bfloat16 among them.

    Raises
    ------
    UnsupportedError
        If it is bfloat16 and ml_dtypes is missing.
    """
    if name != "bfloat16":
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        raise UnsupportedError("bfloat16 needs ml_dtypes, which is not installed") from None
    return np.dtype(ml_dtypes.bfloat16)


def array(size: int, dtype: str, which: str = "x") -> np.ndarray:
    """Return an array that all rows of a case share: ``"x"``, ``"y"``, ...; kept until `forget_buffers`."""
    return shared(size, dtype, which)


@lru_cache(maxsize=8)
def shared(size: int, dtype: str, which: str) -> np.ndarray:
    """Make such an array, once for the same arguments."""
    return np.ones(size, dtype_of(dtype))


def forget_buffers() -> None:
    """Free the shared arrays."""
    shared.cache_clear()


def need_threads(case: Case, most: int | None = None) -> None:
    """Refuse threads that a row or this build does not have."""
    if most is not None and case.threads > most:
        raise UnsupportedError(f"works with {most} thread" + "s" * (most > 1))
    if case.threads > 1 and not _core.openmp():
        raise UnsupportedError("fastdrop was built without OpenMP: one thread only")


def start(isa: str, *arrays: np.ndarray) -> Callable[[int], None]:
    """Return what is done before the clock starts: put the instruction set in use, refill with ones.

    Selecting asks the CPU what it can do, which takes a millisecond in a virtual machine: hence not within the clock.
    """

    def ready(times: int) -> None:
        if _core.isa() != isa:
            _core.set_isa(isa)
        for each in arrays:
            each.fill(1)

    return ready


def prepare_scale(isa: str, case: Case) -> Run:
    """In-place scale: for other types than float32, of so many floats as have the same bytes.

    With more threads than one it is dropout that drops nothing, so that the threads are those of the kernel.
    """
    need_threads(case)
    nbytes = case.size * dtype_of(case.dtype).itemsize
    x = array(max(nbytes // 4, 1), "float32")
    if case.threads == 1:
        return Run(lambda times: _bench.scale(x, 1.0, times), start(isa, x))
    code = DTYPES["float32"]
    return Run(lambda times: _bench.drop(x, x, code, KEEP_ALL, next(SEEDS), times, case.threads), start(isa, x))


def prepare_multiply(case: Case) -> Run:
    """``np.multiply(x, s, out=x)``."""
    need_threads(case, 1)
    x = array(case.size, case.dtype)
    one = x.dtype.type(1)

    def run(times: int) -> None:
        for _ in range(times):
            np.multiply(x, one, out=x)

    return Run(run, lambda times: x.fill(1))


def prepare_memcpy(case: Case) -> Run:
    """Return a copy by the C library."""
    need_threads(case, 1)
    x, y = array(case.size, case.dtype), array(case.size, case.dtype, "y")
    return Run(lambda times: _bench.copy(x, y, times), lambda times: x.fill(1))


def prepare_copyto(case: Case) -> Run:
    """``np.copyto(y, x)``."""
    need_threads(case, 1)
    x, y = array(case.size, case.dtype), array(case.size, case.dtype, "y")

    def run(times: int) -> None:
        for _ in range(times):
            np.copyto(y, x)

    return Run(run, lambda times: x.fill(1))


def prepare_kernel(isa: str, case: Case, target: str = "x") -> Run:
    """The C kernel, a fresh key each time."""
    need_threads(case)
    x, y = array(case.size, case.dtype), array(case.size, case.dtype, target)
    code = DTYPES[case.dtype]
    return Run(lambda times: _bench.drop(x, y, code, case.p, next(SEEDS), times, case.threads), start(isa, x))


def prepare_call(isa: str, case: Case) -> Run:
    """``fastdrop.dropout(x, p, rng=key, out=x)``, a fresh key each time, made before."""
    need_threads(case)
    x = array(case.size, case.dtype)
    keys: list[fastdrop.Key] = []
    begin = start(isa, x)

    def ready(times: int) -> None:
        begin(times)
        seed = next(SEEDS)
        keys[:] = [fastdrop.Key(seed + i) for i in range(times)]

    def run(times: int) -> None:
        if len(keys) != times:
            ready(times)
        for key in keys:
            fastdrop.dropout(x, case.p, rng=key, out=x, threads=case.threads)

    return Run(run, ready)


def prepare_stored(isa: str, case: Case) -> Run:
    """The backward pass of a stored mask: C, packed bits applied in place."""
    need_threads(case)
    x = array(case.size, case.dtype)
    bits = fastdrop.Mask(case.size, case.p, rng=fastdrop.Key(next(SEEDS))).to_packed()
    code = DTYPES[case.dtype]
    return Run(lambda times: _bench.apply(bits, x, x, code, 1.0, times, case.threads), start(isa, x))


def prepare_packed(isa: str, case: Case) -> Run:
    """``Mask.to_packed()``, a fresh key each time: one bit an element is written."""
    if case.dtype != "float32":
        raise UnsupportedError("a mask has no dtype: see float32")
    need_threads(case, 1)
    masks: list[fastdrop.Mask] = []
    begin = start(isa)

    def ready(times: int) -> None:
        begin(times)
        seed = next(SEEDS)
        masks[:] = [fastdrop.Mask(case.size, case.p, rng=fastdrop.Key(seed + i)) for i in range(times)]

    def run(times: int) -> None:
        if len(masks) != times:
            ready(times)
        for mask in masks:
            mask.to_packed()

    return Run(run, ready)


def rows(isas: tuple[str, ...] | None = None) -> list[Row]:
    """Return the bounds and fastdrop's rows.

    Parameters
    ----------
    isas : tuple of str, optional
        Instruction sets: the first for all rows, under their plain names; others for the in-place scale and the kernel,
        as ``"kernel [avx2]"``. By default the one in use alone.

    Returns
    -------
    list of Row

    Examples
    --------
    >>> from fastdrop.bench.own_rows import rows
    >>> [row.name for row in rows()][:2]
    ['in-place scale', 'kernel']
    """
    isas = isas or (_core.isa(),)
    table = []
    for isa in isas:
        suffix = "" if isa == isas[0] else f" [{isa}]"
        table.append(Row(SCALE + suffix, "roofline", partial(prepare_scale, isa), per_call=False))
        table.append(Row(KERNEL + suffix, "fastdrop", partial(prepare_kernel, isa), per_call=False))
    return [
        *table,
        Row("np.multiply in place", "roofline", prepare_multiply, per_call=True),
        Row("memcpy", "roofline", prepare_memcpy, per_call=False),
        Row("np.copyto", "roofline", prepare_copyto, per_call=True),
        Row(CALL, "fastdrop", partial(prepare_call, isas[0]), per_call=True),
        Row("kernel, out of place", "fastdrop", partial(prepare_kernel, isas[0], target="y"), per_call=False),
        Row(STORED, "fastdrop", partial(prepare_stored, isas[0]), per_call=False),
        Row("Mask.to_packed", "fastdrop", partial(prepare_packed, isas[0]), per_call=True),
    ]
