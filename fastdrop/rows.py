"""What functions that choose rows by number check of their arguments."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fastdrop.arrays import _overlaps_itself, _share, as_input
from fastdrop.exchange import incoming, outgoing

__all__ = ["as_ids", "as_rows", "check_out", "rows_are_contiguous"]


def as_ids(ids: object, name: str = "ids") -> np.ndarray:
    """Return an array of integers of any dtype.

    Raises
    ------
    TypeError
        If it is masked, or holds something else; bools are no integers.
    """
    array = incoming(ids, name)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} has to be an array that is not masked, but got a MaskedArray")
    if array.dtype.kind not in "iu" or not array.dtype.isnative:
        hint = "" if array.dtype.isnative else " in the other byte order"
        raise TypeError(f"{name} has to be an array of integers, but got dtype {array.dtype}{hint}")
    return array


def as_rows(x: object, name: str = "x") -> np.ndarray:
    """Return an array whose rows are only copied: integers and bools are as good as what `as_input` takes."""
    array = incoming(x, name)
    if isinstance(array, np.ma.MaskedArray) or array.dtype.kind not in "biu":
        array, _ = as_input(x, name)
    return array


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the array to write to, which is not like an input: a new one, or `out` if it can be used.

    Raises
    ------
    TypeError, ValueError
        As `make_output`; sharing memory with any of `inputs` is an error.
    """
    if out is None:
        return np.empty(shape, dtype)
    out = outgoing(out)
    if out.shape != shape:
        raise ValueError(f"out has to have the shape of the result, {shape}, but got {out.shape}")
    if out.dtype != dtype:
        raise ValueError(f"out has to have the dtype of the result, {dtype}, but got {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out has to be writeable, but got a read-only array")
    if _overlaps_itself(out):
        raise ValueError(
            f"out has to hold each element once, but got shape {out.shape} with strides {out.strides}, "
            "whose elements share memory"
        )
    for name, array in inputs.items():
        if _share(out, array):
            raise ValueError(f"out has to share no memory with {name}, but it does")
    return out


def rows_are_contiguous(array: np.ndarray, axis: int) -> bool:
    """Whether what lies behind the first `axis` axes is one run of memory, in C order, wherever it begins."""
    step = array.itemsize
    for n, stride in zip(reversed(array.shape[axis:]), reversed(array.strides[axis:]), strict=True):
        if n != 1 and stride != step:
            return False
        step *= n
    return True
