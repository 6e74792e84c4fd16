/* mix_walk.c: arrays of any layout, in logical order, which is that of the mask, and in pieces whose bits stay in the cache.
 *
 * A piece of an array is where it lies if its elements are side by side there. Of an array that is broadcast along all axes but
 * a short last one, a bias as a rule, so many rows are written into a tile, once, that each piece finds its own within it; a long
 * row is met in pieces of its own. Everything else passes through a copy. */
#include "mix_walk.h"

#include <string.h>

#include "bits.h"
#include "elements.h"
#include "mix_plan.h"
#include "parallel.h"
#include "source.h"

enum { UNIT = FD_RUN }; /* elements that are shared out as a whole, and bits made at a time: memory is met in long runs */

/* Elements that the first unit lacks, so that others begin where pages of coins do. */
static uint64_t lead(const fd_mix_plan *w) { return w->numbered ? w->start % UNIT : 0; }

/* An element by its number: its row, and where in it. */
struct place {
    int64_t at[FD_MAX_NDIM + 1], along;
    uint64_t index;          /* of the row's first element, */
    int64_t offset[FD_MIX_ARRAYS];  /* and its offset in each array */
};

static void find_place(const fd_mix_plan *w, uint64_t number, struct place *p)
{
    const uint64_t n = (uint64_t)w->axis[w->outer].n;
    p->along = (int64_t)(number % n);
    number /= n;
    p->index = w->start;
    memset(p->offset, 0, sizeof p->offset);
    for (int d = w->outer - 1; d >= 0; d--) {
        const int64_t at = (int64_t)(number % (uint64_t)w->axis[d].n);
        number /= (uint64_t)w->axis[d].n;
        p->at[d] = at;
        p->index += (uint64_t)(at * w->axis[d].index);
        for (int i = 0; i < FD_MIX_ARRAYS; i++) p->offset[i] += at * w->step[d][i];
    }
}

static void next_row(const fd_mix_plan *w, struct place *p)
{
    p->along = 0;
    for (int d = w->outer - 1; d >= 0; d--) {
        const int64_t back = p->at[d] + 1 < w->axis[d].n ? 0 : w->axis[d].n;
        p->index += (uint64_t)((1 - back) * w->axis[d].index);
        for (int i = 0; i < FD_MIX_ARRAYS; i++) p->offset[i] += (1 - back) * w->step[d][i];
        p->at[d] = back ? 0 : p->at[d] + 1;
        if (!back) return;
    }
}

/* Goes n elements on, to the one of this number. Divisions are slow, and seldom needed. */
static void move_on(const fd_mix_plan *w, struct place *p, uint64_t number, size_t n)
{
    p->along += (int64_t)n;
    if (p->along == w->axis[w->outer].n) next_row(w, p);
    else if (p->along > w->axis[w->outer].n) find_place(w, number, p);
}

/* As many elements of n as the row has from here on. */
static size_t in_row(const fd_mix_plan *w, const struct place *p, size_t n)
{
    const uint64_t left = (uint64_t)(w->axis[w->outer].n - p->along);
    return left < n ? (size_t)left : n;
}

/* What one thread works with. */
struct hands {
    fd_source source;
    uint8_t window[FD_RUN / 8];
    char copy[FD_MIX_ARRAYS][16 * FD_MIX_COPIED], tile[16 * FD_MIX_TILE];
    char *piece[FD_MIX_ARRAYS];
};

/* Copies those arrays of a piece that are in `copied`, inputs to their copies or outputs back. */
static void copy_piece(const fd_mix_plan *w, struct hands *h, struct place p, size_t n, unsigned copied, int back)
{
    const int64_t size = (int64_t)w->size, *step = w->step[w->outer];
    const int first = back ? FD_MIX_IN : 0, last = back ? FD_MIX_ARRAYS : FD_MIX_IN;
    for (size_t done = 0, m; done < n; done += m, next_row(w, &p)) {
        m = in_row(w, &p, n - done);
        for (int i = first; i < last; i++) {
            if (!(copied >> i & 1)) continue;
            char *there = w->job->data[i] + p.offset[i] + p.along * step[i], *here = h->piece[i] + done * w->size;
            if (back) fd_copy_elements(w->size, m, there, step[i], here, size);
            else fd_copy_elements(w->size, m, here, size, there, step[i]);
        }
    }
}

/* Bits of n elements from `number` on, row by row, or whole rows together where they are equally far apart. */
static void find_bits(const fd_mix_plan *w, fd_source *src, uint64_t number, struct place p, size_t n, uint8_t *bits)
{
    fd_bit_writer to = {bits, 0, 0};
    const fd_axis *row = &w->axis[w->outer], *above = w->outer ? row - 1 : NULL;
    const size_t length = (size_t)row->n;
    for (size_t done = 0, m; done < n; done += m) {
        uint8_t some[FD_MIX_PIECE / 8];
        size_t rows = 1;
        m = in_row(w, &p, n - done);
        if (m == length && above) {
            const size_t left = (size_t)(above->n - p.at[w->outer - 1]);
            rows = (n - done) / length < left ? (n - done) / length : left;
            m = rows * length;
        }
        fd_source_patch(src, p.index + (uint64_t)(p.along * row->index), rows > 1 ? above->index : 0, rows, row->index,
                        m / rows, m == n ? bits : some);
        if (m == n) return;
        fd_put_bits(&to, some, 0, m);
        move_on(w, &p, number + done + m, m);
    }
    fd_put_end(&to);
}

