"""DropConnect of the C core as Cython sees it."""

from libc.stdint cimport int64_t

from fastdrop._capi cimport fd_dtype, fd_exec, fd_mask_desc, fd_status

cdef extern from "fastdrop.h" nogil:
    fd_status fd_connect(const fd_mask_desc *mask, const int64_t *shape, fd_dtype dtype, const void *x, int64_t x_step,
                         const void *w, int64_t w_step, const void *bias, void *y, int64_t y_step, const fd_exec *how)
    fd_status fd_connect_backward(const fd_mask_desc *mask, const int64_t *shape, fd_dtype dtype, const void *dy,
                                  int64_t dy_step, const void *x, int64_t x_step, const void *w, int64_t w_step,
                                  void *dx, int64_t dx_step, void *dw, int64_t dw_step, const fd_exec *how)
