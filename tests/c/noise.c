/* noise.c: continuous noise of every runnable instruction set: normal numbers against known answers and against those of the
 * first instruction set, elements against the rule one by one, bit for bit, between pages that may not be touched.
 * Usage: noise [--quick] [--expect NAME] [--vectors FILE]; prints what ran. */
#define _DEFAULT_SOURCE
#include <fastdrop.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "half.h"
#include "reference.h"

enum { LONGEST = 3 * 512 + 200, MANY = 1 << 15 };
static const fd_key key = {31, UINT64_C(1) << 40};
static const size_t element[] = {2, 2, 4, 8, 8, 16};

struct buffer {
    unsigned char *low, *end;
};
static struct buffer in, out;
static double z[LONGEST]; /* of the words in question; floats as doubles where these are wanted */
static uint32_t words[MANY];
static struct {
    float f[MANY];
    double d[MANY];
} first, now;

static struct buffer guarded(size_t capacity)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (capacity + page - 1) / page * page;
    unsigned char *p = mmap(NULL, inside + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) || mprotect(p + page + inside, page, PROT_NONE)) exit(3);
    return (struct buffer){p + page, p + page + inside};
}

/* ---- normal numbers ---- */

static uint64_t bits_of(const void *p, size_t size)
{
    uint64_t b = 0;
    uint32_t s;
    if (size == 8) memcpy(&b, p, 8);
    else memcpy(&s, p, 4), b = s;
    return b;
}

static void known_answers(const char *path)
{
    FILE *f = fopen(path, "r");
    uint32_t word, single;
    uint64_t twice;
    int n = 0;
    if (!f) exit(4);
    for (; fscanf(f, "%" SCNx32 " %" SCNx32 " %" SCNx64, &word, &single, &twice) == 3; n++) {
        const uint32_t both[2] = {word, ~word};
        float a[2];
        double b[2];
        fd_normal(both, 2, FD_F32, a);
        fd_normal(both, 2, FD_F64, b);
        CHECK(bits_of(a, 4) == single && bits_of(b, 8) == twice, "word %08" PRIx32, word);
        CHECK(a[1] == -a[0] && b[1] == -b[0], "word %08" PRIx32, ~word);
    }
    CHECK(n > 500, "only %d known answers", n);
    fclose(f);
}

/* Every instruction set makes the same numbers as the first one. */
static void same_numbers(int is_first)
{
    fd_normal(words, MANY, FD_F32, now.f);
    fd_normal(words, MANY, FD_F64, now.d);
    if (is_first) memcpy(&first, &now, sizeof now);
    for (int j = 0; j < MANY; j++) {
        CHECK(bits_of(now.f + j, 4) == bits_of(first.f + j, 4), "word %08" PRIx32, words[j]);
        CHECK(bits_of(now.d + j, 8) == bits_of(first.d + j, 8), "word %08" PRIx32, words[j]);
    }
}

/* Any number of words, from and to any place. */
static void every_length(void)
{
    for (size_t n = 0; n <= 200; n++)
        for (int wide = 0; wide < 2; wide++)
            for (int at_end = 0; at_end < 2; at_end++) {
                const size_t size = wide ? 8 : 4;
                unsigned char *from = at_end ? in.end - 4 * n : in.low, *to = at_end ? out.end - size * n : out.low;
                memcpy(from, words + n, 4 * n);
                memset(out.low, 0xA5, (size_t)(out.end - out.low));
                CHECK(fd_normal((uint32_t *)from, n, wide ? FD_F64 : FD_F32, to) == FD_OK, "normal");
                for (size_t j = 0; j < n; j++) {
                    const void *wanted = wide ? (void *)(first.d + n + j) : (void *)(first.f + n + j);
                    CHECK(bits_of(to + size * j, size) == bits_of(wanted, size), "n %zu word %zu", n, j);
                }
                CHECK(at_end ? to[-1] == 0xA5 : to[size * n] == 0xA5, "normal wrote outside");
            }
}

/* ---- elements ---- */

/* Each operation through memory, so that no compiler fuses what this file is to check. */
static float element_f32(int add, float x, float z_, double sigma)
{
    volatile float s = (float)sigma, t = s * z_, u = add ? x + t : 1.0f + t, y = add ? u : x * u;
    return y;
}

static double element_f64(int add, double x, double z_, double sigma)
{
    volatile double t = sigma * z_, u = add ? x + t : 1.0 + t, y = add ? u : x * u;
    return y;
}

