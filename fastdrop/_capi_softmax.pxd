"""Softmax with dropout of the C core as Cython sees it: csrc/fastdrop_softmax.h says what each function promises."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t

from fastdrop._capi cimport fd_dtype, fd_exec, fd_mask_desc, fd_status

cdef extern from "fastdrop.h" nogil:
    ctypedef int fd_function
    ctypedef int fd_score_mask
    enum:
        FD_EXP, FD_GELU, FD_GELU_SLOPE, FD_GELU_TANH, FD_GELU_TANH_SLOPE, FD_NUM_FUNCTIONS
        FD_NO_MASK, FD_BOOL_MASK, FD_ADD_MASK
    ctypedef struct fd_scores:
        double scale
        fd_score_mask mask_kind
        const void *mask
        const int64_t *mask_strides
        int causal
        int64_t first_query
    fd_status fd_map(fd_function f, size_t n, fd_dtype dtype, const void *x, void *y)
    fd_status fd_softmax_dropout(const fd_mask_desc *drop, const fd_scores *scores, int ndim, const int64_t *shape,
                                 fd_dtype dtype, const void *x, const int64_t *x_strides, void *y,
                                 const int64_t *y_strides, void *row_max, void *row_sum, const fd_exec *how)
    fd_status fd_softmax_dropout_backward(const fd_mask_desc *drop, const fd_scores *scores, int ndim,
                                          const int64_t *shape, fd_dtype dtype, const void *x, const int64_t *x_strides,
                                          const void *row_max, const void *row_sum, const void *dy,
                                          const int64_t *dy_strides, void *dx, const int64_t *dx_strides,
                                          const fd_exec *how)
