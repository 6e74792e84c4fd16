/* connect.c: DropConnect: products with a matrix of which each sample of the batch keeps other weights. Decisions are made
 * for a tile, weights of some rows by some samples, used, and forgotten: a buffer of one size is all the memory there is.
 *
 * What is added up is added in one order, whatever the tiles and the threads: dx over rows and dw over samples, both
 * upwards, y lane by lane along a row (tpl_connect.h) and from one SEGMENT of columns to the next.
 */
#include <string.h>

#include "connect_kernels.h"
#include "layout.h"
#include "parallel.h"
#include "source.h"

enum {
    SEGMENT = FD_PAGE_BITS,     /* columns of a tile at most: whole pages, of bytes and of bits */
    TILE = 2 * SEGMENT,         /* weights of a tile, unless its rows are short: they stay in the second cache */
    SAMPLES = 256,              /* samples of a tile at most */
    ROOM = 16 * (TILE + 64)     /* decisions made at a time */
};

/* How the decisions of a tile lie among the mask's indices. */
enum shape { ONE_RUN, RUN_A_SAMPLE, RUN_A_ROW };

struct matrix {
    char *data;
    int64_t step; /* bytes from row to row; elements of a row lie side by side */
};

struct axis {
    uint64_t n, tile, tiles;
    int64_t step; /* of the mask index */
};

struct connect {
    const fd_mask_desc *mask;
    const fd_kernels *kernels;
    fd_rule rule;
    fd_dtype dtype;
    size_t size;
    double scale;
    struct axis sample, row, column;
    enum shape shape;
    uint64_t slot; /* bits that a sample takes in the buffer */
    struct matrix x, w, y, dy, dx, dw;
    const char *bias;
};

/* Rows [row, row + rows) and so on. */
struct tile {
    uint64_t sample, samples, row, rows, column, columns;
};

/* Decisions: bit at[b] + r * row + j for sample b, row r and column j of the tile. */
struct decisions {
    const uint8_t *bits;
    uint64_t at[SAMPLES], row;
    uint8_t made[ROOM / 8];
};

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t words(uint64_t bits) { return (bits + 63) / 64 * 64; }

static void cut(struct axis *a, uint64_t most)
{
    a->tile = least(a->n, most ? most : 1);
    a->tiles = a->tile ? (a->n + a->tile - 1) / a->tile : 0;
}

/* Tiles as large as the buffer and the cache allow. Gaps between runs are filled too where they are no longer than these. */
static void plan(struct connect *c)
{
    cut(&c->column, SEGMENT);
    cut(&c->row, least(TILE / c->column.tile, FD_CONNECT_ROWS));
    const uint64_t rows = c->row.tile, columns = c->column.tile, step = (uint64_t)c->row.step;
    uint64_t run = columns;
    int whole = rows == 1;
    if (rows > 1 && c->row.step >= (int64_t)columns && step <= TILE) {
        run = (rows - 1) * step + columns;
        whole = run <= 2 * rows * columns;
    }
    c->shape = whole ? RUN_A_SAMPLE : RUN_A_ROW;
    c->slot = whole ? words(run + 63) : rows * words(columns);
    if (whole && c->row.tiles == 1 && c->column.tiles == 1 && c->sample.step >= (int64_t)run &&
        (uint64_t)c->sample.step <= 2 * run) {
        c->shape = ONE_RUN;
        c->slot = (uint64_t)c->sample.step;
    }
    cut(&c->sample, least((ROOM - 64) / c->slot, SAMPLES));
}

static struct tile find_tile(const struct connect *c, uint64_t sample, uint64_t row, uint64_t column)
{
    struct tile t = {sample * c->sample.tile, c->sample.tile, row * c->row.tile, c->row.tile, column * c->column.tile,
                     c->column.tile};
    t.samples = least(t.samples, c->sample.n - t.sample);
    t.rows = least(t.rows, c->row.n - t.row);
    t.columns = least(t.columns, c->column.n - t.column);
    return t;
}

/* Fills a run of n from bit 0 of dst on, or a little later: returns where it begins. */
static uint64_t fill_run(const struct connect *c, uint64_t start, uint64_t n, uint8_t *dst)
{
    void(*const fill) FD_FILL_ARGS = c->rule.kind == FD_COIN ? c->kernels->fill_coin : c->kernels->fill_byte;
    const uint64_t before = start % 64;
    fill(&c->rule.law, start - before, (size_t)(before + n), dst);
    return before;
}

