/* connect.c: DropConnect of every runnable instruction set against a reference that adds in the order of the header, bit for
 * bit, all matrices ending where an unreadable page begins. Usage: connect [--quick] [--expect NAME]; prints what ran. */
#define _DEFAULT_SOURCE
#include <fastdrop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "reference.h"

enum { LARGEST = 1 << 16, SEGMENT = 16384 };
static const fd_key key = {71, 72};
static const double rates[] = {0.5, 0.1, 1.0, 0.0, 0x1p-40};

/* Samples, rows, columns, and the rows and columns that lie between those of the mask and the next ones. */
struct shape {
    int64_t n[3], more_rows, more_columns;
};
static const struct shape shapes[] = {
    {{1, 1, 1}, 0, 0},   {{3, 5, 7}, 0, 0},     {{300, 3, 7}, 0, 0}, {{2, 70, 63}, 0, 0},    {{5, 9, 65}, 0, 0},
    {{130, 5, 1}, 0, 0}, {{3, 3, 2049}, 0, 0},  {{3, 5, 7}, 2, 3},   {{4, 40, 33}, 0, 1},    {{4, 6, 100}, 1, 900},
    {{2, 3, 70}, 5, 9},  {{3, 300, 9}, 0, 0},   {{2, 2, 16500}, 0, 0}, {{2, 5, 0}, 0, 0},   {{4, 4, 2047}, 1, 2200}, {{0, 3, 4}, 0, 0},
};

/* Every product and every sum by itself: memory between them keeps a compiler from fusing what this file is to check. */
static double rounded(int dtype, double v)
{
    volatile float f = (float)v;
    volatile double d = v;
    return dtype == FD_F32 ? (double)f : d;
}

struct buffer {
    unsigned char *low, *end, *data;
};
enum { X, W, DY, B, Y, DX, DW, BUFFERS };
static struct buffer buffers[BUFFERS];
static uint8_t *keep;
static int dtype;
static size_t size;

static void make_buffers(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (8 * LARGEST + page - 1) / page * page;
    for (int k = 0; k < BUFFERS; k++) {
        unsigned char *p = mmap(NULL, inside + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) || mprotect(p + page + inside, page, PROT_NONE)) exit(3);
        buffers[k].low = p + page;
        buffers[k].end = p + page + inside;
    }
    keep = malloc(1 << 22);
    if (!keep) exit(3);
}

static double get(int k, int64_t i)
{
    float f;
    double d;
    if (dtype == FD_F32) memcpy(&f, buffers[k].data + 4 * i, 4);
    else memcpy(&d, buffers[k].data + 8 * i, 8);
    return dtype == FD_F32 ? (double)f : d;
}

static void put(int k, int64_t i, double v)
{
    const float f = (float)v;
    if (dtype == FD_F32) memcpy(buffers[k].data + 4 * i, &f, 4);
    else memcpy(buffers[k].data + 8 * i, &v, 8);
}

/* A matrix that ends with the memory, of values between -2 and 2 with all bits of a float in use. */
static void fill(int k, int64_t n)
{
    buffers[k].data = buffers[k].end - (size_t)n * size;
    for (int64_t i = 0; i < n; i++) {
        static uint32_t state = 1;
        state = state * 1664525u + 1013904223u;
        put(k, i, ((double)state - 0x1p31) * 0x1p-30);
    }
}

static double term(int kept, double a, double b) { return kept ? rounded(dtype, a * b) : 0.0; }

static double expected_y(const int64_t *n, int64_t b, int64_t o, double s, int bias)
{
    const int lanes = (int)(64 / size);
    double y = 0;
    for (int64_t first = 0; first < n[2]; first += SEGMENT) {
        double lane[16] = {0};
        for (int64_t i = first; i < n[2] && i < first + SEGMENT; i++) {
            const double t = term(keep[(b * n[1] + o) * n[2] + i], get(W, o * n[2] + i), get(X, b * n[2] + i));
            lane[i % lanes] = rounded(dtype, lane[i % lanes] + t);
        }
        for (int w = lanes / 2; w; w /= 2)
            for (int j = 0; j < w; j++) lane[j] = rounded(dtype, lane[j] + lane[j + w]);
        y = rounded(dtype, y + lane[0]);
    }
    y = rounded(dtype, y * s);
    return bias ? rounded(dtype, y + get(B, o)) : y;
}