/* n elements whose decisions are `bits`. */
static void call_kernel(const fd_mix_plan *w, const struct hands *h, size_t n, const uint8_t *bits)
{
    const void *in[FD_MIX_IN];
    void *out[FD_MIX_OUT];
    uint8_t twice[2 * FD_MIX_PIECE / 8];
    for (int i = 0; i < FD_MIX_IN; i++) in[i] = h->piece[i];
    for (int i = 0; i < FD_MIX_OUT; i++) out[i] = h->piece[FD_MIX_IN + i];
    if (fd_is_complex(w->job->dtype)) { /* pairs of reals, with one decision for both */
        for (size_t j = 0; j < n; j += 32) {
            const unsigned some = n - j < 32 ? (unsigned)(n - j) : 32;
            fd_store_bits(twice + j / 4, fd_double_bits((uint32_t)fd_load_bits(bits + j / 8, some)), 2 * some);
        }
        bits = twice;
        n *= 2;
    }
    w->job->kernel(bits, n, in, out, w->job->constants);
}

/* Elements from `number` on, whose place is p, with their decisions from bit `at` of `bits` on, or with those that are found
 * row by row. */
static void one_piece(const fd_mix_plan *w, struct hands *h, uint64_t number, const struct place *p, size_t n,
                      const uint8_t *bits, size_t at)
{
    uint8_t own[FD_MIX_PIECE / 8];
    unsigned copied = 0;
    const int one_row = in_row(w, p, n) == n;
    for (int i = 0; i < FD_MIX_ARRAYS; i++) {
        const int64_t step = w->step[w->outer][i];
        char *data = w->job->data[i];
        if (w->way[i] == FD_MIX_ABSENT) data = NULL;
        else if (w->way[i] == FD_MIX_RUN) data += number * w->size;
        else if (w->way[i] == FD_MIX_TILED) data = h->tile + (size_t)(p->along % w->period) * w->size;
        else if (one_row && step == (int64_t)w->size) data += p->offset[i] + p->along * step;
        else {
            data = h->copy[i];
            copied |= 1u << i;
        }
        h->piece[i] = data;
    }
    if (copied) copy_piece(w, h, *p, n, copied, 0);
    if (bits && at % 8 == 0) {
        bits += at / 8;
    } else if (bits) {
        fd_copy_bits(own, bits, at, n);
        bits = own;
    } else {
        find_bits(w, &h->source, number, *p, n, own);
        bits = own;
    }
    call_kernel(w, h, n, bits);
    if (copied >> FD_MIX_IN) copy_piece(w, h, *p, n, copied, 1);
}

/* Rows of the broadcast array, one after the other. */
static void write_tile(const fd_mix_plan *w, struct hands *h)
{
    const size_t n = (size_t)w->period;
    for (int i = 0; i < FD_MIX_IN; i++) {
        if (w->way[i] != FD_MIX_TILED) continue;
        fd_copy_elements(w->size, n, h->tile, (int64_t)w->size, w->job->data[i], w->step[w->outer][i]);
        for (size_t j = n, m; j < FD_MIX_TILE; j += m) {
            m = FD_MIX_TILE - j < j ? FD_MIX_TILE - j : j;
            memcpy(h->tile + j * w->size, h->tile, m * w->size);
        }
    }
}

static void walk_range(void *context, uint64_t begin, uint64_t end)
{
    const fd_mix_plan *w = context;
    struct hands h;
    const uint64_t missing = lead(w);
    uint64_t number = begin * UNIT > missing ? begin * UNIT - missing : 0, last = end * UNIT - missing;
    if (last > w->elements) last = w->elements;
    struct place p;
    find_place(w, number, &p);
    fd_source_open(&h.source, w->mask, w->stop);
    h.source.near = w->near;
    write_tile(w, &h);
    while (number < last) {
        const uint64_t left = UNIT - (number + missing) % UNIT;
        const size_t n = (size_t)(left < last - number ? left : last - number);
        if (w->numbered) fd_source_bits(&h.source, w->start + number, 1, n, h.window);
        for (size_t done = 0, m; done < n; done += m) {
            m = n - done < w->piece ? n - done : w->piece;
            if (w->by_row) m = in_row(w, &p, m);
            one_piece(w, &h, number + done, &p, m, w->numbered ? h.window : NULL, done);
            move_on(w, &p, number + done + m, m);
        }
        number += n;
    }
}

fd_status fd_mix_walk(const fd_mix_job *job, const fd_mask_desc *mask, int ndim, const int64_t *shape, const fd_exec *exec)
{
    fd_mix_plan w;
    int empty = 0;
    fd_status status = fd_mix_plan_make(&w, job, mask, ndim, shape, &empty);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK || empty) return status;
    return fd_run(exec, (lead(&w) + w.elements + UNIT - 1) / UNIT, UNIT, walk_range, &w);
}
