/* concrete.c: concrete dropout of every runnable instruction set: factors against libm's within the documented error, and to
 * the last bit those of the first instruction set; products of all types, element by element. Arrays have the size they need
 * and no more, for sanitizers to see. Usage: concrete [--quick] [--expect NAME]; prints what ran. */
#include <fastdrop.h>
#include <inttypes.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "half.h"
#include "reference.h"

enum { LONGEST = 1300, RULES = 5 };
static const fd_key key = {57, UINT64_C(1) << 40};
static const size_t element[] = {2, 2, 4, 8, 8, 16};
static const struct rule {
    double p, temperature;
} rules[RULES] = {{0.3, 0.1}, {1e-9, 2.0 / 3}, {1 - 1e-9, 0.1}, {0.5, 1e-3}, {0.2, 50}};
static const uint64_t starts[RULES] = {0, 1, 311, (UINT64_C(1) << 34) - 100, (UINT64_C(1) << 62) - LONGEST};
static double first[RULES][2][LONGEST], factor[LONGEST];

static fd_status concrete(const struct rule *r, int slope, uint64_t start, size_t n, fd_dtype dtype, const void *x, void *y,
                          const fd_exec *exec)
{
    const int64_t shape[1] = {(int64_t)n}, one[1] = {1}, bytes[1] = {(int64_t)element[dtype]};
    const fd_mask_desc where = {.key = key, .start = start, .strides = one};
    return fd_concrete_nd(&where, r->p, r->temperature, slope, 1, shape, dtype, x, bytes, y, bytes, exec);
}

/* Of ones in double, whose products are the factors themselves. */
static void factors(int k, int slope, int is_first)
{
    const struct rule *r = rules + k;
    const double p = r->p, t = r->temperature, near = 1e-15 + 3e-16 * (30 + fabs(log(p))) / t;
    double ones[LONGEST];
    for (int j = 0; j < LONGEST; j++) ones[j] = 1;
    CHECK(concrete(r, slope, starts[k], LONGEST, FD_F64, ones, factor, NULL) == FD_OK, "rule %d", k);
    if (is_first) memcpy(first[k][slope], factor, sizeof factor);
    for (int j = 0; j < LONGEST; j++) {
        const uint64_t i = starts[k] + (uint64_t)j;
        const uint32_t word = ref_word(key.seed, key.stream, 3, i / 512, (unsigned)(i % 512));
        const double u = (word + 0.5) / 0x1p32, v = (0x1p32 - 1 - word + 0.5) / 0x1p32;
        const double d_by_kept = exp((log(p) - log1p(-p) + log(u) - log(v)) / t), f = 1 / (1 + d_by_kept) / (1 - p);
        const double d = 1 / (1 + 1 / d_by_kept), wanted = slope ? f * (p - d / t) : f;
        const double bound = near * f * (slope ? p + 2 / t : 1) + 1e-300;
        CHECK(fabs(factor[j] - wanted) <= bound, "rule %d slope %d word %08" PRIx32 ": %.17g, not %.17g", k, slope, word,
              factor[j], wanted);
        CHECK(memcmp(factor + j, first[k][slope] + j, 8) == 0, "rule %d slope %d word %08" PRIx32, k, slope, word);
    }
}

/* Through memory, so that nothing is fused. */
static float times_f32(float x, double f)
{
    volatile float rounded = (float)f, y = x * rounded;
    return y;
}

static void one_element(fd_dtype dtype, int j, double f, unsigned char *x, unsigned char *y)
{
    const double v = ((double)(j % 29) - 14.25) * (j % 3 ? 1.5 : 0x1p-20);
    const float s[2] = {(float)v, (float)(v - 1)}, s_by[2] = {times_f32(s[0], f), times_f32(s[1], f)};
    const double d[2] = {v, v - 1}, d_by[2] = {v * f, (v - 1) * f};
    uint16_t h, h_by;
    if (dtype == FD_F16) {
        h = fd_float_to_f16(s[0]);
        h_by = fd_float_to_f16(times_f32(fd_f16_to_float(h), f));
    } else {
        h = fd_float_to_bf16(s[0]);
        h_by = fd_float_to_bf16(times_f32(fd_bf16_to_float(h), f));
    }
    const int half = dtype <= FD_BF16, single = dtype == FD_F32 || dtype == FD_C64;
    memcpy(x, half ? (const void *)&h : single ? (const void *)s : (const void *)d, element[dtype]);
    memcpy(y, half ? (const void *)&h_by : single ? (const void *)s_by : (const void *)d_by, element[dtype]);
}

