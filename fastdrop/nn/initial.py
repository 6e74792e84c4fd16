"""Initial values of parameters, from noise words of part 5 of a layer's key."""

from __future__ import annotations

import math

import numpy as np

from fastdrop import _core
from fastdrop.key import Key
from fastdrop.nn.random import INITIAL_VALUES

__all__ = ["draw_uniform"]

#: Words that are turned into values at a time: they and their doubles stay in the cache.
CHUNK = 1 << 14


def draw_uniform(key: Key, start: int, n: int, fan: int, dtype: np.dtype) -> np.ndarray:
    """Return n values that are uniform in ±1/sqrt(fan): those of the elements from `start` on.

    Element i of a layer with this key is (2 u - 1) / sqrt(fan) with u = (w + 1/2) / 2**32, where w is noise word i of
    part 5, in double precision and then rounded once.
    """
    part = key.fold_in(INITIAL_VALUES, role="part")
    values, root = np.empty(n, dtype), math.sqrt(fan)
    for i in range(0, n, CHUNK):
        words = _core.noise_words(part.seed, part.stream, start + i, min(CHUNK, n - i))
        u = (words.astype(np.float64) + 0.5) / 2.0**32
        values[i : i + words.size] = (2.0 * u - 1.0) / root
    return values
