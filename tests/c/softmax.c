/* softmax.c: functions and softmax of every runnable instruction set, within a bound of what libm and the reference's
 * decisions make of them, and against plain C, bit for bit, on memory of exactly the size that is asked for, which ends where
 * an unreadable page begins. Usage: softmax [--quick] [--expect NAME]; prints what ran. */
#define _DEFAULT_SOURCE
#include <fastdrop.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "half.h"
#include "reference.h"

enum { PIECES = 8, LARGEST = 1 << 18, ROWS = 3 };
static uint32_t state = 1;

static uint32_t next(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* The k-th piece of memory, of n bytes, before an unreadable page. */
static char *memory(int k, size_t n)
{
    static char *ends[PIECES];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (!ends[k]) {
        char *p = mmap(NULL, LARGEST + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + LARGEST, page, PROT_NONE)) exit(3);
        ends[k] = p + LARGEST;
    }
    if (n > LARGEST) exit(3);
    return ends[k] - n;
}

/* n numbers of a type between about -20 and 20; any bits of float16 and bfloat16 that are of that size. */
static void numbers(fd_dtype dtype, char *to, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        const double d = ((double)next() - 8388608.0) / 400000.0;
        const float f = (float)d;
        uint32_t u;
        memcpy(&u, &f, 4);
        uint16_t half = (uint16_t)(u >> 16);
        if (dtype == FD_F16) half = (uint16_t)((next() & 1u) << 15 | (13u + next() % 7u) << 10 | (next() & 1023u));
        if (dtype == FD_F64) memcpy(to + 8 * j, &d, 8);
        else if (dtype == FD_F32) memcpy(to + 4 * j, &f, 4);
        else memcpy(to + 2 * j, &half, 2);
    }
}

/* The place of the first byte that differs, -1 if none does. */
static long differs(const char *a, const char *b, size_t n)
{
    for (size_t j = 0; j < n; j++, checks++)
        if (a[j] != b[j]) return (long)j;
    return -1;
}

static double number(fd_dtype dtype, const char *from, int64_t j)
{
    uint16_t h = 0;
    float f;
    double d;
    if (dtype <= FD_BF16) memcpy(&h, from + 2 * j, 2);
    if (dtype == FD_F16) return fd_f16_to_float(h);
    if (dtype == FD_BF16) return fd_bf16_to_float(h);
    if (dtype == FD_F32) memcpy(&f, from + 4 * j, 4);
    else memcpy(&d, from + 8 * j, 8);
    return dtype == FD_F32 ? (double)f : d;
}

static long double exact(int f, long double x)
{
    const long double root = sqrtl(2.0L), pi = acosl(-1.0L), c = 0.044715L, a = sqrtl(2 / pi);
    const long double below = erfcl(-x / root) / 2, v = a * (x + c * x * x * x), kept = 1 / (1 + expl(-2 * v));
    switch (f) {
    case FD_EXP: return expl(x);
    case FD_GELU: return x * below;
    case FD_GELU_SLOPE: return below + x * expl(-x * x / 2) / sqrtl(2 * pi);
    case FD_GELU_TANH: return x * kept;
    default: return kept + x * 2 * kept / (1 + expl(2 * v)) * a * (1 + 3 * c * x * x);
    }
}

/* Not so under valgrind, which computes in double: enough for floats, and to see whether a double is right by and large. */
static int longer_than_double(void)
{
    volatile long double one = 1, little = 0x1p-60L;
    return one + little != one;
}

/* Within some 8 units in the last place, of a slope near its zero in those of its parts: tests/test_math_functions.py
 * measures how near it is. */
