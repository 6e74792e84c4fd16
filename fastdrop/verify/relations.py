"""Relations that there must not be: between neighbours, lanes, pages, keys, streams and probabilities; and runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from fastdrop.verify.effort import Effort
from fastdrop.verify.scores import Score, exact, many, of_chi_square, one
from fastdrop.verify.sources import Source, dropped, realised

__all__ = ["check_keys", "check_lags", "check_probabilities", "check_runs"]

#: Neighbours; the next lanes and steps of a page of bytes (4 and 64 elements) and of bits (32 and 512); the next pages.
LAGS = {
    "1 to 64": range(1, 65),
    "by lanes and steps": [*range(68, 512, 4), *range(512, 4096, 128)],
    "by pages": [2048 * k for k in range(2, 9)] + [16384 * k for k in range(1, 9)],
}
SEED_BITS = STREAM_BITS = 64


def _covariance(a: np.ndarray, b: np.ndarray, p: float, q: float) -> float:
    """Return the standard score of the covariance of two arrays of bools, whose rates are known."""
    n = a.size
    both, ones, others = (int(np.count_nonzero(x)) for x in (a & b, a, b))
    return _score(n, both, ones, others, p, q)


def _score(n: int, both: int, ones: int, others: int, p: float, q: float) -> float:
    return (both - q * ones - p * others + n * p * q) / math.sqrt(n * p * (1 - p) * q * (1 - q))


def _packed_covariance(a: np.ndarray, b: np.ndarray, n: int, p: float, q: float) -> float:
    """Return the same for packed decisions, n of them, 1 = kept."""
    both, ones, others = (int(np.bitwise_count(x).sum(dtype=np.int64)) for x in (a & b, a, b))
    return _score(n, both, ones, others, 1 - p, 1 - q)


def check_lags(source: Source, effort: Effort) -> Iterator[Score]:
    """Serial correlation at distances that the construction of a page makes interesting."""
    for i, p in enumerate((0.5, 0.25, 0.1)):
        drops = dropped(source, effort.key("lag", i), p, effort.stored)
        rate = realised(p)
        for name, lags in LAGS.items():
            scores = [_covariance(drops[:-lag], drops[lag:], rate, rate) for lag in lags]
            yield many("lag", f"p = {p}, {name}", drops.size, scores)


def check_keys(source: Source, effort: Effort) -> Iterator[Score]:
    """Correlation of masks whose keys differ in one bit, or are neighbours."""
    n = effort.related
    for i, p in enumerate((0.5, 0.1)):
        seed, stream = effort.key("keys", i)
        first = source.bits((seed, stream), p, n)
        others = {
            "one bit of the seed": [(seed ^ 1 << bit, stream) for bit in range(SEED_BITS)],
            "one bit of the stream": [(seed, stream ^ 1 << bit) for bit in range(STREAM_BITS)],
            "the next seeds": [((seed + k) % 2**64, stream) for k in range(1, 33)],
            "the next streams": [(seed, (stream + k) % 2**64) for k in range(1, 33)],
        }
        for name, keys in others.items():
            scores = [_packed_covariance(first, source.bits(key, p, n), n, realised(p), realised(p)) for key in keys]
            yield many("key", f"p = {p}, {name}", n * len(keys), scores)
        small = [source.bits((k, 0), p, 4096) for k in range(effort.arrays)]
        scores = [_packed_covariance(a, b, 4096, realised(p), realised(p)) for a, b in itertools.pairwise(small)]
        yield many("key", f"p = {p}, seeds 0, 1, 2 ...", 4096 * len(scores), scores)


def check_probabilities(source: Source, effort: Effort) -> Iterator[Score]:
    """Under one key p = 1/2 has nothing to do with any other p, and a larger one of those drops a superset."""
    n = effort.related
    ladder = (0.01, 0.1, 0.25, 0.3, 0.49, 0.51, 0.75, 0.99)
    scores = []
    for i, p in enumerate(ladder):  # a key for each: under one they all go up and down together
        key = effort.key("probabilities", i)
        scores.append(_packed_covariance(source.bits(key, 0.5, n), source.bits(key, p, n), n, 0.5, realised(p)))
    yield many("probability", "p = 1/2 and others under one key", n * len(ladder), scores)
    kept = [source.bits(effort.key("probabilities"), p, n) for p in ladder]
    wrong = sum(int(np.bitwise_count(more & ~less).sum(dtype=np.int64)) for less, more in itertools.pairwise(kept))
    yield exact("probability", "kept at a larger p, dropped at a smaller", n * (len(ladder) - 1), wrong)


def check_runs(source: Source, effort: Effort) -> Iterator[Score]:
    """Distances between dropped elements, which are geometric."""
    for i, p in enumerate((0.5, 0.1)):
        rate = realised(p)
        gaps = np.diff(np.flatnonzero(dropped(source, effort.key("runs", i), p, effort.stored)))
        last = int(math.log(50 / gaps.size) / math.log1p(-rate))  # 50 of this length or longer are expected
        seen = np.bincount(np.minimum(gaps, last), minlength=last + 1)[1:]
        chance = rate * (1 - rate) ** np.arange(last)
        chance[-1] = (1 - rate) ** (last - 1)
        x = float(((seen - gaps.size * chance) ** 2 / (gaps.size * chance)).sum())
        yield one("run", f"p = {p}, lengths 1 to {last}", gaps.size, of_chi_square(x, last - 1))
