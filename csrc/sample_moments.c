/* sample_moments.c: mean and variance over samples of dropout, from the number of samples that keep an element. */
#include <string.h>

#include "bits.h"
#include "samples.h"

enum {
    PLANES = 4,  /* bits of a number kept in columns, */
    COLUMN = 15, /* which counts so many samples; */
    BYTE = 255   /* a byte then so many */
};

/* How many samples keep each element. Bits are added in columns of four, whose sums are spread over bytes now and then: a table
 * brings eight bits of one weight to eight bytes. */
struct counter {
    unsigned in_column, in_bytes;
    uint64_t plane[PLANES][FD_PATCH / 64], byte[FD_PATCH / 8];
    int32_t count[FD_PATCH];
};

static const uint64_t *spread_table(uint64_t table[256])
{
    for (unsigned bits = 0; bits < 256; bits++) {
        uint8_t bytes[8];
        for (int k = 0; k < 8; k++) bytes[k] = bits >> k & 1;
        memcpy(&table[bits], bytes, 8);
    }
    return table;
}

static void columns_to_bytes(struct counter *c, size_t n, const uint64_t *table)
{
    for (size_t w = 0; 64 * w < n; w++)
        for (int k = 0; k < 8; k++) {
            uint64_t sum = 0;
            for (int b = 0; b < PLANES; b++) sum += table[c->plane[b][w] >> 8 * k & 255] << b;
            c->byte[8 * w + (size_t)k] += sum;
        }
    memset(c->plane, 0, sizeof c->plane);
    c->in_column = 0;
}

static void bytes_to_counts(struct counter *c, size_t n)
{
    const uint8_t *byte = (const uint8_t *)c->byte;
    for (size_t j = 0; j < n; j++) c->count[j] += byte[j];
    memset(c->byte, 0, sizeof c->byte);
    c->in_bytes = 0;
}

static void count_bits(struct counter *c, const uint64_t *restrict words, size_t n, const uint64_t *table)
{
    uint64_t *restrict one = c->plane[0], *restrict two = c->plane[1];
    uint64_t *restrict four = c->plane[2], *restrict eight = c->plane[3];
    for (size_t w = 0; w < (n + 63) / 64; w++) {
        const uint64_t to_two = one[w] & words[w], to_four = two[w] & to_two, to_eight = four[w] & to_four;
        one[w] ^= words[w];
        two[w] ^= to_two;
        four[w] ^= to_four;
        eight[w] ^= to_eight;
    }
    c->in_bytes++;
    if (++c->in_column == COLUMN) columns_to_bytes(c, n, table);
    if (c->in_bytes == BYTE) bytes_to_counts(c, n);
}

/* x * s, with a scale for each element where p is not NULL, and what becomes of it. `width` is 2 for complex elements. What
 * no sample keeps counts as +0, by its bits: the loop has no branch. */
