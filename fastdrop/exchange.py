"""Arrays of other libraries, met where they lie: the buffer protocol, `__array_interface__` and DLPack."""

from __future__ import annotations

import numpy as np

__all__ = ["incoming", "outgoing"]

#: DLPack's number of the CPU (DLDeviceType).
_CPU = 1


def incoming(x: object, name: str) -> np.ndarray:
    """Return what was passed as an array, without a copy where it lies in memory that NumPy can read.

    Raises
    ------
    TypeError
        If it offers DLPack alone, and NumPy can't take it: another device, a dtype that NumPy lacks.
    """
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack__") or hasattr(x, "__array__"):
        return np.asanyarray(x)
    return _from_dlpack(x, name)


def outgoing(out: object) -> np.ndarray:
    """Return an array over the memory of `out`, an array of any library: what is written there arrives there.

    Raises
    ------
    TypeError
        If it is no array, or one that NumPy can't write through.
    """
    if isinstance(out, np.ndarray):
        return out
    if hasattr(out, "__array_interface__"):
        return np.asarray(out)
    if hasattr(out, "__dlpack__"):
        return _from_dlpack(out, "out")
    try:
        return np.asarray(memoryview(out))  # type: ignore[arg-type]
    except TypeError:
        text = "a NumPy array, an array with the buffer protocol, __array_interface__ or __dlpack__, or None"
        raise TypeError(f"out has to be {text}, but got {type(out).__name__}") from None


def _from_dlpack(x: object, name: str) -> np.ndarray:
    device = x.__dlpack_device__()  # type: ignore[attr-defined]
    if device[0] != _CPU:
        raise TypeError(f"{name} has to be in the CPU's memory, but is on DLPack's device {tuple(map(int, device))}")
    try:
        return np.from_dlpack(x)  # type: ignore[arg-type]
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        text = (
            f"{name} has to be an array that NumPy can take through DLPack, but for {type(x).__name__} it says: {error}"
        )
        raise TypeError(text) from error