static void decide(const struct connect *c, const struct tile *t, struct decisions *d)
{
    uint64_t index = c->mask->start + t->sample * (uint64_t)c->sample.step + t->row * (uint64_t)c->row.step + t->column;
    const uint64_t run = (t->rows - 1) * (uint64_t)c->row.step + t->columns;
    d->bits = c->mask->bits ? c->mask->bits : d->made;
    d->row = (uint64_t)c->row.step;
    if (!c->mask->bits && c->rule.kind == FD_KEEP_ALL) {
        memset(d->made, 0xFF, (size_t)(words(t->columns) / 8));
        memset(d->at, 0, (size_t)t->samples * sizeof *d->at);
        d->row = 0;
        return;
    }
    uint64_t first = 0;
    if (!c->mask->bits && c->shape == ONE_RUN) first = fill_run(c, index, (t->samples - 1) * c->slot + run, d->made);
    for (uint64_t b = 0; b < t->samples; b++, index += (uint64_t)c->sample.step) {
        const uint64_t slot = b * c->slot;
        d->at[b] = slot + first;
        if (c->mask->bits) d->at[b] = index;
        else if (c->shape == RUN_A_SAMPLE) d->at[b] = slot + fill_run(c, index, run, d->made + slot / 8);
        else if (c->shape == RUN_A_ROW)
            for (uint64_t r = 0; r < t->rows; r++) {
                uint8_t *dst = d->made + (slot + r * words(t->columns)) / 8;
                fd_law_bits(c->kernels, &c->rule, index + r * (uint64_t)c->row.step, (size_t)t->columns, dst);
            }
    }
    if (!c->mask->bits && c->shape == RUN_A_ROW) d->row = words(t->columns);
}

static char *element(const struct connect *c, const struct matrix *m, uint64_t row, uint64_t column)
{
    return m->data + (int64_t)row * m->step + (int64_t)(column * c->size);
}

static size_t elements(const struct connect *c, const struct matrix *m) { return (size_t)(m->step / (int64_t)c->size); }

/* y is its sum times the scale, plus the bias: each rounded. */
static void finish(const struct connect *c, char *y, uint64_t row, uint64_t rows)
{
    c->kernels->scale[c->dtype]((size_t)rows, y, y, c->scale);
    if (!c->bias) return;
    if (c->dtype == FD_F32) {
        const anywhere_f32 *bias = (const anywhere_f32 *)c->bias + row;
        anywhere_f32 *f = (anywhere_f32 *)y;
        for (uint64_t r = 0; r < rows; r++) f[r] += bias[r];
    } else {
        const anywhere_f64 *bias = (const anywhere_f64 *)c->bias + row;
        anywhere_f64 *f = (anywhere_f64 *)y;
        for (uint64_t r = 0; r < rows; r++) f[r] += bias[r];
    }
}

static void forward_samples(const struct connect *c, const struct tile *t, struct decisions *d)
{
    uint64_t at[FD_CONNECT_ROWS];
    decide(c, t, d);
    for (uint64_t b = 0; b < t->samples; b++) {
        for (uint64_t r = 0; r < t->rows; r++) at[r] = d->at[b] + r * d->row;
        c->kernels->connect->dot[c->dtype == FD_F64](d->bits, at, (size_t)t->rows, (size_t)t->columns,
                                                     element(c, &c->w, t->row, t->column), elements(c, &c->w),
                                                     element(c, &c->x, t->sample + b, t->column),
                                                     element(c, &c->y, t->sample + b, t->row));
    }
}

static void forward_range(void *context, uint64_t begin, uint64_t end)
{
    const struct connect *c = context;
    struct decisions d;
    for (uint64_t unit = begin; unit < end; unit++) {
        struct tile t;
        for (uint64_t column = 0; column < c->column.tiles; column++) {
            t = find_tile(c, unit % c->sample.tiles, unit / c->sample.tiles, column);
            struct tile some = t;
            if (c->shape != ONE_RUN) some.samples = 1; /* used while they are in the first cache */
            for (; some.sample < t.sample + t.samples; some.sample += some.samples) forward_samples(c, &some, &d);
        }
        for (uint64_t b = 0; b < t.samples; b++) finish(c, element(c, &c->y, t.sample + b, t.row), t.row, t.rows);
    }
}

