/* walk_rows.c: arrays as runs and rows of evenly spaced elements. */
#include "dropout.h"

/* ---- one contiguous run: the hot path ---- */

struct run {
    const fd_job *job;
    fd_rule rule;
    uint64_t start, first_unit, n;
};

void fd_drop_run(const fd_rule *rule, const uint8_t *bits, uint64_t start, size_t n, fd_dtype dtype, const char *x, char *y,
                 double scale)
{
    const fd_kernels *k = fd_kernels_active();
    const int64_t size = (int64_t)fd_dtype_size(dtype);
    const fd_elements e = {k, dtype, size, size};
    if (bits) {
        k->apply[dtype](bits, n, x, y, scale);
        return;
    }
    switch (rule->kind) {
    case FD_COIN: k->drop_coin[dtype](&rule->law, start, n, x, y, scale); break;
    case FD_BYTE: k->drop_byte[dtype](&rule->law, start, n, x, y, scale); break;
    default: fd_scale_run(&e, rule->kind == FD_KEEP_ALL, n, x, y, scale);
    }
}

/* Units are pages of the stream, so that no page is seeded twice. */
static void run_range(void *context, uint64_t begin, uint64_t end)
{
    const struct run *r = context;
    const fd_job *job = r->job;
    const uint64_t stop = r->start + r->n;
    uint64_t from = (r->first_unit + begin) * FD_PAGE_BITS, to = (r->first_unit + end) * FD_PAGE_BITS;
    from = from < r->start ? r->start : from;
    to = to > stop ? stop : to;
    const size_t size = fd_dtype_size(job->dtype), at = (size_t)(from - r->start) * size;
    const uint8_t *bits = job->mask->bits ? job->mask->bits + from / 8 : NULL;
    fd_drop_run(&r->rule, bits, from, (size_t)(to - from), job->dtype, job->x + at, job->y + at, job->scale);
}

fd_status fd_walk_run(const fd_job *job, uint64_t n, const fd_exec *exec)
{
    const uint64_t start = job->mask->start, first = start / FD_PAGE_BITS;
    struct run r = {job, fd_make_rule(job->mask->key, job->mask->p), start, first, n};
    return fd_run(exec, (start + n - 1) / FD_PAGE_BITS - first + 1, FD_PAGE_BITS, run_range, &r);
}

/* ---- rows ---- */

struct rows {
    const fd_job *job;
    fd_axis outer[FD_MAX_NDIM], row;
    int num_outer;
    uint64_t segments; /* of FD_RUN elements in a row */
    int fused;         /* contiguous rows of one law, too long for a window: straight to the kernel */
    int reuse;
};

/* n elements from position pos, element `at` of the row, on. */
static void one_segment(const struct rows *r, fd_source *src, const fd_position *pos, int64_t at, size_t n)
{
    const fd_job *job = r->job;
    const fd_elements e = {src->kernels, job->dtype, r->row.x, r->row.y};
    const uint64_t start = pos->index + (uint64_t)(at * r->row.index);
    const char *x = job->x + pos->x + at * r->row.x;
    char *y = job->y + pos->y + at * r->row.y;
    if (r->fused) {
        void(*const drop) FD_DROP_ARGS =
            src->rule.kind == FD_COIN ? src->kernels->drop_coin[job->dtype] : src->kernels->drop_byte[job->dtype];
        drop(&src->rule.law, start, n, x, y, job->scale);
        return;
    }
    uint8_t bits[FD_RUN / 8];
    const double *p = job->mask->p_values;
    if (!p) {
        fd_source_bits(src, start, r->row.index, n, bits);
        fd_apply_run(&e, bits, n, x, y, job->scale);
        return;
    }
    p += pos->p + at * r->row.p;
    if (r->row.p == 0) { /* one p for the whole row */
        fd_source_set_p(src, *p);
        fd_source_bits(src, start, r->row.index, n, bits);
        fd_apply_run(&e, bits, n, x, y, job->own_scales ? fd_scale(*p) : job->scale);
        return;
    }
    enum { SOME = 1024 };
    double scales[SOME];
    for (size_t j = 0; j < n; j += SOME) {
        const size_t m = n - j < SOME ? n - j : SOME;
        const int64_t k = (int64_t)j;
        fd_source_varied(src, start + (uint64_t)(k * r->row.index), r->row.index, m, p + k * r->row.p, r->row.p, bits,
                         scales);
        if (job->own_scales) fd_apply_varied(&e, bits, m, x + k * r->row.x, y + k * r->row.y, scales);
        else fd_apply_run(&e, bits, m, x + k * r->row.x, y + k * r->row.y, job->scale);
    }
}

static void rows_range(void *context, uint64_t begin, uint64_t end)
{
    const struct rows *r = context;
    fd_source src;
    fd_position pos;
    fd_source_open(&src, r->job->mask, r->job->layout->stop);
    src.reuse = r->reuse;
    fd_position_set(&pos, r->outer, r->num_outer, r->job->mask->start, begin / r->segments);
    uint64_t segment = begin % r->segments;
    for (uint64_t unit = begin; unit < end; unit++) {
        const int64_t at = (int64_t)(segment * FD_RUN), left = r->row.n - at;
        one_segment(r, &src, &pos, at, (size_t)(left < FD_RUN ? left : FD_RUN));
        if (++segment == r->segments) {
            segment = 0;
            fd_position_next(&pos, r->outer, r->num_outer);
        }
    }
}

fd_status fd_walk_rows(const fd_job *job, int along, const fd_exec *exec)
{
    const fd_mask_desc *mask = job->mask;
    struct rows r;
    r.job = job;
    r.row = (fd_axis){.n = 1};
    r.fused = r.reuse = 0;
    fd_copy_axes(r.outer, &r.num_outer, job->layout);
    if (along >= 0) fd_take_axis(r.outer, &r.num_outer, along, &r.row);

    const uint64_t n = (uint64_t)r.row.n, rows = fd_count_positions(r.outer, r.num_outer);
    r.segments = (n + FD_RUN - 1) / FD_RUN;
    if (!mask->bits && !mask->p_values && r.row.index == 1) {
        const fd_elements e = {NULL, job->dtype, r.row.x, r.row.y};
        const fd_kind kind = fd_make_rule(mask->key, mask->p).kind;
        const int64_t next = r.num_outer ? r.outer[r.num_outer - 1].index : 0;
        r.reuse = n < FD_RUN / 4 && next > 0 && next <= 4 * r.row.n;
        r.fused = (kind == FD_COIN || kind == FD_BYTE) && fd_is_contiguous(&e) && !fd_is_complex(job->dtype) &&
                  !(r.reuse && n < fd_page_span(kind) / 4);
    }
    return fd_run(exec, rows * r.segments, n < FD_RUN ? n : FD_RUN, rows_range, &r);
}
