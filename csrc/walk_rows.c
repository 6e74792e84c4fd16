/* walk_rows.c: arrays as runs, and as patches of rows in memory's order. */
#include "dropout.h"

/* ---- one contiguous run: the hot path ---- */

struct run {
    const fd_job *job;
    fd_rule rule;
    uint64_t first_unit, n;
};

/* How far ahead memory is asked for: coins are quick enough for what the third-level cache brings by itself. */
static unsigned ahead(fd_kind kind, uint64_t bytes)
{
    if (bytes > FD_FAR) return FD_FAR_AHEAD_BYTES;
    return kind == FD_BYTE && bytes > FD_NEAR ? FD_AHEAD_BYTES : 0;
}

void fd_drop_run(const fd_rule *rule, const uint8_t *bits, uint64_t start, size_t n, fd_dtype dtype, const char *x, char *y,
                 double scale, uint64_t bytes)
{
    const fd_kernels *k = fd_kernels_active();
    if (bits) {
        k->apply[dtype](bits, n, x, y, scale);
        return;
    }
    switch (rule->kind) {
    case FD_COIN: k->drop_coin[dtype](&rule->law, start, n, x, y, scale, ahead(FD_COIN, bytes)); break;
    case FD_BYTE: k->drop_byte[dtype](&rule->law, start, n, x, y, scale, ahead(FD_BYTE, bytes)); break;
    case FD_KEEP_ALL: k->scale[dtype](n, x, y, scale); break;
    case FD_DROP_ALL: memset(y, 0, n * fd_dtype_size(dtype));
    }
}

/* Units are pages of the stream, so that no page is seeded twice. */
static void run_range(void *context, uint64_t begin, uint64_t end)
{
    const struct run *r = context;
    const fd_job *job = r->job;
    const uint64_t start = job->start, stop = start + r->n;
    uint64_t from = (r->first_unit + begin) * FD_PAGE_BITS, to = (r->first_unit + end) * FD_PAGE_BITS;
    from = from < start ? start : from;
    to = to > stop ? stop : to;
    const size_t size = fd_dtype_size(job->dtype), at = (size_t)(from - start) * size;
    const uint8_t *bits = job->mask->bits ? job->mask->bits + from / 8 : NULL;
    fd_drop_run(&r->rule, bits, from, (size_t)(to - from), job->dtype, job->x + at, job->y + at, job->scale, r->n * size);
}

fd_status fd_walk_run(const fd_job *job, uint64_t n, const fd_exec *exec)
{
    const uint64_t first = job->start / FD_PAGE_BITS;
    struct run r = {job, fd_make_rule(job->mask->key, job->mask->p), first, n};
    /* Work is counted in coins. What stays on one thread does so whatever p is. */
    const int twice = r.rule.kind == FD_BYTE && !job->mask->bits && n >= FD_SERIAL_ELEMENTS;
    return fd_run(exec, (job->start + n - 1) / FD_PAGE_BITS - first + 1, (1 + twice) * FD_PAGE_BITS, run_range, &r);
}

/* ---- rows ---- */

enum { PATCH = 2048 }; /* most elements of a patch: what memory brings while the bits are made */

struct rows {
    const fd_job *job;
    fd_axis outer[FD_MAX_NDIM], rows, row; /* `rows`: the axis above `row` in memory */
    int num_outer, fused, varied, near;
    uint64_t groups, group_rows;      /* groups of rows, rows in a group, */
    uint64_t segments, segment;       /* segments of a row, elements in a segment: a patch is a group of segments */
};

struct patch {
    uint64_t start;
    size_t rows, n;
    const double *p;
    const char *x;
    char *y;
};

static struct patch find_patch(const struct rows *r, const fd_position *pos, uint64_t number)
{
    const fd_job *job = r->job;
    const int64_t i = (int64_t)(number / r->segments * r->group_rows), j = (int64_t)(number % r->segments * r->segment);
    const int64_t rows = r->rows.n - i, n = r->row.n - j;
    struct patch patch;
    patch.start = pos->index + (uint64_t)(i * r->rows.index + j * r->row.index);
    patch.rows = (size_t)(rows < (int64_t)r->group_rows ? rows : (int64_t)r->group_rows);
    patch.n = (size_t)(n < (int64_t)r->segment ? n : (int64_t)r->segment);
    patch.p = job->p_values ? job->p_values + pos->p + i * r->rows.p + j * r->row.p : NULL;
    patch.x = job->x + pos->x + i * r->rows.x + j * r->row.x;
    patch.y = job->y + pos->y + i * r->rows.y + j * r->row.y;
    return patch;
}

