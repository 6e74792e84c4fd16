# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True, freethreading_compatible=True
"""Loops that repeat a kernel inside one call from Python, for benchmarks: no call overhead in the figure.

Every repetition takes a key of its own, (seed, 0), (seed + 1, 0), ...: a branch predictor learns the mask of a key that
is used again. The core is that of `fastdrop._core`, with the instruction set that is in use there.
"""

cimport numpy as cnp
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from fastdrop._capi cimport FD_OK, fd_exec, fd_key
from fastdrop._core cimport c_apply, c_dropout, c_fill, c_scale

cnp.import_array()


cdef void *memory(cnp.ndarray a, bint written) except NULL:
    """The data of a contiguous array, checked, for what comes next is C."""
    if a is None or not (cnp.PyArray_ISCARRAY(a) if written else cnp.PyArray_ISCARRAY_RO(a)):
        raise TypeError(f"expected a contiguous{', writeable' if written else ''} array in native byte order, but got {a!r}")
    return cnp.PyArray_DATA(a)


cdef int same(cnp.ndarray x, cnp.ndarray y, int dtype) except -1:
    """Refuse what would read or write past an end."""
    if not 0 <= dtype < 6 or x.itemsize != (2, 2, 4, 8, 8, 16)[dtype]:
        raise ValueError(f"dtype has to be the number of the array's {x.dtype}, but is {dtype}")
    if x.nbytes != y.nbytes:
        raise ValueError(f"x and y have to be of the same size, but have {x.nbytes} and {y.nbytes} bytes")
    return 0


cdef fd_exec team(int threads):
    cdef fd_exec how
    how.threads = threads
    how.poll = NULL
    how.context = NULL
    return how


cdef int check(int status) except -1:
    if status != FD_OK:
        raise ValueError(f"the core refused the arguments with status {status}")
    return 0


def scale(cnp.ndarray x, float s, int times):
    """Multiply a float32 array in place so many times: what memory allows."""
    cdef float *data = <float *>memory(x, True)
    cdef size_t n = x.size
    if cnp.PyArray_TYPE(x) != cnp.NPY_FLOAT32:
        raise TypeError(f"x has to be of dtype float32, but got {x.dtype}")
    with nogil:
        for _ in range(times):
            c_scale(data, n, s)


def copy(cnp.ndarray x, cnp.ndarray y, int times):
    """Copy x to y so many times with the C library's memcpy."""
    cdef const void *source = memory(x, False)
    cdef void *target = memory(y, True)
    cdef size_t n = y.nbytes
    if x.nbytes != y.nbytes:
        raise ValueError(f"x and y have to be of the same size, but have {x.nbytes} and {y.nbytes} bytes")
    with nogil:
        for _ in range(times):
            memcpy(target, source, n)


def drop(cnp.ndarray x, cnp.ndarray y, int dtype, double p, uint64_t seed, uint64_t times, int threads=1):
    """Write dropout of x to y, x itself or another array, so many times; `dtype` as in `fastdrop.arrays.DTYPES`."""
    cdef const void *source = memory(x, False)
    cdef void *target = memory(y, True)
    cdef size_t n = x.size
    cdef fd_exec how = team(threads)
    cdef fd_key key
    cdef uint64_t i
    cdef int status = FD_OK
    same(x, y, dtype)
    key.stream = 0
    with nogil:
        for i in range(times):
            key.seed = seed + i
            status |= c_dropout(key, p, n, dtype, source, target, &how)
    check(status)


def apply(cnp.ndarray bits, cnp.ndarray x, cnp.ndarray y, int dtype, double scale, int times, int threads=1):
    """Apply packed bits to x so many times: the backward pass of a stored mask."""
    cdef const uint8_t *mask = <const uint8_t *>memory(bits, False)
    cdef const void *source = memory(x, False)
    cdef void *target = memory(y, True)
    cdef size_t n = x.size
    cdef fd_exec how = team(threads)
    cdef int status = FD_OK
    same(x, y, dtype)
    if bits.nbytes * 8 < n:
        raise ValueError(f"bits has to hold a bit for each of {n} elements, but has {bits.nbytes} bytes")
    with nogil:
        for _ in range(times):
            status |= c_apply(mask, n, dtype, scale, source, target, &how)
    check(status)


def fill(cnp.ndarray bits, double p, uint64_t seed, uint64_t times, int threads=1):
    """Write packed masks over whole bytes so many times."""
    cdef uint8_t *target = <uint8_t *>memory(bits, True)
    cdef size_t n = 8 * bits.nbytes
    cdef fd_exec how = team(threads)
    cdef fd_key key
    cdef uint64_t i
    cdef int status = FD_OK
    key.stream = 0
    with nogil:
        for i in range(times):
            key.seed = seed + i
            status |= c_fill(key, p, n, target, &how)
    check(status)
