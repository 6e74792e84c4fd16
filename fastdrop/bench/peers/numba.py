"""Dropout compiled by numba: a stateless 32-bit hash of the element's number, compared with p.

The fastest that a Python program can write for itself. There is no generator state, so LLVM turns the loop into vector
code and any number of threads can share it; the mixing constants are those of MurmurHash3's 32-bit finaliser. Like
LIBXSMM it gets the instruction set that fastdrop uses when it is first asked: where AVX2 is selected on a machine with
AVX-512, numba does without AVX-512 too (unless ``NUMBA_CPU_FEATURES`` says what it may use).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any

import numpy as np

from fastdrop import _core
from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.peers.tools import find, in_place, only, quiet_import, seeds, shared

__all__ = ["missing", "rows"]


def missing() -> str | None:
    """Return why numba can't run here, or None."""
    return find("numba")


@cache
def compiled(parallel: bool) -> Any:
    """Return the compiled function; without threads it is compiled as a plain loop, which has no thread to wake."""
    numba = quiet_import("numba")
    if _core.isa() == "avx2" and not numba.config.CPU_FEATURES:
        features = quiet_import("llvmlite.binding").get_host_cpu_features()
        used = {name: there and not name.startswith("avx512") for name, there in features.items()}
        numba.config.CPU_FEATURES = ",".join(f"{'+' if there else '-'}{name}" for name, there in used.items())
    share = numba.prange if parallel else range
    first, second, half, third = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35), np.uint32(16), np.uint32(13)
    word, length = np.uint32, 1 << 14

    # numba widens every result to 64 bits. Cut back at once, and with a block of its own to count in, the loop becomes
    # vector code; either alone leaves it scalar, at seven times the time.
    @numba.njit(parallel=parallel)
    def drop(x, threshold, scale, seed):  # type: ignore[no-untyped-def]
        nothing = scale - scale
        for b in share((x.size + length - 1) // length):
            block = x[b * length : (b + 1) * length]
            start = word(b * length)
            for i in range(block.size):
                h = word(word(start + word(i)) ^ seed)
                h = word(word(h ^ (h >> half)) * first)
                h = word(word(h ^ (h >> third)) * second)
                h = word(h ^ (h >> half))
                block[i] *= scale if h >= threshold else nothing

    return drop


def prepare(case: Case) -> Callable[[int], np.ndarray]:
    """Prepare the hash, in place."""
    only(case, "numba on a CPU", "float32", "float64")
    numba = quiet_import("numba")
    if case.threads > numba.config.NUMBA_NUM_THREADS:
        raise UnsupportedError(f"numba has {numba.config.NUMBA_NUM_THREADS} threads")
    drop, x = compiled(case.threads > 1), shared(case)
    threshold, scale = np.uint32(round(case.p * 2**32)), x.dtype.type(1 / (1 - case.p))
    multiplier = 0x9E3779B1  # spreads consecutive seeds over all 32 bits

    def run(times: int) -> np.ndarray:
        numba.set_num_threads(case.threads)
        for seed in islice(seeds(), times):
            drop(x, threshold, scale, np.uint32(seed * multiplier & 0xFFFFFFFF))
        return x

    return in_place(run, x.fill)


def rows() -> list[Row]:
    """Return numba's row."""
    return [Row("numba, hash", "peer", prepare, per_call=True)]
