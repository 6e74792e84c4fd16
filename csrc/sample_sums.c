/* sample_sums.c: the gradient of an array that samples share: what each makes of its own, added up. */
#include <string.h>

#include "samples.h"

enum {
    WEIGHT = 128, /* a patch counts as at most so many for fd_run, which hands out many patches at a time so, */
    ENDS = 8      /* and reading and writing it as so many more */
};

fd_status fd_sums_run(fd_sums *a, const fd_layout *layout, fd_range_fn *fn, const fd_exec *exec)
{
    fd_patches patches;
    const uint64_t most = a->mask->p_values ? FD_VARIED : fd_is_complex(a->dtype) ? FD_PATCH / 2 : FD_PATCH;
    const uint64_t samples = a->samples->count < WEIGHT ? a->samples->count : WEIGHT;
    fd_patches_make(&patches, layout, a->mask->p_values, most);
    a->patches = &patches;
    a->kernels = fd_kernels_active();
    return fd_run(exec, patches.count, patches.group_rows * patches.segment * (samples + ENDS), fn, a);
}

static void add(int wide, size_t n, const fd_numbers *some, fd_numbers *sum)
{
    if (wide)
        for (size_t j = 0; j < n; j++) sum->d[j] += some->d[j];
    else
        for (size_t j = 0; j < n; j++) sum->f[j] += some->f[j];
}

static void sum_range(void *context, uint64_t begin, uint64_t end)
{
    const fd_sums *a = context;
    const fd_patches *patches = a->patches;
    const fd_dtype product = fd_is_half(a->dtype) ? FD_F32 : a->dtype;
    const int64_t size = (int64_t)fd_dtype_size(product);
    fd_sample_keys keys;
    fd_numbers sum, some;
    fd_sample_keys_open(&keys);
    for (uint64_t number = begin; number < end; number++) {
        const fd_patch patch = fd_patches_get(patches, number);
        const size_t elements = patch.rows * patch.n, reals = fd_is_complex(a->dtype) ? 2 * elements : elements;
        const int64_t row = (int64_t)patch.n * size;
        const fd_elements as_it_is = {a->kernels, product, patches->row.x, size, patches->rows.x, row};
        const fd_elements gathered = {a->kernels, product, size, size, row, row};
        const double scale = a->mask->p_values ? 1.0 : fd_scale(a->mask->p);
        double copy[FD_VARIED];
        const double *p = patch.p ? fd_gather_p(copy, patch.p, patches->rows.p, patch.rows, patches->row.p, patch.n) : NULL;
        memset(&sum, 0, reals * (fd_is_wide(a->dtype) ? 8 : 4)); /* of no samples */
        for (uint64_t s = 0; s < a->samples->count; s++) {
            uint8_t bits[FD_PATCH / 8];
            fd_numbers *to = s ? &some : &sum;
            const char *x = a->x + patch.x + (int64_t)s * a->x_step;
            fd_patch_bits(patches, &patch, a->mask, fd_sample_keys_get(&keys, a->mask->key, a->samples, s), p, bits);
            if (fd_is_half(a->dtype)) {
                fd_patch_gather(a->dtype, patch.rows, patch.n, x, patches->rows.x, patches->row.x, to);
                x = (const char *)to;
            }
            fd_apply_patch(fd_is_half(a->dtype) ? &gathered : &as_it_is, bits, patch.rows, patch.n, x, (char *)to, p, scale);
            if (s) add(fd_is_wide(a->dtype), reals, &some, &sum);
        }
        fd_patch_scatter(a->dtype, patch.rows, patch.n, &sum, a->y + patch.y, patches->rows.y, patches->row.y);
    }
}

fd_status fd_samples_sum(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape, fd_dtype dtype,
                         const void *dy, const int64_t *dy_strides, int64_t dy_step, void *dx, const int64_t *dx_strides,
                         const fd_exec *exec)
{
    fd_layout layout;
    fd_status status = fd_samples_check(mask, samples);
    if (status == FD_OK) status = fd_layout_make(&layout, mask, ndim, shape, dy_strides, dx_strides);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK) return status;
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (layout.empty) return FD_OK;
    if (!dy || !dx || (ndim && (!dy_strides || !dx_strides))) return FD_BAD_POINTER;
    fd_layout_sort(&layout);
    fd_layout_merge(&layout);
    fd_sums a = {.mask = mask, .samples = samples, .dtype = dtype, .x = dy, .y = dx, .x_step = dy_step};
    return fd_sums_run(&a, &layout, sum_range, exec);
}
