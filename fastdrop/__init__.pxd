"""The C interface for `cimport fastdrop`: link with the library in `fastdrop.get_library_dir()`."""

from fastdrop._capi cimport *
