"""Many keys of one law in the C core as Cython sees it: csrc/fastdrop_samples.h says what each function promises."""

from libc.stdint cimport int64_t, uint64_t

from fastdrop._capi cimport fd_dtype, fd_exec, fd_mask_desc, fd_status

cdef extern from "fastdrop.h" nogil:
    const uint64_t FD_MOMENTS_LIMIT
    ctypedef struct fd_samples:
        uint64_t count
        unsigned role
        const uint64_t *numbers
        int64_t p_step
    fd_status fd_samples_nd(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape,
                            fd_dtype dtype, const void *x, const int64_t *x_strides, int64_t x_step, void *y,
                            const int64_t *y_strides, int64_t y_step, const fd_exec *how)
    fd_status fd_samples_sum(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape,
                             fd_dtype dtype, const void *dy, const int64_t *dy_strides, int64_t dy_step, void *dx,
                             const int64_t *dx_strides, const fd_exec *how)
    fd_status fd_samples_moments(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape,
                                 fd_dtype dtype, const void *x, const int64_t *x_strides, void *mean, void *variance,
                                 const fd_exec *how)
