/* kernels.c: fill, dropout and apply of every runnable instruction set against the reference, bit for bit, between pages that
 * may not be touched. Usage: kernels [--expect NAME] [--vectors FILE]; prints what ran. */
#define _DEFAULT_SOURCE
#include <fastdrop.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "reference.h"

enum { LONGEST = 2 * 16384 + 700 };
static const size_t element[] = {2, 2, 4, 8, 8, 16};

/* A buffer that ends (or begins) where an unreadable page begins (or ends). */
static unsigned char *guarded(size_t capacity, unsigned char **end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (capacity + page - 1) / page * page;
    unsigned char *p = mmap(NULL, inside + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) || mprotect(p + page + inside, page, PROT_NONE)) exit(3);
    *end = p + page + inside;
    return p + page;
}

static unsigned char *x_low, *x_end, *y_low, *y_end, *bits_low, *bits_end;
static uint8_t expected[LONGEST / 8 + 1];

static void decide(fd_key key, double p, uint64_t start, size_t n)
{
    memset(expected, 0, sizeof expected);
    for (size_t j = 0; j < n; j++) expected[j / 8] |= (uint8_t)(ref_keep(key.seed, key.stream, p, start + j) << j % 8);
}

static void ones(fd_dtype dtype, unsigned char *x, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        float f[2] = {1.0f + (float)(j % 97), -3.0f};
        double d[2] = {1.0 + (double)(j % 97), -3.0};
        uint16_t h = dtype == FD_F16 ? (uint16_t)(0x3C00 + j % 97) : (uint16_t)(0x3F80 + j % 97);
        const void *source = dtype == FD_F16 || dtype == FD_BF16 ? (void *)&h
                             : dtype == FD_F32 || dtype == FD_C64 ? (void *)f
                                                                  : (void *)d;
        memcpy(x + j * element[dtype], source, element[dtype]);
    }
}

/* Elements against the mask: dropped ones are zero bytes; kept f32, f64 and complex ones x * s, kept halves not zero. */
static void compare(fd_dtype dtype, const unsigned char *x, const unsigned char *y, size_t n, double s, const char *what)
{
    static const unsigned char zero[16];
    for (size_t j = 0; j < n; j++) {
        const unsigned char *a = x + j * element[dtype], *b = y + j * element[dtype];
        if (!(expected[j / 8] >> j % 8 & 1)) {
            CHECK(memcmp(b, zero, element[dtype]) == 0, "%s type %d n %zu element %zu should be 0", what, dtype, n, j);
        } else if (dtype == FD_F32 || dtype == FD_C64) {
            float u[2], v[2], t = (float)s;
            memcpy(u, a, element[dtype]);
            memcpy(v, b, element[dtype]);
            CHECK(v[0] == u[0] * t && (dtype == FD_F32 || v[1] == u[1] * t), "%s type %d n %zu element %zu", what, dtype, n, j);
        } else if (dtype == FD_F64 || dtype == FD_C128) {
            double u[2], v[2];
            memcpy(u, a, element[dtype]);
            memcpy(v, b, element[dtype]);
            CHECK(v[0] == u[0] * s && (dtype == FD_F64 || v[1] == u[1] * s), "%s type %d n %zu element %zu", what, dtype, n, j);
        } else {
            CHECK(memcmp(b, zero, 2) != 0, "%s type %d n %zu element %zu should be kept", what, dtype, n, j);
        }
    }
}

/* One mask: filled, dropped out of place and in place, applied; with arrays at the end and at the beginning of their pages. */
static void one(fd_key key, double p, uint64_t start, size_t n, int at_end)
{
    decide(key, p, start, n);
    size_t bytes = (n + 7) / 8;
    uint8_t *bits = at_end ? bits_end - bytes : bits_low;
    memset(bits_low, 0xA5, (size_t)(bits_end - bits_low));
    CHECK(fd_fill(key, p, start, n, bits, NULL) == FD_OK, "fill");
    CHECK(memcmp(bits, expected, bytes) == 0, "fill %s p %a start %llu n %zu", fd_isa_active(), p, (unsigned long long)start, n);
    CHECK(at_end ? bits == bits_low || bits[-1] == 0xA5 : bits + bytes == bits_end || bits[bytes] == 0xA5, "fill wrote outside");
    for (int d = 0; d < FD_NUM_DTYPES; d++) {
        size_t size = n * element[d];
        unsigned char *x = at_end ? x_end - size : x_low, *y = at_end ? y_end - size : y_low;
        ones((fd_dtype)d, x, n);
        memset(y_low, 0xA5, (size_t)(y_end - y_low));
        CHECK(fd_dropout(key, p, start, n, (fd_dtype)d, x, y, NULL) == FD_OK, "dropout");
        compare((fd_dtype)d, x, y, n, fd_scale(p), "dropout");
        CHECK(at_end ? y == y_low || y[-1] == 0xA5 : y + size == y_end || y[size] == 0xA5, "dropout wrote outside");
        memcpy(y, x, size);
        fd_dropout(key, p, start, n, (fd_dtype)d, y, y, NULL);
        compare((fd_dtype)d, x, y, n, fd_scale(p), "in place");
        memcpy(y, x, size);
        fd_apply(bits, n, (fd_dtype)d, 3.0, y, y, NULL);
        compare((fd_dtype)d, x, y, n, 3.0, "apply");
    }
}

