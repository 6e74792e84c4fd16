"""What operations on several arrays under one mask check of their arguments."""

from __future__ import annotations

import numpy as np

from fastdrop.arrays import _is_same, _share, as_input, make_output
from fastdrop.geometry import whole_geometry
from fastdrop.key import Key
from fastdrop.mask import Mask

__all__ = ["as_partner", "check_mask", "everything", "mixed_output"]


def as_partner(value: object, x: np.ndarray, name: str, x_name: str = "x", *, broadcast: bool = False) -> np.ndarray:
    """Return an array that meets x: of its dtype and shape or, with `broadcast`, one that broadcasts to its shape.

    Raises
    ------
    TypeError
        If it is masked, of another dtype, or not in the machine's byte order.
    ValueError
        If its shape does not fit.
    """
    array, _ = as_input(value, name)
    if array.dtype != x.dtype:
        raise TypeError(f"{name} has to have the dtype of {x_name}, {x.dtype}, but got {array.dtype}")
    if not broadcast:
        if array.shape != x.shape:
            raise ValueError(f"{name} has to have the shape of {x_name}, {x.shape}, but got {array.shape}")
        return array
    pairs = zip(reversed(array.shape), reversed(x.shape), strict=False)
    if array.ndim > x.ndim or not all(n in (1, m) for n, m in pairs):
        raise ValueError(f"{name} has to broadcast to the shape of {x_name}, {x.shape}, but got shape {array.shape}")
    return array


def mixed_output(
    x: np.ndarray,
    out: object,
    x_name: str = "x",
    partners: tuple[tuple[str, np.ndarray | None], ...] = (),
    apart: tuple[tuple[str, np.ndarray | None], ...] = (),
) -> np.ndarray:
    """Return the array to write to: a new one like x, or `out`, which may also be one of its partners.

    Raises
    ------
    TypeError, ValueError
        As `make_output`; also if `out` overlaps a partner partly, or an array of `apart` at all. An array that is None
        is none.
    """
    y = make_output(x, out, (), x_name)
    if out is None:
        return y
    for name, array in partners:
        if array is not None and y is not array and _share(y, array) and not _is_same(y, array):
            raise ValueError(f"out has to be {name} itself or share no memory with it, but it overlaps {name} partly")
    for name, array in apart:
        if array is not None and _share(y, array):
            raise ValueError(f"out has to share no memory with {name}, but it does")
    return y


def check_mask(mask: object, dy: np.ndarray, name: str) -> Mask:
    """Return the mask of a forward pass, which has to have the shape of the gradient.

    Raises
    ------
    TypeError
        If it is no Mask.
    ValueError
        If its shape is another one.
    """
    if not isinstance(mask, Mask):
        raise TypeError(f"mask has to be a Mask, but got {mask!r} of type {type(mask).__name__}")
    if dy.shape != mask.shape:
        raise ValueError(f"{name} has to have the mask's shape {mask.shape}, but got {dy.shape}")
    return mask


def everything(shape: tuple[int, ...]) -> Mask:
    """Return the mask that keeps all elements: without training there is no other one."""
    return Mask._make(whole_geometry(tuple(shape)), 0.0, Key(0), None)
