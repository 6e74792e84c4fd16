/* rows.c: whole rows, copied, scaled or added up by number. */
#include "elements.h"

#include <string.h>

#include "parallel.h"

enum {
    PIECE = 256, /* numbers of a row that are added up together */
    AHEAD = 4,   /* rows that are asked of memory before they are needed: no processor guesses which come next */
    FETCH = 1024 /* ... and bytes of each; for the rest it does */
};

static fd_status check_numbers(const int64_t *numbers, uint64_t count, uint64_t below)
{
    uint64_t wrong = 0;
    for (uint64_t j = 0; j < count; j++) wrong |= (uint64_t)((uint64_t)numbers[j] >= below);
    return wrong ? FD_BAD_INDEX : FD_OK;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

struct copy {
    uint64_t k, n;
    const int64_t *positions;
    size_t bytes;
    fd_rows x, y;
};

/* Units are rows of y. */
static void take_range(void *context, uint64_t begin, uint64_t end)
{
    const struct copy *c = context;
    for (uint64_t unit = begin; unit < end; unit++) {
        const int64_t sample = (int64_t)(unit / c->k), row = (int64_t)(unit % c->k);
        const char *x = c->x.data + sample * c->x.sample_step + c->positions[unit] * c->x.row_step;
        memcpy(c->y.data + sample * c->y.sample_step + row * c->y.row_step, x, c->bytes);
    }
}

/* Units are samples. */
static void put_range(void *context, uint64_t begin, uint64_t end)
{
    const struct copy *c = context;
    for (uint64_t sample = begin; sample < end; sample++) {
        const int64_t *positions = c->positions + sample * c->k;
        const char *x = c->x.data + (int64_t)sample * c->x.sample_step;
        char *first = c->y.data + (int64_t)sample * c->y.sample_step;
        uint64_t j = 0;
        for (uint64_t row = 0; row < c->n; row++) {
            char *y = first + (int64_t)row * c->y.row_step; /* no step past the last row: it may be anything of a single one */
            if (j < c->k && (uint64_t)positions[j] == row) {
                memcpy(y, x + (int64_t)j++ * c->x.row_step, c->bytes);
            } else {
                memset(y, 0, c->bytes);
            }
        }
    }
}

static fd_status check_copy(uint64_t samples, uint64_t k, uint64_t n, const int64_t *positions, size_t bytes,
                            const fd_rows *x, const fd_rows *y, const fd_exec *exec)
{
    if (k > n || n > FD_INDEX_LIMIT || (n && samples > FD_INDEX_LIMIT / n)) return FD_BAD_SHAPE;
    if (n && samples && bytes > FD_INDEX_LIMIT / (n * samples)) return FD_BAD_SHAPE;
    if (!x || !y || (samples && k && (!positions || !x->data || !y->data))) return FD_BAD_POINTER;
    if (samples && n && !y->data) return FD_BAD_POINTER;
    const fd_status status = fd_check_exec(exec);
    return status == FD_OK ? check_numbers(positions, samples * k, n) : status;
}

/* What rows of so many bytes cost, in elements of float. */
static uint64_t cost(size_t bytes) { return 1 + bytes / 4; }

fd_status fd_take_rows(uint64_t samples, uint64_t k, uint64_t n, const int64_t *positions, size_t bytes, const fd_rows *x,
                       const fd_rows *y, const fd_exec *exec)
{
    const fd_status status = check_copy(samples, k, n, positions, bytes, x, y, exec);
    if (status != FD_OK || !samples || !k || !bytes) return status;
    struct copy c = {k, n, positions, bytes, *x, *y};
    return fd_run(exec, samples * k, cost(bytes), take_range, &c);
}

fd_status fd_put_rows(uint64_t samples, uint64_t k, uint64_t n, const int64_t *positions, size_t bytes, const fd_rows *x,
                      const fd_rows *y, const fd_exec *exec)
{
    const fd_status status = check_copy(samples, k, n, positions, bytes, x, y, exec);
    if (status != FD_OK || !samples || !n || !bytes) return status;
    struct copy c = {k, n, positions, bytes, *x, *y};
    return fd_run(exec, samples, n * cost(bytes), put_range, &c);
}

/* ---- embeddings ------------------------------------------------------------------------------------------------ */

struct look_up {
    const int64_t *ids;
    const uint8_t *keep;
    fd_elements elements;
    double scale;
    size_t width;
    const char *table;
    int64_t table_step;
    char *y;
    int64_t y_step;
};

static void look_up_range(void *context, uint64_t begin, uint64_t end)
{
    const struct look_up *l = context;
    const size_t bytes = l->width * fd_dtype_size(l->elements.dtype), some = bytes < FETCH ? bytes : FETCH;
    for (uint64_t j = begin; j < end; j++) {
        if (j + AHEAD < end && l->keep[j + AHEAD]) fd_fetch_bytes(l->table + l->ids[j + AHEAD] * l->table_step, some);
        fd_scale_run(&l->elements, l->keep[j], l->width, l->table + l->ids[j] * l->table_step, l->y + (int64_t)j * l->y_step,
                     l->scale);
    }
}

fd_status fd_look_up(const int64_t *ids, const uint8_t *keep, size_t n, fd_dtype dtype, double scale, size_t width,
                     const void *table, uint64_t rows, int64_t table_step, void *y, int64_t y_step, const fd_exec *exec)
{
    const int64_t size = (int64_t)fd_dtype_size(dtype);
    if (!size) return FD_BAD_DTYPE;
    if (n && width > FD_INDEX_LIMIT / n) return FD_BAD_SHAPE;
    if (n && width && (!ids || !keep || !table || !y)) return FD_BAD_POINTER;
    fd_status status = fd_check_exec(exec);
    if (status == FD_OK && n && ids) status = check_numbers(ids, n, rows);
    if (status != FD_OK || !n || !width) return status;
    struct look_up l = {ids, keep, {fd_kernels_active(), dtype, size, size, 0, 0}, scale, width, table, table_step, y, y_step};
    return fd_run(exec, n, 1 + width, look_up_range, &l);
}

struct sums {
    const int64_t *order, *begin;
    const uint8_t *keep;
    fd_dtype dtype;
    double scale;
    size_t width; /* in real numbers */
    const char *x;
    int64_t x_step;
    char *y;
    int64_t y_step;
};

/* Each adds up n numbers of rows in their order, beginning with the first. */
static void sum_halves(const struct sums *s, const int64_t *from, const int64_t *to, size_t n, size_t at, char *y)
{
    float sum[PIECE];
    const float scale = (float)s->scale;
    for (const int64_t *row = from; row < to; row++) {
        uint16_t some[PIECE];
        memcpy(some, s->x + *row * s->x_step + at * 2, n * 2);
        if (row == from)
            for (size_t j = 0; j < n; j++) sum[j] = fd_widen(s->dtype, some[j]);
        else
            for (size_t j = 0; j < n; j++) sum[j] += fd_widen(s->dtype, some[j]);
    }
    for (size_t j = 0; j < n; j++) {
        const uint16_t h = fd_narrow(s->dtype, sum[j] * scale);
        memcpy(y + at * 2 + j * 2, &h, 2);
    }
}

#define SUM(name, type)                                                                                              \
    static void name(const struct sums *s, const int64_t *from, const int64_t *to, size_t n, size_t at, char *y)     \
    {                                                                                                                \
        type sum[PIECE], some[PIECE];                                                                                \
        const type scale = (type)s->scale;                                                                           \
        memcpy(sum, s->x + *from * s->x_step + at * sizeof(type), n * sizeof(type));                                 \
        for (const int64_t *row = from + 1; row < to; row++) {                                                       \
            memcpy(some, s->x + *row * s->x_step + at * sizeof(type), n * sizeof(type));                             \
            for (size_t j = 0; j < n; j++) sum[j] += some[j];                                                        \
        }                                                                                                            \
        for (size_t j = 0; j < n; j++) sum[j] *= scale;                                                              \
        memcpy(y + at * sizeof(type), sum, n * sizeof(type));                                                        \
    }
SUM(sum_floats, float)
SUM(sum_doubles, double)

static void sum_range(void *context, uint64_t begin, uint64_t end)
{
    const struct sums *s = context;
    const size_t size = fd_dtype_size(s->dtype);
    for (uint64_t i = begin; i < end; i++) {
        const int64_t *from = s->order + s->begin[i], *to = s->order + s->begin[i + 1];
        char *y = s->y + (int64_t)i * s->y_step;
        if (!s->keep[i]) {
            memset(y, 0, s->width * size);
            continue;
        }
        for (size_t at = 0; at < s->width; at += PIECE) {
            const size_t n = s->width - at < PIECE ? s->width - at : PIECE;
            if (size == 2) sum_halves(s, from, to, n, at, y);
            else if (size == 4) sum_floats(s, from, to, n, at, y);
            else sum_doubles(s, from, to, n, at, y);
        }
    }
}

fd_status fd_sum_rows(const int64_t *order, const int64_t *begin, const uint8_t *keep, size_t sums, fd_dtype dtype,
                      double scale, size_t width, const void *x, uint64_t rows, int64_t x_step, void *y, int64_t y_step,
                      const fd_exec *exec)
{
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (sums && width > FD_INDEX_LIMIT / sums) return FD_BAD_SHAPE;
    if (sums && width && (!order || !begin || !keep || !x || !y)) return FD_BAD_POINTER;
    fd_status status = fd_check_exec(exec);
    if (status != FD_OK || !sums || !width) return status;
    for (size_t i = 0; i < sums; i++)
        if (begin[i] < 0 || begin[i + 1] <= begin[i]) return FD_BAD_SHAPE;
    status = check_numbers(order + begin[0], (uint64_t)(begin[sums] - begin[0]), rows);
    if (status != FD_OK) return status;
    const size_t reals = fd_is_complex(dtype) ? 2 * width : width;
    struct sums s = {order, begin, keep, fd_real_part(dtype), scale, reals, x, x_step, y, y_step};
    const uint64_t each = (uint64_t)(begin[sums] - begin[0]) / sums + 1;
    return fd_run(exec, sums, each * (reals + 1), sum_range, &s);
}
