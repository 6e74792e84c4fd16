"""References for several arrays under one mask, in NumPy: one rounded operation after the other."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import oracle

ALPHA = np.float64(-1.7580993408473766)


def wide(x: np.ndarray) -> np.ndarray:
    """The numbers as the type that is computed in; those of complex arrays as pairs along a new last axis."""
    x = np.array(x, order="C")
    if x.dtype.kind == "c":
        return np.stack([x.real, x.imag], axis=-1)
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)


def narrow(v: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Back to the type, rounded once."""
    if np.dtype(dtype).kind == "c":
        y = np.empty(v.shape[:-1], dtype)
        y.real, y.imag = v[..., 0], v[..., 1]
        return y
    if dtype == np.dtype(ml_dtypes.bfloat16):
        return oracle.to_bfloat16_bits(np.array(v, order="C")).view(dtype).reshape(v.shape)
    return v.astype(dtype)


def spread(keep: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The mask for every real number of x."""
    keep = np.broadcast_to(keep, x.shape)
    return keep[..., None] if x.dtype.kind == "c" else keep


def alpha_constants(p: float) -> tuple[np.float64, np.float64, np.float64]:
    if p == 1:
        return (np.float64(0),) * 3
    p, one = np.float64(p), np.float64(1)
    a = one / np.sqrt((one - p) * (one + p * (ALPHA * ALPHA)))
    b = -((a * p) * ALPHA)
    return a, b, a * ALPHA + b


def alpha(x, keep, p) -> np.ndarray:
    v = wide(x)
    with np.errstate(all="ignore"):
        a, b, c = (v.dtype.type(k) for k in alpha_constants(p))
        return narrow(np.where(spread(keep, x), a * v + b, c), x.dtype)


def alpha_backward(dy, keep, p) -> np.ndarray:
    return oracle.apply(dy, keep, alpha_constants(p)[0])


def blend(new, old, p) -> np.ndarray:
    v, w = wide(new), wide(old)
    with np.errstate(all="ignore"):
        return narrow(v.dtype.type(np.float64(1) - p) * v + v.dtype.type(p) * w, new.dtype)


def fused(x, bias, residual, keep, p, relu=False) -> np.ndarray:
    v = wide(x)
    with np.errstate(all="ignore"):
        if bias is not None:
            v = v + wide(np.broadcast_to(bias, x.shape))
        if relu:
            v = np.where(v <= 0, v.dtype.type(0), v)
        v = np.where(spread(keep, x), v * v.dtype.type(oracle.scale(p) if p < 1 else 0), v.dtype.type(0))
        return narrow(v if residual is None else wide(residual) + v, x.dtype)


def relu_backward(dy, x, bias, keep, p) -> np.ndarray:
    g, h = wide(dy), wide(x)
    with np.errstate(all="ignore"):
        if bias is not None:
            h = h + wide(np.broadcast_to(bias, x.shape))
        g = g * g.dtype.type(oracle.scale(p) if p < 1 else 0)
        return narrow(np.where(spread(keep, x) & ~(h <= 0), g, g.dtype.type(0)), dy.dtype)


def layouts(x: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers laid out in several ways."""
    every_other = np.repeat(x, 2, axis=-1)[..., ::2]
    backwards = np.ascontiguousarray(x[::-1, ..., ::-1])[::-1, ..., ::-1]
    return {"C": x, "F": np.asfortranarray(x), "every other": every_other, "backwards": backwards}
