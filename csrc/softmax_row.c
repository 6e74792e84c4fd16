/* softmax_row.c: softmax and dropout of one row, block by block, while it sits in the first-level cache. */
#include "softmax.h"

#include <string.h>

#include "elements.h"

enum { BLOCK = FD_SOFTMAX_BLOCK, LANES = FD_SOFTMAX_LANES, ROW = FD_SOFTMAX_ROW };

typedef union reals {
    float f[ROW];
    double d[ROW];
} reals;

typedef union lanes {
    float f[LANES];
    double d[LANES];
} lanes;

typedef union block {
    uint64_t align;
    char bytes[BLOCK * sizeof(double)];
} block;

static int is_wide(const fd_softmax *c) { return c->real == FD_F64; }

static char *at(const fd_softmax *c, reals *t, size_t j) { return (char *)t + j * fd_dtype_size(c->real); }

/* n elements from j on side by side: where they are, or in the copy. */
static const char *gather(block *copy, size_t size, const char *row, int64_t step, size_t j, size_t n)
{
    const char *from = row + (int64_t)j * step;
    if (step == (int64_t)size) return from;
    fd_copy_elements(size, n, copy->bytes, (int64_t)size, from, step);
    return copy->bytes;
}

static size_t block_at(const fd_softmax_row *row, size_t j) { return row->seen - j < BLOCK ? row->seen - j : BLOCK; }

static void set_lanes(const fd_softmax *c, lanes *a, double value)
{
    for (int i = 0; i < LANES; i++) {
        if (is_wide(c)) a->d[i] = value;
        else a->f[i] = (float)value;
    }
}

/* Half by half. */
static double add_lanes(const fd_softmax *c, lanes *a)
{
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++) {
            if (is_wide(c)) a->d[i] += a->d[i + width];
            else a->f[i] += a->f[i + width];
        }
    return is_wide(c) ? a->d[0] : (double)a->f[0];
}

/* The greatest; 0 in place of -Inf, so that a row that sees nothing has exponentials of 0. A NaN is found by the sum. */
static double most_of(const fd_softmax *c, const lanes *a)
{
    double most = is_wide(c) ? a->d[0] : (double)a->f[0];
    for (int i = 1; i < LANES; i++) {
        const double v = is_wide(c) ? a->d[i] : (double)a->f[i];
        most = most > v ? most : v;
    }
    return most < -1.7976931348623157e308 ? 0.0 : most;
}

/* a / b in the type that is computed in; 0 for a row that sees nothing. */
static double share(const fd_softmax *c, double a, double b)
{
    if (b == 0.0) return 0.0;
    return is_wide(c) ? a / b : (double)((float)a / (float)b);
}

static double times(const fd_softmax *c, double a, double b) { return is_wide(c) ? a * b : (double)((float)a * (float)b); }

static double read_real(const fd_softmax *c, const void *p)
{
    float f;
    double d;
    if (is_wide(c)) {
        memcpy(&d, p, sizeof d);
        return d;
    }
    memcpy(&f, p, sizeof f);
    return f;
}

static void write_real(const fd_softmax *c, void *p, double d)
{
    const float f = (float)d;
    if (!p) return;
    if (is_wide(c)) memcpy(p, &d, sizeof d);
    else memcpy(p, &f, sizeof f);
}

/* t = scale x + mask from element j on. */
static void score(const fd_softmax *c, const fd_softmax_row *row, size_t j, void *t, lanes *most)
{
    block x_copy, mask_copy;
    const size_t n = block_at(row, j);
    const void *added = NULL;
    const uint8_t *allowed = NULL;
    const char *x = gather(&x_copy, fd_dtype_size(c->dtype), row->x, c->x_step, j, n);
    if (c->mask_kind == FD_ADD_MASK) added = gather(&mask_copy, fd_dtype_size(c->real), row->mask, c->mask_step, j, n);
    if (c->mask_kind == FD_BOOL_MASK) allowed = (const uint8_t *)gather(&mask_copy, 1, row->mask, c->mask_step, j, n);
    c->kernels->softmax->score[c->dtype](x, n, c->scale, added, allowed, t, most);
}

static void zero_rest(const fd_softmax *c, const fd_softmax_row *row, char *y, int64_t step)
{
    static const char zeros[sizeof(double)] = {0};
    const size_t size = fd_dtype_size(c->dtype), n = row->n - row->seen;
    y += (int64_t)row->seen * step;
    if (step == (int64_t)size) memset(y, 0, n * size);
    else fd_copy_elements(size, n, y, step, zeros, 0);
}

