"""Stands for XLA: the structures of its foreign function interface by ctypes, and a runtime that calls a handler."""

import ctypes
import threading
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p

import numpy as np

from fastdrop import _core

METADATA, EXECUTE, PREPARE, BUFFER, ARRAY = 1, 3, 1, 1, 1
S32, S64, U32, F16, F32, F64, C64, C128 = 4, 5, 8, 10, 11, 12, 15, 18
TYPES = {"int32": S32, "int64": S64, "uint32": U32, "float16": F16, "float32": F32, "float64": F64, "complex64": C64}
TYPES["complex128"] = C128


class Extension(Structure):
    pass


Extension._fields_ = [("size", c_size_t), ("kind", c_int), ("next", POINTER(Extension))]
BASE = [("size", c_size_t), ("extensions", POINTER(Extension))]


class Version(Structure):
    _fields_ = [*BASE, ("major", c_int), ("minor", c_int)]


class NewError(Structure):
    _fields_ = [*BASE, ("message", c_char_p), ("code", c_int)]


class Schedule(Structure):
    _fields_ = [*BASE, ("context", c_void_p), ("task", CFUNCTYPE(None, c_void_p)), ("data", c_void_p)]


class NumThreads(Structure):
    _fields_ = [*BASE, ("context", c_void_p), ("threads", POINTER(c_int64))]


NEW_ERROR = CFUNCTYPE(c_void_p, POINTER(NewError))
DELETE_ERROR = CFUNCTYPE(None, c_void_p)
SCHEDULE = CFUNCTYPE(c_void_p, POINTER(Schedule))
NUM_THREADS = CFUNCTYPE(c_void_p, POINTER(NumThreads))


class Api(Structure):
    _fields_ = [
        *BASE, ("version", Version), ("internal", c_void_p), ("new_error", NEW_ERROR), ("message", c_void_p),
        ("delete_error", DELETE_ERROR), ("others", c_void_p * 8), ("schedule", SCHEDULE), ("num_threads", NUM_THREADS),
    ]  # fmt: skip


class Buffer(Structure):
    _fields_ = [*BASE, ("dtype", c_int), ("data", c_void_p), ("rank", c_int64), ("shape", POINTER(c_int64))]


class Items(Structure):
    _fields_ = [*BASE, ("count", c_int64), ("kinds", POINTER(c_int)), ("items", POINTER(c_void_p))]


class Text(Structure):
    _fields_ = [("start", c_char_p), ("length", c_size_t)]


class Array(Structure):
    _fields_ = [("dtype", c_int), ("count", c_size_t), ("data", c_void_p)]


class Attributes(Structure):
    _fields_ = [
        *BASE, ("count", c_int64), ("kinds", POINTER(c_int)), ("names", POINTER(POINTER(Text))),
        ("items", POINTER(c_void_p)),
    ]  # fmt: skip


class Frame(Structure):
    _fields_ = [
        *BASE, ("api", POINTER(Api)), ("context", c_void_p), ("stage", c_int), ("operands", Items), ("results", Items),
        ("attributes", Attributes), ("future", c_void_p),
    ]  # fmt: skip


class Metadata(Structure):
    _fields_ = [("size", c_size_t), ("version", Version), ("traits", ctypes.c_uint32), ("state_type", c_int64)]


class MetadataExtension(Structure):
    _fields_ = [("base", Extension), ("metadata", POINTER(Metadata))]


get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
get_pointer.restype, get_pointer.argtypes = c_void_p, [ctypes.py_object, c_char_p]
handler = CFUNCTYPE(c_void_p, POINTER(Frame))(get_pointer(_core.xla_handler(), b"xla._CUSTOM_CALL_TARGET"))


class Runtime:
    """Stands for XLA: makes errors, and runs what is scheduled on threads of its own, or refuses to."""

    def __init__(self, threads=1, major=0, refuse_after=None):
        self.errors, self.deleted, self.started = [], 0, []

        def new_error(arguments):
            self.errors.append((arguments.contents.code, arguments.contents.message.decode()))
            return len(self.errors)

        def delete_error(_):
            self.deleted += 1

        def schedule(arguments):
            if refuse_after is not None and len(self.started) >= refuse_after:
                self.errors.append((13, "no thread"))
                return len(self.errors)
            task, data = arguments.contents.task, arguments.contents.data
            thread = threading.Thread(target=task, args=(data,))
            self.started.append(thread)
            thread.start()
            return None

        def num_threads(arguments):
            arguments.contents.threads[0] = threads
            return None

        self.functions = NEW_ERROR(new_error), DELETE_ERROR(delete_error), SCHEDULE(schedule), NUM_THREADS(num_threads)
        version = Version(ctypes.sizeof(Version), None, major, 3)
        self.api = Api(ctypes.sizeof(Api), None, version, None, self.functions[0], None, *self.functions[1:2],
                       (c_void_p * 8)(), *self.functions[2:])  # fmt: skip

    def call(self, operands, results, stage=EXECUTE, attributes=None):
        """Return None, or code and text of the error."""
        keep = []

        def buffers(arrays):
            items = (c_void_p * max(len(arrays), 1))()
            for i, array in enumerate(arrays):
                shape = (c_int64 * max(array.ndim, 1))(*array.shape)
                one = Buffer(ctypes.sizeof(Buffer), None, TYPES[str(array.dtype)], array.ctypes.data, array.ndim, shape)
                keep.extend((shape, one, array))
                items[i] = ctypes.addressof(one)
            kinds = (c_int * max(len(arrays), 1))(*len(arrays) * [BUFFER])
            keep.extend((items, kinds))
            return Items(ctypes.sizeof(Items), None, len(arrays), kinds, items)

        names, items, kinds = [], [], []
        for name, value in sorted((attributes or {}).items()):
            value = np.ascontiguousarray(value)
            text = Text(name.encode(), len(name))
            array = Array(TYPES[str(value.dtype)], value.size, value.ctypes.data)
            keep.extend((value, text, array))
            names.append(ctypes.pointer(text))
            items.append(ctypes.addressof(array))
            kinds.append(ARRAY)
        n = len(names)
        found = Attributes(
            ctypes.sizeof(Attributes), None, n, (c_int * max(n, 1))(*kinds), (POINTER(Text) * max(n, 1))(*names),
            (c_void_p * max(n, 1))(*items),
        )  # fmt: skip
        frame = Frame(ctypes.sizeof(Frame), None, ctypes.pointer(self.api), None, stage, buffers(operands),
                      buffers(results), found, None)  # fmt: skip
        error = handler(byref(frame))
        for thread in self.started:
            thread.join()
        return self.errors[error - 1] if error else None