static void make_x(fd_dtype dtype, unsigned char *x, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        const double v = ((double)(j % 29) - 14.25) * (j % 3 ? 1.5 : 0x1p-20);
        const float f[2] = {(float)v, (float)(v - 1)};
        const double d[2] = {v, v - 1};
        const uint16_t h = dtype == FD_F16 ? fd_float_to_f16(f[0]) : fd_float_to_bf16(f[0]);
        const void *source = dtype <= FD_BF16 ? (void *)&h : dtype == FD_F32 || dtype == FD_C64 ? (void *)f : (void *)d;
        memcpy(x + j * element[dtype], source, element[dtype]);
    }
}

static void wanted(fd_dtype dtype, int add, const unsigned char *x, double z_, double sigma, unsigned char *y)
{
    uint16_t h;
    float f[2];
    double d[2];
    if (dtype <= FD_BF16) {
        memcpy(&h, x, 2);
        f[0] = element_f32(add, dtype == FD_F16 ? fd_f16_to_float(h) : fd_bf16_to_float(h), (float)z_, sigma);
        h = dtype == FD_F16 ? fd_float_to_f16(f[0]) : fd_float_to_bf16(f[0]);
        memcpy(y, &h, 2);
    } else if (dtype == FD_F32 || dtype == FD_C64) {
        memcpy(f, x, element[dtype]);
        for (size_t k = 0; k < element[dtype] / 4; k++) f[k] = element_f32(add, f[k], (float)z_, sigma);
        memcpy(y, f, element[dtype]);
    } else {
        memcpy(d, x, element[dtype]);
        for (size_t k = 0; k < element[dtype] / 8; k++) d[k] = element_f64(add, d[k], z_, sigma);
        memcpy(y, d, element[dtype]);
    }
}

static void make_z(int single, uint64_t start, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        const uint64_t i = start + j;
        const uint32_t word = ref_word(key.seed, key.stream, 3, i / 512, (unsigned)(i % 512));
        float f;
        fd_normal(&word, 1, single ? FD_F32 : FD_F64, single ? (void *)&f : (void *)(z + j));
        if (single) z[j] = f;
    }
}

static void compare(fd_dtype dtype, int add, double sigma, size_t n, const unsigned char *x, const unsigned char *y,
                    const char *what)
{
    for (size_t j = 0; j < n; j++) {
        unsigned char e[16];
        wanted(dtype, add, x + j * element[dtype], z[j], sigma, e);
        CHECK(memcmp(e, y + j * element[dtype], element[dtype]) == 0, "%s type %d kind %d n %zu element %zu", what, dtype, add,
              n, j);
    }
}

static void run(fd_dtype dtype, int add, uint64_t start, size_t n, int at_end)
{
    const size_t size = n * element[dtype];
    const double sigma = add ? 0.3 : 0.7;
    const fd_noise_kind kind = add ? FD_NOISE_ADD : FD_NOISE_MULTIPLY;
    const fd_exec two = {2, NULL, NULL};
    unsigned char *x = at_end ? in.end - size : in.low, *y = at_end ? out.end - size : out.low;
    make_x(dtype, x, n);
    memset(out.low, 0xA5, (size_t)(out.end - out.low));
    CHECK(fd_noise(key, kind, sigma, start, n, dtype, x, y, n % 2 ? &two : NULL) == FD_OK, "noise");
    compare(dtype, add, sigma, n, x, y, "noise");
    CHECK(at_end ? y == out.low || y[-1] == 0xA5 : y + size == out.end || y[size] == 0xA5, "noise wrote outside");
    memcpy(y, x, size);
    CHECK(fd_noise(key, kind, sigma, start, n, dtype, y, y, NULL) == FD_OK, "noise");
    compare(dtype, add, sigma, n, x, y, "in place");
}

/* Both kinds and all types, at every length and around the ends of pages. */
static void elements(int quick)
{
    static const uint64_t starts[] = {0, 1, 311, 511, (UINT64_C(1) << 34) - 100, (UINT64_C(1) << 62) - LONGEST};
    static const size_t sizes[] = {511, 512, 513, 1024, LONGEST};
    for (unsigned s = 0; s < 6; s++)
        for (int single = 0; single < 2; single++) {
            make_z(single, starts[s], LONGEST);
            for (int d = 0; d < FD_NUM_DTYPES; d++) {
                if (single == (d == FD_F64 || d == FD_C128)) continue;
                for (size_t n = s; n <= 200; n += quick ? 7 : 6)
                    for (int add = 0; add < 2; add++) run((fd_dtype)d, add, starts[s], n, (int)(n + s) % 2);
                run((fd_dtype)d, (int)s % 2, starts[s], sizes[s % 5], d % 2);
            }
        }
    make_z(1, 0, 200);
    for (size_t n = 0; n <= 200; n++) run(FD_BF16, 0, 0, n, 1), run(FD_F16, 1, 0, n, 0), run(FD_F32, n % 2, 0, n, 1);
}