static void near_exact(const char *isa, int f, fd_dtype dtype, int n, const char *x, const char *y)
{
    const long double each = dtype == FD_F32 ? 0x1p-21L : longer_than_double() ? 0x1p-50L : 0x1p-42L;
    const long double least = dtype == FD_F32 ? 0x1p-149L : 0x1p-1074L;
    for (int j = 0; j < n; j++) {
        const long double wanted = exact(f, (long double)number(dtype, x, j)), got = (long double)number(dtype, y, j);
        const long double part = f == FD_GELU_SLOPE || f == FD_GELU_TANH_SLOPE ? 0.1L : 0;
        const long double near = each * (fabsl(wanted) + part) + 4 * least;
        CHECK(fabsl(got - wanted) <= near, "%s function %d of %g: %Lg, not %Lg", isa, f, number(dtype, x, j), got, wanted);
    }
}

static void functions(const char *isa, int n)
{
    for (int dtype = FD_F32; dtype <= FD_F64; dtype++)
        for (int f = 0; f < FD_NUM_FUNCTIONS; f++) {
            const size_t bytes = (size_t)n * fd_dtype_size((fd_dtype)dtype);
            char *x = memory(0, bytes), *y = memory(1, bytes), *z = memory(2, bytes);
            numbers((fd_dtype)dtype, x, (size_t)n);
            fd_isa_select("scalar");
            fd_map((fd_function)f, (size_t)n, (fd_dtype)dtype, x, y);
            fd_isa_select(isa);
            fd_map((fd_function)f, (size_t)n, (fd_dtype)dtype, x, z);
            CHECK(differs(y, z, bytes) < 0, "%s function %d dtype %d n %d", isa, f, dtype, n);
            near_exact(isa, f, (fd_dtype)dtype, n < 500 ? n : 500, x, z);
        }
}

/* A row of softmax and its gradient by the formulas of the header, in double; bounds from the rounding of each type. */
struct row {
    const char *x, *dy, *mask, *y, *dx;
    double most, sum;
    int number, seen;
};

static void exact_row(const char *isa, fd_dtype t, const fd_scores *scores, const fd_mask_desc *drop, int n,
                      const struct row *r)
{
    static double e[1 << 13], g[1 << 13];
    static const double places[] = {0x1p-10, 0x1p-7, 0x1p-19, 0x1p-46};
    const fd_dtype real = t == FD_F64 ? FD_F64 : FD_F32;
    const double scale = real == FD_F64 ? scores->scale : (double)(float)scores->scale, keep_scale = 1 / (1 - drop->p);
    const double near = places[t], least = t == FD_F16 ? 0x1p-23 : 1e-37;
    double most = -HUGE_VAL, sum = 0, dot = 0, size = 0;
    for (int j = 0; j < n; j++) {
        const int64_t at = (int64_t)r->number * n + j;
        const int hidden = j >= r->seen || (scores->mask_kind == FD_BOOL_MASK && !r->mask[at]);
        e[j] = scale * number(t, r->x, at) + (scores->mask_kind == FD_ADD_MASK ? number(real, r->mask, at) : 0);
        if (hidden) e[j] = -HUGE_VAL;
        most = e[j] > most ? e[j] : most;
    }
    if (most == -HUGE_VAL) most = 0;
    for (int j = 0; j < n; j++) sum += e[j] = exp(e[j] - most);
    const double close = near < 0x1p-19 ? near : 0x1p-19;
    CHECK(fabs(r->most - most) <= close * (fabs(most) + 1), "%s greatest score %g, not %g", isa, r->most, most);
    CHECK(fabs(r->sum - sum) <= 64 * close * sum, "%s sum %g, not %g", isa, r->sum, sum);
    for (int j = 0; j < n; j++) {
        const uint64_t i = drop->start + (uint64_t)r->number * (uint64_t)n + (uint64_t)j;
        const int kept = ref_keep(drop->key.seed, drop->key.stream, drop->p, i);
        e[j] = sum > 0 ? e[j] / sum : 0;
        g[j] = kept ? number(t, r->dy, (int64_t)r->number * n + j) * keep_scale : 0;
        dot += g[j] * e[j];
        size += fabs(g[j] * e[j]);
        const double y = number(t, r->y, (int64_t)r->number * n + j), wanted = kept ? e[j] * keep_scale : 0;
        CHECK(fabs(y - wanted) <= (near + 64 * close) * wanted + least, "%s row of %d type %d element %d: %g, not %g", isa, n,
              t, j, y, wanted);
    }
    for (int j = 0; j < n; j++) {
        const double dx = number(t, r->dx, (int64_t)r->number * n + j), wanted = scale * e[j] * (g[j] - dot);
        const double bound = near * fabs(wanted) + 256 * close * fabs(scale) * e[j] * (fabs(g[j]) + size) + least;
        CHECK(fabs(dx - wanted) <= bound, "%s gradient of %d type %d element %d: %g, not %g", isa, n, t, j, dx, wanted);
    }
}

