# The core's handler for XLA, as jax.ffi.register_ffi_target takes it.

from cpython.pycapsule cimport PyCapsule_New

from fastdrop._capi_xla cimport *


def xla_handler():
    """Return the address of fd_xla_dropout in a capsule."""
    return PyCapsule_New(<void *>&fd_xla_dropout, "xla._CUSTOM_CALL_TARGET", NULL)
