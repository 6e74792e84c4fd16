/* halves.c: every float16 and every bfloat16, kept and dropped, under scales of all kinds and in every way that a call can
 * take, against products that are rounded by arithmetic in double, of every runnable instruction set.
 * Usage: halves [--expect NAME]; prints what ran. */
#include <fastdrop.h>
#include <math.h>
#include <string.h>

#include "check.h"
#include "reference.h"

enum { ALL = 1 << 16 };
static const fd_key key = {91, 92};
static uint16_t x[ALL], y[ALL], wanted[ALL];
static uint8_t keep[ALL / 8];

/* Exponent bits, mantissa bits. */
static const struct format {
    int exponent, mantissa;
} formats[] = {{5, 10}, {8, 7}};

static double widen(struct format f, uint16_t h)
{
    const int bias = (1 << (f.exponent - 1)) - 1, most = (1 << f.exponent) - 1;
    const int e = h >> f.mantissa & most, m = h & ((1 << f.mantissa) - 1);
    const double sign = h >> 15 ? -1 : 1;
    if (e == most) return m ? (double)NAN : sign * (double)INFINITY;
    return sign * (e ? ldexp(m + (1 << f.mantissa), e - bias - f.mantissa) : ldexp(m, 1 - bias - f.mantissa));
}

/* To nearest, ties to even: by the rounding of nearbyint, in units of the last place. */
static uint16_t narrow(struct format f, float v)
{
    const int bias = (1 << (f.exponent - 1)) - 1, most = (1 << f.exponent) - 1;
    const uint16_t sign = signbit(v) ? 0x8000 : 0;
    int e;
    if (v == 0) return sign;
    frexp((double)v, &e);
    e = e - 1 < 1 - bias ? 1 - bias : e - 1;
    const double places = nearbyint(ldexp(fabs((double)v), f.mantissa - e));
    const double code = places + ldexp(e + bias - 1, f.mantissa); /* a carry goes into the exponent by itself */
    const int infinity = most << f.mantissa;
    return (uint16_t)(sign | (code < infinity ? (int)code : infinity));
}

static uint16_t infinite(struct format f, float v)
{
    return (uint16_t)((signbit(v) ? 0x8000 : 0) | ((1 << f.exponent) - 1) << f.mantissa);
}

static int is_nan(struct format f, uint16_t h) { return (h & 0x7FFF) > ((1 << f.exponent) - 1) << f.mantissa; }

static void expect_products(struct format f, double scale)
{
    const float s = (float)scale;
    for (int j = 0; j < ALL; j++) {
        volatile float v = (float)widen(f, x[j]), product = v * s;
        wanted[j] = isnan(product) ? 0x7FFF : isinf(product) ? infinite(f, product) : narrow(f, product);
    }
}

static void compare(int t, double scale, const char *how)
{
    const struct format f = formats[t];
    for (int j = 0; j < ALL; j++) {
        const int kept = keep[j / 8] >> j % 8 & 1;
        if (!kept) CHECK(y[j] == 0, "%s type %d scale %g: dropped %04x is %04x", how, t, scale, x[j], y[j]);
        else if (wanted[j] == 0x7FFF)
            CHECK(is_nan(f, y[j]), "%s type %d scale %g: %04x is %04x", how, t, scale, x[j], y[j]);
        else
            CHECK(y[j] == wanted[j], "%s type %d scale %g: %04x is %04x, not %04x", how, t, scale, x[j], y[j], wanted[j]);
    }
}

/* What the law decides about n elements from `start` on. */
static void decide(double p, uint64_t start)
{
    memset(keep, 0, sizeof keep);
    for (uint64_t j = 0; j < ALL; j++) keep[j / 8] |= (uint8_t)(ref_keep(key.seed, key.stream, p, start + j) << j % 8);
}

static void every_number(int t)
{
    static const double scales[] = {2, 1, 0.75, 3, -1.5, 1 / 0.9, 1e-4, 1e4, 0x1p-24, 0x1p-126, 0x1p100, INFINITY, NAN, 0};
    static const double rates[] = {0.5, 0.1, 0x1p-41};
    static const double bias_like = 1.0 - 0x1p-9;
    const fd_dtype dtype = t ? FD_BF16 : FD_F16;
    for (unsigned s = 0; s < sizeof scales / sizeof *scales; s++) {
        for (int j = 0; j < ALL / 8; j++) keep[j] = s % 2 ? 0xFF : (uint8_t)(j * 37);
        expect_products(formats[t], scales[s]);
        CHECK(fd_apply(keep, ALL, dtype, scales[s], x, y, NULL) == FD_OK, "apply");
        compare(t, scales[s], "apply");
    }
    for (unsigned k = 0; k < 3; k++) {
        volatile double q = 1.0 - rates[k], scale = 1.0 / q;
        decide(rates[k], 5);
        expect_products(formats[t], scale);
        CHECK(fd_dropout(key, rates[k], 5, ALL, dtype, x, y, NULL) == FD_OK, "dropout");
        compare(t, scale, "dropout");
        const int64_t shape = ALL, step = 1, size = 2;
        const fd_mask_desc mask = {.key = key, .start = 5, .strides = &step, .p = rates[k]};
        expect_products(formats[t], bias_like);
        CHECK(fd_dropout_nd(&mask, 1, &shape, dtype, x, &size, y, &size, &bias_like, NULL) == FD_OK, "nd");
        compare(t, bias_like, "a scale that is given");
    }
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *name;
    int ran = 0;
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--expect") == 0) expect = argv[i + 1];
    for (int j = 0; j < ALL; j++) x[j] = (uint16_t)(j * 40503u); /* odd: every number once, none beside its neighbour */
    for (int i = 0; (name = fd_isa_name(i)) != NULL; i++) {
        if (fd_isa_select(name) != FD_OK) continue;
        const unsigned long before = checks;
        every_number(0);
        every_number(1);
        printf("%s: %lu checks\n", name, checks - before);
        ran |= expect && strcmp(expect, name) == 0;
    }
    CHECK(!expect || ran, "%s was expected to run", expect);
    return check_end();
}
