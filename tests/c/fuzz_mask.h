/* fuzz_mask.h: the arguments that many calls share: probabilities, masks, dtypes, how to run. */
#ifndef FUZZ_MASK_H
#define FUZZ_MASK_H

#include <math.h>

#include "fuzz_check.h"

static fd_key make_key(void) { return (fd_key){byte(), seldom(8) ? bytes(8) : 0}; }

static double any_p(void)
{
    static const double some[] = {0.5, 0.1, 0.0, 1.0, 1e-6, 1 - 1e-6, 0x1p-41, 0x1p-1074, 0.25, 0.999};
    static const double bad[] = {-0x1p-1074, 1.0000000000000002, -1, INFINITY, -INFINITY, NAN};
    if (seldom(30)) {
        fault(FD_BAD_PROBABILITY);
        return bad[below(6)];
    }
    return seldom(2) ? byte() / 256.0 : some[below(10)];
}

static double any_number(void)
{
    static const double some[] = {1.0, 2.0, -0.5, 0.0, 1e300, -1e-300, INFINITY, NAN};
    return some[below(8)];
}

static fd_dtype any_dtype(void)
{
    static const int bad[] = {-1, FD_NUM_DTYPES, 255, INT32_MAX};
    if (!seldom(30)) return (fd_dtype)below(FD_NUM_DTYPES);
    fault(FD_BAD_DTYPE);
    return (fd_dtype)bad[below(4)];
}

/* float or double for calls that take no other; all others are a fault. */
static fd_dtype wide_dtype(void)
{
    const fd_dtype dtype = seldom(16) ? any_dtype() : FD_F32 + (fd_dtype)below(2);
    if (dtype != FD_F32 && dtype != FD_F64) fault(FD_BAD_DTYPE);
    return dtype;
}

static size_t size_of(fd_dtype dtype) { return fd_dtype_size(dtype) ? fd_dtype_size(dtype) : 1; }

/* What put_output wants to know of a dtype. */
static int real_of(fd_dtype dtype)
{
    static const int real[] = {2, 1, 4, 8, 4, 8};
    return fd_dtype_size(dtype) ? real[dtype] : 0;
}

static int go_on(void *context)
{
    (void)context;
    return 0;
}

static const fd_exec *make_exec(void)
{
    static fd_exec exec;
    if (!seldom(2)) return NULL;
    exec = (fd_exec){1 + (int)below(4), seldom(2) ? go_on : NULL, NULL};
    if (seldom(24)) {
        exec.threads = -(int)below(2);
        fault(FD_BAD_THREADS);
    }
    return &exec;
}

/* Where n elements begin; a fault if one is not below the limit. */
static uint64_t any_start(uint64_t n)
{
    uint64_t start = seldom(3) ? bytes(2) : below(70);
    if (seldom(6)) start = FD_INDEX_LIMIT - n + below(3) - 1;
    if (seldom(24)) start = (uint64_t)hostile();
    if (start > FD_INDEX_LIMIT || n > FD_INDEX_LIMIT - start) fault(FD_BAD_INDEX);
    return start;
}

/* How many elements of one run. */
static uint64_t any_length(void)
{
    uint64_t n = seldom(2) ? bytes(2) % MOST : below(70);
    if (seldom(24)) n = (uint64_t)hostile();
    nothing |= n == 0;
    huge |= n > MOST;
    return n;
}

/* What a call asks of its mask. */
enum { NO_BITS = 1, NO_P_VALUES = 2, UNIT_ROWS = 4, NO_LAW = 8 };

