"""The argument p: one probability of dropping, or an array of them."""

from __future__ import annotations

import math

import numpy as np

from fastdrop import _core
from fastdrop.exchange import incoming

__all__ = ["broadcast_p", "check_p", "one_p", "realised_p"]


def _bad_value(value: object, where: str = "") -> ValueError:
    return ValueError(f"dropout probability has to be between 0 and 1, but got {value}{where}")


def check_p(p: object, *, own: bool = True) -> float | np.ndarray:
    """Return p as a float, or as a float64 array if it is one: read-only and of its own, unless `own` is False.

    Raises
    ------
    TypeError
        If p is not a number or an array of a floating or integer dtype; bool and complex are not.
    ValueError
        If a value is NaN, negative or above 1.
    """
    if type(p) is not float and (
        isinstance(p, (bool, np.bool_)) or not isinstance(p, (int, float, np.integer, np.floating))
    ):
        return _check_array(p, own)
    if not 0 <= p <= 1:  # as given: an int can be too long for a float, and a longer type may round to 0 or 1
        raise _bad_value(p)
    return float(p)


def one_p(p: object) -> float:
    """Return p, which has to be one probability and not an array of them."""
    number = check_p(p)
    if not isinstance(number, float):
        raise TypeError(f"p has to be one number, but got an array of shape {number.shape}")
    return number


def _check_array(p: object, own: bool) -> float | np.ndarray:
    is_array = any(hasattr(type(p), name) for name in ("__dlpack__", "__array_interface__"))
    array = incoming(p, "p") if is_array or isinstance(p, (list, tuple)) else None
    is_bfloat16 = array is not None and array.dtype.name == "bfloat16"
    if array is None or isinstance(array, np.ma.MaskedArray) or (array.dtype.kind not in "iuf" and not is_bfloat16):
        kind = type(p).__name__ if array is None else f"array of dtype {array.dtype}"
        raise TypeError(f"p has to be a real number or an array of them, but got {p!r} of type {kind}")
    if array.size and not (array.min() >= 0 and array.max() <= 1):  # a NaN is the least and the greatest
        index = tuple(int(i) for i in np.argwhere(~((array >= 0) & (array <= 1)))[0])
        raise _bad_value(array[index], f" at index {index}" if array.ndim else "")
    if array.ndim == 0:
        return float(array)
    if not own and isinstance(p, (np.ndarray, list, tuple)):  # memory of another package could be where out is
        return np.asarray(array, np.float64)
    values = np.array(array, np.float64, order="C", subok=False)
    values.flags.writeable = False
    return values


def broadcast_p(p: float | np.ndarray, mask_shape: tuple[int, ...], shape: tuple[int, ...]) -> float | np.ndarray:
    """Return p as it is needed for an array of `shape`: an array is broadcast, without a copy.

    Raises
    ------
    ValueError
        If p does not broadcast to `mask_shape`.
    """
    if isinstance(p, float):
        return p
    try:
        return np.broadcast_to(np.broadcast_to(p, mask_shape), shape)
    except ValueError:
        pairs = zip(reversed(p.shape), reversed(mask_shape), strict=False)
        if math.prod(shape) >= 1 << 60 and p.ndim <= len(shape) and all(n in (1, m) for n, m in pairs):
            raise ValueError(f"p as an array goes with fewer than 2**60 elements, but got shape {shape}") from None
        raise ValueError(f"p has to broadcast to the mask's shape {mask_shape}, but got shape {p.shape}") from None


def realised_p(p: float) -> float:
    """Return the probability that is really drawn for `p`.

    The decision compares a uniform 40-bit number with a threshold, so p is realised as the nearest multiple of 2**-40:
    no further than 2**-41 away, exactly for every multiple.

    Parameters
    ----------
    p : float
        Probability of dropping, between 0 and 1.

    Returns
    -------
    float
        T / 2**40 with T = p * 2**40 rounded to nearest, ties to even.

    Raises
    ------
    TypeError, ValueError
        If p is not a number, or not between 0 and 1.

    Examples
    --------
    >>> import fastdrop as fd
    >>> fd.realised_p(0.25)
    0.25
    >>> abs(fd.realised_p(0.1) - 0.1) <= 2**-41
    True
    >>> fd.realised_p(1e-13)
    0.0
    """
    number = check_p(p)
    if not isinstance(number, float):
        raise TypeError(f"p has to be one number, but got an array of shape {number.shape}")
    return _core.threshold(number) / 2**40
