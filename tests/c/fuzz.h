/* fuzz.h: arguments out of a fuzzer's bytes, and what a call must make of them.
 *
 * Whoever makes an argument also notes what is wrong with it, so that the status that a call may return is known without
 * asking the library. Every buffer is a block of its own, exactly as long as its elements, and is remembered: afterwards
 * nothing may have changed but the elements of outputs, and those only if the call succeeded. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastdrop.h"

enum { MOST = 3000, AXES = FD_MAX_NDIM + 1, BLOCKS = 64, OUTPUTS = 4 };

#define REQUIRE(condition, ...)                                                \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);    \
            fprintf(stderr, __VA_ARGS__);                                      \
            fputc('\n', stderr);                                               \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* ---- bytes ---------------------------------------------------------------------------------------------------- */

static const uint8_t *next_byte, *last_byte;

static unsigned byte(void) { return next_byte < last_byte ? *next_byte++ : 0; }

static uint64_t bytes(int n)
{
    uint64_t w = 0;
    while (n--) w = w << 8 | byte();
    return w;
}

/* One time in n; never once the bytes have run out, so that short inputs are plain calls. */
static int seldom(unsigned n) { return byte() % n == n - 1; }

static unsigned below(unsigned n) { return byte() % n; }

/* Numbers at which sums and products break. */
static int64_t hostile(void)
{
    static const int64_t some[] = {-1, 0, 1, INT64_MAX, INT64_MIN, INT64_C(1) << 62, (INT64_C(1) << 62) - 1, -(INT64_C(1) << 62),
                                   (INT64_C(1) << 62) + 1, INT64_C(1) << 32, INT64_C(1) << 31, -(INT64_C(1) << 31), 65, 255};
    const unsigned k = byte();
    return k < sizeof some / sizeof *some ? some[k] : (int64_t)bytes(8);
}

/* ---- what is wrong -------------------------------------------------------------------------------------------- */

static unsigned faults; /* bit s: the arguments ask for status s */
static int nothing, huge; /* there is nothing to do: then success is right too; there would be too much to do here */

static void fault(fd_status status) { faults |= 1u << status; }

/* ---- blocks --------------------------------------------------------------------------------------------------- */

static struct block {
    uint8_t *data, *before, *owned; /* contents; what they were; which bytes a call may write, for outputs */
    size_t size;
} blocks[BLOCKS];
static int num_blocks;

static void *block(size_t size)
{
    static uint64_t w = 1;
    REQUIRE(num_blocks < BLOCKS, "too many blocks");
    struct block *b = &blocks[num_blocks++];
    *b = (struct block){malloc(size), malloc(size), NULL, size};
    if (num_blocks == 1) w = 1;
    for (size_t i = 0; i < size; i++) {
        w = w * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        b->data[i] = (uint8_t)(w >> 56);
    }
    memcpy(b->before, b->data, size);
    return b->data;
}

static struct block *block_of(const void *data)
{
    for (int i = 0; i < num_blocks; i++)
        if ((const uint8_t *)data >= blocks[i].data && (const uint8_t *)data < blocks[i].data + blocks[i].size) return &blocks[i];
    return NULL;
}

/* Contents of a block were set: they count from now on. */
static void keep_block(const void *data)
{
    const struct block *b = block_of(data);
    if (b) memcpy(b->before, b->data, b->size);
}

static void *copied(const void *data, size_t size)
{
    void *to = block(size);
    if (size) memcpy(to, data, size);
    keep_block(to);
    return to;
}

/* A pointer, or NULL for once, which is a fault. */
static void *or_null(void *data)
{
    if (!seldom(60)) return data;
    fault(FD_BAD_POINTER);
    return NULL;
}

/* ---- shapes and arrays ---------------------------------------------------------------------------------------- */

typedef struct shape {
    int ndim;
    int64_t n[AXES];
    uint64_t elements;
    int usable; /* there are elements, and few enough to give them memory */
} shape;

