/* mix.c: several arrays under one mask, by every runnable instruction set, against loops over single elements. All
 * memory is of exactly the size that is asked for and ends where an unreadable page begins.
 * Usage: mix [--quick] [--expect NAME]; prints what ran. */
#define _DEFAULT_SOURCE
#include <fastdrop.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "reference.h"

enum { AXES = 3, PIECES = 6, LARGEST = 1 << 20 };
static const fd_key key = {91, 92};
static uint32_t state = 1;

static uint32_t next(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

/* The k-th piece of memory, of n bytes, before an unreadable page. */
static char *memory(int k, size_t n)
{
    static char *ends[PIECES];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (LARGEST + page - 1) / page * page;
    if (!ends[k]) {
        char *p = mmap(NULL, inside + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) || mprotect(p + page + inside, page, PROT_NONE)) exit(3);
        ends[k] = p + page + inside;
    }
    if (n > LARGEST) exit(3);
    return ends[k] - n;
}

/* An array of one type, of multiples of 1/4 so small that all that is computed here fits float32. */
typedef struct array {
    char *data;
    int64_t strides[AXES];
} array;

static fd_dtype dtype;
static int64_t shape[AXES];
static int complex_parts;

static int64_t offset_of(const array *a, int64_t i, int64_t j, int64_t k)
{
    return i * a->strides[0] + j * a->strides[1] + k * a->strides[2];
}

static double get(const array *a, int64_t offset, int part)
{
    const char *p = a->data + offset;
    uint16_t half;
    uint32_t word;
    float f;
    double d;
    switch (dtype) {
    case FD_F16: /* of normal numbers and 0 */
        memcpy(&half, p, 2);
        word = half & 0x7FFFu ? ((uint32_t)(half & 0x7FFFu) << 13) + (112u << 23) : 0;
        word |= (uint32_t)(half & 0x8000u) << 16;
        memcpy(&f, &word, 4);
        return f;
    case FD_BF16:
        memcpy(&half, p, 2);
        word = (uint32_t)half << 16;
        memcpy(&f, &word, 4);
        return f;
    case FD_F32:
    case FD_C64: memcpy(&f, p + 4 * part, 4); return f;
    default: memcpy(&d, p + 8 * part, 8); return d;
    }
}

static void put(const array *a, int64_t offset, int part, double v)
{
    char *p = a->data + offset;
    float f = (float)v;
    uint32_t word;
    uint16_t half;
    memcpy(&word, &f, 4);
    switch (dtype) {
    case FD_F16:
        half = (uint16_t)(word >> 16 & 0x8000u);
        if (f != 0) half |= (uint16_t)(((word & 0x7FFFFFFFu) - (112u << 23)) >> 13);
        memcpy(p, &half, 2);
        break;
    case FD_BF16:
        half = (uint16_t)(word >> 16);
        memcpy(p, &half, 2);
        break;
    case FD_F32:
    case FD_C64: memcpy(p + 4 * part, &f, 4); break;
    default: memcpy(p + 8 * part, &v, 8);
    }
}

enum { PLAIN, TURNED, GAPS, BACKWARDS, ONE_ROW, ONE_NUMBER, KINDS };

/* The k-th array, in one of several layouts; the last two for inputs alone. */
static array make(int k, int kind)
{
    array a = {NULL, {0}};
    const int64_t size = (int64_t)fd_dtype_size(dtype), gap = kind == GAPS ? 2 : 1;
    int64_t bytes = size;
    if (kind != ONE_NUMBER)
        for (int j = 0; j < AXES; j++) {
            const int d = kind == TURNED ? j : AXES - 1 - j;
            if (kind == ONE_ROW && d != AXES - 1) continue;
            a.strides[d] = bytes * gap;
            bytes += (shape[d] - 1) * bytes * gap;
        }
    a.data = memory(k, (size_t)bytes);
    memset(a.data, 0, (size_t)bytes);
    for (int64_t b = 0; b < bytes / size; b++)
        for (int part = 0; part <= complex_parts; part++) {
            const double v = ((double)next(32) - 15.5) / 4;
            put(&a, b * size, part, v);
        }
    if (kind == BACKWARDS)
        for (int d = 0; d < AXES; d++) {
            a.data += (shape[d] - 1) * a.strides[d];
            a.strides[d] = -a.strides[d];
        }
    return a;
}

static fd_input in(const array *a) { return (fd_input){a->data, a->data ? a->strides : NULL}; }
static fd_output out(const array *a) { return (fd_output){a->data, a->strides}; }

enum { AFFINE, CHOOSE, PART, BLEND, FUSED, RELU, RELU_BACK, OPERATIONS };