/* y = kept ? t * factor : 0 from element j on; t is not what it was afterwards. */
static void finish(const fd_softmax *c, fd_source *src, const fd_softmax_row *row, size_t j, void *t, double factor, char *y)
{
    block copy;
    uint8_t bits[BLOCK / 8];
    const size_t n = block_at(row, j), size = fd_dtype_size(c->dtype);
    char *to = y + (int64_t)j * c->y_step;
    const int side_by_side = c->y_step == (int64_t)size;
    fd_source_bits(src, row->index + j, 1, n, bits);
    if (c->dtype == c->real) {
        c->kernels->apply[c->real](bits, n, t, side_by_side ? (void *)to : t, factor);
        if (!side_by_side) fd_copy_elements(size, n, to, c->y_step, t, (int64_t)size);
    } else {
        c->kernels->apply[c->real](bits, n, t, t, factor);
        c->kernels->softmax->narrow[c->dtype](t, n, side_by_side ? (void *)to : copy.bytes);
        if (!side_by_side) fd_copy_elements(size, n, to, c->y_step, copy.bytes, (int64_t)size);
    }
}

void fd_softmax_forward_row(const fd_softmax *c, fd_source *src, const fd_softmax_row *row, char *y)
{
    reals t;
    lanes most, sum, unused;
    const fd_softmax_kernels *k = c->kernels->softmax;
    const int held = row->seen <= ROW;
    set_lanes(c, &most, -1.0 / 0.0);
    set_lanes(c, &sum, 0.0);
    set_lanes(c, &unused, 0.0);
    for (size_t j = 0; j < row->seen; j += BLOCK) score(c, row, j, at(c, &t, held ? j : 0), &most);
    const double m = most_of(c, &most);
    for (size_t j = 0; j < row->seen; j += BLOCK) {
        if (!held) score(c, row, j, &t, &unused);
        k->exps[is_wide(c)](m, block_at(row, j), at(c, &t, held ? j : 0), &sum);
    }
    const double total = add_lanes(c, &sum), factor = share(c, c->keep_scale, total);
    for (size_t j = 0; j < row->seen; j += BLOCK) {
        if (!held) {
            score(c, row, j, &t, &unused);
            k->exps[is_wide(c)](m, block_at(row, j), &t, &unused);
        }
        finish(c, src, row, j, at(c, &t, held ? j : 0), factor, y);
    }
    zero_rest(c, row, y, c->y_step);
    write_real(c, row->max, m);
    write_real(c, row->sum, total);
}

/* e = exp(t - max) and g = kept ? dy s : 0 from element j on. */
static void remake(const fd_softmax *c, fd_source *src, const fd_softmax_row *row, size_t j, double most, const char *dy,
                   void *e, void *g)
{
    block copy;
    lanes unused;
    uint8_t bits[BLOCK / 8];
    const size_t n = block_at(row, j), padded = (n + LANES - 1) / LANES * LANES, real = fd_dtype_size(c->real);
    const char *from = gather(&copy, fd_dtype_size(c->dtype), dy, c->y_step, j, n);
    set_lanes(c, &unused, 0.0);
    score(c, row, j, e, &unused);
    c->kernels->softmax->exps[is_wide(c)](most, n, e, &unused);
    fd_source_bits(src, row->index + j, 1, n, bits);
    if (c->dtype != c->real) {
        c->kernels->softmax->widen[c->dtype](from, n, g);
        from = g;
    }
    c->kernels->apply[c->real](bits, n, from, g, c->keep_scale);
    memset((char *)g + n * real, 0, (padded - n) * real);
}

void fd_softmax_backward_row(const fd_softmax *c, fd_source *src, const fd_softmax_row *row, const char *y, char *z)
{
    reals e, g;
    lanes sum;
    const fd_softmax_kernels *k = c->kernels->softmax;
    const size_t size = fd_dtype_size(c->dtype);
    const int held = row->seen <= ROW, side_by_side = c->z_step == (int64_t)size;
    const double most = read_real(c, row->max), part = share(c, 1.0, read_real(c, row->sum));
    set_lanes(c, &sum, 0.0);
    for (size_t j = 0; j < row->seen; j += BLOCK) {
        const size_t b = held ? j : 0;
        remake(c, src, row, j, most, y, at(c, &e, b), at(c, &g, b));
        k->dots[is_wide(c)](at(c, &e, b), at(c, &g, b), block_at(row, j), &sum);
    }
    const double dot = times(c, add_lanes(c, &sum), part), factor = times(c, c->scale, part);
    for (size_t j = 0; j < row->seen; j += BLOCK) {
        block copy;
        const size_t n = block_at(row, j), b = held ? j : 0;
        char *to = z + (int64_t)j * c->z_step;
        if (!held) remake(c, src, row, j, most, y, &e, &g);
        k->slopes[c->dtype](at(c, &e, b), at(c, &g, b), n, factor, dot, side_by_side ? (void *)to : copy.bytes);
        if (!side_by_side) fd_copy_elements(size, n, to, c->z_step, copy.bytes, (int64_t)size);
    }
    zero_rest(c, row, z, c->z_step);
}
