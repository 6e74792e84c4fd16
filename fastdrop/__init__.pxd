"""`cimport fastdrop`: the whole of fastdrop.h. A module that uses it is compiled with the folder `fastdrop.get_include()` and
linked with libfastdrop, which lies in `fastdrop.get_library_dir()`."""

from fastdrop._capi cimport *
from fastdrop._capi_blocks cimport *
from fastdrop._capi_connect cimport *
from fastdrop._capi_mix cimport *
from fastdrop._capi_noise cimport *
from fastdrop._capi_samples cimport *
from fastdrop._capi_softmax cimport *
from fastdrop._capi_xla cimport *