static double expected_dx(const int64_t *n, int64_t b, int64_t i, double s)
{
    double sum = 0;
    for (int64_t o = 0; o < n[1]; o++)
        sum = rounded(dtype, sum + term(keep[(b * n[1] + o) * n[2] + i], get(DY, b * n[1] + o), get(W, o * n[2] + i)));
    return rounded(dtype, sum * s);
}

static double expected_dw(const int64_t *n, int64_t o, int64_t i, double s)
{
    double sum = 0;
    for (int64_t b = 0; b < n[0]; b++)
        sum = rounded(dtype, sum + term(keep[(b * n[1] + o) * n[2] + i], get(DY, b * n[1] + o), get(X, b * n[2] + i)));
    return rounded(dtype, sum * s);
}

static void compare(const struct shape *shape, double p, int bias)
{
    const int64_t *n = shape->n;
    const double s = p < 1 ? rounded(dtype, fd_scale(p)) : 0.0;
    for (int64_t b = 0; b < n[0]; b++)
        for (int64_t o = 0; o < n[1]; o++)
            CHECK(get(Y, b * n[1] + o) == expected_y(n, b, o, s, bias), "y p %g columns %d type %d", p, (int)n[2], dtype);
    for (int64_t b = 0; b < n[0]; b++)
        for (int64_t i = 0; i < n[2]; i++)
            CHECK(get(DX, b * n[2] + i) == expected_dx(n, b, i, s), "dx p %g columns %d type %d", p, (int)n[2], dtype);
    for (int64_t o = 0; o < n[1]; o++)
        for (int64_t i = 0; i < n[2]; i++)
            CHECK(get(DW, o * n[2] + i) == expected_dw(n, o, i, s), "dw p %g columns %d type %d", p, (int)n[2], dtype);
}

static void one(const struct shape *shape, double p, int threads, int bias)
{
    const int64_t *n = shape->n, step[3] = {(n[1] + shape->more_rows) * (n[2] + shape->more_columns), n[2] + shape->more_columns, 1};
    const fd_mask_desc mask = {.key = key, .start = 12345, .strides = step, .p = p};
    const fd_exec exec = {threads, NULL, NULL};
    const int64_t sizes[BUFFERS] = {n[0] * n[2], n[1] * n[2], n[0] * n[1], n[1], n[0] * n[1], n[0] * n[2], n[1] * n[2]};
    for (int k = 0; k < BUFFERS; k++) fill(k, sizes[k]);
    for (int64_t b = 0, at = 0; b < n[0]; b++)
        for (int64_t o = 0; o < n[1]; o++)
            for (int64_t i = 0; i < n[2]; i++, at++)
                keep[at] = (uint8_t)ref_keep(key.seed, key.stream, p, 12345 + (uint64_t)(b * step[0] + o * step[1] + i));
    fd_status status = fd_connect(&mask, n, (fd_dtype)dtype, buffers[X].data, n[2], buffers[W].data, n[2],
                                  bias ? buffers[B].data : NULL, buffers[Y].data, n[1], &exec);
    CHECK(status == FD_OK, "%s", fd_status_string(status));
    status = fd_connect_backward(&mask, n, (fd_dtype)dtype, buffers[DY].data, n[1], buffers[X].data, n[2], buffers[W].data,
                                 n[2], buffers[DX].data, n[2], buffers[DW].data, n[2], &exec);
    CHECK(status == FD_OK, "%s", fd_status_string(status));
    compare(shape, p, bias);
}