/* What the k-th output of an operation is, of the numbers of its inputs. */
static double wanted(int operation, int k, int kept, double s, const double *v)
{
    const double h = v[0] + v[1], slope = v[1] + v[2] > 0;
    switch (operation) {
    case AFFINE: return kept ? 2 * v[0] + 0.25 : -1.5;
    case CHOOSE: return kept ? v[0] : v[1];
    case PART: return kept == !k ? v[0] : 0;
    case BLEND: return 0.5 * v[0] + 2 * v[1];
    case FUSED: return v[2] + (kept ? h * s : 0);
    case RELU: return v[2] + (kept && h > 0 ? h * s : 0);
    default: return kept ? v[0] * s * slope : 0;
    }
}

static fd_status call(int operation, const fd_mask_desc *mask, const array *a, const array *y, const fd_exec *exec)
{
    switch (operation) {
    case AFFINE: return fd_affine_nd(mask, 2, 0.25, -1.5, AXES, shape, dtype, in(a), out(y), exec);
    case CHOOSE: return fd_choose_nd(mask, AXES, shape, dtype, in(a), in(a + 1), out(y), exec);
    case PART: return fd_part_nd(mask, AXES, shape, dtype, in(a), out(y), out(y + 1), exec);
    case BLEND: return fd_blend_nd(0.5, 2, AXES, shape, dtype, in(a), in(a + 1), out(y), exec);
    case FUSED: return fd_fused_nd(mask, FD_ACT_NONE, AXES, shape, dtype, in(a), in(a + 1), in(a + 2), out(y), exec);
    case RELU: return fd_fused_nd(mask, FD_ACT_RELU, AXES, shape, dtype, in(a), in(a + 1), in(a + 2), out(y), exec);
    default:
        return fd_fused_backward_nd(mask, FD_ACT_RELU, AXES, shape, dtype, in(a), in(a + 1), in(a + 2), out(y), exec);
    }
}

/* One call. With `place` below 3 the first output is that input, if its layout can be written to. */
static void one(int operation, const int *kinds, double p, int shared, int stored, int place, int threads)
{
    static double numbers[3][LARGEST / 8];
    static uint8_t bits[LARGEST / 8];
    array a[3], y[2];
    int64_t index[AXES], step = 1;
    uint64_t n = 0;
    for (int d = AXES - 1; d >= 0; d--) {
        index[d] = shared >> d & 1 ? 0 : step;
        if (index[d]) step *= shape[d];
    }
    const uint64_t start = stored ? 0 : 777;
    fd_mask_desc mask = {.key = key, .p = p, .start = start, .strides = index};
    for (int64_t i = 0; i < step; i++) {
        const int kept = ref_keep(key.seed, key.stream, p, start + (uint64_t)i);
        bits[i / 8] = (uint8_t)((bits[i / 8] & ~(1u << i % 8)) | (unsigned)kept << i % 8);
    }
    if (stored) {
        uint8_t *own = (uint8_t *)memory(5, (size_t)(step + 7) / 8);
        memcpy(own, bits, (size_t)(step + 7) / 8);
        if (step % 8) own[step / 8] &= (uint8_t)((1u << step % 8) - 1);
        mask.bits = own;
    }
    for (int i = 0; i < 3; i++) a[i] = make(i, kinds[i]);
    if (kinds[2] == KINDS) a[2].data = NULL; /* what may be left out */
    for (int i = 0; i < 2; i++) y[i] = make(3 + i, kinds[3 + i]);
    const int inputs = operation >= FUSED ? 3 : operation == CHOOSE || operation == BLEND ? 2 : 1;
    const int in_place = place < inputs && a[place].data && kinds[place] < ONE_ROW;
    if (in_place) y[0] = a[place];
    for (int64_t i = 0; i < shape[0]; i++)
        for (int64_t j = 0; j < shape[1]; j++)
            for (int64_t k = 0; k < shape[2]; k++)
                for (int part = 0; part <= complex_parts; part++, n++)
                    for (int m = 0; m < 3; m++)
                        numbers[m][n] = a[m].data ? get(&a[m], offset_of(&a[m], i, j, k), part) : 0;
    const fd_exec exec = {threads, NULL, NULL};
    const fd_status status = call(operation, &mask, a, y, &exec);
    CHECK(status == FD_OK, "operation %d: %s", operation, fd_status_string(status));
    const double s = p < 1 ? 1 / (1 - p) : 0;
    n = 0;
    for (int64_t i = 0; i < shape[0]; i++)
        for (int64_t j = 0; j < shape[1]; j++)
            for (int64_t k = 0; k < shape[2]; k++)
                for (int part = 0; part <= complex_parts; part++, n++) {
                    const int64_t at = i * index[0] + j * index[1] + k * index[2];
                    const double v[3] = {numbers[0][n], numbers[1][n], numbers[2][n]};
                    for (int m = 0; m < (operation == PART ? 2 : 1); m++) {
                        const double right = wanted(operation, m, bits[at / 8] >> at % 8 & 1, s, v);
                        const double got = get(&y[m], offset_of(&y[m], i, j, k), part);
                        const double unit = dtype == FD_F16 || dtype == FD_BF16 ? 0x1p-7 : 0x1p-20;
                        const double near = (right < 0 ? -right : right) * unit;
                        const int right_enough = got - right <= near && right - got <= near;
                        CHECK(right_enough, "operation %d output %d type %d element %d: %g for %g", operation,
                              m, (int)dtype, (int)n, got, right);
                    }
                }
}

