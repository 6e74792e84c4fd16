/* patches.c: arrays cut into patches, and their bits under one key after the other. */
#include "samples.h"

#include <string.h>

fd_status fd_samples_check(const fd_mask_desc *mask, const fd_samples *samples)
{
    if (!mask || !samples || mask->bits) return FD_BAD_POINTER;
    if (samples->count > FD_INDEX_LIMIT) return FD_BAD_SHAPE;
    if (samples->role > FD_ROLE_REPLICA) return FD_BAD_ROLE;
    if (!samples->numbers) return samples->count >> 56 ? FD_BAD_ROLE : FD_OK;
    for (uint64_t s = 0; s < samples->count; s++)
        if (samples->numbers[s] >> 56) return FD_BAD_ROLE;
    return FD_OK;
}

void fd_patches_make(fd_patches *a, const fd_layout *layout, const double *p_values, uint64_t most)
{
    a->layout = layout;
    a->p_values = p_values;
    a->row = a->rows = (fd_axis){.n = 1};
    a->num_outer = layout->ndim;
    for (int d = 0; d < layout->ndim; d++) a->outer[d] = layout->axis[d];
    if (a->num_outer) a->row = a->outer[--a->num_outer];
    if (a->num_outer) a->rows = a->outer[--a->num_outer];
    const uint64_t n = (uint64_t)a->row.n, rows = (uint64_t)a->rows.n;
    a->near = fd_near(&a->rows, 1, &a->row);
    a->segment = n < most ? n : most;
    a->segments = (n + a->segment - 1) / a->segment;
    a->group_rows = most / a->segment < rows ? most / a->segment : rows;
    a->groups = (rows + a->group_rows - 1) / a->group_rows;
    a->count = a->groups * a->segments;
    for (int d = 0; d < a->num_outer; d++) a->count *= (uint64_t)a->outer[d].n;
}

fd_patch fd_patches_get(const fd_patches *a, uint64_t number)
{
    const uint64_t each = a->groups * a->segments, inside = number % each;
    const int64_t i = (int64_t)(inside / a->segments * a->group_rows), j = (int64_t)(inside % a->segments * a->segment);
    const int64_t rows = a->rows.n - i, n = a->row.n - j;
    fd_position pos;
    fd_position_set(&pos, a->outer, a->num_outer, a->layout->start, number / each);
    fd_patch patch;
    patch.start = pos.index + (uint64_t)(i * a->rows.index + j * a->row.index);
    patch.rows = (size_t)(rows < (int64_t)a->group_rows ? rows : (int64_t)a->group_rows);
    patch.n = (size_t)(n < (int64_t)a->segment ? n : (int64_t)a->segment);
    patch.p = a->p_values ? a->p_values + a->layout->p + pos.p + i * a->rows.p + j * a->row.p : NULL;
    patch.x = a->layout->x + pos.x + i * a->rows.x + j * a->row.x;
    patch.y = a->layout->y + pos.y + i * a->rows.y + j * a->row.y;
    return patch;
}

void fd_patch_bits(const fd_patches *a, const fd_patch *patch, const fd_mask_desc *mask, fd_key key, const double *p,
                   uint8_t *bits)
{
    fd_source src;
    fd_mask_desc desc = *mask;
    desc.key = key;
    const int64_t down = (int64_t)(patch->rows - 1) * a->rows.index, along = (int64_t)(patch->n - 1) * a->row.index;
    fd_source_open(&src, &desc, patch->start + (uint64_t)(down > 0 ? down : 0) + (uint64_t)(along > 0 ? along : 0) + 1);
    src.near = patch->rows > 1 ? a->near : 0; /* rows are served from one window, which ends where the patch does */
    if (p) fd_source_varied_patch(&src, patch->start, a->rows.index, patch->rows, a->row.index, patch->n, p, bits);
    else fd_source_patch(&src, patch->start, a->rows.index, patch->rows, a->row.index, patch->n, bits);
}

/* ---- elements of a patch, one after the other ---- */

void fd_patch_gather(fd_dtype dtype, size_t rows, size_t n, const char *x, int64_t row_step, int64_t step, fd_numbers *to)
{
    const size_t size = fd_dtype_size(dtype);
    char *out = (char *)to;
    for (size_t i = 0; i < rows; i++, x += row_step) {
        const char *from = x;
        if (fd_is_half(dtype)) {
            for (size_t j = 0; j < n; j++, from += step) {
                uint16_t h;
                memcpy(&h, from, 2);
                to->f[i * n + j] = fd_widen(dtype, h);
            }
        } else if (step == (int64_t)size) {
            memcpy(out + i * n * size, from, n * size);
        } else if (size == 4) {
            for (size_t j = 0; j < n; j++, from += step) memcpy(out + 4 * (i * n + j), from, 4);
        } else {
            for (size_t j = 0; j < n; j++, from += step) memcpy(out + size * (i * n + j), from, size);
        }
    }
}

void fd_patch_scatter(fd_dtype dtype, size_t rows, size_t n, const fd_numbers *from, char *y, int64_t row_step, int64_t step)
{
    const size_t size = fd_dtype_size(dtype);
    const char *in = (const char *)from;
    for (size_t i = 0; i < rows; i++, y += row_step) {
        char *to = y;
        if (fd_is_half(dtype)) {
            for (size_t j = 0; j < n; j++, to += step) {
                const uint16_t h = fd_narrow(dtype, from->f[i * n + j]);
                memcpy(to, &h, 2);
            }
        } else if (step == (int64_t)size) {
            memcpy(to, in + i * n * size, n * size);
        } else {
            for (size_t j = 0; j < n; j++, to += step) memcpy(to, in + size * (i * n + j), size);
        }
    }
}
