"""Parts of a mask by index, made without the rest."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from fastdrop.geometry import c_strides
from fastdrop.threads import check_threads

if TYPE_CHECKING:
    from fastdrop.mask import Mask

__all__ = ["FlatMask", "select"]


def _is_integer(entry: object) -> bool:
    return hasattr(entry, "__index__") and not isinstance(entry, (bool, np.bool_, np.ndarray))


def _check_index(index: object) -> tuple:
    entries = index if isinstance(index, tuple) else (index,)
    for entry in entries:
        if entry is not None and entry is not Ellipsis and not isinstance(entry, slice) and not _is_integer(entry):
            raise IndexError(
                f"a mask is indexed by ints, slices, Ellipsis and None, but got {entry!r}; to_bool() takes any index"
            )
    return entries


def _view(
    shape: tuple[int, ...], strides: tuple[int, ...], index: tuple
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Shape, strides and offset of basic indexing. NumPy works it out on a view of one byte that is never read."""
    base = np.zeros(1, np.uint8)
    whole = np.lib.stride_tricks.as_strided(base, shape, strides, writeable=False)
    part = whole[index if _has_ellipsis(index) else (*index, ...)]
    offset = part.__array_interface__["data"][0] - base.__array_interface__["data"][0] if part.size else 0
    return part.shape, part.strides, offset


#: Decisions made at a time where they need not all be there at once.
PIECE = 1 << 25


def _has_ellipsis(index: tuple) -> bool:
    return any(entry is Ellipsis for entry in index)


def _packed(mask: Mask, index: tuple, allocate: Callable[[int, str], np.ndarray]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the packed decisions of basic indexing, and their shape."""
    geometry = mask._geometry
    start, strides = (0, c_strides(mask.mask_shape)) if mask.stored else (geometry.start, geometry.strides)
    shape, steps, offset = _view(mask.mask_shape, strides, index)
    p = mask.p
    if isinstance(p, np.ndarray):
        p = np.broadcast_to(p, mask.mask_shape)[index if _has_ellipsis(index) else (*index, ...)]
    packed = allocate((math.prod(shape) + 7) // 8, "the packed mask")
    mask._make_arguments(shape, start + offset, steps, p).fill(packed, check_threads(None))
    return packed, shape


def select(mask: Mask, index: object, allocate: Callable[[int, str], np.ndarray]) -> np.ndarray | np.bool_:
    """Return ``mask.to_bool()[index]`` for basic indexing."""
    entries = _check_index(index)
    shape, _, _ = _view(mask.mask_shape, c_strides(mask.mask_shape), entries)
    size = math.prod(shape)
    keep = allocate(size, "the mask as bools")
    packed, _ = _packed(mask, entries, allocate)
    if size:
        keep[:] = np.unpackbits(packed, count=size, bitorder="little")
    result = keep.view(bool).reshape(shape)
    return result if shape or _has_ellipsis(entries) else result[()]


def packed_pieces(mask: Mask) -> Iterator[tuple[np.ndarray, int]]:
    """Yield all decisions, packed, a piece at a time, with the number of decisions in each."""
    for first in range(0, mask.size, PIECE):
        for box, begin, end in _boxes(mask.mask_shape, first, min(first + PIECE, mask.size)):
            yield _packed(mask, box, lambda n, _: np.empty(n, np.uint8))[0], end - begin


class FlatMask:
    """The decisions of a mask by linear index, in C order of its `mask_shape`."""

    __slots__ = ("_mask",)

    def __init__(self, mask: Mask) -> None:
        self._mask = mask

    def __len__(self) -> int:
        return self._mask.size

    def __getitem__(self, index: int | slice) -> np.ndarray | np.bool_:
        """Return the decisions ``[i:j]`` as a 1-d array of bool, or one as a bool, making only these."""
        size = self._mask.size
        if isinstance(index, slice):
            chosen = range(*index.indices(size))
        elif _is_integer(index):
            number = operator.index(index)
            if not -size <= number < size:
                raise IndexError(f"index has to be between {-size} and {size - 1}, but got {number}")
            chosen = range(number % size, number % size + 1)
        else:
            raise IndexError(f"mask.flat is indexed by an int or a slice, but got {index!r}")
        keep = self._make(chosen)
        return keep if isinstance(index, slice) else keep[0]

    def _make(self, chosen: range) -> np.ndarray:
        """Make the rows between the first and the last that is wanted, a piece at a time, and take these."""
        mask, keep, done = self._mask, np.empty(len(chosen), bool), 0
        ordered = chosen if chosen.step > 0 else chosen[::-1]
        stop = ordered[-1] + 1 if ordered else 0
        for first in range(ordered.start, stop, PIECE):
            for box, begin, end in _boxes(mask.mask_shape, first, min(first + PIECE, stop)):
                row = np.asarray(mask[box]).reshape(-1)
                some = row[(ordered.start - begin) % ordered.step : end - begin : ordered.step]
                keep[done : done + some.size] = some
                done += some.size
        return keep if chosen.step > 0 else keep[::-1]


def _boxes(shape: tuple[int, ...], begin: int, end: int) -> Iterator[tuple[tuple, int, int]]:
    """Cut the C-order range [begin, end) into boxes of the shape: index, begin and end of each, in order."""
    if not shape:
        yield (), begin, end
        return
    inner = math.prod(shape[1:])
    while begin < end:
        row, offset = divmod(begin, inner)
        rows = (end - begin) // inner if offset == 0 else 0
        if rows:
            yield (slice(row, row + rows),), begin, begin + rows * inner
            begin += rows * inner
        else:
            base, stop = row * inner, min(end, (row + 1) * inner)
            for index, first, last in _boxes(shape[1:], offset, stop - base):
                yield (row, *index), base + first, base + last
            begin = stop
