/* libxsmm.c: LIBXSMM's dropout primitive for the benchmark; fastdrop/bench/peers/libxsmm.py compiles and calls it.
 *
 * n elements are a column-major matrix of COLUMN rows, with the rest, if any, as one shorter column: the primitive works on
 * blocks. Each thread has columns and a generator state of its own, for LIBXSMM leaves threads to its caller. The state
 * moves on with every call, so each repetition draws a new mask.
 */
#include <libxsmm.h>
#include <stdint.h>
#include <stdlib.h>

enum { COLUMN = 1024, MAX_THREADS = 64 };
enum kind { FORWARD, FORWARD_MASK, BACKWARD };

typedef struct part {
    libxsmm_meltwfunction_unary full, rest;
    int64_t start, rest_start; /* elements */
    unsigned *state;
} part;

typedef struct peer {
    enum kind kind;
    int threads;
    float p;
    int64_t itemsize;
    uint8_t *mask; /* the caller's */
    part parts[MAX_THREADS];
} peer;

void peer_destroy(peer *self);

const char *peer_version(void)
{
    return LIBXSMM_VERSION;
}

/* Name of the instruction set that code is generated for: `wanted`, or what LIBXSMM takes by itself where that is NULL.
 * Code once generated is kept and not made again for another set, so a process has to stay with one. */
const char *peer_target(const char *wanted)
{
    libxsmm_init();
    if (wanted != NULL) libxsmm_set_target_arch(wanted);
    return libxsmm_get_target_arch();
}

static libxsmm_meltwfunction_unary kernel(enum kind kind, libxsmm_datatype type, int64_t rows, int64_t columns)
{
    const libxsmm_blasint m = (libxsmm_blasint)rows, n = (libxsmm_blasint)columns;
    const libxsmm_meltw_unary_shape shape = libxsmm_create_meltw_unary_shape(m, n, m, m, type, type, LIBXSMM_DATATYPE_F32);
    return libxsmm_dispatch_meltw_unary(
        kind == BACKWARD ? LIBXSMM_MELTW_TYPE_UNARY_DROPOUT_INV : LIBXSMM_MELTW_TYPE_UNARY_DROPOUT, shape,
        (libxsmm_bitfield)(kind == FORWARD ? LIBXSMM_MELTW_FLAG_UNARY_NONE : LIBXSMM_MELTW_FLAG_UNARY_BITMASK_2BYTEMULT));
}

/* Share n elements out, and generate the code. `type`: 0 float32, 1 bfloat16, 2 float16. `mask` has (n + 15) / 16 * 2 bytes, a
 * bit an element, the first in the lowest bit, 1 where kept: FORWARD_MASK writes it, BACKWARD reads it, FORWARD takes NULL.
 * NULL if LIBXSMM has no code for this. */
peer *peer_create(int kind, int type, int64_t n, float p, int threads, unsigned seed, uint8_t *mask)
{
    static const libxsmm_datatype types[] = {LIBXSMM_DATATYPE_F32, LIBXSMM_DATATYPE_BF16, LIBXSMM_DATATYPE_F16};
    const int64_t columns = n / COLUMN, rest = n % COLUMN;
    peer *self;
    if (kind < FORWARD || kind > BACKWARD || type < 0 || type > 2 || n < 1 || threads < 1 || threads > MAX_THREADS) return NULL;
    if (kind != FORWARD && mask == NULL) return NULL;
    self = calloc(1, sizeof *self);
    if (self == NULL) return NULL;
    self->kind = (enum kind)kind;
    self->threads = threads;
    self->p = p;
    self->itemsize = type == 0 ? 4 : 2;
    self->mask = mask;
    int good = 1;
    for (int t = 0; good && t < threads; t++) {
        part *const mine = &self->parts[t];
        const int64_t first = columns * t / threads, last = columns * (t + 1) / threads;
        mine->start = first * COLUMN;
        mine->rest_start = columns * COLUMN;
        mine->state = libxsmm_rng_create_extstate(seed + 977u * (unsigned)t);
        good = mine->state != NULL;
        if (good && last > first) good = (mine->full = kernel(self->kind, types[type], COLUMN, last - first)) != NULL;
        if (good && rest && t + 1 == threads) good = (mine->rest = kernel(self->kind, types[type], rest, 1)) != NULL;
    }
    if (good) return self;
    peer_destroy(self);
    return NULL;
}

static void call(peer *self, part *mine, libxsmm_meltwfunction_unary function, char *x, int64_t start)
{
    libxsmm_meltw_unary_param arguments = {.op = {.primary = &self->p, .secondary = mine->state}};
    if (function == NULL) return;
    arguments.in.primary = arguments.out.primary = x + start * self->itemsize;
    if (self->kind == FORWARD_MASK) arguments.out.secondary = self->mask + start / 8;
    if (self->kind == BACKWARD) arguments.in.secondary = self->mask + start / 8;
    function(&arguments);
}

static void work(peer *self, int thread, char *x)
{
    part *const mine = &self->parts[thread];
    call(self, mine, mine->full, x, mine->start);
    call(self, mine, mine->rest, x, mine->rest_start);
}

/* Work on the n elements at x in place, `times` times; as in a program that calls it, the threads meet after each. One
 * thread stays out of OpenMP, whose entry costs a third of the work on 4,096 elements. */
void peer_run(peer *self, int64_t times, void *x)
{
    for (int64_t i = 0; i < times; i++) {
        if (self->threads == 1) {
            work(self, 0, x);
            continue;
        }
#pragma omp parallel for num_threads(self->threads) schedule(static, 1)
        for (int t = 0; t < self->threads; t++) work(self, t, x);
    }
}

void peer_destroy(peer *self)
{
    if (self == NULL) return;
    for (int t = 0; t < self->threads; t++)
        if (self->parts[t].state != NULL) libxsmm_rng_destroy_extstate(self->parts[t].state);
    free(self);
}
