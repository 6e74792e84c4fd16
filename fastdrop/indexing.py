"""Parts of a mask by index, made without the rest."""

from __future__ import annotations

import operator
from collections.abc import Callable
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


def _view(shape: tuple[int, ...], strides: tuple[int, ...], index: tuple) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Shape, strides and offset of basic indexing. NumPy works it out on a view of one byte that is never read."""
    base = np.zeros(1, np.uint8)
    whole = np.lib.stride_tricks.as_strided(base, shape, strides, writeable=False)
    part = whole[index if any(entry is Ellipsis for entry in index) else (*index, ...)]
    offset = part.__array_interface__["data"][0] - base.__array_interface__["data"][0] if part.size else 0
    return part.shape, part.strides, offset


def select(mask: Mask, index: object, allocate: Callable[[int, str], np.ndarray]) -> np.ndarray | np.bool_:
    """Return ``mask.to_bool()[index]`` for basic indexing."""
    entries = _check_index(index)
    geometry = mask._geometry
    start, strides = (0, c_strides(mask.mask_shape)) if mask.stored else (geometry.start, geometry.strides)
    strides = tuple(0 if n == 1 else step for n, step in zip(mask.mask_shape, strides, strict=True))
    shape, steps, offset = _view(mask.mask_shape, strides, entries)
    p = mask.p
    if isinstance(p, np.ndarray):
        p = np.broadcast_to(p, mask.mask_shape)[(*entries, ...) if Ellipsis not in entries else entries]
    size = int(np.prod(shape, dtype=object)) if shape else 1
    packed = allocate((size + 7) // 8, "the packed mask")
    keep = allocate(size, "the mask as bools")
    mask._make_arguments(shape, start + offset, steps, p).fill(packed, check_threads(None))
    keep[:] = np.unpackbits(packed, count=size, bitorder="little") if size else 0
    result = keep.view(bool).reshape(shape)
    return result if shape or any(entry is Ellipsis for entry in entries) else result[()]


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
        """Rows of the mask are runs in its numbering: take what lies between the first and last, row by row."""
        mask = self._mask
        keep = np.empty(len(chosen), bool)
        if not len(chosen):
            return keep
        ordered = chosen if chosen.step > 0 else chosen[::-1]
        ends = ordered[0], ordered[-1] + 1
        done = 0
        for box, first, stop in _boxes(mask.mask_shape, *ends):
            part = np.atleast_1d(mask[box]).reshape(-1)
            skip = (ordered.start - first) % ordered.step
            some = part[skip : stop - first : ordered.step]
            keep[done : done + some.size] = some
            done += some.size
        return keep if chosen.step > 0 else keep[::-1]


def _boxes(shape: tuple[int, ...], begin: int, end: int):
    """Cut the C-order range [begin, end) into boxes of the shape: (index, first, stop) in order."""
    if not shape:
        yield (), begin, end
        return
    inner = 1
    for n in shape[1:]:
        inner *= n
    at = begin
    while at < end:
        row, offset = divmod(at, inner)
        if offset == 0 and end - at >= inner:
            rows = (end - at) // inner
            yield (slice(row, row + rows),), at, at + rows * inner
            at += rows * inner
        else:
            stop = min(end, (row + 1) * inner)
            for index, first, last in _boxes(shape[1:], offset, stop - row * inner):
                yield (row, *index), row * inner + first, row * inner + last
            at = stop
