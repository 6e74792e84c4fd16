/* fastdrop_mix.h: several arrays in one pass under one mask. Part of fastdrop.h, whose conventions hold: include that.
 *
 * All arrays of a call have the shape and dtype that the call names, and strides of their own, in bytes; inputs may have
 * strides of 0 and so be broadcast. An output is exactly one of the inputs or shares no memory with any input, the mask's bits
 * and other outputs. The mask has one p: p_values has to be NULL. Each operation is rounded by itself, in the order in which it
 * is written, in float for types up to FD_F32 and for FD_C64, else in double; narrow types are rounded to once, at the end.
 */
#ifndef FASTDROP_MIX_H
#define FASTDROP_MIX_H

typedef struct fd_input {
    const void *data;       /* NULL where the call allows for no array */
    const int64_t *strides;
} fd_input;

typedef struct fd_output {
    void *data;
    const int64_t *strides;
} fd_output;

/* fd_affine_nd writes y = kept ? a x + b : c; for complex types a times both parts, and b and c to both. */
fd_status fd_affine_nd(const fd_mask_desc *mask, double a, double b, double c, int ndim, const int64_t *shape,
                       fd_dtype dtype, fd_input x, fd_output y, const fd_exec *exec);

/* fd_choose_nd writes y = kept ? x : other. */
fd_status fd_choose_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, fd_input x, fd_input other,
                       fd_output y, const fd_exec *exec);

/* fd_part_nd is its backward pass: dx = kept ? dy : 0 and d_other = kept ? 0 : dy. */
fd_status fd_part_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, fd_input dy, fd_output dx,
                     fd_output d_other, const fd_exec *exec);

/* fd_blend_nd writes its mean, y = a x + b other. */
fd_status fd_blend_nd(double a, double b, int ndim, const int64_t *shape, fd_dtype dtype, fd_input x, fd_input other,
                      fd_output y, const fd_exec *exec);

typedef enum fd_activation {
    FD_ACT_NONE, /* f(h) = h */
    FD_ACT_RELU, /* f(h) = h <= 0 ? +0 : h, not for complex types; f'(h) = h <= 0 ? 0 : 1: a NaN stays one */
    FD_ACT_GELU,      /* f(h) = h Phi(h), Phi the normal distribution function; */
    FD_ACT_GELU_TANH, /* and its approximation by tanh; both as fd_map computes them, not for complex types */
    FD_NUM_ACTIVATIONS
} fd_activation;

/* fd_fused_nd writes y = residual + (kept ? f(x + bias) * s : 0) with s = fd_scale(mask->p); bias and residual may have no
 * data: they are not added then. */
fd_status fd_fused_nd(const fd_mask_desc *mask, fd_activation f, int ndim, const int64_t *shape, fd_dtype dtype, fd_input x,
                      fd_input bias, fd_input residual, fd_output y, const fd_exec *exec);

/* fd_fused_backward_nd writes dx = kept ? (dy * s) f'(x + bias) : 0. Without an activation x and bias are not read and may
 * have no data. */
fd_status fd_fused_backward_nd(const fd_mask_desc *mask, fd_activation f, int ndim, const int64_t *shape, fd_dtype dtype,
                               fd_input dy, fd_input x, fd_input bias, fd_output dx, const fd_exec *exec);

#endif