/* One gradient at a time is the same as both, and what is left out is not written. */
static void one_gradient(void)
{
    const int64_t n[3] = {3, 5, 70}, step[3] = {350, 70, 1};
    const fd_mask_desc mask = {.key = key, .strides = step, .p = 0.25};
    static float x[210], w[350], dy[15], dx[2][210], dw[2][350];
    for (int i = 0; i < 350; i++) w[i] = x[i % 210] = dy[i % 15] = (float)(i % 19) - 9;
    CHECK(fd_connect_backward(&mask, n, FD_F32, dy, 5, x, 70, w, 70, dx[0], 70, dw[0], 70, NULL) == FD_OK, "both");
    CHECK(fd_connect_backward(&mask, n, FD_F32, dy, 5, NULL, 0, w, 70, dx[1], 70, NULL, 0, NULL) == FD_OK, "dx");
    CHECK(fd_connect_backward(&mask, n, FD_F32, dy, 5, x, 70, NULL, 0, NULL, 0, dw[1], 70, NULL) == FD_OK, "dw");
    CHECK(memcmp(dx[0], dx[1], sizeof dx[0]) == 0 && memcmp(dw[0], dw[1], sizeof dw[0]) == 0, "one gradient");
}

static void bad_arguments(void)
{
    const int64_t n[3] = {2, 2, 2}, step[3] = {4, 2, 1}, far[3] = {INT64_MAX / 2, 2, 1}, wide[3] = {8, 4, 2}, less[3] = {2, -1, 2};
    fd_mask_desc mask = {.key = key, .strides = step, .p = 0.5};
    float a[4] = {0}, y[4] = {5, 5, 5, 5};
    const double each = 0.5;
    const fd_exec none = {0, NULL, NULL};
#define CONNECT(shape, type, x, exec) fd_connect(&mask, shape, type, x, 2, a, 2, NULL, y, 2, exec)
    CHECK(CONNECT(less, FD_F32, a, NULL) == FD_BAD_SHAPE, "shape");
    CHECK(CONNECT(n, FD_F16, a, NULL) == FD_BAD_DTYPE && CONNECT(n, FD_C64, a, NULL) == FD_BAD_DTYPE, "type");
    CHECK(CONNECT(n, FD_F32, NULL, NULL) == FD_BAD_POINTER, "pointer");
    CHECK(CONNECT(n, FD_F32, a, &none) == FD_BAD_THREADS, "threads");
    mask.p = 1.5;
    CHECK(CONNECT(n, FD_F32, a, NULL) == FD_BAD_PROBABILITY, "p");
    mask.p = 0.5;
    mask.strides = far;
    CHECK(CONNECT(n, FD_F32, a, NULL) == FD_BAD_INDEX, "far");
    mask.strides = wide;
    CHECK(CONNECT(n, FD_F32, a, NULL) == FD_BAD_INDEX, "columns apart");
    mask.strides = step;
    mask.p_values = &each;
    mask.p_strides = (const int64_t[]){0, 0, 0};
    CHECK(CONNECT(n, FD_F32, a, NULL) == FD_BAD_PROBABILITY, "several p");
    CHECK(y[0] == 5 && y[3] == 5, "written");
    const int64_t alone[3] = {1, 1, 2};
    mask.p_values = NULL;
    CHECK(fd_connect(&mask, alone, FD_F32, a, INT64_MAX, a, INT64_MIN, NULL, y, INT64_MAX, NULL) == FD_OK, "no step is taken");
    CHECK(y[0] == 0 && y[1] == 5, "one row");
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *name;
    int ran = 0, quick = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) quick = 1;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
    }
    make_buffers();
    for (int k = 0; (name = fd_isa_name(k)) != NULL; k++) {
        if (fd_isa_select(name) != FD_OK) continue;
        const unsigned long before = checks;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (size_t j = 0; j < (quick ? 3 : sizeof rates / sizeof *rates); j++)
                for (int threads = 1; threads <= 2; threads++) { /* one type each */
                    dtype = threads == 1 ? FD_F32 : FD_F64;
                    size = fd_dtype_size((fd_dtype)dtype);
                    one(&shapes[i], rates[j], threads, (int)(i + j) % 2);
                }
        one_gradient();
        bad_arguments();
        printf("%s: %lu checks\n", name, checks - before);
        ran |= expect && strcmp(expect, name) == 0;
    }
    CHECK(!expect || ran, "%s was expected to run", expect);
    return check_end();
}
