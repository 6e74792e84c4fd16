"""Arrays of other packages, met through NumPy's protocols: an array on their memory, never a copy to write to."""

from __future__ import annotations

import numpy as np

from fastdrop import _core

__all__ = ["incoming", "outgoing"]

#: Memory that the CPU reads and writes, by DLPack's numbers: its own, and what CUDA and ROCm have pinned there.
_HOST = (1, 3, 11)
_DEVICES = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 13: "CUDA managed", 14: "oneAPI", 15: "WebGPU"}
_BFLOAT = 4
_KINDS = "a NumPy array, an array with the buffer protocol, __array_interface__ or __dlpack__"


def incoming(x: object, name: str = "x") -> np.ndarray:
    """Return x as an array: itself, its memory where it offers that, or the copy that `numpy.asanyarray` makes.

    Raises
    ------
    TypeError, ValueError
        If x can't be read as an array, or lies on another device.
    """
    if isinstance(x, np.ndarray):
        return x
    if not hasattr(type(x), "__dlpack__"):
        return np.asanyarray(x)
    _check_device(x, name)
    try:
        return _from_dlpack(x)[0]
    except Exception as error:  # producers raise what they like; some have another way out
        try:
            return np.asanyarray(x) if hasattr(type(x), "__array__") else _refuse(x, name, error)
        except Exception:
            return _refuse(x, name, error)


def outgoing(out: object) -> np.ndarray | None:
    """Return an array on the memory of `out`, to write to; None for None.

    Raises
    ------
    TypeError
        If `out` offers no memory without a copy, or is a MaskedArray.
    ValueError
        If it lies on another device.
    """
    kind = type(out)
    if isinstance(out, (np.ma.MaskedArray, np.generic)):
        raise TypeError(f"out has to be {_KINDS}, or None, but got {kind.__name__}")
    if out is None or isinstance(out, np.ndarray):
        return out
    if hasattr(kind, "__dlpack__"):
        _check_device(out, "out")
        try:
            array, copied = _from_dlpack(out, copy=False)
        except Exception as error:
            return _refuse(out, "out", error)
        if copied:
            raise TypeError(f"out has to offer its memory, but a {kind.__name__} exports a copy")
        return array
    if hasattr(kind, "__array_interface__"):
        return np.asarray(out)
    try:
        return np.asarray(memoryview(out))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"out has to be {_KINDS}, or None, but got {kind.__name__}") from None


def _check_device(x: object, name: str) -> None:
    try:
        kind, number = x.__dlpack_device__()  # type: ignore[attr-defined]
    except Exception as error:
        _refuse(x, name, error)
    if kind not in _HOST:
        device = f"{_DEVICES.get(int(kind), f'DLPack device type {int(kind)}')}:{number}"
        raise ValueError(f"{name} has to lie in the memory of the CPU, but got a {type(x).__name__} on {device}")


def _from_dlpack(x: object, **options: object) -> tuple[np.ndarray, bool]:
    """Return an array on the memory of x, and whether that is a copy of x."""
    try:
        capsule = x.__dlpack__(max_version=(1, 0), **options)  # type: ignore[attr-defined]
    except TypeError:  # a producer from before version 1 knows neither argument; it makes no copies
        capsule = x.__dlpack__()  # type: ignore[attr-defined]
    array, code, copied = _core.from_capsule(capsule)
    return (array.view(_bfloat16()) if code == _BFLOAT else array), copied


def _bfloat16() -> np.dtype:
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        raise ImportError("arrays of bfloat16 need ml_dtypes: pip install '.[bfloat16]'") from None
    return np.dtype(bfloat16)


def _refuse(x: object, name: str, error: Exception) -> np.ndarray:
    if isinstance(error, ImportError):
        raise error
    raise TypeError(f"{name} has to be readable as an array, but got a {type(x).__name__}: {error}") from error
