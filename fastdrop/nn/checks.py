"""What layers check of their arguments."""

from __future__ import annotations

import operator

import numpy as np

from fastdrop.exchange import incoming

__all__ = ["as_real", "check_bool", "check_count", "check_number", "check_shape", "no_forward"]


def as_real(x: object, name: str, dtype: np.dtype | None = None) -> np.ndarray:
    """Return x as an array of real numbers: converted to `dtype` if one is given, else of its own floating dtype.

    Raises
    ------
    TypeError
        If it is masked, or holds something else than real (without `dtype`: floating) numbers.
    """
    array = incoming(x, name)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} has to be an array without a mask of its own, but got a MaskedArray")
    kinds = "f" if dtype is None else "fiub"
    if array.dtype.kind not in kinds and array.dtype.name != "bfloat16":
        wanted = "floating" if dtype is None else "real"
        raise TypeError(f"{name} has to be an array of {wanted} numbers, but got dtype {array.dtype}")
    return array if dtype is None else array.astype(dtype, copy=False)


def check_shape(array: np.ndarray, shape: tuple[int, ...], name: str) -> None:
    """Raise ValueError unless a gradient has the shape of the latest output."""
    if array.shape != shape:
        raise ValueError(f"{name} has to have the shape of the latest output, {shape}, but got {array.shape}")


def check_bool(value: object, name: str) -> bool:
    """Return a flag as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} has to be a bool, but got {value!r} of type {type(value).__name__}")
    return bool(value)


def check_count(value: object, name: str, least: int = 1) -> int:
    """Return an integer that has to be at least `least`."""
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} has to be an int, but got {value!r} of type {type(value).__name__}")
    number = operator.index(value)  # type: ignore[arg-type]
    if number < least:
        raise ValueError(f"{name} has to be at least {least}, but got {number}")
    return number


def check_number(value: object, name: str, low: float, high: float, *, open_low: bool = False) -> float:
    """Return a real number in [low, high), or in (low, high)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} has to be a real number, but got {value!r} of type {type(value).__name__}")
    number = float(value)
    if not (low < number if open_low else low <= number) or not number < high:
        least = f"above {low:g}" if open_low else f"at least {low:g}"
        most = "finite" if high == float("inf") else f"below {high:g}"
        raise ValueError(f"{name} has to be {least} and {most}, but got {value}")
    return number


def no_forward(layer: object) -> RuntimeError:
    """Return the error for a backward without a forward before it."""
    name = type(layer).__name__
    return RuntimeError(f"backward belongs to the latest forward, but this {name} has had none, or it failed")
