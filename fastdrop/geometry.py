"""How the elements of an array are numbered in its mask: shapes, shared axes, shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from fastdrop import _core
from fastdrop.integers import integer, lengths, product
from fastdrop.shard import Shard

__all__ = ["Geometry", "c_strides", "make_geometry", "shared_axes", "whole_geometry"]


@dataclass(frozen=True)
class Geometry:
    """The numbering of one array's elements.

    Attributes
    ----------
    shape : tuple of int
        Of the array.
    mask_shape : tuple of int
        `shape` with 1 on shared axes.
    start : int
        Mask index of the first element.
    strides : tuple of int
        Mask indices a step along each axis; 0 on shared axes.
    shard : Shard or None
        With the global shape as the mask is numbered, None for a whole array.
    """

    shape: tuple[int, ...]
    mask_shape: tuple[int, ...]
    start: int
    strides: tuple[int, ...]
    shard: Shard | None


def c_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the elements a step along each axis of a C-ordered array, 0 along axes of length 1 and in empty arrays."""
    if 0 in shape:
        return (0,) * len(shape)
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step if length != 1 else 0)
        step *= length
    return tuple(reversed(strides))


def make_geometry(
    shape: Sequence[int],
    share_axes: int | Sequence[int] | None = None,
    noise_shape: Sequence[int | None] | None = None,
    shard: Shard | None = None,
) -> Geometry:
    """Check the arguments that number an array's elements.

    Raises
    ------
    TypeError, ValueError
        As `fastdrop.Mask` documents them.
    """
    shape = lengths(_sequence(shape), "shape")
    if share_axes is None and noise_shape is None and shard is None:
        return whole_geometry(shape)
    _check_size(shape)
    if shard is not None:
        if not isinstance(shard, Shard):
            raise TypeError(f"shard has to be a Shard or None, but got {shard!r} of type {type(shard).__name__}")
        shard.check_block(shape)
    whole = shape if shard is None else shard.global_shape
    if share_axes is not None and noise_shape is not None:
        raise ValueError(f"give share_axes or noise_shape, not both: got {share_axes!r} and {noise_shape!r}")
    shared = shared_axes(share_axes, len(shape)) if noise_shape is None else _from_noise_shape(noise_shape, whole)

    mask_shape = tuple(1 if d in shared else n for d, n in enumerate(shape))
    numbered = tuple(1 if d in shared else n for d, n in enumerate(whole))
    product(numbered, "shape")
    strides = c_strides(numbered)
    if shard is None:
        return Geometry(shape, mask_shape, 0, strides, None)
    origin = tuple(0 if d in shared else first for d, first in enumerate(shard.origin))
    empty = 0 in shape
    start = 0 if empty else sum(first * step for first, step in zip(origin, strides, strict=True))
    return Geometry(shape, mask_shape, start, strides, Shard(origin, numbered))


def _check_size(shape: tuple[int, ...]) -> None:
    if len(shape) > _core.MAX_NDIM:
        raise ValueError(f"shape has to have at most {_core.MAX_NDIM} axes, but got {len(shape)}")
    product(shape, "shape")


@lru_cache(maxsize=1024)
def whole_geometry(shape: tuple[int, ...]) -> Geometry:
    """Number a whole array of a shape that is known to hold ints only: what programs ask for again and again."""
    _check_size(shape)
    return Geometry(shape, shape, 0, c_strides(shape), None)


def _sequence(value: object) -> object:
    """Return one integer as a sequence of it, and anything else as it is."""
    if isinstance(value, (list, tuple)):
        return value
    try:
        return (integer(value, ""),)
    except TypeError:
        return value


def shared_axes(share_axes: int | Sequence[int] | None, ndim: int) -> frozenset[int]:
    """Return the axes that are shared, counted from 0.

    Raises
    ------
    TypeError, ValueError
        If `share_axes` can't be used for an array of so many axes.
    """
    if share_axes is None:
        return frozenset()
    try:
        axes = tuple(_sequence(share_axes))  # type: ignore[call-overload]
    except TypeError:
        raise TypeError(f"share_axes has to be an int or a sequence of ints, but got {share_axes!r}") from None
    found: set[int] = set()
    for axis in axes:
        number = integer(axis, "each entry of share_axes")
        if not -ndim <= number < ndim:
            allowed = f"axes between {-ndim} and {ndim - 1}" if ndim else "nothing for an array without axes"
            raise ValueError(f"share_axes has to hold {allowed}, but got {number}")
        if number % ndim in found:
            raise ValueError(f"share_axes has to name each axis once, but got {share_axes!r}")
        found.add(number % ndim)
    return frozenset(found)


def _from_noise_shape(noise_shape: Sequence[int | None], whole: tuple[int, ...]) -> frozenset[int]:
    try:
        entries = tuple(noise_shape)
    except TypeError:
        raise TypeError(f"noise_shape has to be a sequence of ints and None, but got {noise_shape!r}") from None
    if len(entries) != len(whole):
        raise ValueError(f"noise_shape has to have {len(whole)} entries, one for each axis, but got {noise_shape!r}")
    shared = set()
    for axis, (entry, length) in enumerate(zip(entries, whole, strict=True)):
        if entry is None:
            continue
        number = integer(entry, "each entry of noise_shape that is not None")
        if number == length:
            continue
        if number != 1:
            raise ValueError(
                f"noise_shape has to hold 1, None or the full length on each axis, but got {number} on axis {axis} of "
                f"length {length}"
            )
        shared.add(axis)
    return frozenset(shared)
