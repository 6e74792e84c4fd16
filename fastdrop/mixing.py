"""What functions of several arrays under one mask check: operands, outputs, and the law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastdrop.arrays import as_input, make_output
from fastdrop.functional import check_flag
from fastdrop.geometry import Geometry, make_geometry
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.probability import one_p
from fastdrop.rng import key_source
from fastdrop.threads import check_threads

__all__ = ["Plan", "as_broadcast", "as_companion", "as_masked", "check_mask", "make_plan", "write_to"]


@dataclass(frozen=True)
class Plan:
    """The checked arguments of a call that draws one mask with one p."""

    geometry: Geometry
    p: float
    training: bool
    threads: int
    draw: Callable[[], Key]

    def mask(self) -> Mask:
        """Draw the key, last of all, and return the law; without training one that keeps everything and draws none."""
        if not self.training:
            return Mask._make(self.geometry, 0.0, Key(0), None)
        return Mask._make(self.geometry, self.p, self.draw(), None)


def make_plan(
    shape: tuple[int, ...],
    p: object,
    rng: object,
    training: object,
    share_axes: object,
    shard: object,
    threads: object,
) -> Plan:
    """Check all arguments that are not arrays. p has to be one number, since constants are made of it."""
    flag = check_flag(training, "training")
    geometry: Geometry = make_geometry(shape, share_axes, None, shard)
    return Plan(geometry, one_p(p), flag, check_threads(threads), key_source(rng))


def as_companion(array: object, name: str, x: np.ndarray, x_name: str = "x") -> np.ndarray:
    """Return an array that has to have the shape and dtype of another one."""
    other, _ = as_input(array, name)
    if other.shape != x.shape:
        raise ValueError(f"{name} has to have the shape of {x_name}, {x.shape}, but got {other.shape}")
    _same_dtype(other, name, x, x_name)
    return other


def as_broadcast(array: object, name: str, x: np.ndarray) -> np.ndarray:
    """Return an array of x's dtype, broadcast to its shape without a copy."""
    other, _ = as_input(array, name)
    _same_dtype(other, name, x, "x")
    try:
        return np.broadcast_to(other, x.shape)
    except ValueError:
        raise ValueError(f"{name} has to broadcast to the shape of x, {x.shape}, but got {other.shape}") from None


def _same_dtype(other: np.ndarray, name: str, x: np.ndarray, x_name: str) -> None:
    if other.dtype != x.dtype:
        raise TypeError(f"{name} has to have the dtype of {x_name}, {x.dtype}, but got {other.dtype}")


def check_mask(mask: object) -> Mask:
    """Return a mask with one p."""
    if not isinstance(mask, Mask):
        raise TypeError(f"mask has to be a Mask, but got {mask!r} of type {type(mask).__name__}")
    one_p(mask.p)
    return mask


def as_masked(array: object, name: str, mask: Mask) -> tuple[np.ndarray, int]:
    """Return an array that has to have the mask's shape, and the number of its type."""
    other, dtype = as_input(array, name)
    if other.shape != mask.shape:
        raise ValueError(f"{name} has to have the mask's shape {mask.shape}, but got {other.shape}")
    return other, dtype


def write_to(out: object, operands: dict[str, np.ndarray | None], mask: Mask | None = None) -> np.ndarray:
    """Return a new array like the first operand, or `out`, which may be any operand but overlap none partly."""
    first, *others = ((name, array) for name, array in operands.items() if array is not None)
    bits = (mask._bits,) if mask is not None and mask._bits is not None else ()
    y = make_output(first[1], out, bits, first[0])
    if out is not None:
        for name, array in others:
            make_output(array, out, (), name)
    return y
