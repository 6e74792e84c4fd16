/* dropout.c: entry points that write elements: check, bring into order, pick a walk. */
#include "dropout.h"

/* The axis along which the mask is numbered: the smallest step that is not 0; -1 if there is none. */
static int numbered_axis(const fd_layout *l)
{
    int best = -1;
    uint64_t least = UINT64_MAX;
    for (int d = 0; d < l->ndim; d++) {
        const int64_t step = l->axis[d].index;
        const uint64_t far = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
        if (far && far <= least) {
            least = far;
            best = d;
        }
    }
    return best;
}

static int fits_run(const fd_mask_desc *mask, uint64_t start, fd_dtype dtype)
{
    return !mask->p_values && !fd_is_complex(dtype) && !(mask->bits && start % 8);
}

static fd_status walk(const fd_job *job, const fd_exec *exec)
{
    enum { FEW = 64 }; /* shared rows shorter than this are not worth a call each */
    const fd_layout *l = job->layout;
    const int inner = l->ndim - 1, along = numbered_axis(l);
    if (l->ndim == 0) return fd_walk_rows(job, exec);
    const fd_axis *row = &l->axis[inner];
    const int64_t size = (int64_t)fd_dtype_size(job->dtype);

    if (l->ndim == 1 && row->x == size && row->y == size && row->index == 1 && fits_run(job->mask, job->start, job->dtype))
        return fd_walk_run(job, l->size, exec);
    if (row->index == 0 && row->p == 0 && row->n >= FEW) return fd_walk_shared(job, along, exec);
    if (row->index == 0 || along < 0 || along == inner) return fd_walk_rows(job, exec);
    return fd_walk_tiles(job, along, exec);
}

fd_status fd_dropout_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, const void *x,
                        const int64_t *x_strides, void *y, const int64_t *y_strides, const double *scale,
                        const fd_exec *exec)
{
    fd_layout layout;
    fd_job job = {.mask = mask, .layout = &layout, .dtype = dtype};
    fd_status status = fd_layout_make(&layout, mask, ndim, shape, x_strides, y_strides);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK) return status;
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (layout.empty) return FD_OK;
    if (!x || !y || (ndim && (!x_strides || !y_strides))) return FD_BAD_POINTER;
    job.own_scales = !scale && mask->p_values;
    job.scale = scale ? *scale : job.own_scales ? 1.0 : fd_scale(mask->p);
    fd_layout_sort(&layout);
    fd_layout_merge(&layout);
    job.start = layout.start;
    job.p_values = mask->p_values ? mask->p_values + layout.p : NULL;
    job.x = (const char *)x + layout.x;
    job.y = (char *)y + layout.y;
    return walk(&job, exec);
}

/* One run of elements. Types that fit go straight to the kernels: a small call is over before a layout is made. */
static fd_status drop_run(const fd_mask_desc *mask, size_t n, fd_dtype dtype, const void *x, void *y, double scale,
                          const fd_exec *exec)
{
    const int64_t shape = (int64_t)n, stride = (int64_t)fd_dtype_size(dtype);
    if (n > FD_INDEX_LIMIT) return FD_BAD_SHAPE;
    if (!stride) return FD_BAD_DTYPE;
    if (!fits_run(mask, mask->start, dtype)) return fd_dropout_nd(mask, 1, &shape, dtype, x, &stride, y, &stride, &scale, exec);
    if (!fd_valid_p(mask->p)) return FD_BAD_PROBABILITY;
    if (mask->start > FD_INDEX_LIMIT || n > FD_INDEX_LIMIT - mask->start) return FD_BAD_INDEX;
    if (n && (!x || !y)) return FD_BAD_POINTER;
    const fd_status status = fd_check_exec(exec);
    if (status != FD_OK || !n) return status;
    const fd_job job = {mask, NULL, dtype, mask->start, NULL, x, y, scale, 0};
    return fd_walk_run(&job, n, exec);
}

/* Whether a call of real elements can go straight to the kernels, most of its time being the way there otherwise: it
 * has few elements, and nothing is wrong with it. */
static int is_small(uint64_t start, size_t n, fd_dtype dtype, const void *x, const void *y, const fd_exec *exec)
{
    return n - 1 < FD_SERIAL_ELEMENTS - 1 && (unsigned)dtype < FD_NUM_REAL && start < FD_INDEX_LIMIT - FD_SERIAL_ELEMENTS && x &&
           y && fd_check_exec(exec) == FD_OK;
}

fd_status fd_dropout(fd_key key, double p, uint64_t start, size_t n, fd_dtype dtype, const void *x, void *y,
                     const fd_exec *exec)
{
    if (fd_valid_p(p) && is_small(start, n, dtype, x, y, exec)) {
        const fd_rule rule = fd_make_rule(key, p);
        fd_alone();
        fd_drop_run(&rule, NULL, start, n, dtype, x, y, fd_make_scale(p), 0);
        return FD_OK;
    }
    const int64_t step = 1;
    const fd_mask_desc mask = {.key = key, .start = start, .strides = &step, .p = p};
    return drop_run(&mask, n, dtype, x, y, fd_scale(p), exec);
}

fd_status fd_apply(const uint8_t *bits, size_t n, fd_dtype dtype, double scale, const void *x, void *y,
                   const fd_exec *exec)
{
    if (bits && is_small(0, n, dtype, x, y, exec)) {
        fd_alone();
        fd_drop_run(NULL, bits, 0, n, dtype, x, y, scale, 0);
        return FD_OK;
    }
    const int64_t step = 1;
    const fd_mask_desc mask = {.bits = bits, .strides = &step};
    if (!bits && n) return FD_BAD_POINTER;
    return drop_run(&mask, n, dtype, x, y, scale, exec);
}

void fd_scale_f32(float *x, size_t n, float s) { fd_kernels_active()->scale[FD_F32](n, x, x, (double)s); }