#define MOMENTS(real, word, field, suffix)                                                                             \
    static void scale_##suffix(fd_numbers *x, size_t n, size_t width, const double *p, double scale)                   \
    {                                                                                                                  \
        const real s = (real)scale;                                                                                    \
        if (p)                                                                                                         \
            for (size_t j = 0; j < width * n; j++) x->field[j] *= (real)fd_make_scale(p[j / width]);                   \
        else                                                                                                           \
            for (size_t j = 0; j < width * n; j++) x->field[j] *= s;                                                   \
    }                                                                                                                  \
    FD_INLINE real if_kept_##suffix(real v, int32_t count)                                                             \
    {                                                                                                                  \
        word w;                                                                                                        \
        memcpy(&w, &v, sizeof w);                                                                                      \
        w &= (word)0 - (word)(count != 0);                                                                             \
        memcpy(&v, &w, sizeof w);                                                                                      \
        return v;                                                                                                      \
    }                                                                                                                  \
    static void moments_##suffix(const fd_numbers *v, const int32_t *restrict count, size_t n, size_t width,           \
                                 double samples, void *mean_out, void *variance_out)                                   \
    {                                                                                                                  \
        const real m = (real)samples;                                                                                  \
        real *restrict mean = mean_out, *restrict variance = variance_out;                                             \
        if (width == 1) {                                                                                              \
            for (size_t j = 0; j < n; j++) {                                                                           \
                const real f = (real)count[j] / m, a = if_kept_##suffix(v->field[j], count[j]);                        \
                mean[j] = a * f;                                                                                       \
                variance[j] = (a * a) * (f * (1 - f));                                                                 \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (size_t j = 0; j < n; j++) {                                                                               \
            const real f = (real)count[j] / m;                                                                         \
            const real a = if_kept_##suffix(v->field[2 * j], count[j]), b = if_kept_##suffix(v->field[2 * j + 1], count[j]); \
            mean[2 * j] = a * f;                                                                                       \
            mean[2 * j + 1] = b * f;                                                                                   \
            variance[j] = (a * a + b * b) * (f * (1 - f));                                                             \
        }                                                                                                              \
    }
MOMENTS(float, uint32_t, f, f32)
MOMENTS(double, uint64_t, d, f64)

static void moments_range(void *context, uint64_t begin, uint64_t end)
{
    const fd_sums *a = context;
    const fd_patches *patches = a->patches;
    const int wide = fd_is_wide(a->dtype);
    const size_t width = fd_is_complex(a->dtype) ? 2 : 1;
    const uint64_t samples = a->samples->count;
    uint64_t table[256];
    fd_sample_keys keys;
    struct counter c;
    fd_numbers x;
    spread_table(table);
    fd_sample_keys_open(&keys);
    for (uint64_t number = begin; number < end; number++) {
        const fd_patch patch = fd_patches_get(patches, number);
        const size_t n = patch.rows * patch.n;
        double copy[FD_VARIED];
        const double *p = patch.p ? fd_gather_p(copy, patch.p, patches->rows.p, patch.rows, patches->row.p, patch.n) : NULL;
        memset(&c, 0, sizeof c);
        for (uint64_t s = 0; s < samples; s++) {
            uint64_t words[FD_PATCH / 64];
            uint8_t bits[FD_PATCH / 8];
            memset(bits + n / 64 * 8, 0, n % 64 ? 8 : 0);
            fd_patch_bits(patches, &patch, a->mask, fd_sample_keys_get(&keys, a->mask->key, a->samples, s), p, bits);
            for (size_t w = 0; 64 * w < n; w++) words[w] = fd_load64(bits + 8 * w);
            count_bits(&c, words, n, table);
        }
        if (c.in_column) columns_to_bytes(&c, n, table);
        if (c.in_bytes) bytes_to_counts(&c, n);
        fd_patch_gather(a->dtype, patch.rows, patch.n, a->x + patch.x, patches->rows.x, patches->row.x, &x);
        const double scale = a->mask->p_values ? 1.0 : fd_scale(a->mask->p);
        const int64_t at = patch.y, real = wide ? 8 : 4; /* y counts elements */
        char *mean = a->y + at * real * (int64_t)width, *variance = a->variance + at * real;
        (wide ? scale_f64 : scale_f32)(&x, n, width, p, scale);
        (wide ? moments_f64 : moments_f32)(&x, c.count, n, width, (double)samples, mean, variance);
    }
}

fd_status fd_samples_moments(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape,
                             fd_dtype dtype, const void *x, const int64_t *x_strides, void *mean, void *variance,
                             const fd_exec *exec)
{
    fd_layout layout;
    int64_t strides[FD_MAX_NDIM], step = 1;
    if (ndim > 0 && ndim <= FD_MAX_NDIM && shape)
        for (int d = ndim - 1; d >= 0; d--) {
            strides[d] = step;
            step = (int64_t)((uint64_t)step * (uint64_t)shape[d]); /* as far as it matters: fd_layout_make checks the shape */
        }
    fd_status status = fd_samples_check(mask, samples);
    if (status == FD_OK) status = fd_layout_make(&layout, mask, ndim, shape, x_strides, strides);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK) return status;
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (samples->count < 1 || samples->count > FD_MOMENTS_LIMIT) return FD_BAD_SHAPE;
    if (layout.empty) return FD_OK;
    if (!x || !mean || !variance || (ndim && !x_strides)) return FD_BAD_POINTER;
    fd_layout_merge(&layout);
    fd_sums a = {.mask = mask, .samples = samples, .dtype = dtype, .x = x, .y = mean, .variance = variance};
    return fd_sums_run(&a, &layout, moments_range, exec);
}
