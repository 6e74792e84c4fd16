/* mix.c: entry points of operations on several arrays under one mask. */
#include "elements.h"
#include "law.h"
#include "mix_walk.h"

static const fd_mix_kernels *kernels(void) { return fd_kernels_active()->mix; }

static void put_input(fd_mix_job *job, int i, fd_input x)
{
    job->data[i] = (char *)(uintptr_t)x.data; /* kernels get it as const again */
    job->strides[i] = x.strides;
}

static void put_output(fd_mix_job *job, int i, fd_output y)
{
    job->data[FD_MIX_IN + i] = y.data;
    job->strides[FD_MIX_IN + i] = y.strides;
}

/* Arrays of size 0 need no data. */
static fd_status missing(int ndim, const int64_t *shape)
{
    if (ndim < 0 || ndim > FD_MAX_NDIM) return FD_BAD_NDIM;
    for (int d = 0; d < ndim && shape; d++)
        if (shape[d] == 0) return FD_OK;
    return FD_BAD_POINTER;
}

fd_status fd_affine_nd(const fd_mask_desc *mask, double a, double b, double c, int ndim, const int64_t *shape,
                       fd_dtype dtype, fd_input x, fd_output y, const fd_exec *exec)
{
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (!x.data || !y.data) return missing(ndim, shape);
    fd_mix_job job = {.kernel = kernels()->affine[fd_real_part(dtype)], .dtype = dtype, .constants = {a, b, c}};
    put_input(&job, 0, x);
    put_output(&job, 0, y);
    return fd_mix_walk(&job, mask, ndim, shape, exec);
}

fd_status fd_choose_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, fd_input x, fd_input other,
                       fd_output y, const fd_exec *exec)
{
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (!x.data || !other.data || !y.data) return missing(ndim, shape);
    fd_mix_job job = {.kernel = kernels()->choose[fd_real_part(dtype)], .dtype = dtype};
    put_input(&job, 0, x);
    put_input(&job, 1, other);
    put_output(&job, 0, y);
    return fd_mix_walk(&job, mask, ndim, shape, exec);
}

fd_status fd_part_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, fd_input dy, fd_output dx,
                     fd_output d_other, const fd_exec *exec)
{
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (!dy.data || !dx.data || !d_other.data) return missing(ndim, shape);
    fd_mix_job job = {.kernel = kernels()->part[fd_real_part(dtype)], .dtype = dtype};
    put_input(&job, 0, dy);
    put_output(&job, 0, dx);
    put_output(&job, 1, d_other);
    return fd_mix_walk(&job, mask, ndim, shape, exec);
}

fd_status fd_blend_nd(double a, double b, int ndim, const int64_t *shape, fd_dtype dtype, fd_input x, fd_input other,
                      fd_output y, const fd_exec *exec)
{
    static const int64_t shared[FD_MAX_NDIM];
    const fd_mask_desc mask = {.strides = shared}; /* everything is kept: no bits are made */
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (!x.data || !other.data || !y.data) return missing(ndim, shape);
    fd_mix_job job = {.kernel = kernels()->blend[fd_real_part(dtype)], .dtype = dtype, .constants = {a, b}};
    put_input(&job, 0, x);
    put_input(&job, 1, other);
    put_output(&job, 0, y);
    return fd_mix_walk(&job, &mask, ndim, shape, exec);
}

/* Whether there is such an activation for the type. */
static fd_status check_activation(fd_activation f, fd_dtype dtype)
{
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if ((unsigned)f >= FD_NUM_ACTIVATIONS) return FD_BAD_KIND;
    return f != FD_ACT_NONE && fd_is_complex(dtype) ? FD_BAD_DTYPE : FD_OK;
}

fd_status fd_fused_nd(const fd_mask_desc *mask, fd_activation f, int ndim, const int64_t *shape, fd_dtype dtype, fd_input x,
                      fd_input bias, fd_input residual, fd_output y, const fd_exec *exec)
{
    const fd_status status = check_activation(f, dtype);
    if (status != FD_OK) return status;
    if (!mask) return FD_BAD_POINTER;
    if (!fd_valid_p(mask->p)) return FD_BAD_PROBABILITY;
    if (!x.data || !y.data) return missing(ndim, shape);
    fd_mix_job job = {.kernel = kernels()->forward[f][fd_real_part(dtype)], .dtype = dtype};
    job.constants[0] = fd_make_scale(mask->p);
    put_input(&job, 0, x);
    put_input(&job, 1, bias);
    put_input(&job, 2, residual);
    put_output(&job, 0, y);
    return fd_mix_walk(&job, mask, ndim, shape, exec);
}

fd_status fd_fused_backward_nd(const fd_mask_desc *mask, fd_activation f, int ndim, const int64_t *shape, fd_dtype dtype,
                               fd_input dy, fd_input x, fd_input bias, fd_output dx, const fd_exec *exec)
{
    const fd_status status = check_activation(f, dtype);
    if (status != FD_OK) return status;
    if (!mask) return FD_BAD_POINTER;
    if (!fd_valid_p(mask->p) || mask->p_values) return FD_BAD_PROBABILITY;
    if (f == FD_ACT_NONE)
        return fd_dropout_nd(mask, ndim, shape, dtype, dy.data, dy.strides, dx.data, dx.strides, NULL, exec);
    if (!dy.data || !x.data || !dx.data) return missing(ndim, shape);
    fd_mix_job job = {.kernel = kernels()->backward[f][fd_real_part(dtype)], .dtype = dtype};
    job.constants[0] = fd_make_scale(mask->p);
    put_input(&job, 0, dy);
    put_input(&job, 1, x);
    put_input(&job, 2, bias);
    put_output(&job, 0, dx);
    return fd_mix_walk(&job, mask, ndim, shape, exec);
}
