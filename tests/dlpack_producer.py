"""A producer of DLPack written from its specification, which can also export what no package here does: other devices,
versions and types, missing strides, offsets. It counts what it gets back."""

from __future__ import annotations

import ctypes

import numpy as np

_CODES = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Managed(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


class Versioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    ]


_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
#: What is with a consumer stays alive.
_LENT: dict[int, tuple[Producer, ctypes.Structure]] = {}


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _take_back(managed: int) -> None:
    producer, _ = _LENT.pop(managed)  # a KeyError, which pytest reports, for what was not lent or comes back twice
    producer.returned += 1


class Producer:
    """Exports the memory of an array.

    Parameters
    ----------
    values : ndarray
    version : tuple of int or None
        None for a producer from before version 1, which knows no arguments either.
    device : tuple of int
    flags : int
        1: read-only; 2: a copy.
    code, bits, lanes : int, optional
        In place of what the dtype says.
    without_strides : bool
        Leave them out, as is allowed for C order.
    byte_offset : int
        How much of the address is told as an offset.
    """

    def __init__(
        self,
        values: np.ndarray,
        version: tuple[int, int] | None = (1, 0),
        device: tuple[int, int] = (1, 0),
        flags: int = 0,
        code: int | None = None,
        bits: int | None = None,
        lanes: int = 1,
        without_strides: bool = False,
        byte_offset: int = 0,
    ) -> None:
        self.values, self.version, self.device, self.flags = values, version, device, flags
        self.lent = self.returned = 0
        self.tensor = Tensor(values.ctypes.data - byte_offset, *device, values.ndim)
        is_bfloat16 = values.dtype.name == "bfloat16"
        self.tensor.code = code if code is not None else 4 if is_bfloat16 else _CODES[values.dtype.kind]
        self.tensor.bits = bits if bits is not None else 8 * values.itemsize
        self.tensor.lanes = lanes
        self.tensor.shape = self._shape = (ctypes.c_int64 * values.ndim)(*values.shape)
        self._strides = (ctypes.c_int64 * values.ndim)(*(step // values.itemsize for step in values.strides))
        self.tensor.strides = None if without_strides else self._strides
        self.tensor.byte_offset = byte_offset

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **options: object) -> object:
        if self.version is None and options:
            raise TypeError(f"unexpected arguments {sorted(options)}")
        deleter = ctypes.cast(_take_back, ctypes.c_void_p).value
        if self.version is None:
            managed: ctypes.Structure = Managed(self.tensor, None, deleter)
        else:
            managed = Versioned(*self.version, None, deleter, self.flags, self.tensor)
        _LENT[ctypes.addressof(managed)] = self, managed
        self.lent += 1
        name = b"dltensor" if self.version is None else b"dltensor_versioned"
        return _new_capsule(ctypes.addressof(managed), name, None)


class Plain:
    """An array of NumPy's that offers nothing but DLPack."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._values.__dlpack_device__()

    def __dlpack__(self, **options: object) -> object:
        return self._values.__dlpack__(**options)
