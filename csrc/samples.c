/* samples.c: dropout of arrays that have a key each: samples of one array, or rows of a batch. */
#include "samples.h"

#include "dropout.h"

enum {
    PIECE = 2 * FD_PAGE_BYTES, /* elements of x that stay near while all samples take theirs: what the kernels do at a time, */
    COINS = FD_PAGE_BITS,      /* or the page of coins that belongs together */
    MANY = 16,                 /* pieces that keep all threads busy; of fewer, samples are shared out too, */
    GROUP = 16,                /* so many at a time */
    SEEDING = 512              /* elements that are dropped in the time in which a key and its first page are made */
};

struct job {
    const fd_mask_desc *mask;
    const fd_samples *samples;
    const fd_layout *layout; /* of one sample, sorted and merged */
    fd_dtype dtype;
    const char *x;
    char *y;
    int64_t x_step, y_step;
    /* samples that are runs of n real elements: */
    uint64_t n, first, piece, pieces, group, groups;
    /* others: */
    int ndim;
    const int64_t *shape, *x_strides, *y_strides;
};

/* ---- runs ---- */

static void one_piece(const struct job *j, const fd_rule *rule, double scale, uint64_t number, uint64_t sample)
{
    const uint64_t start = j->layout->start, stop = start + j->n;
    uint64_t from = (j->first + number) * j->piece, to = from + j->piece;
    from = from < start ? start : from;
    to = to > stop ? stop : to;
    const int64_t at = (int64_t)((from - start) * fd_dtype_size(j->dtype)), s = (int64_t)sample;
    const char *x = j->x + s * j->x_step + at;
    fd_drop_run(rule, NULL, from, (size_t)(to - from), j->dtype, x, j->y + s * j->y_step + at, scale, 0);
}

static double sample_p(const struct job *j, uint64_t s)
{
    const double *p = j->mask->p_values;
    return p ? p[j->layout->p + (int64_t)s * j->samples->p_step] : j->mask->p;
}

/* One x for all: units are pieces, each for a group of samples. */
static void shared_range(void *context, uint64_t begin, uint64_t end)
{
    const struct job *j = context;
    fd_sample_keys keys;
    fd_sample_keys_open(&keys);
    for (uint64_t unit = begin; unit < end; unit++) {
        const uint64_t from = unit % j->groups * j->group, most = j->samples->count - from;
        const uint64_t to = from + (most < j->group ? most : j->group);
        for (uint64_t s = from; s < to; s++) {
            const double p = sample_p(j, s);
            const fd_rule rule = fd_make_rule(fd_sample_keys_get(&keys, j->mask->key, j->samples, s), p);
            one_piece(j, &rule, fd_make_scale(p), unit / j->groups, s);
        }
    }
}

/* Rows of their own: units are pieces of a row. */
static void rows_range(void *context, uint64_t begin, uint64_t end)
{
    const struct job *j = context;
    double p = sample_p(j, begin / j->pieces), scale = fd_make_scale(p);
    fd_rule rule = fd_make_rule(j->mask->key, p);
    for (uint64_t unit = begin, made = 0; unit < end; unit++) {
        const uint64_t s = unit / j->pieces, number = unit % j->pieces;
        if (!made || number == 0) {
            if (j->mask->p_values && sample_p(j, s) != p) {
                p = sample_p(j, s);
                scale = fd_make_scale(p);
                rule = fd_make_rule(j->mask->key, p);
            }
            rule.law.key = fd_sample_key(j->mask->key, j->samples, s);
            made = 1;
        }
        one_piece(j, &rule, scale, number, s);
    }
}

