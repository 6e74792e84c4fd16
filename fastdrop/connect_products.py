"""The products of DropConnect: per-sample masks in the core, a shared one by a masked copy of the weight and NumPy."""

from __future__ import annotations

import numpy as np

from fastdrop import _core
from fastdrop.connect_operands import Operands, chunks, mask_rows, rows_of
from fastdrop.mask import Mask

__all__ = ["backward_each", "backward_shared", "forward_each", "forward_shared"]


def _is(mask: Mask | None, p: float) -> bool:
    """Whether a law decides everything: at p = 0 all is kept, at 1 nothing."""
    return mask is not None and isinstance(mask.p, float) and mask.p == p and not mask.stored


def forward_each(operands: Operands, mask: Mask, y: np.ndarray, threads: int) -> None:
    """Write the product with a mask for each sample."""
    if _is(mask, 0.0):
        forward_shared(operands, None, y, threads)
        return
    samples, rows, wide = operands.samples, operands.rows, operands.wide
    x, bias, code = operands.x_rows(), operands.wide_bias(), operands.code
    direct = y.dtype == wide and y.flags.c_contiguous and y.flags.aligned
    whole = y.reshape(samples, rows) if y.flags.c_contiguous else np.empty((samples, rows), y.dtype)
    for part, w in chunks(operands.weight):
        piece = whole[:, part] if direct else np.empty((samples, len(w)), wide)
        _core.connect(mask_rows(mask, part), code, x, w, None if bias is None else bias[part], piece, threads)
        if not direct:
            whole[:, part] = piece
    if not y.flags.c_contiguous:
        np.copyto(y, whole.reshape(y.shape))


def backward_each(operands: Operands, dy: np.ndarray, mask: Mask, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients for x, as a matrix of the wide type, and for the weight."""
    if _is(mask, 0.0):
        return backward_shared(operands, dy, mask, threads)
    wide, code, x = operands.wide, operands.code, operands.x_rows()
    dx = np.zeros((operands.samples, operands.columns), wide)
    dweight = np.empty(operands.weight.shape, operands.dtype)
    for part, w in chunks(operands.weight):
        if operands.dtype == wide:
            _core.connect_backward(mask_rows(mask, part), code, dy, x, w, dx, dweight, threads)
            continue
        piece, dw = np.empty_like(dx), np.empty(w.shape, wide)
        _core.connect_backward(mask_rows(mask, part), code, dy[:, part], x, w, piece, dw, threads)
        dx += piece
        dweight[part] = dw
    return dx, dweight


def _masked(operands: Operands, mask: Mask | None, threads: int) -> np.ndarray:
    """Return the weight in its wide type, or a copy of which the mask has dropped a part."""
    w = operands.weight.astype(operands.wide, copy=False)
    if mask is None or _is(mask, 0.0):
        return w
    own = w if w is not operands.weight and w.flags.owndata else None
    return mask._apply(w, "weight", own, None, threads)


def forward_shared(operands: Operands, mask: Mask | None, y: np.ndarray, threads: int) -> None:
    """Write the product with one mask for all samples, or none."""
    shape = (operands.samples, operands.rows)
    direct = y.dtype == operands.wide and y.flags.c_contiguous and y.flags.aligned
    whole = y.reshape(shape) if direct else np.empty(shape, operands.wide)
    if _is(mask, 1.0):
        whole[...] = 0
    else:
        np.matmul(operands.x_rows(), _masked(operands, mask, threads).T, out=whole)
    bias = operands.wide_bias()
    if bias is not None:
        whole += bias
    if not direct:
        y[...] = whole.reshape(y.shape)


def backward_shared(operands: Operands, dy: np.ndarray, mask: Mask, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients for x, as a matrix of the wide type, and for the weight."""
    if _is(mask, 1.0):
        return np.zeros((operands.samples, operands.columns), operands.wide), np.zeros_like(operands.weight, order="C")
    dx = dy @ _masked(operands, mask, threads)
    dweight = dy.T @ operands.x_rows()
    if not _is(mask, 0.0):
        mask._apply(dweight, "weight", dweight, None, threads)
    return dx, rows_of(dweight, operands.rows, operands.dtype)
