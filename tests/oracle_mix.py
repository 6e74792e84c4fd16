"""Operations on several arrays under one mask once more, for the tests only: NumPy, from the contract's text alone."""

from __future__ import annotations

import numpy as np
import oracle


def computed_in(dtype) -> np.dtype:
    """The type that the contract computes in."""
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return np.dtype(f"f{dtype.itemsize // 2}")
    return np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)


def widen(x) -> np.ndarray:
    """The real numbers of x as the type computed in: complex ones have an axis of two more."""
    x = np.array(x, order="C", subok=False)
    if x.dtype.kind == "c":
        return x.reshape(*x.shape, 1).view(x.real.dtype)
    if x.dtype.name == "bfloat16":
        return (x.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
    return x.astype(computed_in(x.dtype))


def narrow(y, dtype) -> np.ndarray:
    """Back to the type, rounded once."""
    dtype = np.dtype(dtype)
    with np.errstate(all="ignore"):
        if dtype.kind == "c":
            return np.ascontiguousarray(y).view(dtype)[..., 0]
        if dtype.name == "bfloat16":
            quiet = np.where(np.isnan(y), np.float32(np.nan), y)
            return (
                np.where(np.isnan(y), np.uint16(0x7FC0), oracle.to_bfloat16_bits(quiet)).astype(np.uint16).view(dtype)
            )
        return np.asarray(y).astype(dtype)


def spread(keep, x) -> np.ndarray:
    """The decisions for the numbers that `widen` makes of x."""
    keep = np.broadcast_to(keep, np.shape(x))
    return keep[..., None] if np.asarray(x).dtype.kind == "c" else keep


def constants(p) -> tuple[np.float64, np.float64, np.float64]:
    """a, b and the dropped constant of alpha dropout."""
    alpha = np.float64(-1.7580993408473766)
    p, q = np.float64(p), np.float64(1) - np.float64(p)
    square = alpha * alpha
    a = np.float64(1) / np.sqrt(q * (np.float64(1) + p * square))
    b = -((a * p) * alpha)
    return a, b, a * alpha + b


def affine(x, keep, a, b, c) -> np.ndarray:
    wide = widen(x)
    with np.errstate(all="ignore"):
        a, b, c = (np.float64(v).astype(wide.dtype) for v in (a, b, c))
        return narrow(np.where(spread(keep, x), a * wide + b, c), np.asarray(x).dtype)


def alpha_dropout(x, keep, p) -> np.ndarray:
    return affine(x, keep, *(constants(p) if p < 1 else (0, 0, 0)))


def choose(new, old, keep) -> np.ndarray:
    return np.where(np.broadcast_to(keep, np.shape(new)), new, old)


def blend(new, old, p) -> np.ndarray:
    x, y = widen(new), widen(old)
    a, b = (np.float64(v).astype(x.dtype) for v in (1 - np.float64(p), p))
    with np.errstate(all="ignore"):
        return narrow(a * x + b * y, np.asarray(new).dtype)


def fused(x, keep, p, bias=None, residual=None, activation="none") -> np.ndarray:
    """residual + (kept ? f(x + bias) / (1 - p) : 0)."""
    dtype, h = np.asarray(x).dtype, widen(x)
    s = oracle.scale(p).astype(h.dtype)
    with np.errstate(all="ignore"):
        if bias is not None:
            h = h + widen(np.broadcast_to(bias, np.shape(x)))
        if activation == "relu":
            h = np.where(h <= 0, h.dtype.type(0), h)
        y = np.where(spread(keep, x), h * s, h.dtype.type(0))
        return narrow(y if residual is None else widen(residual) + y, dtype)


def fused_backward(dy, keep, p, x, bias=None, activation="none") -> np.ndarray:
    g, h = widen(dy), widen(x)
    s = oracle.scale(p).astype(g.dtype)
    with np.errstate(all="ignore"):
        if bias is not None:
            h = h + widen(np.broadcast_to(bias, np.shape(x)))
        g = g * s
        if activation == "relu":
            g = np.where(h <= 0, g.dtype.type(0), g)
        return narrow(np.where(spread(keep, dy), g, g.dtype.type(0)), np.asarray(dy).dtype)