/* One tile of the backward pass: both gradients from decisions made once. */
static void backward_tile(const struct connect *c, uint64_t sample, uint64_t row, uint64_t column, struct decisions *d)
{
    const struct tile t = find_tile(c, sample, row, column);
    void(*const sum) FD_SUM_ARGS = c->kernels->connect->sum[c->dtype == FD_F64];
    void(*const scale) FD_SCALE_ARGS = c->kernels->scale[c->dtype];
    const size_t n = (size_t)t.columns;
    uint64_t at[SAMPLES];
    decide(c, &t, d);
    for (uint64_t b = 0; b < t.samples && c->dx.data; b++) {
        char *dx = element(c, &c->dx, t.sample + b, t.column);
        for (uint64_t r = 0; r < t.rows; r++) at[r] = d->at[b] + r * d->row;
        sum(d->bits, at, (size_t)t.rows, n, element(c, &c->w, t.row, t.column), elements(c, &c->w),
            element(c, &c->dy, t.sample + b, t.row), 1, dx);
        if (row + 1 == c->row.tiles) scale(n, dx, dx, c->scale);
    }
    for (uint64_t r = 0; r < t.rows && c->dw.data; r++) {
        char *dw = element(c, &c->dw, t.row + r, t.column);
        for (uint64_t b = 0; b < t.samples; b++) at[b] = d->at[b] + r * d->row;
        sum(d->bits, at, (size_t)t.samples, n, element(c, &c->x, t.sample, t.column), elements(c, &c->x),
            element(c, &c->dy, t.sample, t.row + r), elements(c, &c->dy), dw);
        if (sample + 1 == c->sample.tiles) scale(n, dw, dw, c->scale);
    }
}

/* The tiles of one diagonal share no row of dx and none of dw, so that threads may do them at once; and one diagonal after
 * the other keeps both orders. */
struct diagonal {
    const struct connect *c;
    uint64_t number, first, tiles; /* rows of tiles [first, first + tiles) cross it */
};

static void diagonal_range(void *context, uint64_t begin, uint64_t end)
{
    const struct diagonal *g = context;
    struct decisions d;
    for (uint64_t unit = begin; unit < end; unit++) {
        const uint64_t row = g->first + unit % g->tiles;
        backward_tile(g->c, g->number - row, row, unit / g->tiles, &d);
    }
}

/* One thread keeps the weights of a row of tiles in its cache. */
static void backward_range(void *context, uint64_t begin, uint64_t end)
{
    const struct connect *c = context;
    struct decisions d;
    for (uint64_t unit = begin; unit < end; unit++) {
        const uint64_t rest = unit / c->sample.tiles;
        backward_tile(c, unit % c->sample.tiles, rest % c->row.tiles, rest / c->row.tiles, &d);
    }
}

static fd_status run_diagonals(struct connect *c, uint64_t tile, const fd_exec *exec)
{
    const uint64_t last = c->row.tiles + c->sample.tiles - 1;
    uint64_t done = 0;
    for (uint64_t k = 0; k < last; k++) {
        struct diagonal g = {c, k, k < c->sample.tiles ? 0 : k - c->sample.tiles + 1, 0};
        g.tiles = least(k + 1, c->row.tiles) - g.first;
        const fd_status status = fd_run(exec, g.tiles * c->column.tiles, tile, diagonal_range, &g);
        if (status != FD_OK) return status;
        done += g.tiles * c->column.tiles * tile;
        if (done < FD_POLL_ELEMENTS || k + 1 == last || !exec->poll) continue;
        if (exec->poll(exec->context)) return FD_INTERRUPTED;
        done = 0;
    }
    return FD_OK;
}