static void all(int rounds)
{
    static const int64_t shapes[][AXES] = {{1, 1, 1},   {1, 1, 64},  {2, 3, 65},  {5, 7, 9},   {1, 3, 700}, {4, 1, 513},
                                           {3, 4, 512}, {1, 1, 6000}, {90, 3, 1}, {2, 80, 17}, {33, 2, 31}, {40, 5, 8}};
    static const double rates[] = {0.5, 0.1, 0.75, 0.0, 1.0};
    for (int round = 0; round < rounds; round++) {
        int kinds[5];
        dtype = (fd_dtype)(round % FD_NUM_DTYPES);
        complex_parts = dtype == FD_C64 || dtype == FD_C128;
        memcpy(shape, shapes[next(sizeof shapes / sizeof *shapes)], sizeof shape);
        const int plain = next(3) == 0;
        for (int i = 0; i < 5; i++) kinds[i] = plain && i != 1 ? PLAIN : (int)next(i < 3 ? KINDS : ONE_ROW);
        if (plain) kinds[1] = next(2) ? ONE_ROW : PLAIN;
        const int operation = (int)next(complex_parts ? RELU : OPERATIONS);
        if (operation >= FUSED && next(3) == 0) kinds[2] = KINDS;
        const double p = operation >= FUSED ? rates[(int[]){0, 2, 3, 4}[next(4)]] : rates[next(5)];
        one(operation, kinds, p, next(2) ? 0 : (int)next(8), next(4) == 0, (int)next(6), 1 + (int)next(3));
    }
}

/* f(h) and f'(h) of an activation, by libm. */
static void of_libm(int act, double h, double *f, double *slope)
{
    const double root = sqrt(2 / 3.14159265358979323846), pdf = exp(-h * h / 2) * root / 2, cdf = erfc(-h * sqrt(0.5)) / 2;
    const double t = tanh(root * (h + 0.044715 * h * h * h));
    *f = act == FD_ACT_RELU ? (h <= 0 ? 0 : h) : act == FD_ACT_GELU ? h * cdf : h / 2 * (1 + t);
    *slope = act == FD_ACT_RELU   ? !(h <= 0)
             : act == FD_ACT_GELU ? cdf + h * pdf
                                  : (1 + t) / 2 + h / 2 * (1 - t * t) * root * (1 + 3 * 0.044715 * h * h);
}

static int near(double got, double right, double scale)
{
    return isnan(right) ? isnan(got) : fabs(got - right) <= (dtype == FD_F64 ? 1e-14 : 1e-6) * (fabs(right) + scale);
}

/* Activations over what they are used for, and a NaN, which stays one. */
static void activations(int act, int64_t n)
{
    const int64_t bytes = (int64_t)fd_dtype_size(dtype), index = 1;
    array h = {memory(0, (size_t)(n * bytes)), {0}}, g = {memory(1, (size_t)(n * bytes)), {0}}, y[2];
    const fd_mask_desc mask = {.key = key, .p = 0.25, .strides = &index};
    const fd_input from = {h.data, &bytes}, gradient = {g.data, &bytes}, none = {NULL, NULL};
    fd_output to[2];
    for (int k = 0; k < 2; k++) {
        y[k] = (array){memory(2 + k, (size_t)(n * bytes)), {0}};
        to[k] = (fd_output){y[k].data, &bytes};
    }
    for (int64_t i = 0; i < n; i++) {
        put(&h, i * bytes, 0, i % 50 == 7 ? NAN : ((double)next(4096) - 2048) / 256);
        put(&g, i * bytes, 0, ((double)next(64) - 31.5) / 8);
    }
    CHECK(fd_fused_nd(&mask, act, 1, &n, dtype, from, none, none, to[0], NULL) == FD_OK, "activation %d", act);
    CHECK(fd_fused_backward_nd(&mask, act, 1, &n, dtype, gradient, from, none, to[1], NULL) == FD_OK, "activation %d", act);
    for (int64_t i = 0; i < n; i++) {
        const double v = get(&h, i * bytes, 0), dy = get(&g, i * bytes, 0) * fd_scale(0.25);
        const int kept = ref_keep(key.seed, key.stream, 0.25, (uint64_t)i);
        double f, slope;
        of_libm(act, v, &f, &slope);
        CHECK(near(get(&y[0], i * bytes, 0), kept ? f * fd_scale(0.25) : 0, 1), "activation %d of %g", act, v);
        CHECK(near(get(&y[1], i * bytes, 0), kept ? dy * slope : 0, 6), "slope %d of %g", act, v);
    }
}

