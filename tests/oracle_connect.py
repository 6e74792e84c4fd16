"""DropConnect once more, for the tests only: every mask written out, additions in order by hand."""

from __future__ import annotations

import numpy as np
import oracle

#: Columns that are added before the next ones begin.
SEGMENT = 16384


def masks(key, shape, p, origin=None, whole=None) -> np.ndarray:
    """The decisions of all samples: (batch, out_features, in_features)."""
    return oracle.keep_mask(key, shape, p, origin=origin, global_shape=whole)


def _scale(p: float, dtype):
    return dtype.type(oracle.scale(p)) if p < 1 else dtype.type(0)


def forward(keep, x, weight, p, bias=None) -> np.ndarray:
    """y to the last bit: products rounded, lanes of 64 bytes, lanes added half by half, segments, scale, bias."""
    dtype, lanes = x.dtype, 64 // x.itemsize
    y = np.zeros((x.shape[0], weight.shape[0]), dtype)
    with np.errstate(all="ignore"):
        for first in range(0, x.shape[1], SEGMENT):
            part = slice(first, first + SEGMENT)
            terms = np.where(keep[:, :, part], x[:, None, part] * weight[None, :, part], dtype.type(0))
            short = -terms.shape[2] % lanes
            terms = np.pad(terms, ((0, 0), (0, 0), (0, short))).reshape(*y.shape, -1, lanes)
            total = np.zeros((*y.shape, lanes), dtype)
            for step in range(terms.shape[2]):
                total = total + terms[:, :, step]
            while total.shape[2] > 1:
                half = total.shape[2] // 2
                total = total[:, :, :half] + total[:, :, half:]
            y = y + total[:, :, 0]
        y = y * _scale(p, dtype)
        return y if bias is None else y + bias


def backward(keep, dy, x, weight, p) -> tuple[np.ndarray, np.ndarray]:
    """dx and dweight to the last bit: rows one after the other, samples one after the other, then the scale."""
    zero, dx, dweight = x.dtype.type(0), np.zeros_like(x), np.zeros_like(weight)
    with np.errstate(all="ignore"):
        for o in range(weight.shape[0]):
            dx = dx + np.where(keep[:, o], dy[:, o : o + 1] * weight[o], zero)
        for b in range(x.shape[0]):
            dweight = dweight + np.where(keep[b], dy[b][:, None] * x[b], zero)
        return dx * _scale(p, x.dtype), dweight * _scale(p, x.dtype)


def explicit(keep, dy, x, weight, p, bias=None):
    """y, dx, dweight and dbias in float64 with weights written out for each sample: the definition, in any order."""
    dy, x, weight = (np.asarray(a, np.float64) for a in (dy, x, weight))
    s = oracle.scale(p) if p < 1 else 0.0
    each = keep * weight * s
    y = np.einsum("boi,bi->bo", each, x) + (0.0 if bias is None else np.asarray(bias, np.float64))
    dweight = np.einsum("boi,bo,bi->oi", keep * s, dy, x)
    return y, np.einsum("boi,bo->bi", each, dy), dweight, dy.sum(axis=0)