static void products(int k, int slope, fd_dtype dtype, size_t n)
{
    const fd_exec two = {2, NULL, NULL};
    const size_t e = element[dtype];
    unsigned char *x = calloc(e * n + !n, 1), *y = malloc(e * n + !n), *wanted = malloc(e * n + !n);
    if (!x || !y || !wanted) exit(3);
    for (size_t j = 0; j < n; j++) one_element(dtype, (int)j, first[k][slope][j], x + e * j, wanted + e * j);
    CHECK(concrete(rules + k, slope, starts[k], n, dtype, x, y, n % 2 ? &two : NULL) == FD_OK, "rule %d", k);
    for (size_t j = 0; j < n; j++)
        CHECK(memcmp(y + e * j, wanted + e * j, e) == 0, "rule %d slope %d type %d n %zu element %zu", k, slope, dtype, n, j);
    CHECK(concrete(rules + k, slope, starts[k], n, dtype, x, x, NULL) == FD_OK, "in place");
    CHECK(memcmp(x, wanted, e * n) == 0, "rule %d slope %d type %d n %zu in place", k, slope, dtype, n);
    free(x), free(y), free(wanted);
}

/* A p below the least normal number counts as that number. */
static void subnormal_p(void)
{
    static const struct rule few[] = {{DBL_MIN, 500}, {5e-324, 500}, {DBL_MIN / 3, 500}};
    double x[9], y[3][9];
    for (int j = 0; j < 9; j++) x[j] = j + 1;
    for (int k = 0; k < 3; k++) CHECK(concrete(few + k, 0, 0, 9, FD_F64, x, y[k], NULL) == FD_OK, "rule %d", k);
    CHECK(memcmp(y[0], y[1], sizeof x) == 0 && memcmp(y[0], y[2], sizeof x) == 0, "p below %g", DBL_MIN);
}

static void bad_arguments(void)
{
    static const struct rule bad[] = {{0, 0.1}, {1, 0.1}, {-0.1, 0.1}, {NAN, 0.1}, {0.5, 0}, {0.5, -1}, {0.5, INFINITY},
                                      {0.5, NAN}, {0.5, 5e-324}};
    const int64_t shape[1] = {4}, bytes[1] = {4};
    float x[4] = {1, 2, 3, 4}, y[4] = {5, 5, 5, 5};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        const fd_status status = concrete(bad + k, 0, 0, 4, FD_F32, x, y, NULL);
        CHECK(status == (k < 4 ? FD_BAD_PROBABILITY : FD_BAD_KIND), "bad rule %zu", k);
    }
    CHECK(fd_concrete_nd(NULL, 0.5, 0.1, 0, 1, shape, FD_F32, x, bytes, y, bytes, NULL) == FD_BAD_POINTER, "where");
    CHECK(concrete(rules, 0, FD_INDEX_LIMIT - 3, 4, FD_F32, x, y, NULL) == FD_BAD_INDEX, "index");
    CHECK(concrete(rules, 0, 0, 4, FD_F32, NULL, y, NULL) == FD_BAD_POINTER, "pointer");
    CHECK(y[0] == 5 && y[1] == 5 && y[2] == 5 && y[3] == 5, "written");
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *name;
    int ran = 0, quick = 0, count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) quick = 1;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
    }
    for (int i = 0; (name = fd_isa_name(i)) != NULL; i++) {
        if (fd_isa_select(name) != FD_OK) continue;
        const unsigned long before = checks;
        for (int k = 0; k < RULES; k++)
            for (int slope = 0; slope < 2; slope++) {
                factors(k, slope, count == 0);
                for (int d = 0; d < FD_NUM_DTYPES; d++) {
                    for (size_t n = 0; n <= 70; n += quick ? 3 : 1) products(k, slope, (fd_dtype)d, n);
                    products(k, slope, (fd_dtype)d, LONGEST);
                }
            }
        subnormal_p();
        bad_arguments();
        printf("%s: %lu checks\n", name, checks - before);
        ran |= expect && strcmp(expect, name) == 0;
        count++;
    }
    CHECK(!expect || ran, "%s was expected to run", expect);
    return check_end();
}
