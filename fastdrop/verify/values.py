"""What is made of decisions and words: DropConnect's sums, normal noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from fastdrop.dropconnect import dropconnect
from fastdrop.key import Key
from fastdrop.noise import gaussian_noise
from fastdrop.verify.effort import Effort
from fastdrop.verify.scores import Score, many, of_chi_square, of_rate, one
from fastdrop.verify.sources import realised

__all__ = ["check_dropconnect", "check_noise"]

#: Numbers of noise that are in memory at a time.
BLOCK = 1 << 26


def check_dropconnect(effort: Effort) -> Iterator[Score]:
    """Sums of ones under a mask of weights for each sample, which are binomial: moments and tails."""
    batch, outputs, inputs = max(32, effort.stored >> 18), 128, 256
    x, weight = np.ones((batch, inputs), np.float32), np.ones((outputs, inputs), np.float32)
    for i, p in enumerate((0.5, 0.1)):
        y = dropconnect(x, weight, p, rng=Key(*effort.key("dropconnect", i))).astype(np.float64).reshape(-1)
        kept, q = y * (1 - p), 1 - realised(p)
        chance = np.array([math.comb(inputs, k) * q**k * (1 - q) ** (inputs - k) for k in range(inputs + 1)])
        all_z, n = _standard(np.arange(inputs + 1), inputs, q), kept.size
        z = _standard(kept, inputs, q)
        for what, power in {"weights kept": 1, "spread": 2, "third moment": 3, "fourth moment": 4}.items():
            expected, square = (float((all_z ** (power * k) * chance).sum()) for k in (1, 2))
            score = (float((z**power).sum()) - n * expected) / math.sqrt(n * (square - expected**2))
            yield one("DropConnect", f"p = {p}: {what}", n * inputs, score)
        at = (1, 1.5, 2, 2.5, 3, 3.5, 4)
        beyond = [float(chance[np.abs(all_z) > t].sum()) for t in at]
        counts = [int(np.count_nonzero(np.abs(z) > t)) for t in at]
        yield many("DropConnect", f"p = {p}: tails beyond 1 to 4", n * inputs, _tails(n, counts, beyond))


def check_noise(effort: Effort) -> Iterator[Score]:
    """Normal numbers: moments, tails, quantiles, neighbours."""
    at = (0.5, 1, 2, 3, 4, 4.5, 5, 5.5)
    edges = [statistics.NormalDist().inv_cdf(k / 256) for k in range(1, 256)]
    for i, dtype in enumerate((np.float32, np.float64)):
        block, blocks, name = min(effort.stored, BLOCK), max(1, effort.stored // BLOCK), np.dtype(dtype).name
        sums, counts, seen = np.zeros(6), np.zeros(len(at), np.int64), np.zeros(256, np.int64)
        for j in range(blocks):
            z = gaussian_noise(np.zeros(block, dtype), 1.0, rng=Key(*effort.key("noise", i, j))).astype(np.float64)
            square = z * z
            sums += [
                z.sum(),
                (square - 1).sum(),
                (square * z).sum(),
                (square * square - 3).sum(),
                (z[1:] * z[:-1]).sum(),
                ((square[1:] - 1) * (square[:-1] - 1)).sum(),
            ]
            counts += [np.count_nonzero(np.abs(z) > t) for t in at]
            seen += np.bincount(np.searchsorted(edges, z), minlength=256)
        n, pairs = block * blocks, (block - 1) * blocks
        names = ("mean", "variance", "third moment", "fourth moment", "neighbours", "squares of neighbours")
        variances = (n, 2 * n, 15 * n, 96 * n, pairs, 4 * pairs)
        for what, total, variance in zip(names, sums.tolist(), variances, strict=True):
            yield one("noise", f"{name}: {what}", n, total / math.sqrt(variance))
        beyond = [math.erfc(t / math.sqrt(2)) for t in at]
        yield many("noise", f"{name}: tails beyond 0.5 to 5.5", n, _tails(n, counts.tolist(), beyond))
        x = float(((seen - n / 256) ** 2).sum() / (n / 256))
        yield one("noise", f"{name}: 256 quantiles", n, of_chi_square(x, 255))


def _standard(kept: np.ndarray, n: int, q: float) -> np.ndarray:
    return (np.rint(kept) - n * q) / math.sqrt(n * q * (1 - q))


def _tails(n: int, counts: Sequence[int], beyond: Sequence[float]) -> list[float]:
    """Scores of how many are further out than each of some distances, among those that are beyond the one before.

    Shares of the whole would go up and down together; these are independent. Those below 50 expected are left out.
    """
    scores, of, chance = [], n, 1.0
    for count, probability in zip(counts, beyond, strict=True):
        if n * probability < 50:
            break
        scores.append(of_rate(count, of, probability / chance))
        of, chance = count, probability
    return scores