static void rows(const char *isa, int n, int kind, int causal, double p)
{
    for (int dtype = FD_F16; dtype <= FD_F64; dtype++) {
        const fd_dtype t = (fd_dtype)dtype, real = t == FD_F64 ? FD_F64 : FD_F32;
        const int64_t size = (int64_t)fd_dtype_size(t), shape[2] = {ROWS, n}, strides[2] = {n * size, size}, index[2] = {n, 1};
        const int64_t width = kind == FD_BOOL_MASK ? 1 : (int64_t)fd_dtype_size(real), mask_strides[2] = {n * width, width};
        const size_t count = (size_t)(ROWS * n), bytes = count * (size_t)size, row_bytes = ROWS * fd_dtype_size(real);
        char *x = memory(0, bytes), *dy = memory(1, bytes), *mask = memory(2, count * (size_t)width);
        numbers(t, x, count);
        numbers(t, dy, count);
        if (kind == FD_BOOL_MASK) /* the first row sees nothing */
            for (size_t j = 0; j < count; j++) mask[j] = (char)(j < (size_t)n ? 0 : next() % 2 * (1 + next() % 255));
        else numbers(real, mask, count);
        const fd_mask_desc drop = {.key = {1, 2}, .start = 77, .strides = index, .p = p};
        const fd_scores scores = {0.3, (fd_score_mask)kind, mask, mask_strides, causal, 1};
        char *y[2], *most = memory(6, row_bytes), *sum = memory(7, row_bytes);
        for (int turn = 0; turn < 2; turn++) {
            y[turn] = memory(3 + turn, bytes);
            fd_isa_select(turn ? isa : "scalar");
            fd_status s = fd_softmax_dropout(&drop, &scores, 2, shape, t, x, strides, y[turn], strides, most, sum, NULL);
            CHECK(s == FD_OK, "%s status %d", isa, (int)s);
        }
        memcpy(memory(5, bytes), y[1], bytes);
        CHECK(differs(y[0], y[1], bytes) < 0, "%s forward dtype %d n %d mask %d causal %d p %g", isa, dtype, n, kind, causal, p);
        for (int turn = 0; turn < 2; turn++) {
            fd_isa_select(turn ? isa : "scalar");
            fd_status s = fd_softmax_dropout_backward(&drop, &scores, 2, shape, t, x, strides, most, sum, dy, strides, y[turn],
                                                      strides, NULL);
            CHECK(s == FD_OK, "%s status %d", isa, (int)s);
        }
        CHECK(differs(y[0], y[1], bytes) < 0, "%s backward dtype %d n %d mask %d causal %d p %g", isa, dtype, n, kind, causal, p);
        for (int i = 0; i < ROWS; i++) {
            const struct row r = {x, dy, mask, memory(5, bytes), y[1], number(real, most, i), number(real, sum, i), i,
                                  causal && i + 2 < n ? i + 2 : n};
            exact_row(isa, t, &scores, &drop, n, &r);
        }
    }
}

