"""Dropout in NumPy: as most programs write it, and as fast as it gets.

What makes the fast ones fast: one random byte (or bit) an element instead of a float, SFC64 as the generator, no
temporary array larger than a block that stays in cache, and the multiplication in place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.peers.tools import in_place, ones, shared

__all__ = ["missing", "rows"]

#: Elements worked on at a time: the random bytes and the mask of a block stay in the second-level cache.
BLOCK = 1 << 16


def missing() -> str | None:
    """Return None: NumPy is always there."""
    return None


def one_thread(case: Case) -> None:
    """Refuse threads: the generator's lock and the interpreter's make two as slow as one."""
    if case.threads != 1:
        raise UnsupportedError("NumPy works with one thread")


def idiom(case: Case) -> Callable[[int], np.ndarray]:
    """Prepare ``x * (rng.random(x.shape) >= p) / (1 - p)``."""
    one_thread(case)
    x, rng = ones(case), np.random.default_rng(1)
    uniform = np.float64 if case.dtype == "float64" else np.float32
    keep = x.dtype.type(1 - case.p)

    def run(times: int) -> np.ndarray:
        for _ in range(times):
            y = x * (rng.random(x.shape, dtype=uniform) >= case.p) / keep
        return y

    run(1)
    return run


def raw_bytes(case: Case) -> Callable[[int], np.ndarray]:
    """Prepare blocks of raw SFC64 bytes compared with p rounded to a multiple of 1/256, in place."""
    one_thread(case)
    drop = round(case.p * 256)
    if not 0 < drop < 256:
        raise UnsupportedError(f"a byte has no p of {case.p}: it rounds to {drop}/256")
    generator = np.random.SFC64(1)
    x, kept = shared(case), np.empty(min(BLOCK, case.size), bool)
    threshold, scale = np.uint8(drop), x.dtype.type(256 / (256 - drop))

    def run(times: int) -> np.ndarray:
        with np.errstate(all="ignore"):  # what was kept many times overflows: that is no news
            for _ in range(times):
                for start in range(0, x.size, BLOCK):
                    block = x[start : start + BLOCK]
                    keep = kept[: block.size]
                    draws = generator.random_raw((block.size + 7) // 8).view(np.uint8)[: block.size]
                    np.greater_equal(draws, threshold, out=keep)
                    np.multiply(block, scale, out=block)
                    np.multiply(block, keep, out=block)
        return x

    return in_place(run, x.fill)


def raw_bits(case: Case) -> Callable[[int], np.ndarray]:
    """Prepare blocks of raw SFC64 bits, unpacked, doubled and multiplied, in place: p = 0.5 only."""
    one_thread(case)
    if case.p != 0.5:
        raise UnsupportedError(f"a bit has no p of {case.p}, only 0.5")
    generator, x = np.random.SFC64(1), shared(case)

    def run(times: int) -> np.ndarray:
        with np.errstate(all="ignore"):
            for _ in range(times):
                for start in range(0, x.size, BLOCK):
                    block = x[start : start + BLOCK]
                    draws = generator.random_raw((block.size + 63) // 64).view(np.uint8)
                    factors = np.unpackbits(draws, count=block.size)
                    np.add(factors, factors, out=factors)
                    np.multiply(block, factors, out=block, casting="unsafe")
        return x

    return in_place(run, x.fill)


def rows() -> list[Row]:
    """Return the NumPy rows."""
    return [
        Row("NumPy idiom", "idiom", idiom, per_call=True),
        Row("NumPy, raw bytes", "idiom", raw_bytes, per_call=True),
        Row("NumPy, raw bits (p = 0.5)", "idiom", raw_bits, per_call=True),
    ]
