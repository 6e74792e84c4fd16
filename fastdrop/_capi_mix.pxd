"""Several arrays under one mask, of the C core as Cython sees it: csrc/fastdrop_mix.h says what each function promises."""

from libc.stdint cimport int64_t

from fastdrop._capi cimport fd_dtype, fd_exec, fd_mask_desc, fd_status

cdef extern from "fastdrop.h" nogil:
    ctypedef int fd_activation
    enum:
        FD_ACT_NONE, FD_ACT_RELU, FD_ACT_GELU, FD_ACT_GELU_TANH, FD_NUM_ACTIVATIONS
    ctypedef struct fd_input:
        const void *data
        const int64_t *strides
    ctypedef struct fd_output:
        void *data
        const int64_t *strides
    fd_status fd_affine_nd(const fd_mask_desc *mask, double a, double b, double c, int ndim, const int64_t *shape,
                           fd_dtype dtype, fd_input x, fd_output y, const fd_exec *how)
    fd_status fd_choose_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, fd_input x,
                           fd_input other, fd_output y, const fd_exec *how)
    fd_status fd_part_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, fd_input dy,
                         fd_output dx, fd_output d_other, const fd_exec *how)
    fd_status fd_blend_nd(double a, double b, int ndim, const int64_t *shape, fd_dtype dtype, fd_input x,
                          fd_input other, fd_output y, const fd_exec *how)
    fd_status fd_fused_nd(const fd_mask_desc *mask, fd_activation f, int ndim, const int64_t *shape, fd_dtype dtype,
                          fd_input x, fd_input bias, fd_input residual, fd_output y, const fd_exec *how)
    fd_status fd_fused_backward_nd(const fd_mask_desc *mask, fd_activation f, int ndim, const int64_t *shape,
                                   fd_dtype dtype, fd_input dy, fd_input x, fd_input bias, fd_output dx,
                                   const fd_exec *how)