/* Arrays: x reversed along one axis and transposed, numbers shared along another, y with gaps. */
static void layouts(void)
{
    enum { A = 3, B = 40, C = 13 };
    static float x[A * B * C], y[2 * A * B * C], row[A * C], noise[A * C];
    static const int64_t shape[3] = {A, B, C}, strides[3] = {C, 0, 1};
    static const int64_t x_strides[3] = {4, -4 * A, 4 * A * B}, y_strides[3] = {8 * B * C, 8 * C, 8};
    const fd_mask_desc where = {.key = key, .start = 500, .strides = strides};
    for (int j = 0; j < A * B * C; j++) x[j] = (float)(j % 31) - 15;
    for (int j = 0; j < 2 * A * B * C; j++) y[j] = 77;
    CHECK(fd_noise(key, FD_NOISE_ADD, 1.0, 500, A * C, FD_F32, row, noise, NULL) == FD_OK, "one row");
    CHECK(fd_noise_nd(&where, FD_NOISE_MULTIPLY, 0.5, 3, shape, FD_F32, x + A * (B - 1), x_strides, y, y_strides, NULL) == FD_OK,
          "noise_nd");
    for (int a = 0; a < A; a++)
        for (int b = 0; b < B; b++)
            for (int c = 0; c < C; c++) {
                const int at = 2 * ((a * B + b) * C + c);
                const float e = element_f32(0, x[a + A * (B - 1 - b) + A * B * c], noise[a * C + c], 0.5);
                CHECK(y[at] == e && y[at + 1] == 77, "%d %d %d", a, b, c);
            }
}

static void bad_arguments(void)
{
    static const int64_t shape[1] = {4}, less[1] = {-1}, one[1] = {1}, far[1] = {INT64_MAX / 2}, bytes[1] = {4};
    float x[4] = {0}, y[4] = {5, 5, 5, 5};
    fd_mask_desc where = {.key = key, .strides = one};
    const fd_exec none = {0, NULL, NULL};
#define NOISE(kind, start, n, type, x, exec) fd_noise(key, kind, 1.0, start, n, type, x, y, exec)
    CHECK(NOISE(FD_NOISE_ADD, 0, 4, FD_NUM_DTYPES, x, NULL) == FD_BAD_DTYPE, "type");
    CHECK(NOISE((fd_noise_kind)9, 0, 4, FD_F32, x, NULL) == FD_BAD_KIND, "kind");
    CHECK(NOISE(FD_NOISE_ADD, 0, 4, FD_F32, NULL, NULL) == FD_BAD_POINTER, "pointer");
    CHECK(NOISE(FD_NOISE_ADD, FD_INDEX_LIMIT - 3, 4, FD_F32, x, NULL) == FD_BAD_INDEX, "index");
    CHECK(NOISE(FD_NOISE_ADD, 0, 4, FD_F32, x, &none) == FD_BAD_THREADS, "threads");
#define NOISE_ND(where, shape) fd_noise_nd(where, FD_NOISE_ADD, 1.0, 1, shape, FD_F32, x, bytes, y, bytes, NULL)
    CHECK(NOISE_ND(&where, less) == FD_BAD_SHAPE && NOISE_ND(NULL, shape) == FD_BAD_POINTER, "shape");
    where.strides = far;
    CHECK(NOISE_ND(&where, shape) == FD_BAD_INDEX, "far");
    CHECK(fd_normal(NULL, 1, FD_F32, y) == FD_BAD_POINTER && fd_normal(words, 1, FD_F16, y) == FD_BAD_DTYPE, "normal");
    CHECK(NOISE(FD_NOISE_ADD, 0, 0, FD_F32, NULL, NULL) == FD_OK && y[0] == 5 && y[3] == 5, "written");
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *vectors = NULL, *name;
    int ran = 0, quick = 0, count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) quick = 1;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
        else if (strcmp(argv[i], "--vectors") == 0 && i + 1 < argc) vectors = argv[++i];
    }
    in = guarded(16 * LONGEST);
    out = guarded(16 * LONGEST);
    for (uint32_t j = 0; j < MANY; j++) words[j] = j % 2 ? (j << 17) - j : 2654435761u * j; /* all over, and each octave */
    for (uint32_t j = 0; j < 1024; j++) words[j] = j % 2 ? ~(1u << j / 32) + j % 32 : (1u << j / 32) + j % 32;
    for (int i = 0; (name = fd_isa_name(i)) != NULL; i++) {
        if (fd_isa_select(name) != FD_OK) continue;
        const unsigned long before = checks;
        if (vectors) known_answers(vectors);
        same_numbers(count++ == 0);
        every_length();
        elements(quick);
        layouts();
        bad_arguments();
        printf("%s: %lu checks\n", name, checks - before);
        ran |= expect && strcmp(expect, name) == 0;
    }
    CHECK(!expect || ran, "%s was expected to run", expect);
    return check_end();
}
