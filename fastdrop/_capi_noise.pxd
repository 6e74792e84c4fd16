"""Continuous noise of the C core as Cython sees it: csrc/fastdrop_noise.h says what each function promises."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastdrop._capi cimport fd_dtype, fd_exec, fd_key, fd_mask_desc, fd_status

cdef extern from "fastdrop.h" nogil:
    ctypedef int fd_noise_kind
    enum:
        FD_NOISE_MULTIPLY, FD_NOISE_ADD
    fd_status fd_normal(const uint32_t *words, size_t n, fd_dtype dtype, void *z)
    fd_status fd_concrete_nd(const fd_mask_desc *where, double p, double temperature, int slope, int ndim,
                             const int64_t *shape, fd_dtype dtype, const void *x, const int64_t *x_strides, void *y,
                             const int64_t *y_strides, const fd_exec *how)
    fd_status fd_noise(fd_key key, fd_noise_kind kind, double sigma, uint64_t start, size_t n, fd_dtype dtype,
                       const void *x, void *y, const fd_exec *how)
    fd_status fd_noise_nd(const fd_mask_desc *where, fd_noise_kind kind, double sigma, int ndim, const int64_t *shape,
                          fd_dtype dtype, const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                          const fd_exec *how)
