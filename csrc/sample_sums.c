/* sample_sums.c: what all samples of dropout add up to: the gradient of an x that they share, mean and variance. */
#include <string.h>

#include "bits.h"
#include "elements.h"
#include "half.h"
#include "parallel.h"
#include "samples.h"

enum {
    MOST = 4096,              /* elements of a patch, of at most 8 bytes each, */
    FEW = MOST / 2,           /* and of 16 */
    PLANES = 4,               /* bits of a number kept in columns, */
    COLUMN = 15,              /* which counts so many samples; */
    BYTE = 255,               /* a byte then so many */
    WEIGHT = 128,             /* a patch counts as at most so many for fd_run, which hands out many at a time so, */
    ENDS = 8                  /* and reading and writing it as so many */
};

typedef union numbers { /* real numbers of a patch, complex elements in pairs */
    float f[MOST];
    double d[MOST];
} numbers;

static int is_wide(fd_dtype dtype) { return dtype == FD_F64 || dtype == FD_C128; }
static int is_half(fd_dtype dtype) { return dtype == FD_F16 || dtype == FD_BF16; }

/* The type that products are made in: that of the elements, but float for those of 16 bits. */
static fd_dtype product_type(fd_dtype dtype) { return is_half(dtype) ? FD_F32 : dtype; }

static float widen(fd_dtype dtype, const char *x)
{
    uint16_t h;
    memcpy(&h, x, 2);
    return dtype == FD_F16 ? fd_f16_to_float(h) : fd_bf16_to_float(h);
}

static void narrow(fd_dtype dtype, float f, char *y)
{
    const uint16_t h = dtype == FD_F16 ? fd_float_to_f16(f) : fd_float_to_bf16(f);
    memcpy(y, &h, 2);
}

/* Elements of a patch one after the other, in the type of products. */
static void gather(fd_dtype dtype, size_t rows, size_t n, const char *x, int64_t row_step, int64_t step, numbers *to)
{
    const size_t size = fd_dtype_size(dtype);
    char *out = (char *)to;
    for (size_t i = 0; i < rows; i++, x += row_step) {
        const char *from = x;
        if (is_half(dtype)) {
            for (size_t j = 0; j < n; j++, from += step) to->f[i * n + j] = widen(dtype, from);
        } else if (step == (int64_t)size) {
            memcpy(out + i * n * size, from, n * size);
        } else if (size == 4) {
            for (size_t j = 0; j < n; j++, from += step) memcpy(out + 4 * (i * n + j), from, 4);
        } else {
            for (size_t j = 0; j < n; j++, from += step) memcpy(out + size * (i * n + j), from, size);
        }
    }
}

static void scatter(fd_dtype dtype, size_t rows, size_t n, const numbers *from, char *y, int64_t row_step, int64_t step)
{
    const size_t size = fd_dtype_size(dtype);
    const char *in = (const char *)from;
    for (size_t i = 0; i < rows; i++, y += row_step) {
        char *to = y;
        if (is_half(dtype)) {
            for (size_t j = 0; j < n; j++, to += step) narrow(dtype, from->f[i * n + j], to);
        } else if (step == (int64_t)size) {
            memcpy(to, in + i * n * size, n * size);
        } else {
            for (size_t j = 0; j < n; j++, to += step) memcpy(to, in + size * (i * n + j), size);
        }
    }
}

struct sums {
    const fd_kernels *kernels;
    const fd_mask_desc *mask;
    const fd_samples *samples;
    const fd_patches *patches;
    fd_dtype dtype;
    const char *x;
    char *y;
    int64_t x_step;
    char *variance;
};

/* ---- the gradient of what samples share ---- */

static void add(int wide, size_t n, const numbers *some, numbers *sum)
{
    if (wide)
        for (size_t j = 0; j < n; j++) sum->d[j] += some->d[j];
    else
        for (size_t j = 0; j < n; j++) sum->f[j] += some->f[j];
}