static void all(int quick)
{
    static const double probabilities[] = {0.5, 0.1, 0.25, 0x1p-9, 0x1p-41, 0.999, 0.0, 1.0, 1.0 - 0x1p-53};
    static const uint64_t starts[] = {0, 1, 63, 2047, 16383, (UINT64_C(1) << 34) - 2048 - 7, (UINT64_C(1) << 34) - 4096 + 5,
                                      (UINT64_C(1) << 61) + 12345, (UINT64_C(1) << 62) - LONGEST};
    static const size_t sizes[] = {511, 512, 513, 2047, 2048, 2049, 4097, 16383, 16384, 16385, LONGEST};
    unsigned many = sizeof probabilities / sizeof *probabilities, round = 0;
    for (size_t n = 0; n <= 300; n += quick ? 7 : 1)
        for (unsigned q = 0; q < many; q++, round++) one((fd_key){round, 7}, probabilities[q], starts[round % 9], n, round % 2);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned q = 0; q < 3; q++, round++)
            for (unsigned s = quick ? round % 9 : 0; s < 9; s += quick ? 9 : 1)
                one((fd_key){round, ~UINT64_C(0)}, probabilities[q], starts[s], sizes[i], (int)(round + s) % 2);
    for (uint64_t key = 0; key < 40; key++) { /* batches of ties on both sides of 2^34 */
        decide((fd_key){key, 1}, 0.1, (UINT64_C(1) << 34) - 2048, 4096);
        fd_fill((fd_key){key, 1}, 0.1, (UINT64_C(1) << 34) - 2048, 4096, bits_low, NULL);
        CHECK(memcmp(bits_low, expected, 512) == 0, "across 2^34 key %llu", (unsigned long long)key);
    }
}

/* Lines of "p seed stream start count packed", as hexadecimal numbers and bytes. */
static void known_answers(const char *path)
{
    FILE *file = fopen(path, "r");
    double p;
    unsigned long long seed, stream, start, count;
    static char packed[2 * LONGEST];
    CHECK(file != NULL, "%s", path);
    if (!file) return;
    while (fscanf(file, "%la %llx %llx %llx %llx %65535s", &p, &seed, &stream, &start, &count, packed) == 6) {
        CHECK(fd_fill((fd_key){seed, stream}, p, start, (size_t)count, bits_low, NULL) == FD_OK, "vector");
        for (size_t j = 0; j < (count + 7) / 8; j++) {
            unsigned byte;
            sscanf(packed + 2 * j, "%2x", &byte);
            CHECK(bits_low[j] == byte, "%s vector p %a start %llx byte %zu", fd_isa_active(), p, start, j);
        }
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *vectors = NULL, *name;
    int ran = 0, quick = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) quick = 1;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
        else if (strcmp(argv[i], "--vectors") == 0 && i + 1 < argc) vectors = argv[++i];
    }
    x_low = guarded(16 * LONGEST, &x_end);
    y_low = guarded(16 * LONGEST, &y_end);
    bits_low = guarded(LONGEST, &bits_end);
    for (int i = 0; (name = fd_isa_name(i)) != NULL; i++) {
        if (fd_isa_select(name) != FD_OK) continue;
        CHECK(strcmp(fd_isa_active(), name) == 0, "%s", name);
        unsigned long before = checks;
        if (vectors) known_answers(vectors);
        all(quick);
        printf("%s: %lu checks\n", name, checks - before);
        ran |= expect && strcmp(expect, name) == 0;
    }
    CHECK(!expect || ran, "%s was expected to run", expect);
    return check_end();
}
