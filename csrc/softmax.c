/* softmax.c: entry points of softmax with dropout: checks, and the walk from row to row. */
#include "softmax.h"

#include "layout.h"
#include "parallel.h"

enum { WORK = 8 }; /* an element takes as long as so many decisions: what fd_run reckons with */

typedef struct axis {
    int64_t n, index, x, y, z, mask; /* length; mask indices, and bytes, a step */
} axis;

typedef struct job {
    fd_softmax call;
    const fd_mask_desc *drop;
    const fd_scores *scores;
    uint64_t stop;
    int outer; /* axes above the row */
    axis axis[FD_MAX_NDIM];
    const char *x, *y;
    char *z; /* forward writes it from x, backward from x and y */
    char *row_max, *row_sum;
} job;

typedef struct place {
    int64_t at[FD_MAX_NDIM], x, y, z, mask;
    uint64_t index;
} place;

static void move(place *p, const axis *a, int64_t steps)
{
    p->index += (uint64_t)(steps * a->index);
    p->x += steps * a->x;
    p->y += steps * a->y;
    p->z += steps * a->z;
    p->mask += steps * a->mask;
}

static void find(place *p, const job *j, uint64_t row)
{
    *p = (place){.index = j->drop->start};
    for (int d = j->outer - 1; d >= 0; d--) {
        p->at[d] = (int64_t)(row % (uint64_t)j->axis[d].n);
        row /= (uint64_t)j->axis[d].n;
        move(p, &j->axis[d], p->at[d]);
    }
}

static void go_on(place *p, const job *j)
{
    for (int d = j->outer - 1; d >= 0; d--) {
        move(p, &j->axis[d], 1);
        if (++p->at[d] < j->axis[d].n) return;
        move(p, &j->axis[d], -p->at[d]);
        p->at[d] = 0;
    }
}

/* Units are rows. */
static void rows_range(void *context, uint64_t begin, uint64_t end)
{
    const job *j = context;
    const size_t real = fd_dtype_size(j->call.real);
    fd_source src;
    place p;
    fd_source_open(&src, j->drop, j->stop);
    src.near = 1;
    find(&p, j, begin);
    for (uint64_t r = begin; r < end; r++, go_on(&p, j)) {
        fd_softmax_row row = {.n = (size_t)j->axis[j->outer].n, .index = p.index, .x = j->x + p.x};
        row.seen = row.n;
        if (j->scores->causal) {
            const uint64_t last = (uint64_t)(j->scores->first_query + p.at[j->outer - 1]);
            row.seen = last < row.n ? (size_t)last + 1 : row.n;
        }
        if (j->call.mask_kind != FD_NO_MASK) row.mask = (const char *)j->scores->mask + p.mask;
        if (j->row_max) {
            row.max = j->row_max + r * real;
            row.sum = j->row_sum + r * real;
        }
        if (j->y) fd_softmax_backward_row(&j->call, &src, &row, j->y + p.y, j->z + p.z);
        else fd_softmax_forward_row(&j->call, &src, &row, j->z + p.z);
    }
}