static void number_axes(const shape *s, int rules, int64_t *step)
{
    int64_t each = 1;
    const unsigned kind = below(5);
    for (int d = s->ndim - 1; d >= 0; d--) {
        const int64_t n = s->n[d] < 1 || s->n[d] > MOST ? 1 : s->n[d];
        step[d] = kind && seldom(4) ? 0 : each;
        if (each < INT64_C(1) << 40) each *= n + (kind == 2 ? (int64_t)below(40) : 0);
        if (kind == 3 && seldom(2)) step[d] = -step[d];
        if (kind == 4 && seldom(4)) step[d] = hostile();
        if (s->n[d] == 1 && seldom(2)) step[d] = hostile();
    }
    if (kind == 1)
        for (int d = 0; d < s->ndim / 2; d++) {
            const int64_t other = step[d];
            step[d] = step[s->ndim - 1 - d];
            step[s->ndim - 1 - d] = other;
        }
    if (rules & UNIT_ROWS && s->ndim > 0 && !seldom(24)) step[s->ndim - 1] = 1;
    if (rules & UNIT_ROWS && s->ndim > 0 && s->n[s->ndim - 1] > 1 && step[s->ndim - 1] != 1) fault(FD_BAD_INDEX);
}

/* The start that mask indices need, and the highest of them; a fault if they do not fit. */
static uint64_t place(const shape *s, const int64_t *step, uint64_t *highest)
{
    const __int128 limit = FD_INDEX_LIMIT;
    __int128 down = 0, up = 0;
    for (int d = 0; d < s->ndim; d++) {
        const __int128 far = s->n[d] > 1 ? (__int128)step[d] * (s->n[d] - 1) : 0;
        *(far < 0 ? &down : &up) += far;
    }
    uint64_t start = seldom(3) ? bytes(2) : below(70);
    if (-down < limit && !seldom(24)) start += (uint64_t)-down;
    if (up < limit && seldom(10)) start = (uint64_t)(limit - up) + below(2) - 1;
    if (seldom(40)) start = (uint64_t)hostile();
    *highest = UINT64_MAX;
    if (start >= FD_INDEX_LIMIT || (__int128)start + down < 0 || (__int128)start + up >= limit) fault(FD_BAD_INDEX);
    else *highest = start + (uint64_t)up;
    return start;
}

static int64_t p_step; /* of samples, in doubles */

/* Those of `all`, which is the shape or has one more axis, of samples, before it. */
static void put_p_values(const shape *s, const shape *all, int rules, fd_mask_desc *m)
{
    const array a = lay_out(all, sizeof(double), sizeof(double), 1);
    const struct block *b = block_of(a.data);
    double *p = (double *)b->data;
    for (size_t i = 0; i < b->size / sizeof *p; i++) p[i] = i % 3 ? b->data[8 * i] / 255.0 : 0.5;
    if (seldom(8)) *(double *)a.data = any_p();
    if (rules & NO_P_VALUES) fault(FD_BAD_PROBABILITY);
    keep_block(b->data);
    m->p_values = a.data;
    m->p_strides = numbers_of(s, a.strides + (all != s));
    p_step = a.strides[0];
}

static const fd_mask_desc *make_masks(const shape *s, const shape *all, int rules)
{
    static fd_mask_desc m;
    int64_t step[AXES] = {0};
    uint64_t highest;
    const int axes = s->ndim >= 0 && s->ndim < AXES;
    if (axes) number_axes(s, rules, step);
    m = (fd_mask_desc){.key = make_key()};
    m.start = axes ? place(s, step, &highest) : below(9);
    m.strides = numbers_of(s, step);
    if (s->usable && seldom(4) && (!(rules & NO_BITS) || seldom(16)) && highest < 1 << 16) {
        if (rules & NO_BITS) fault(FD_BAD_POINTER);
        m.bits = block(highest / 8 + 1);
    }
    const int many = !(rules & NO_LAW) && s->usable && seldom(4) && (!(rules & NO_P_VALUES) || seldom(16));
    m.p = rules & NO_LAW ? NAN : many ? 0.25 : any_p(); /* NAN: it is not looked at */
    if (many) put_p_values(s, all, rules, &m);
    return or_null(&m);
}

static const fd_mask_desc *make_mask(const shape *s, int rules) { return make_masks(s, s, rules); }

#endif
