/* layout.c: the axes of a call, checked and brought into the fewest and best ordered ones. */
#include "layout.h"

#include <string.h>

#include "law.h"

/* Adds (n - 1) * step to a bound; 0 if that leaves [0, 2^62). */
static int extend(uint64_t *bound, int64_t n, int64_t step)
{
    const uint64_t many = (uint64_t)n - 1, far = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
    if (many && far > (FD_INDEX_LIMIT - 1) / many) return 0;
    if (step < 0) {
        if (*bound < many * far) return 0;
        *bound -= many * far;
    } else {
        if (*bound + many * far >= FD_INDEX_LIMIT) return 0;
        *bound += many * far;
    }
    return 1;
}

/* n probabilities, a step apart. As integers, doubles from +0 to 1 are those from 0 to that of 1: what is not, and -0, has a
 * sign bit of its own or in the difference. Compilers vectorise that, and not the comparison. */
static int all_valid(const double *p, int64_t n, int64_t step)
{
    const uint64_t one = UINT64_C(0x3FF) << 52;
    uint64_t signs = 0;
    if (step == 1) {
        for (int64_t j = 0; j < n; j++) {
            uint64_t u;
            memcpy(&u, p + j, 8);
            signs |= u | (one - u);
        }
        if (!(signs >> 63)) return 1;
    }
    for (int64_t j = 0; j < n; j++)
        if (!fd_valid_p(p[j * step])) return 0;
    return 1;
}

/* Every probability that an element can meet; axes along which p does not change are walked once. */
static fd_status check_probabilities(const fd_layout *layout, const double *p)
{
    fd_axis axis[FD_MAX_NDIM], row = {.n = 1, .p = 1};
    int ndim = 0;
    axis[0] = row; /* for compilers that cannot see that ndim guards it */
    for (int d = 0; d < layout->ndim; d++) {
        const fd_axis next = {.n = layout->axis[d].n, .p = layout->axis[d].p};
        if (next.p == 0) continue;
        if (row.n > 1 && row.p == next.p * next.n) {
            row = (fd_axis){.n = row.n * next.n, .p = next.p};
            continue;
        }
        if (row.n > 1) axis[ndim++] = row;
        row = next;
    }
    uint64_t count = 1;
    for (int d = 0; d < ndim; d++) count *= (uint64_t)axis[d].n;
    fd_position pos;
    fd_position_set(&pos, axis, ndim, 0, 0);
    for (uint64_t i = 0; i < count; i++) {
        if (!all_valid(p + pos.p, row.n, row.p)) return FD_BAD_PROBABILITY;
        fd_position_next(&pos, axis, ndim);
    }
    return FD_OK;
}

fd_status fd_layout_make(fd_layout *layout, const fd_mask_desc *mask, int ndim, const int64_t *shape,
                         const int64_t *x_strides, const int64_t *y_strides)
{
    if (!mask) return FD_BAD_POINTER;
    if (ndim < 0 || ndim > FD_MAX_NDIM) return FD_BAD_NDIM;
    if (ndim && (!shape || !mask->strides || (mask->p_values && !mask->p_strides))) return FD_BAD_POINTER;
    if (!mask->p_values && !fd_valid_p(mask->p)) return FD_BAD_PROBABILITY;

    layout->ndim = layout->empty = 0; /* field by field: clearing 64 axes takes longer than a small call */
    layout->size = 1;
    layout->start = mask->start;
    layout->p = layout->x = layout->y = 0;
    layout->stop = 0;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0) return FD_BAD_SHAPE;
        layout->empty |= shape[d] == 0;
    }
    if (layout->empty) {
        layout->size = 0;
        return FD_OK;
    }
    uint64_t lowest = mask->start, highest = mask->start;
    if (mask->start >= FD_INDEX_LIMIT) return FD_BAD_INDEX;
    for (int d = 0; d < ndim; d++) {
        const int64_t n = shape[d], step = mask->strides[d];
        if ((uint64_t)n > FD_INDEX_LIMIT / layout->size) return FD_BAD_SHAPE;
        layout->size *= (uint64_t)n;
        if (n == 1) continue;
        if (!extend(step < 0 ? &lowest : &highest, n, step)) return FD_BAD_INDEX;
        layout->axis[layout->ndim++] = (fd_axis){
            .n = n,
            .index = step,
            .p = mask->p_values ? mask->p_strides[d] : 0,
            .x = x_strides ? x_strides[d] : 0,
            .y = y_strides ? y_strides[d] : 0,
        };
    }
    layout->stop = highest + 1;
    return mask->p_values ? check_probabilities(layout, mask->p_values) : FD_OK;
}

void fd_layout_sort(fd_layout *layout)
{
    for (int i = 0; i < layout->ndim; i++) {
        fd_axis axis = layout->axis[i];
        if (axis.y < 0) {
            const int64_t last = axis.n - 1;
            layout->start += (uint64_t)(axis.index * last);
            layout->p += axis.p * last;
            layout->x += axis.x * last;
            layout->y += axis.y * last;
            axis = (fd_axis){axis.n, -axis.index, -axis.p, -axis.x, -axis.y};
        }
        int j = i;
        for (; j > 0 && layout->axis[j - 1].y < axis.y; j--) layout->axis[j] = layout->axis[j - 1];
        layout->axis[j] = axis; /* insertion keeps the order of equals */
    }
}

void fd_layout_merge(fd_layout *layout)
{
    int last = 0;
    for (int d = 1; d < layout->ndim; d++) {
        fd_axis *a = &layout->axis[last];
        const fd_axis *b = &layout->axis[d];
        if (fd_follows(a->index, b->index, b->n) && fd_follows(a->p, b->p, b->n) && fd_follows(a->x, b->x, b->n) &&
            fd_follows(a->y, b->y, b->n)) {
            const int64_t n = a->n * b->n;
            *a = *b;
            a->n = n;
        } else {
            layout->axis[++last] = *b;
        }
    }
    if (layout->ndim) layout->ndim = last + 1;
}

int fd_near(const fd_axis *axis, int ndim, const fd_axis *row)
{
    const int64_t far = row->index ? 4 * row->n : 4;
    int64_t step = 0;
    while (step == 0 && ndim > 0) step = axis[--ndim].index;
    return step > 0 && step <= far ? 1 : step < 0 && step >= -far ? -1 : 0;
}

void fd_position_set(fd_position *pos, const fd_axis *axis, int ndim, uint64_t start, uint64_t number)
{
    pos->index = start;
    pos->p = pos->x = pos->y = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        const int64_t at = (int64_t)(number % (uint64_t)axis[d].n);
        number /= (uint64_t)axis[d].n;
        pos->at[d] = at;
        pos->index += (uint64_t)(at * axis[d].index);
        pos->p += at * axis[d].p;
        pos->x += at * axis[d].x;
        pos->y += at * axis[d].y;
    }
}

void fd_position_next(fd_position *pos, const fd_axis *axis, int ndim)
{
    for (int d = ndim - 1; d >= 0; d--) {
        pos->index += (uint64_t)axis[d].index;
        pos->p += axis[d].p;
        pos->x += axis[d].x;
        pos->y += axis[d].y;
        if (++pos->at[d] < axis[d].n) return;
        pos->at[d] = 0;
        pos->index -= (uint64_t)(axis[d].index * axis[d].n);
        pos->p -= axis[d].p * axis[d].n;
        pos->x -= axis[d].x * axis[d].n;
        pos->y -= axis[d].y * axis[d].n;
    }
}
