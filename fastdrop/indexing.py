"""Parts of a mask by index, made without the rest."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fastdrop.arrays import empty_bytes
from fastdrop.geometry import c_strides
from fastdrop.threads import check_threads

if TYPE_CHECKING:
    from fastdrop.mask import Mask

__all__ = ["FlatMask", "packed_pieces", "select"]

#: Decisions made at a time where they need not all be there at once.
PIECE = 1 << 25


def _is_integer(entry: object) -> bool:
    return hasattr(entry, "__index__") and not isinstance(entry, (bool, np.bool_, np.ndarray))


def _has_ellipsis(index: tuple) -> bool:
    return any(entry is Ellipsis for entry in index)


def _check_index(index: object) -> tuple:
    """Return basic indices as a tuple with one Ellipsis at least."""
    entries = index if isinstance(index, tuple) else (index,)
    for entry in entries:
        if entry is not None and entry is not Ellipsis and not isinstance(entry, slice) and not _is_integer(entry):
            raise IndexError(
                f"a mask is indexed by ints, slices, Ellipsis and None, but got {entry!r}; to_bool() takes any index"
            )
    return entries if _has_ellipsis(entries) else (*entries, ...)


def _view(
    shape: tuple[int, ...], strides: tuple[int, ...], index: tuple
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Shape, strides and offset of basic indexing. NumPy works it out on a view of one byte that is never read."""
    base = np.zeros(1, np.uint8)
    whole = np.lib.stride_tricks.as_strided(base, shape, strides, writeable=False)
    part = whole[index]
    offset = part.__array_interface__["data"][0] - base.__array_interface__["data"][0] if part.size else 0
    return part.shape, part.strides, offset


class _Part:
    """The decisions that basic indexing picks, not made yet."""

    def __init__(self, mask: Mask, index: tuple) -> None:
        geometry = mask._geometry
        start, strides = (0, c_strides(mask.mask_shape)) if mask.stored else (geometry.start, geometry.strides)
        self.shape, steps, offset = _view(mask.mask_shape, strides, index)
        p = mask.p
        if isinstance(p, np.ndarray):
            p = np.broadcast_to(p, mask.mask_shape)[index]
        self._arguments = mask._make_arguments(self.shape, start + offset, steps, p)

    def packed(self) -> np.ndarray:
        bits = empty_bytes((math.prod(self.shape) + 7) // 8, "the packed mask")
        self._arguments.fill(bits, check_threads(None))
        return bits

    def bools(self) -> np.ndarray:
        """Return them unpacked, in their shape. Both arrays are there before any work."""
        size = math.prod(self.shape)
        keep = empty_bytes(size, "the mask as bools")
        bits = self.packed()
        for first in range(0, size, PIECE):
            piece = bits[first // 8 : (first + PIECE) // 8]
            keep[first : first + PIECE] = np.unpackbits(piece, count=min(PIECE, size - first), bitorder="little")
        return keep.view(bool).reshape(self.shape)


class _Run(_Part):
    """The decisions of a range of linear indices, for masks whose numbering has no gaps: any but a shard's."""

    def __init__(self, mask: Mask, chosen: range) -> None:
        n = len(chosen)
        first, step = (chosen[0], chosen.step) if n > 1 else (chosen[0] if n else 0, 0)
        p = mask.p
        if isinstance(p, np.ndarray):
            end = chosen.stop if chosen.stop >= 0 else None
            p = np.broadcast_to(p, mask.mask_shape).flat[chosen.start : end : chosen.step] if n else np.empty(0)
        self.shape = (n,)
        self._arguments = mask._make_arguments(self.shape, first, (step,), p)


def select(mask: Mask, index: object) -> np.ndarray | np.bool_:
    """Return ``mask.to_bool()[index]`` for basic indexing."""
    entries = _check_index(index)
    keep = _Part(mask, entries).bools()
    scalar = not keep.shape and not _has_ellipsis(index if isinstance(index, tuple) else (index,))
    return keep[()] if scalar else keep


def packed_pieces(mask: Mask) -> Iterator[tuple[np.ndarray, int]]:
    """Yield all decisions, packed, a piece at a time, with the number of decisions in each."""
    for first in range(0, mask.size, PIECE):
        for box, begin, end in _boxes(mask.mask_shape, first, min(first + PIECE, mask.size)):
            yield _Part(mask, (*box, ...)).packed(), end - begin


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
            return self._make(range(*index.indices(size)))
        if not _is_integer(index):
            raise IndexError(f"mask.flat is indexed by an int or a slice, but got {index!r}")
        number = operator.index(index)
        if not -size <= number < size:
            raise IndexError(f"index has to be between {-size} and {size - 1}, but got {number}")
        return self._make(range(number % size, number % size + 1))[0]

    def _make(self, chosen: range) -> np.ndarray:
        if self._mask.stored or self._mask.shard is None:
            return _Run(self._mask, chosen).bools()
        return self._gather(chosen)

    def _gather(self, chosen: range) -> np.ndarray:
        """Make the boxes of a shard that hold what is wanted, a piece at a time, and take it from them."""
        shape, keep, done = self._mask.mask_shape, empty_bytes(len(chosen), "the mask as bools").view(bool), 0
        ordered = chosen if chosen.step > 0 else chosen[::-1]
        stop = ordered[-1] + 1 if ordered else 0
        step = ordered.step
        pieces = range(ordered.start, stop, PIECE) if step < PIECE else ordered
        length = PIECE if step < PIECE else 1
        for first in pieces:
            for box, begin, _ in _boxes(shape, first, min(first + length, stop)):
                some = _Part(self._mask, (*box, ...)).bools().reshape(-1)[(ordered.start - begin) % step :: step]
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
