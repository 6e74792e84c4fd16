"""Rates: of each p, by place, at the end of arrays, and of the ties that a byte can't decide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastdrop.verify.effort import Effort
from fastdrop.verify.scores import Score, exact, many, of_rate, one
from fastdrop.verify.sources import Source, dropped, realised

__all__ = ["check_places", "check_rates", "check_refinement", "check_tails", "rare"]

SMALL = (1e-6, 1e-5, 1e-4, 1e-3, 0.01)
RATES = (*SMALL, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 0.75, 0.9, *(1 - p for p in reversed(SMALL)))
#: 32 words of 16 lanes, bytes of a page, and bits of a page; and the registers that kernels have.
PERIODS = (8, 32, 64, 512, 2048, 16384)


def rare(p: float) -> bool:
    """Return whether so few are dropped, or kept, that more of them have to be seen."""
    return p < 0.001 or p > 0.999


def check_rates(source: Source, effort: Effort) -> Iterator[Score]:
    """The share dropped for p from 1e-6 to 1 - 1e-6; one bit, one byte, and what comes after it."""
    for i, p in enumerate(RATES):
        n = effort.rare if rare(p) else effort.decisions
        count = n - source.kept(effort.key("rate", i), p, n)
        yield one("rate", f"p = {p:.7g}", n, of_rate(count, n, realised(p)))


def check_places(source: Source, effort: Effort) -> Iterator[Score]:
    """The share dropped at each place of a register, a step of the generator, a page."""
    for i, p in enumerate((0.5, 0.25, 0.1)):
        drops = dropped(source, effort.key("place", i), p, effort.stored)
        for period in PERIODS:
            rows = drops.size // period
            counts = np.count_nonzero(drops[: rows * period].reshape(rows, period), axis=0)
            scores = (counts - rows * realised(p)) / np.sqrt(rows * realised(p) * (1 - realised(p)))
            yield many("place", f"p = {p}, element mod {period}", rows * period, scores)


def check_tails(source: Source, effort: Effort) -> Iterator[Score]:
    """The share dropped among the last elements of arrays, which kernels treat apart: up to 63 of them."""
    lengths = np.random.default_rng(effort.seed).integers(1, 5000, size=effort.arrays)
    for i, p in enumerate((0.5, 0.1)):
        n = count = 0
        for j, length in enumerate(lengths.tolist()):
            last = dropped(source, effort.key("tail", i, j), p, length)[length - length % 64 :]
            n += last.size
            count += int(np.count_nonzero(last))
        yield one("place", f"p = {p}, what is left after the last 64", n, of_rate(count, n, realised(p)))


def check_refinement(source: Source, effort: Effort) -> Iterator[Score]:
    """Elements whose byte is that of the threshold: how many, how many of them are dropped, and that no other one is.

    They are those that the thresholds below and above of whole bytes tell apart: a larger p drops a superset.
    """
    n, byte = effort.stored * 4, 60
    for i, share in enumerate((0.1, 0.5, 0.9)):
        key = effort.key("refinement", i)
        below, p, above = (np.invert(source.bits(key, v / 256, n)) for v in (byte, byte + share, byte + 1))
        ties = above & ~below
        count, refined = (int(np.bitwise_count(x).sum(dtype=np.int64)) for x in (ties, p & ties))
        wrong = int(np.bitwise_count((p ^ below) & ~ties).sum(dtype=np.int64))
        yield one("refinement", "elements that tie", n, of_rate(count, n, 1 / 256))
        exact_share = realised((byte + share) / 256) * 256 - byte
        yield one("refinement", f"ties dropped, {share} of them", count, of_rate(refined, max(count, 1), exact_share))
        yield exact("refinement", f"p = {(byte + share) / 256:.6f}: others changed", n, wrong)