/* What the stack holds from a longer row is no part of a shorter one: here it is NaN. */
static void after_a_longer_row(const char *isa)
{
    for (int dtype = FD_F16; dtype <= FD_F64; dtype++)
        for (int n = 1; n < 16; n++) {
            const fd_dtype t = (fd_dtype)dtype, real = t == FD_F64 ? FD_F64 : FD_F32;
            const int64_t size = (int64_t)fd_dtype_size(t), index[2] = {16, 1}, strides[2] = {16 * size, size};
            const fd_mask_desc drop = {.key = {1, 2}, .strides = index, .p = 0.0};
            const fd_scores scores = {.scale = 1, .mask_kind = FD_NO_MASK};
            char *x = memory(0, 16 * (size_t)size), *dy = memory(1, 16 * (size_t)size), *y = memory(2, 16 * (size_t)size);
            char *most = memory(6, fd_dtype_size(real)), *sum = memory(7, fd_dtype_size(real));
            for (int turn = 0; turn < 2; turn++) {
                const int64_t shape[2] = {1, turn ? n : 16};
                numbers(t, x, 16);
                if (turn) numbers(t, dy, 16);
                else memset(dy, 0xFF, 16 * (size_t)size);
                fd_status s = fd_softmax_dropout(&drop, &scores, 2, shape, t, x, strides, y, strides, most, sum, NULL);
                if (s == FD_OK)
                    s = fd_softmax_dropout_backward(&drop, &scores, 2, shape, t, x, strides, most, sum, dy, strides, y, strides, NULL);
                CHECK(s == FD_OK, "%s status %d", isa, (int)s);
            }
            for (int j = 0; j < n; j++) CHECK(number(t, y, j) == number(t, y, j), "%s type %d row of %d: NaN", isa, dtype, n);
        }
}

/* What is never walked along may have any step, and what is empty none. */
static void no_steps(void)
{
    const int64_t shape[3] = {1, 2, 1}, empty[2] = {0, 4}, any[3] = {INT64_MIN, 4, INT64_MAX}, index[3] = {INT64_MIN, 1, INT64_MAX};
    const fd_mask_desc drop = {.strides = index};
    float x[2] = {3, 5}, y[2] = {0, 0};
    fd_scores scores = {.scale = 1, .mask_kind = FD_ADD_MASK, .mask = x, .mask_strides = any};
    CHECK(fd_softmax_dropout(&drop, &scores, 3, shape, FD_F32, x, any, y, any, NULL, NULL, NULL) == FD_OK, "length 1");
    CHECK(y[0] == 1 && y[1] == 1, "%g %g", (double)y[0], (double)y[1]);
    scores.mask_strides = NULL;
    CHECK(fd_softmax_dropout(&drop, &scores, 2, empty, FD_F32, x, any, y, any, NULL, NULL, NULL) == FD_OK, "empty");
}

int main(int argc, char **argv)
{
    int quick = 0, found = 1;
    const char *expect = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--quick")) quick = 1;
        else if (!strcmp(argv[i], "--expect") && i + 1 < argc) expect = argv[++i];
        else return 2;
    }
    if (expect) found = 0;
    no_steps();
    for (int i = 0; fd_isa_name(i); i++) {
        const char *isa = fd_isa_name(i);
        if (!fd_isa_runnable(isa)) continue;
        found |= expect && !strcmp(isa, expect);
        const unsigned long before = checks;
        static const int lengths[] = {1, 3, 16, 17, 33, 511, 512, 530, 4096, 4200};
        fd_isa_select(isa);
        after_a_longer_row(isa);
        for (int n = 1; n < 40; n++) functions(isa, n);
        functions(isa, quick ? 500 : 20000);
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
            for (int kind = FD_NO_MASK; kind <= FD_ADD_MASK; kind++) {
                if (quick && lengths[k] > 600 && kind != FD_ADD_MASK) continue;
                rows(isa, lengths[k], kind, kind == FD_NO_MASK, k % 2 ? 0.5 : 0.1);
            }
        printf("%s: %lu checks\n", isa, checks - before);
    }
    CHECK(found, "%s does not run here", expect);
    return check_end();
}
