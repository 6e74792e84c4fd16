/* softmax.c: functions and softmax of every runnable instruction set against plain C, bit for bit, on memory of exactly the size
 * that is asked for, which ends where an unreadable page begins. Usage: softmax [--quick] [--expect NAME]; prints what ran. */
#define _DEFAULT_SOURCE
#include <fastdrop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

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
        if (kind == FD_BOOL_MASK)
            for (size_t j = 0; j < count; j++) mask[j] = (char)(next() & 1u);
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
        CHECK(differs(y[0], y[1], bytes) < 0, "%s forward dtype %d n %d mask %d causal %d p %g", isa, dtype, n, kind, causal, p);
        for (int turn = 0; turn < 2; turn++) {
            fd_isa_select(turn ? isa : "scalar");
            fd_status s = fd_softmax_dropout_backward(&drop, &scores, 2, shape, t, x, strides, most, sum, dy, strides, y[turn],
                                                      strides, NULL);
            CHECK(s == FD_OK, "%s status %d", isa, (int)s);
        }
        CHECK(differs(y[0], y[1], bytes) < 0, "%s backward dtype %d n %d mask %d causal %d p %g", isa, dtype, n, kind, causal, p);
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
        static const int lengths[] = {1, 3, 16, 17, 33, 511, 512, 530, 4096, 4200};
        for (int n = 1; n < 40; n++) functions(isa, n);
        functions(isa, quick ? 500 : 20000);
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
            for (int kind = FD_NO_MASK; kind <= FD_ADD_MASK; kind++) {
                if (quick && lengths[k] > 600 && kind != FD_ADD_MASK) continue;
                rows(isa, lengths[k], kind, kind == FD_NO_MASK, k % 2 ? 0.5 : 0.1);
            }
        printf("%s: done\n", isa);
    }
    CHECK(found, "%s does not run here", expect);
    return check_end();
}
