"""Softmax with dropout of the C core as Cython sees it: csrc/fastdrop_softmax.h says what each function promises."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t

from fastdrop._capi cimport fd_exec, fd_mask_desc

cdef extern from "fastdrop.h" nogil:
    ctypedef struct fd_scores:
        double scale
        int mask_kind
        const void *mask
        const int64_t *mask_strides
        int causal
        int64_t first_query
    int fd_map(int f, size_t n, int dtype, const void *x, void *y)
    int fd_softmax_dropout(const fd_mask_desc *drop, const fd_scores *scores, int ndim, const int64_t *shape, int dtype,
                           const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides, void *row_max,
                           void *row_sum, const fd_exec *how)
    int fd_softmax_dropout_backward(const fd_mask_desc *drop, const fd_scores *scores, int ndim, const int64_t *shape,
                                    int dtype, const void *x, const int64_t *x_strides, const void *row_max,
                                    const void *row_sum, const void *dy, const int64_t *dy_strides, void *dx,
                                    const int64_t *dx_strides, const fd_exec *how)