static fd_status make_job(struct connect *c, const fd_mask_desc *mask, const int64_t *shape, fd_dtype dtype,
                          const fd_exec *exec, int *idle)
{
    fd_layout layout;
    fd_status status = fd_layout_make(&layout, mask, 3, shape, NULL, NULL);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK) return status;
    if (mask->p_values) return FD_BAD_PROBABILITY;
    if (dtype != FD_F32 && dtype != FD_F64) return FD_BAD_DTYPE;
    if (!layout.empty && shape[2] > 1 && mask->strides[2] != 1) return FD_BAD_INDEX;
    *c = (struct connect){.mask = mask, .kernels = fd_kernels_active(), .dtype = dtype, .size = fd_dtype_size(dtype)};
    c->rule = fd_make_rule(mask->key, mask->p);
    c->scale = mask->p < 1.0 ? fd_scale(mask->p) : 0.0; /* nothing is kept at 1 */
    c->sample = (struct axis){.n = (uint64_t)shape[0], .step = shape[0] > 1 ? mask->strides[0] : 0};
    c->row = (struct axis){.n = (uint64_t)shape[1], .step = shape[1] > 1 ? mask->strides[1] : 0};
    c->column = (struct axis){.n = (uint64_t)shape[2], .step = 1};
    *idle = layout.empty || (!mask->bits && c->rule.kind == FD_DROP_ALL);
    if (!layout.empty) plan(c);
    return FD_OK;
}

/* The step of a single row is never taken and may be anything. */
static struct matrix matrix(const struct connect *c, const void *data, uint64_t rows, int64_t step)
{
    return (struct matrix){(char *)(uintptr_t)data, rows > 1 ? step * (int64_t)c->size : 0};
}

static void clear(const struct connect *c, const struct matrix *m, uint64_t rows, uint64_t columns)
{
    if (m->data && columns)
        for (uint64_t r = 0; r < rows; r++) memset(element(c, m, r, 0), 0, (size_t)columns * c->size);
}

fd_status fd_connect(const fd_mask_desc *mask, const int64_t *shape, fd_dtype dtype, const void *x, int64_t x_step,
                     const void *w, int64_t w_step, const void *bias, void *y, int64_t y_step, const fd_exec *exec)
{
    struct connect c;
    int idle;
    const fd_status status = make_job(&c, mask, shape, dtype, exec, &idle);
    if (status != FD_OK || !c.sample.n || !c.row.n) return status;
    if (!y || (c.column.n && (!x || !w))) return FD_BAD_POINTER;
    c.x = matrix(&c, x, c.sample.n, x_step);
    c.w = matrix(&c, w, c.row.n, w_step);
    c.y = matrix(&c, y, c.sample.n, y_step);
    c.bias = bias;
    clear(&c, &c.y, c.sample.n, c.row.n);
    if (!idle) return fd_run(exec, c.row.tiles * c.sample.tiles, c.row.tile * c.sample.tile * c.column.n, forward_range, &c);
    for (uint64_t b = 0; b < c.sample.n; b++) finish(&c, element(&c, &c.y, b, 0), 0, c.row.n);
    return FD_OK;
}

fd_status fd_connect_backward(const fd_mask_desc *mask, const int64_t *shape, fd_dtype dtype, const void *dy,
                              int64_t dy_step, const void *x, int64_t x_step, const void *w, int64_t w_step, void *dx,
                              int64_t dx_step, void *dw, int64_t dw_step, const fd_exec *exec)
{
    struct connect c;
    int idle;
    const fd_status status = make_job(&c, mask, shape, dtype, exec, &idle);
    if (status != FD_OK) return status;
    if (!idle && (!dy || (dx && !w) || (dw && !x))) return FD_BAD_POINTER;
    c.dy = matrix(&c, dy, c.sample.n, dy_step);
    c.x = matrix(&c, x, c.sample.n, x_step);
    c.w = matrix(&c, w, c.row.n, w_step);
    c.dx = matrix(&c, dx, c.sample.n, dx_step);
    c.dw = matrix(&c, dw, c.row.n, dw_step);
    clear(&c, &c.dx, c.sample.n, c.column.n);
    clear(&c, &c.dw, c.row.n, c.column.n);
    if (idle) return FD_OK;
    const uint64_t tile = c.sample.tile * c.row.tile * c.column.tile;
    if (exec && exec->threads > 1) return run_diagonals(&c, tile, exec);
    return fd_run(exec, c.sample.tiles * c.row.tiles * c.column.tiles, tile, backward_range, &c);
}