/* Checks what both directions share and fills in all but the arrays. */
static fd_status prepare(job *j, fd_layout *layout, const fd_mask_desc *drop, const fd_scores *scores, int ndim,
                         const int64_t *shape, fd_dtype dtype, const fd_exec *exec)
{
    if (!drop || !scores) return FD_BAD_POINTER;
    if (dtype < FD_F16 || dtype > FD_F64) return FD_BAD_DTYPE;
    if (ndim < (scores->causal ? 2 : 1)) return FD_BAD_NDIM;
    if (drop->p_values) return FD_BAD_PROBABILITY;
    fd_status status = fd_layout_make(layout, drop, ndim, shape, NULL, NULL);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK) return status;
    if (!layout->empty && shape[ndim - 1] > 1 && drop->strides[ndim - 1] != 1) return FD_BAD_INDEX;
    if (scores->mask_kind < FD_NO_MASK || scores->mask_kind > FD_ADD_MASK) return FD_BAD_KIND;
    if (scores->mask_kind != FD_NO_MASK && !layout->empty && (!scores->mask || !scores->mask_strides)) return FD_BAD_POINTER;
    if (scores->causal && (scores->first_query < 0 || (uint64_t)scores->first_query >= FD_INDEX_LIMIT)) return FD_BAD_INDEX;
    const int last = ndim - 1;
    j->call = (fd_softmax){.kernels = fd_kernels_active(), .dtype = dtype, .real = dtype == FD_F64 ? FD_F64 : FD_F32};
    j->call.scale = j->call.real == FD_F64 ? scores->scale : (double)(float)scores->scale;
    j->call.keep_scale = fd_make_scale(drop->p);
    j->call.mask_kind = scores->mask_kind;
    j->drop = drop;
    j->scores = scores;
    j->stop = layout->stop;
    j->outer = last;
    for (int d = 0; d < ndim; d++) {
        j->axis[d] = (axis){.n = shape[d]};
        if (shape[d] <= 1) continue; /* no step is taken along it: it may be anything, and is not looked at */
        j->axis[d].index = drop->strides[d];
        if (scores->mask_kind != FD_NO_MASK && !layout->empty) j->axis[d].mask = scores->mask_strides[d];
    }
    j->call.mask_step = j->axis[last].mask;
    return FD_OK;
}

static fd_status run(job *j, const fd_layout *layout, const int64_t *x_strides, const int64_t *y_strides,
                     const int64_t *z_strides, const fd_exec *exec)
{
    for (int d = 0; d <= j->outer; d++) {
        if (j->axis[d].n == 1) continue;
        j->axis[d].x = x_strides[d];
        j->axis[d].y = y_strides[d];
        j->axis[d].z = z_strides[d];
    }
    const axis *row = &j->axis[j->outer];
    j->call.x_step = row->x;
    j->call.y_step = j->y ? row->y : row->z;
    j->call.z_step = row->z;
    return fd_run(exec, layout->size / (uint64_t)row->n, WORK * (uint64_t)row->n, rows_range, j);
}

fd_status fd_softmax_dropout(const fd_mask_desc *drop, const fd_scores *scores, int ndim, const int64_t *shape,
                             fd_dtype dtype, const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                             void *row_max, void *row_sum, const fd_exec *exec)
{
    job j;
    fd_layout layout;
    const fd_status status = prepare(&j, &layout, drop, scores, ndim, shape, dtype, exec);
    if (status != FD_OK || layout.empty) return status;
    if (!x || !y || !x_strides || !y_strides || !row_max != !row_sum) return FD_BAD_POINTER;
    j.x = x;
    j.y = NULL;
    j.z = y;
    j.row_max = row_max;
    j.row_sum = row_sum;
    return run(&j, &layout, x_strides, y_strides, y_strides, exec);
}

fd_status fd_softmax_dropout_backward(const fd_mask_desc *drop, const fd_scores *scores, int ndim, const int64_t *shape,
                                      fd_dtype dtype, const void *x, const int64_t *x_strides, const void *row_max,
                                      const void *row_sum, const void *dy, const int64_t *dy_strides, void *dx,
                                      const int64_t *dx_strides, const fd_exec *exec)
{
    job j;
    fd_layout layout;
    const fd_status status = prepare(&j, &layout, drop, scores, ndim, shape, dtype, exec);
    if (status != FD_OK || layout.empty) return status;
    if (!x || !dy || !dx || !x_strides || !dy_strides || !dx_strides || !row_max || !row_sum) return FD_BAD_POINTER;
    j.x = x;
    j.y = dy;
    j.z = dx;
    j.row_max = (char *)row_max; /* only read */
    j.row_sum = (char *)row_sum;
    return run(&j, &layout, x_strides, dy_strides, dx_strides, exec);
}

fd_status fd_map(fd_function f, size_t n, fd_dtype dtype, const void *x, void *y)
{
    if (dtype != FD_F32 && dtype != FD_F64) return FD_BAD_DTYPE;
    if ((int)f < 0 || f >= FD_NUM_FUNCTIONS) return FD_BAD_KIND;
    if (n && (!x || !y)) return FD_BAD_POINTER;
    fd_kernels_active()->softmax->map[f][dtype == FD_F64](n, x, y);
    return FD_OK;
}
