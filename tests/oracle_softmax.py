"""Softmax with dropout by NumPy in float64, from the formulas alone; the mask is that of tests/oracle.py."""

from __future__ import annotations

import numpy as np
import oracle


def scores(x, scale=1.0, mask=None, causal=False, first_query=0) -> np.ndarray:
    t = np.asarray(x, np.float64) * scale
    if mask is not None:
        mask = np.asarray(mask)
        t = np.where(mask, t, -np.inf) if mask.dtype == bool else t + mask.astype(np.float64)
    if causal:
        queries, keys = t.shape[-2:]
        t = np.where(np.arange(keys) <= first_query + np.arange(queries)[:, None], t, -np.inf)
    return t


def softmax(t: np.ndarray) -> np.ndarray:
    """Along the last axis; 0 where nothing is seen."""
    if t.shape[-1] == 0:
        return t
    most = t.max(axis=-1, keepdims=True)
    e = np.exp(t - np.where(np.isneginf(most), 0.0, most))
    total = e.sum(axis=-1, keepdims=True)
    return np.divide(e, total, out=np.zeros_like(e), where=total > 0)


def keep(key, shape, p, **shard) -> np.ndarray:
    return oracle.keep_mask(key, shape, p, **shard)


def forward(x, key, p, **how) -> np.ndarray:
    kept = keep(key, np.shape(x), p)
    return np.where(kept, softmax(scores(x, **how)) / (1 - p if p < 1 else 1), 0.0)


def backward(dy, x, key, p, **how) -> np.ndarray:
    weights = softmax(scores(x, **how))
    g = np.where(keep(key, np.shape(x), p), np.asarray(dy, np.float64) / (1 - p if p < 1 else 1), 0.0)
    return how.get("scale", 1.0) * weights * (g - (g * weights).sum(axis=-1, keepdims=True))
