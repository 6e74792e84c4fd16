"""Continuous noise of the C core as Cython sees it: csrc/fastdrop_noise.h says what each function promises."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t

from fastdrop._capi cimport fd_exec, fd_mask_desc

cdef extern from "fastdrop.h" nogil:
    int fd_normal(const uint32_t *words, size_t n, int dtype, void *z)
    int fd_concrete_nd(const fd_mask_desc *where, double p, double temperature, int slope, int ndim, const int64_t *shape,
                       int dtype, const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                       const fd_exec *how)
    int fd_noise_nd(const fd_mask_desc *where, int kind, double sigma, int ndim, const int64_t *shape, int dtype,
                    const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides, const fd_exec *how)