static void measure(shape *s)
{
    unsigned __int128 product = 1;
    int negative = 0, empty = 0;
    for (int d = 0; d < s->ndim; d++) {
        negative |= s->n[d] < 0;
        empty |= s->n[d] == 0;
        if (s->n[d] > 0 && product <= FD_INDEX_LIMIT) product *= (uint64_t)s->n[d];
    }
    s->elements = empty || negative ? 0 : product > FD_INDEX_LIMIT ? UINT64_MAX : (uint64_t)product;
    if (negative || s->elements == UINT64_MAX) fault(FD_BAD_SHAPE);
    nothing |= empty;
    huge |= s->elements > MOST;
    s->usable = s->elements > 0 && s->elements <= MOST;
}

static shape make_shape(int least, int most)
{
    shape s = {.ndim = least + (int)below((unsigned)(most - least + 1))};
    const int many = most > 8 && seldom(40);
    if (many) s.ndim = FD_MAX_NDIM;
    for (int d = 0; d < s.ndim; d++) s.n[d] = many && seldom(8) ? 2 : many ? 1 : 1 + (int64_t)(byte() % 21);
    if (s.ndim && seldom(4)) s.n[below((unsigned)s.ndim)] = 1 + (int64_t)(bytes(2) % MOST);
    if (s.ndim && seldom(24)) s.n[below((unsigned)s.ndim)] = hostile();
    measure(&s);
    if (most > 8 && seldom(60)) {
        static const int bad[] = {-1, FD_MAX_NDIM + 1, INT32_MAX, INT32_MIN};
        s.ndim = bad[below(4)];
        s.usable = 0;
        fault(FD_BAD_NDIM);
    }
    return s;
}

static int64_t *numbers_of(const shape *s, const int64_t *numbers)
{
    const size_t n = s->ndim < 0 || s->ndim > AXES ? 0 : (size_t)s->ndim;
    int64_t *to = copied(numbers, n * sizeof *to);
    return s->ndim > 0 ? or_null(to) : to;
}

typedef struct array {
    void *data;
    int64_t strides[AXES];
    int64_t *given; /* the strides, in a block, or NULL */
    size_t size;
} array;

/* Strides, in `unit`s of bytes, that put no two elements in one place: axes in any order and direction, with gaps. An input
 * may also meet the same elements again and again. */
static array lay_out(const shape *s, size_t size, size_t unit, int input)
{
    array a = {.size = size};
    int64_t each = (int64_t)(size / unit), low = 0, high = 0;
    int order[AXES];
    const int ndim = s->usable ? s->ndim : 0, plain = !seldom(2);
    for (int d = 0; d < ndim; d++) order[d] = d;
    for (int d = ndim - 1; d > 0 && !plain; d--) {
        const int other = (int)below((unsigned)d + 1), at = order[d];
        order[d] = order[other];
        order[other] = at;
    }
    for (int k = ndim - 1; k >= 0; k--) {
        const int d = order[k];
        if (!plain && seldom(4)) each += 1 + below(5);
        int64_t step = !plain && seldom(3) ? -each : each;
        if (input && seldom(5)) step = 0;
        else each *= s->n[d];
        *(step < 0 ? &low : &high) += step * (s->n[d] - 1);
        a.strides[d] = step;
    }
    for (int d = 0; d < s->ndim && d < AXES; d++)
        if ((s->n[d] == 1 || !s->usable) && seldom(2)) a.strides[d] = hostile(); /* no step is taken */
    const size_t before = !plain && unit == 1 ? below(4) : 0; /* of any alignment */
    char *data = block(s->usable ? before + (size_t)(high - low) * unit + size : 1);
    a.data = s->usable ? data + before - low * (int64_t)unit : data;
    return a;
}

static array make_array(const shape *s, size_t size, size_t unit, int input)
{
    array a = lay_out(s, size, unit, input);
    a.given = numbers_of(s, a.strides);
    return a;
}

/* Calls use(element) for each element of an array. */
static void for_each(const shape *s, const array *a, void (*use)(void *element, size_t size))
{
    int64_t at[AXES] = {0};
    char *p = a->data;
    for (uint64_t i = 0; s->usable && i < s->elements; i++) {
        use(p, a->size);
        for (int d = s->ndim - 1; d >= 0; d--) {
            if (s->n[d] > 1) p += a->strides[d];
            if (++at[d] < s->n[d]) break;
            if (s->n[d] > 1) p -= a->strides[d] * s->n[d];
            at[d] = 0;
        }
    }
}

#endif
