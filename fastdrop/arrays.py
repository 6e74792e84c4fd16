"""Arrays going in and coming out."""

from __future__ import annotations

import os

import numpy as np
from numpy.lib.array_utils import byte_bounds

from fastdrop.exchange import incoming, outgoing

__all__ = ["as_input", "empty_bytes", "make_output"]

#: The types of the core by name, in the numbers of its fd_dtype.
DTYPES = {"float16": 0, "bfloat16": 1, "float32": 2, "float64": 3, "complex64": 4, "complex128": 5}
_CODES = {np.dtype(name): code for name, code in DTYPES.items() if name != "bfloat16"}


def as_input(x: object, name: str = "x") -> tuple[np.ndarray, int]:
    """Return x as an array (subclasses stay) and the number of its type.

    Raises
    ------
    TypeError
        If it is masked, of another type, not in the machine's byte order, or can't be read as an array.
    ValueError
        If it lies in the memory of another device.
    """
    array = incoming(x, name)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} has to be an array that is not masked, but got a MaskedArray; use {name}.filled(0)")
    code = _CODES.get(array.dtype)  # by dtype: its name takes microseconds to make
    if code is None and array.dtype.name == "bfloat16":
        code = _CODES[array.dtype] = DTYPES["bfloat16"]
    if code is None or not array.dtype.isnative:
        hint = "" if array.dtype.isnative else " in the other byte order"
        raise TypeError(f"{name} has to be of dtype {', '.join(DTYPES)}, but got {array.dtype}{hint}")
    return array, code


def make_output(x: np.ndarray, out: object, inputs: tuple[np.ndarray, ...] = (), name: str = "x") -> np.ndarray:
    """Return the array to write to: a new one like x, or `out` if it can be used, an array of any library.

    Raises
    ------
    TypeError
        If `out` offers no memory to write to.
    ValueError
        If it has another shape or dtype, can't be written, overlaps itself, or shares memory with x or `inputs` without
        being exactly x.
    """
    if out is None:
        return np.empty_like(x, order="K")
    out = outgoing(out)
    if out.shape != x.shape:
        raise ValueError(f"out has to have the shape of {name}, {x.shape}, but got {out.shape}")
    if out.dtype != x.dtype:
        raise ValueError(f"out has to have the dtype of {name}, {x.dtype}, but got {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out has to be writeable, but got a read-only array")
    if _overlaps_itself(out):
        raise ValueError(
            f"out has to hold each element once, but got shape {out.shape} with strides {out.strides}, "
            "whose elements share memory"
        )
    if out is not x and _share(out, x) and not _is_same(out, x):
        raise ValueError(f"out has to be {name} itself or share no memory with it, but it overlaps {name} partly")
    for other in inputs:
        if _share(out, other):
            raise ValueError("out has to share no memory with p or the mask's bits, but it does")
    return out


def empty_bytes(n: int, what: str) -> np.ndarray:
    """Return n uninitialised bytes.

    Raises
    ------
    MemoryError
        If that is more than this machine has. Linux would promise it nevertheless, and kill the process later.
    """
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        physical = (1 << 63) - 1
    if n > physical:
        raise MemoryError(f"{what} takes {n} bytes, but this machine has {physical}")
    return np.empty(n, np.uint8)


def _is_same(a: np.ndarray, b: np.ndarray) -> bool:
    """Same memory, shape and strides; strides along axes of length 1 say nothing."""
    start = a.__array_interface__["data"][0] == b.__array_interface__["data"][0]
    return start and all(s == t or n == 1 for n, s, t in zip(a.shape, a.strides, b.strides, strict=True))


def _share(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether an element of a and one of b have a byte in common; too hard a question counts as yes."""
    try:
        return np.shares_memory(a, b, max_work=100_000)
    except np.exceptions.TooHardError:
        return True


def _overlaps_itself(a: np.ndarray) -> bool:
    """Whether two elements share a byte. Axes whose steps exceed all that lies below them are surely apart."""
    if a.flags.forc:  # contiguous
        return False
    extent = a.itemsize
    for step, n in sorted((abs(s), n) for s, n in zip(a.strides, a.shape, strict=True) if n > 1):
        if step < extent:
            break
        extent = step * (n - 1) + extent
    else:
        return False
    low, high = byte_bounds(a)
    if a.size * a.itemsize > high - low or 0 in a.strides:
        return True
    return _some_overlap(a)


def _some_overlap(a: np.ndarray) -> bool:
    """Decide interleaved axes by looking: rare, and the addresses fit memory since the elements do."""
    offsets = np.zeros((), np.int64)
    for step, n in zip(a.strides, a.shape, strict=True):
        offsets = np.add.outer(offsets, np.arange(n, dtype=np.int64) * step)
    ordered = np.sort(offsets, axis=None)
    return bool((np.diff(ordered) < a.itemsize).any())
