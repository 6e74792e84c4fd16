"""What DropConnect multiplies: arrays checked, brought to matrices of the core's types, and cut into chunks."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fastdrop import _core
from fastdrop.arrays import DTYPES, _share, as_input, make_output
from fastdrop.geometry import c_strides
from fastdrop.mask import Mask

__all__ = ["Operands", "chunks", "make_product", "mask_rows", "rows_of", "wide_dtype"]

#: The types that are multiplied, by their numbers; float16 and bfloat16 are widened.
_REAL = [name for name, code in DTYPES.items() if code <= DTYPES["float64"]]
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
#: Weights of a narrow type that are widened at a time.
CHUNK = 1 << 18


def as_real(x: object, name: str) -> np.ndarray:
    """Return x as an array of one of the four real types."""
    array, code = as_input(x, name)
    if code > DTYPES["float64"]:
        raise TypeError(f"{name} has to be of dtype {', '.join(_REAL)}, but got {array.dtype}")
    return np.asarray(array)


def wide_dtype(dtype: np.dtype) -> np.dtype:
    """Return the type that products of a type are made in."""
    return _DOUBLE if dtype == _DOUBLE else _SINGLE


class Operands:
    """x, weight and bias of a call, checked.

    Attributes
    ----------
    x, weight : ndarray
        As they came, of one dtype.
    bias : ndarray or None
    lead : tuple of int
        The axes of x that count as the batch.
    samples, rows, columns : int
        Lengths of the mask's three axes: the batch, out_features and in_features.
    dtype, wide : numpy.dtype
        Of all arrays and the result, and of the products.
    code : int
        The number of `wide` in the core.

    Raises
    ------
    TypeError, ValueError
        If an array is of another dtype or shape than the others ask for.
    """

    def __init__(self, x: object, weight: object, bias: object = None) -> None:
        self.x, self.weight = as_real(x, "x"), as_real(weight, "weight")
        self.bias = None if bias is None else as_real(bias, "bias")
        if self.weight.ndim != 2:
            raise ValueError(f"weight has to be of shape (out_features, in_features), but got {self.weight.shape}")
        self.rows, self.columns = self.weight.shape
        if self.x.ndim == 0 or self.x.shape[-1] != self.columns:
            raise ValueError(f"x has to be of shape (..., {self.columns}), but got {self.x.shape}")
        if self.bias is not None and self.bias.shape != (self.rows,):
            raise ValueError(f"bias has to be of shape {(self.rows,)}, but got {self.bias.shape}")
        for name, array in (("weight", self.weight), ("bias", self.bias)):
            if array is not None and array.dtype != self.x.dtype:
                raise TypeError(f"{name} has to have the dtype of x, {self.x.dtype}, but got {array.dtype}")
        self.lead = self.x.shape[:-1]
        self.samples = math.prod(self.lead)
        self.dtype = self.x.dtype
        self.wide = wide_dtype(self.dtype)
        self.code = DTYPES["float64" if self.wide == _DOUBLE else "float32"]

    def mask_shape(self, per_sample: bool) -> tuple[int, ...]:
        """Return the shape of the mask."""
        return (self.samples, self.rows, self.columns) if per_sample else (self.rows, self.columns)

    def x_rows(self) -> np.ndarray:
        """Return x as a matrix of the wide type."""
        return rows_of(self.x, self.samples, self.wide)

    def wide_bias(self) -> np.ndarray | None:
        """Return the bias as a contiguous vector of the wide type."""
        return None if self.bias is None else np.ascontiguousarray(self.bias, self.wide)


def rows_of(array: np.ndarray, samples: int, dtype: np.dtype) -> np.ndarray:
    """Return an array as a matrix of `samples` contiguous rows and a type: as it is where that can be."""
    matrix = array.reshape(samples, array.shape[-1])
    side_by_side = matrix.shape[1] <= 1 or matrix.strides[1] == matrix.itemsize
    if matrix.dtype == dtype and side_by_side and matrix.flags.aligned:
        return matrix
    return np.ascontiguousarray(matrix, dtype)


def chunks(weight: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows of a weight in their wide type: all at once, or what is to be widened in parts of a fixed size."""
    wide, (rows, columns) = wide_dtype(weight.dtype), weight.shape
    if weight.dtype == wide:
        yield slice(0, rows), rows_of(weight, rows, wide)
        return
    step = max(1, CHUNK // max(1, columns))
    for first in range(0, rows, step):
        part = slice(first, min(first + step, rows))
        yield part, np.ascontiguousarray(weight[part], wide)


def mask_rows(mask: Mask, part: slice) -> _core.MaskArguments:
    """Return what the core is told of a mask (samples, rows, columns) for some of its rows."""
    samples, rows, columns = mask.shape
    if part == slice(0, rows):
        return mask._core_arguments()
    geometry = mask._geometry
    start, strides = (0, c_strides(mask.mask_shape)) if mask.stored else (geometry.start, geometry.strides)
    shape = (samples, part.stop - part.start, columns)
    return mask._make_arguments(shape, start + part.start * strides[1], strides, mask.p)


def make_product(operands: Operands, out: object) -> np.ndarray:
    """Return the array to write the result to: a new one, or `out` if it can be used."""
    shape, inputs = (*operands.lead, operands.rows), (operands.x, operands.weight, operands.bias)
    if out is None:
        return np.empty(shape, operands.dtype)
    like = np.broadcast_to(np.empty((), operands.dtype), shape)
    y = make_output(like, out, name="the product")
    if any(array is not None and _share(y, array) for array in inputs):
        raise ValueError("out has to share no memory with x, weight or bias, but it does")
    return y