static void bad_arguments(void)
{
    static const int64_t three = 3, none = 0, four = 4, one_index = 1;
    const double rates[3] = {0};
    float x[3] = {7, 7, 7}, y[3] = {7, 7, 7};
    const fd_mask_desc mask = {.key = key, .p = 0.5, .strides = &one_index};
    fd_mask_desc wrong = mask, varied = mask;
    const fd_input a = {x, &four}, no = {NULL, NULL};
    const fd_output b = {y, &four}, nowhere = {NULL, NULL};
    const fd_exec idle = {0, NULL, NULL};
    wrong.p = 1.5;
    varied.p_values = rates;
    varied.p_strides = &one_index;
    CHECK(fd_affine_nd(NULL, 1, 1, 1, 1, &three, FD_F32, a, b, NULL) == FD_BAD_POINTER, "mask");
    CHECK(fd_affine_nd(&wrong, 1, 1, 1, 1, &three, FD_F32, a, b, NULL) == FD_BAD_PROBABILITY, "p");
    CHECK(fd_choose_nd(&varied, 1, &three, FD_F32, a, a, b, NULL) == FD_BAD_PROBABILITY, "many p");
    CHECK(fd_choose_nd(&mask, 1, &three, FD_NUM_DTYPES, a, a, b, NULL) == FD_BAD_DTYPE, "dtype");
    CHECK(fd_choose_nd(&mask, 1, &three, FD_F32, a, no, b, NULL) == FD_BAD_POINTER, "other");
    CHECK(fd_part_nd(&mask, 1, &three, FD_F32, a, b, nowhere, NULL) == FD_BAD_POINTER, "d_other");
    CHECK(fd_blend_nd(1, 1, 1, &three, FD_F32, a, no, b, NULL) == FD_BAD_POINTER, "blend");
    CHECK(fd_fused_nd(&mask, FD_ACT_RELU, 1, &three, FD_C64, a, no, no, b, NULL) == FD_BAD_DTYPE, "complex numbers");
    CHECK(fd_fused_nd(&mask, FD_NUM_ACTIVATIONS, 1, &three, FD_F32, a, no, no, b, NULL) == FD_BAD_KIND, "activation");
    CHECK(fd_fused_nd(&wrong, FD_ACT_NONE, 1, &three, FD_F32, a, no, no, b, NULL) == FD_BAD_PROBABILITY, "p");
    CHECK(fd_fused_nd(&mask, FD_ACT_NONE, 1, &three, FD_F32, a, no, no, b, &idle) == FD_BAD_THREADS, "threads");
    CHECK(fd_fused_nd(&mask, FD_ACT_NONE, 65, &three, FD_F32, a, no, no, b, NULL) == FD_BAD_NDIM, "ndim");
    CHECK(fd_fused_backward_nd(&mask, FD_ACT_RELU, 1, &three, FD_F32, a, no, no, b, NULL) == FD_BAD_POINTER, "x");
    const fd_status nothing = fd_fused_backward_nd(&mask, FD_ACT_NONE, 1, &three, FD_F32, a, no, no, nowhere, NULL);
    CHECK(nothing == FD_BAD_POINTER, "dx");
    CHECK(fd_affine_nd(&mask, 1, 1, 1, 1, &none, FD_F32, no, nowhere, NULL) == FD_OK, "empty");
    CHECK(fd_affine_nd(&mask, 1, 1, 1, 1 << 30, &three, FD_F32, no, nowhere, NULL) == FD_BAD_NDIM, "the shape is not read");
    CHECK(y[0] == 7 && y[2] == 7, "written");
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *name;
    int ran = 0, quick = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) quick = 1;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
    }
    for (int i = 0; (name = fd_isa_name(i)); i++) {
        if (fd_isa_select(name) != FD_OK) continue;
        if (expect && strcmp(expect, name) == 0) ran = 1;
        const unsigned long before = checks;
        all(quick ? 600 : 6000);
        for (int k = 0; k < 3 * 4; k++) {
            dtype = k % 2 ? FD_F64 : FD_F32;
            activations(FD_ACT_RELU + k / 2 % 3, k < 6 ? 64 * 9 : 301);
        }
        bad_arguments();
        printf("%s: %lu checks\n", name, checks - before);
    }
    if (expect) CHECK(ran, "%s did not run", expect);
    return check_end();
}