static void one_patch(const struct rows *r, const fd_elements *e, fd_source *src, const struct patch *a)
{
    const fd_job *job = r->job;
    double scale = job->scale;
    uint8_t bits[FD_RUN / 8];
    if (r->varied) {
        double copy[FD_VARIED];
        const double *p = fd_gather_p(copy, a->p, r->rows.p, a->rows, r->row.p, a->n);
        fd_source_varied_patch(src, a->start, r->rows.index, a->rows, r->row.index, a->n, p, bits);
        fd_apply_patch(e, bits, a->rows, a->n, a->x, a->y, job->own_scales ? p : NULL, scale);
        return;
    }
    if (a->p) {
        fd_source_set_p(src, *a->p);
        scale = job->own_scales ? fd_scale(*a->p) : scale;
    }
    if (r->fused) {
        fd_drop_run(&src->rule, NULL, a->start, a->n, job->dtype, a->x, a->y, scale, a->n * fd_dtype_size(job->dtype));
        return;
    }
    fd_source_patch(src, a->start, r->rows.index, a->rows, r->row.index, a->n, bits);
    fd_apply_patch(e, bits, a->rows, a->n, a->x, a->y, NULL, scale);
}

/* Memory brings a patch while the one before it is worked on; it does so by itself where that ends where this begins. */
static void fetch_patch(const fd_elements *e, const struct patch *before, const struct patch *a)
{
    const size_t n = before->rows * before->n;
    if (a->y != before->y + (int64_t)(n * fd_dtype_size(e->dtype))) fd_fetch(e, a->rows, a->n, a->x, a->y);
}

static void rows_range(void *context, uint64_t begin, uint64_t end)
{
    const struct rows *r = context;
    const fd_job *job = r->job;
    const uint64_t each = r->groups * r->segments;
    fd_source src;
    fd_position pos;
    fd_source_open(&src, job->mask, job->layout->stop);
    src.near = r->near;
    const fd_elements e = {src.kernels, job->dtype, r->row.x, r->row.y, r->rows.x, r->rows.y};
    fd_position_set(&pos, r->outer, r->num_outer, job->start, begin / each);
    struct patch next = find_patch(r, &pos, begin % each);
    for (uint64_t unit = begin; unit < end; unit++) {
        const struct patch patch = next;
        if ((unit + 1) % each == 0) fd_position_next(&pos, r->outer, r->num_outer);
        if (unit + 1 < end) {
            next = find_patch(r, &pos, (unit + 1) % each);
            if (!r->fused) fetch_patch(&e, &patch, &next);
        }
        one_patch(r, &e, &src, &patch);
    }
}

fd_status fd_walk_rows(const fd_job *job, const fd_exec *exec)
{
    const fd_mask_desc *mask = job->mask;
    const int64_t size = (int64_t)fd_dtype_size(job->dtype);
    struct rows r;
    r.job = job;
    r.row = r.rows = (fd_axis){.n = 1, .x = size, .y = size};
    fd_copy_axes(r.outer, &r.num_outer, job->layout);
    if (r.num_outer) fd_take_axis(r.outer, &r.num_outer, r.num_outer - 1, &r.row);
    r.near = fd_near(r.outer, r.num_outer, &r.row);
    if (r.num_outer) fd_take_axis(r.outer, &r.num_outer, r.num_outer - 1, &r.rows);

    const uint64_t n = (uint64_t)r.row.n, rows = (uint64_t)r.rows.n;
    const fd_elements e = {NULL, job->dtype, r.row.x, r.row.y, 0, 0};
    const int one_p = r.row.p == 0 && (r.rows.p == 0 || n >= FD_LONG_ROW);
    const fd_kind kind = job->p_values ? FD_BYTE : fd_make_rule(mask->key, mask->p).kind;
    r.varied = job->p_values && !one_p;
    /* Rows that are contiguous and numbered one by one, and of which each is a good part of a page, go straight to the fused
     * kernels. */
    r.fused = !mask->bits && one_p && r.row.index == 1 && fd_is_contiguous(&e) && !fd_is_complex(job->dtype) &&
              n >= fd_page_span(kind) / 4;
    r.segment = r.fused ? FD_RUN : r.varied ? FD_VARIED : PATCH;
    r.group_rows = n >= r.segment || r.fused || (r.rows.p && !r.varied) ? 1 : r.segment / n;
    r.group_rows = r.group_rows < rows ? r.group_rows : rows;
    r.segment = r.segment < n ? r.segment : n;
    r.segments = (n + r.segment - 1) / r.segment;
    if (r.segments > 1) r.near = r.row.index < 0 ? -1 : 1;
    r.groups = (rows + r.group_rows - 1) / r.group_rows;
    return fd_run(exec, fd_count_positions(r.outer, r.num_outer) * r.groups * r.segments, r.group_rows * r.segment,
                  rows_range, &r);
}