static void sum_range(void *context, uint64_t begin, uint64_t end)
{
    const struct sums *a = context;
    const fd_patches *patches = a->patches;
    const fd_dtype product = product_type(a->dtype);
    const int64_t size = (int64_t)fd_dtype_size(product);
    fd_sample_keys keys;
    numbers sum, some;
    fd_sample_keys_open(&keys);
    for (uint64_t number = begin; number < end; number++) {
        const fd_patch patch = fd_patches_get(patches, number);
        const size_t elements = patch.rows * patch.n, reals = fd_is_complex(a->dtype) ? 2 * elements : elements;
        const int64_t row = (int64_t)patch.n * size;
        const fd_elements as_it_is = {a->kernels, product, patches->row.x, size, patches->rows.x, row};
        const fd_elements gathered = {a->kernels, product, size, size, row, row};
        const double scale = a->mask->p_values ? 1.0 : fd_scale(a->mask->p);
        double copy[FD_VARIED];
        const double *p = patch.p ? fd_gather_p(copy, patch.p, patches->rows.p, patch.rows, patches->row.p, patch.n) : NULL;
        memset(&sum, 0, reals * (is_wide(a->dtype) ? 8 : 4)); /* of no samples */
        for (uint64_t s = 0; s < a->samples->count; s++) {
            uint8_t bits[MOST / 8];
            numbers *to = s ? &some : &sum;
            const char *x = a->x + patch.x + (int64_t)s * a->x_step;
            fd_patch_bits(patches, &patch, a->mask, fd_sample_keys_get(&keys, a->mask->key, a->samples, s), p, bits);
            if (is_half(a->dtype)) {
                gather(a->dtype, patch.rows, patch.n, x, patches->rows.x, patches->row.x, to);
                x = (const char *)to;
            }
            fd_apply_patch(is_half(a->dtype) ? &gathered : &as_it_is, bits, patch.rows, patch.n, x, (char *)to, p, scale);
            if (s) add(is_wide(a->dtype), reals, &some, &sum);
        }
        scatter(a->dtype, patch.rows, patch.n, &sum, a->y + patch.y, patches->rows.y, patches->row.y);
    }
}

/* ---- mean and variance ---- */

/* How many samples keep each element. Bits are added in columns of four, whose sums are spread over bytes now and then: a table
 * brings eight bits of one weight to eight bytes. */
