"""DropBlock, tokens and embeddings once more, for the tests only: plain NumPy on the oracle's masks and words."""

from __future__ import annotations

import math

import numpy as np
import oracle
from helpers import assert_same


def gamma(p: float, lengths, b: int) -> float:
    whole, valid = math.prod(lengths), math.prod(n - b + 1 for n in lengths)
    return min(float(p) * whole / float(b ** len(lengths) * valid), 1.0)


def blocks(key, shape, p: float, b: int) -> np.ndarray:
    """The mask of DropBlock for (N, C, ...): block by block."""
    lengths = shape[2:]
    seeds = ~oracle.keep_mask(key, (*shape[:2], *(n - b + 1 for n in lengths)), gamma(p, lengths, b))
    keep = np.ones(shape, dtype=bool)
    for place in np.argwhere(seeds):
        keep[(*place[:2], *(slice(i, i + b) for i in place[2:]))] = False
    return keep


def block_scale(keep: np.ndarray) -> float:
    return keep.size / int(keep.sum()) if keep.any() else 0.0


def tokens(key, n: int, length: int, p: float, first: int = 0) -> np.ndarray:
    """The positions that are kept: a stable sort of the noise words, the k first, in order."""
    index = np.arange(first * length, (first + n) * length, dtype=np.uint64).reshape(n, length)
    k = max(1, math.floor(length * (1.0 - p)))
    return np.sort(np.argsort(oracle.noise_words(key, index), axis=1, kind="stable")[:, :k], axis=1)


def embedding(weight: np.ndarray, ids: np.ndarray, key, p: float) -> np.ndarray:
    keep = oracle.decide(key, p, ids)
    return oracle.apply(weight[ids], keep[..., None], oracle.scale(p) if p < 1 else 0.0)


def embedding_gradient(dy: np.ndarray, ids: np.ndarray, rows: int, key, p: float) -> np.ndarray:
    """The dense gradient: rows added one after the other in the type they are added in, then scaled and rounded."""
    wide = {"float16": np.float32, "bfloat16": np.float32}.get(dy.dtype.name, dy.dtype)
    total, seen = np.zeros((rows, dy.shape[-1]), wide), set()
    for i, row in zip(ids.reshape(-1).tolist(), dy.reshape(-1, dy.shape[-1]).astype(wide), strict=True):
        total[i] = total[i] + row if i in seen else row
        seen.add(i)
    keep = oracle.decide(key, p, np.arange(rows)) & np.isin(np.arange(rows), list(seen))
    if dy.dtype.name in ("float16", "bfloat16"):
        product = oracle.multiply(total, oracle.scale(p) if p < 1 else 0.0)
        scaled = (
            oracle.to_bfloat16_bits(product).view(dy.dtype) if dy.dtype.name == "bfloat16" else product.astype(dy.dtype)
        )
    else:
        scaled = oracle.multiply(total, oracle.scale(p) if p < 1 else 0.0)
    return np.where(keep[:, None], scaled, np.zeros((), dy.dtype))


def assert_rows(got, wanted) -> None:
    """Equal dtype, shape and bits, for integers too."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.dtype.kind in "iu":
        assert got.dtype == wanted.dtype
        assert np.array_equal(got, wanted)
    else:
        assert_same(got, wanted)