static fd_status walk_runs(struct job *j, const fd_exec *exec)
{
    const uint64_t count = j->samples->count, start = j->layout->start;
    const int coins = !j->mask->p_values && fd_make_rule(j->mask->key, j->mask->p).kind == FD_COIN;
    j->n = j->layout->size;
    j->piece = coins ? COINS : PIECE;
    j->first = start / j->piece;
    j->pieces = (start + j->n - 1) / j->piece - j->first + 1;
    const uint64_t each = j->n < j->piece ? j->n : j->piece;
    if (j->x_step || count == 1) return fd_run(exec, count * j->pieces, each + SEEDING, rows_range, j);
    j->group = j->pieces < MANY ? GROUP : 4 * GROUP;
    j->group = j->group < count ? j->group : count;
    j->groups = (count + j->group - 1) / j->group;
    return fd_run(exec, j->pieces * j->groups, j->group * (each + SEEDING), shared_range, j);
}

/* ---- any layout ---- */

static fd_status one_array(const struct job *j, uint64_t s, const fd_exec *exec)
{
    fd_mask_desc mask = *j->mask;
    mask.key = fd_sample_key(j->mask->key, j->samples, s);
    if (mask.p_values) mask.p_values += (int64_t)s * j->samples->p_step;
    return fd_dropout_nd(&mask, j->ndim, j->shape, j->dtype, j->x + (int64_t)s * j->x_step, j->x_strides,
                         j->y + (int64_t)s * j->y_step, j->y_strides, NULL, exec);
}

static void arrays_range(void *context, uint64_t begin, uint64_t end)
{
    for (uint64_t s = begin; s < end; s++) one_array(context, s, NULL);
}

/* Small arrays are shared out, large ones use the threads one after the other. */
static fd_status walk_arrays(struct job *j, const fd_exec *exec)
{
    if (j->layout->size < FD_SERIAL_ELEMENTS)
        return fd_run(exec, j->samples->count, j->layout->size + SEEDING, arrays_range, j);
    for (uint64_t s = 0; s < j->samples->count; s++) {
        const fd_status status = one_array(j, s, exec);
        if (status != FD_OK) return status;
        if (s + 1 < j->samples->count && exec && exec->poll && exec->poll(exec->context)) return FD_INTERRUPTED;
    }
    return FD_OK;
}

/* ---- entry ---- */

fd_status fd_samples_nd(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape, fd_dtype dtype,
                        const void *x, const int64_t *x_strides, int64_t x_step, void *y, const int64_t *y_strides,
                        int64_t y_step, const fd_exec *exec)
{
    fd_layout layout;
    fd_status status = fd_samples_check(mask, samples);
    if (status == FD_OK) status = fd_layout_make(&layout, mask, ndim, shape, x_strides, y_strides);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK) return status;
    for (uint64_t s = 1; mask->p_values && samples->p_step && s < samples->count; s++) {
        fd_mask_desc other = *mask;
        other.p_values += (int64_t)s * samples->p_step;
        status = fd_layout_make(&layout, &other, ndim, shape, x_strides, y_strides);
        if (status != FD_OK) return status;
    }
    const size_t size = fd_dtype_size(dtype);
    if (!size) return FD_BAD_DTYPE;
    if (layout.empty || !samples->count) return FD_OK;
    if (samples->count > FD_INDEX_LIMIT / layout.size) return FD_BAD_SHAPE;
    if (!x || !y || (ndim && (!x_strides || !y_strides))) return FD_BAD_POINTER;
    fd_layout_sort(&layout);
    fd_layout_merge(&layout);
    const fd_axis *row = &layout.axis[0];
    const int one_run = layout.ndim == 0 || (layout.ndim == 1 && row->index == 1 && row->p == 0 && row->x == (int64_t)size &&
                                             row->y == (int64_t)size);
    struct job j = {.mask = mask, .samples = samples, .layout = &layout, .dtype = dtype, .x = x, .y = y};
    j.x_step = x_step;
    j.y_step = y_step;
    if (one_run && !fd_is_complex(dtype)) {
        j.x += layout.x;
        j.y += layout.y;
        return walk_runs(&j, exec);
    }
    j.ndim = ndim;
    j.shape = shape;
    j.x_strides = x_strides;
    j.y_strides = y_strides;
    return walk_arrays(&j, exec);
}