struct counter {
    unsigned in_column, in_bytes;
    uint64_t plane[PLANES][MOST / 64], byte[MOST / 8];
    int32_t count[MOST];
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
    for (int b = 0; b < PLANES; b++)
        for (size_t w = 0; 64 * w < n; w++)
            for (int k = 0; k < 8; k++) c->byte[8 * w + k] += table[c->plane[b][w] >> 8 * k & 255] << b;
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

static void count_bits(struct counter *c, const uint64_t *words, size_t n, const uint64_t *table)
{
    for (size_t w = 0; 64 * w < n; w++) {
        uint64_t carry = words[w];
        for (int b = 0; b < PLANES; b++) {
            const uint64_t both = c->plane[b][w] & carry;
            c->plane[b][w] ^= carry;
            carry = both;
        }
    }
    c->in_bytes++;
    if (++c->in_column == COLUMN) columns_to_bytes(c, n, table);
    if (c->in_bytes == BYTE) bytes_to_counts(c, n);
}

/* v * s with a scale for each element where p is not NULL, and what becomes of it; `pairs`: complex elements. */
#define MOMENTS(name, real, field)                                                                                       \
    static void name(const numbers *x, const int32_t *count, size_t n, int pairs, const double *p, double scale,         \
                     uint64_t samples, real *mean, real *variance)                                                       \
    {                                                                                                                    \
        const real m = (real)samples, one_scale = (real)scale;                                                           \
        for (size_t j = 0; j < n; j++) {                                                                                 \
            const real s = p ? (real)fd_make_scale(p[j]) : one_scale, f = (real)count[j] / m, g = f * (1 - f);            \
            const real a = pairs ? x->field[2 * j] * s : x->field[j] * s, b = pairs ? x->field[2 * j + 1] * s : 0;        \
            const real square = pairs ? a * a + b * b : a * a;                                                            \
            if (pairs) {                                                                                                 \
                mean[2 * j] = count[j] ? a * f : 0;                                                                      \
                mean[2 * j + 1] = count[j] ? b * f : 0;                                                                  \
            } else {                                                                                                     \
                mean[j] = count[j] ? a * f : 0;                                                                          \
            }                                                                                                            \
            variance[j] = count[j] ? square * g : 0;                                                                     \
        }                                                                                                                \
    }
MOMENTS(moments_f32, float, f)
MOMENTS(moments_f64, double, d)

static void moments_range(void *context, uint64_t begin, uint64_t end)
{
    const struct sums *a = context;
    const fd_patches *patches = a->patches;
    const int wide = is_wide(a->dtype), pairs = fd_is_complex(a->dtype);
    const uint64_t samples = a->samples->count;
    uint64_t table[256];
    fd_sample_keys keys;
    struct counter c;
    numbers x;
    spread_table(table);
    fd_sample_keys_open(&keys);
    for (uint64_t number = begin; number < end; number++) {
        const fd_patch patch = fd_patches_get(patches, number);
        const size_t n = patch.rows * patch.n;
        double copy[FD_VARIED];
        const double *p = patch.p ? fd_gather_p(copy, patch.p, patches->rows.p, patch.rows, patches->row.p, patch.n) : NULL;
        memset(&c, 0, sizeof c);
        for (uint64_t s = 0; s < samples; s++) {
            uint64_t words[MOST / 64];
            uint8_t bits[MOST / 8];
            memset(bits + n / 64 * 8, 0, n % 64 ? 8 : 0);
            fd_patch_bits(patches, &patch, a->mask, fd_sample_keys_get(&keys, a->mask->key, a->samples, s), p, bits);
            for (size_t w = 0; 64 * w < n; w++) words[w] = fd_load64(bits + 8 * w);
            count_bits(&c, words, n, table);
        }
        columns_to_bytes(&c, n, table);
        bytes_to_counts(&c, n);
        gather(a->dtype, patch.rows, patch.n, a->x + patch.x, patches->rows.x, patches->row.x, &x);
        const double scale = a->mask->p_values ? 1.0 : fd_scale(a->mask->p);
        const int64_t at = patch.y, real = wide ? 8 : 4; /* y counts elements */
        char *mean = a->y + at * real * (pairs ? 2 : 1), *variance = a->variance + at * real;
        if (wide) moments_f64(&x, c.count, n, pairs, p, scale, samples, (double *)(void *)mean, (double *)(void *)variance);
        else moments_f32(&x, c.count, n, pairs, p, scale, samples, (float *)(void *)mean, (float *)(void *)variance);
    }
}

/* ---- entries ---- */

static fd_status run(struct sums *a, const fd_layout *layout, fd_range_fn *fn, const fd_exec *exec)
{
    fd_patches patches;
    const uint64_t most = a->mask->p_values ? FD_VARIED : fd_is_complex(a->dtype) ? FEW : MOST;
    fd_patches_make(&patches, layout, a->mask->p_values, most);
    a->patches = &patches;
    a->kernels = fd_kernels_active();
    const uint64_t samples = a->samples->count < WEIGHT ? a->samples->count : WEIGHT;
    return fd_run(exec, patches.count, patches.group_rows * patches.segment * (samples + ENDS), fn, a);
}

fd_status fd_samples_sum(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape, fd_dtype dtype,
                         const void *dy, const int64_t *dy_strides, int64_t dy_step, void *dx, const int64_t *dx_strides,
                         const fd_exec *exec)
{
    fd_layout layout;
    fd_status status = fd_samples_check(mask, samples);
    if (status == FD_OK) status = fd_layout_make(&layout, mask, ndim, shape, dy_strides, dx_strides);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK) return status;
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (layout.empty) return FD_OK;
    if (!dy || !dx || (ndim && (!dy_strides || !dx_strides))) return FD_BAD_POINTER;
    fd_layout_sort(&layout);
    fd_layout_merge(&layout);
    struct sums a = {.mask = mask, .samples = samples, .dtype = dtype, .x = dy, .y = dx, .x_step = dy_step};
    return run(&a, &layout, sum_range, exec);
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
    struct sums a = {.mask = mask, .samples = samples, .dtype = dtype, .x = x, .y = mean, .variance = variance};
    return run(&a, &layout, moments_range, exec);
}
