"""Whole numbers among arguments, and lengths of axes."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np

__all__ = ["INDEX_LIMIT", "integer", "lengths", "product"]

#: Mask indices are below this; so are the number of elements of a mask and the length of each axis.
INDEX_LIMIT = 1 << 62


def integer(value: object, name: str) -> int:
    """Return an int, NumPy's scalars included, as an int.

    Raises
    ------
    TypeError
        If it is something else. A bool is no number here, whatever Python says.
    """
    if type(value) is int:
        return value
    if not isinstance(value, (bool, np.bool_)):
        try:
            return operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            pass
    raise TypeError(f"{name} has to be an integer, but got {value!r} of type {type(value).__name__}")


def lengths(values: Sequence[int], name: str) -> tuple[int, ...]:
    """Return a sequence of non-negative integers as a tuple of ints."""
    if type(values) is tuple and all(type(n) is int and n >= 0 for n in values):
        return values
    try:
        numbers = tuple(values)
    except TypeError:
        raise TypeError(f"{name} has to be a sequence of integers, but got {values!r}") from None
    found = tuple(integer(number, f"each entry of {name}") for number in numbers)
    for number in found:
        if number < 0:
            raise ValueError(f"{name} has to hold integers from 0 on, but got {number} in {values!r}")
    return found


def product(shape: tuple[int, ...], name: str) -> int:
    """Return the number of elements of a shape, at most 2**62 as each length is. Python's integers don't overflow."""
    total = math.prod(shape)
    if total > INDEX_LIMIT or max(shape, default=0) > INDEX_LIMIT:
        raise ValueError(f"{name} has to have at most 2**62 elements and axes no longer than that, but got {shape}")
    return total
