"""What only the library itself has: element types, instruction sets, DropConnect's sums, normal noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

import numpy as np

from fastdrop import _core
from fastdrop.arrays import DTYPES
from fastdrop.dropconnect import dropconnect
from fastdrop.functional import dropout
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.noise import gaussian_noise
from fastdrop.verify.effort import Effort
from fastdrop.verify.scores import Score, exact, many, of_chi_square, of_rate, one
from fastdrop.verify.sources import realised

__all__ = ["check_dropconnect", "check_noise", "check_types"]

TYPES = ("float16", "float32", "float64", "complex64", "complex128", "bfloat16")
RATES = (1e-6, 1e-3, 0.1, 0.25, 0.5, 0.75, 0.999)


def _kept_of_ones(name: str, n: int, p: float, key: Key) -> np.ndarray:
    """Which of n ones of a type dropout keeps. bfloat16, which NumPy has only from ml_dtypes, is given as words."""
    if name != "bfloat16":
        return dropout(np.ones(n, name), p, rng=key) != 0
    y = np.full(n, 0x3F80, np.uint16)
    signed = np.array([key.seed, key.stream], np.uint64).view(np.int64).tolist()
    _core.dropout_at(y.ctypes.data, y.ctypes.data, n, DTYPES[name], p, *signed, _core.get_default_threads())
    return y != 0


def check_types(effort: Effort) -> Iterator[Score]:
    """The share dropped of each element type by each instruction set, and that it is the mask of the one in use."""
    n, before = max(1 << 16, effort.stored // 64), _core.isa()
    try:
        for i, isa in enumerate(_core.isas()):
            for j, name in enumerate(TYPES):
                scores, wrong = [], 0
                for k, p in enumerate(RATES):
                    key = Key(*effort.key("type", i, j, k))
                    _core.set_isa(before)
                    law = Mask((n,), p, rng=key).to_bool()
                    _core.set_isa(isa)
                    kept = _kept_of_ones(name, n, p, key)
                    if n * min(p, 1 - p) > 50:  # a normal number, almost
                        scores.append(of_rate(n - int(np.count_nonzero(kept)), n, realised(p)))
                    wrong += int(np.count_nonzero(kept != law))
                yield many("type", f"{name}, {isa}: rates", n * len(RATES), scores)
                yield exact("type", f"{name}, {isa}: other elements than the mask's", n * len(RATES), wrong)
    finally:
        _core.set_isa(before)


def check_dropconnect(effort: Effort) -> Iterator[Score]:
    """Sums of ones under a mask of weights for each sample: how many weights are kept, and how that varies."""
    batch, outputs, inputs = max(32, effort.stored >> 18), 128, 256
    for i, p in enumerate((0.5, 0.1)):
        x, weight = np.ones((batch, inputs), np.float32), np.ones((outputs, inputs), np.float32)
        sums = dropconnect(x, weight, p, rng=Key(*effort.key("dropconnect", i))).astype(np.float64) * (1 - p)
        n, q = sums.size * inputs, 1 - realised(p)
        spread = float(((sums - inputs * q) ** 2).sum() / (inputs * q * (1 - q)))
        yield one("DropConnect", f"p = {p}: weights kept", n, of_rate(round(float(sums.sum())), n, q))
        yield one("DropConnect", f"p = {p}: spread over outputs", n, of_chi_square(spread, sums.size))


def check_noise(effort: Effort) -> Iterator[Score]:
    """Normal numbers: moments, tails, quantiles, neighbours."""
    for i, dtype in enumerate((np.float32, np.float64)):
        n, name = min(effort.stored, 1 << 26), np.dtype(dtype).name
        z = gaussian_noise(np.zeros(n, dtype), 1.0, rng=Key(*effort.key("noise", i))).astype(np.float64)
        square = z * z
        moments = {
            "mean": z.sum() / math.sqrt(n),
            "variance": (square - 1).sum() / math.sqrt(2 * n),
            "third moment": (square * z).sum() / math.sqrt(15 * n),
            "fourth moment": (square * square - 3).sum() / math.sqrt(96 * n),
            "neighbours": (z[1:] * z[:-1]).sum() / math.sqrt(n - 1),
            "squares of neighbours": ((square[1:] - 1) * (square[:-1] - 1)).sum() / math.sqrt(4 * (n - 1)),
        }
        for what, score in moments.items():
            yield one("noise", f"{name}: {what}", n, float(score))
        tails = [(t, int(np.count_nonzero(np.abs(z) > t))) for t in (0.5, 1, 2, 3, 4, 4.5)]
        scores = [of_rate(count, n, math.erfc(t / math.sqrt(2))) for t, count in tails]
        yield many("noise", f"{name}: tails beyond 0.5 to 4.5", n, scores)
        edges = [statistics.NormalDist().inv_cdf(k / 256) for k in range(1, 256)]
        seen = np.bincount(np.searchsorted(edges, z), minlength=256)
        x = float(((seen - n / 256) ** 2).sum() / (n / 256))
        yield one("noise", f"{name}: 256 quantiles", n, of_chi_square(x, 255))
