/* mix_walk.c: arrays of any layout, in logical order, which is that of the mask, and in pieces whose bits stay in the cache.
 *
 * A piece of an array is where it lies if its elements are side by side there. Of an array that is broadcast along all axes but
 * a short last one, a bias as a rule, so many rows are written into a tile, once, that each piece finds its own within it; a long
 * row is met in pieces of its own. Everything else passes through a copy. */
#include "mix_walk.h"

#include <string.h>

#include "bits.h"
#include "elements.h"
#include "layout.h"
#include "parallel.h"
#include "source.h"

enum {
    ARRAYS = FD_MIX_ARRAYS,
    UNIT = FD_RUN,             /* elements that are shared out as a whole: a page of coins */
    WINDOW = FD_RUN,           /* bits made at a time, so many that memory is met in long runs */
    PIECE = 2048,              /* most elements of a piece, */
    COPIED = 512,              /* ... and of one that passes through copies; a row up to here fits into a tile */
    TILE = COPIED + PIECE / 2  /* elements of a tile: a row, and the piece that begins in it */
};

struct walk {
    const fd_mix_job *job;
    const fd_mask_desc *mask;
    fd_axis axis[FD_MAX_NDIM + 1];              /* lengths and mask indices; the last one is the row */
    int64_t step[FD_MAX_NDIM + 1][ARRAYS];      /* bytes along them */
    int outer, numbered, near;                  /* axes above the row; whether indices are one run; see fd_source */
    int by_row;                                 /* whether a piece ends where its row does: rows are long */
    size_t size, piece, window;                 /* bytes of an element, most elements of a piece, and bits of a window */
    uint64_t elements, start, lead, stop;       /* `lead` elements are missing in the first unit */
    enum { ABSENT, LINEAR, TILED, ROWS } way[ARRAYS];
};

/* An element by its number: its row, and where in it. */
struct place {
    int64_t at[FD_MAX_NDIM + 1], along;
    uint64_t index;          /* of the row's first element, */
    int64_t offset[ARRAYS];  /* and its offset in each array */
};

static void find_place(const struct walk *w, uint64_t number, struct place *p)
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
        for (int i = 0; i < ARRAYS; i++) p->offset[i] += at * w->step[d][i];
    }
}

static void next_row(const struct walk *w, struct place *p)
{
    p->along = 0;
    for (int d = w->outer - 1; d >= 0; d--) {
        const int64_t back = p->at[d] + 1 < w->axis[d].n ? 0 : w->axis[d].n;
        p->index += (uint64_t)((1 - back) * w->axis[d].index);
        for (int i = 0; i < ARRAYS; i++) p->offset[i] += (1 - back) * w->step[d][i];
        p->at[d] = back ? 0 : p->at[d] + 1;
        if (!back) return;
    }
}

/* Goes n elements on, to the one of this number. Divisions are slow, and seldom needed. */
static void move_on(const struct walk *w, struct place *p, uint64_t number, size_t n)
{
    p->along += (int64_t)n;
    if (p->along == w->axis[w->outer].n) next_row(w, p);
    else if (p->along > w->axis[w->outer].n) find_place(w, number, p);
}

/* As many elements of n as the row has from here on. */
static size_t in_row(const struct walk *w, const struct place *p, size_t n)
{
    const uint64_t left = (uint64_t)(w->axis[w->outer].n - p->along);
    return left < n ? (size_t)left : n;
}

/* What one thread works with. */
struct hands {
    fd_source source;
    uint8_t window[FD_RUN / 8];
    char copy[ARRAYS][16 * COPIED], tile[16 * TILE];
    char *piece[ARRAYS];
};

/* Copies those arrays of a piece that are in `copied`, inputs to their copies or outputs back. */
static void copy_piece(const struct walk *w, struct hands *h, struct place p, size_t n, unsigned copied, int back)
{
    const int64_t size = (int64_t)w->size, *step = w->step[w->outer];
    const int first = back ? FD_MIX_IN : 0, last = back ? ARRAYS : FD_MIX_IN;
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

/* n elements whose decisions are `bits`. */
static void call_kernel(const struct walk *w, const struct hands *h, size_t n, const uint8_t *bits)
{
    const void *in[FD_MIX_IN];
    void *out[FD_MIX_OUT];
    uint8_t twice[2 * PIECE / 8];
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
static void one_piece(const struct walk *w, struct hands *h, uint64_t number, const struct place *p, size_t n,
                      const uint8_t *bits, size_t at)
{
    uint8_t own[PIECE / 8];
    unsigned copied = 0;
    const int one_row = in_row(w, p, n) == n;
    const int64_t each = w->axis[w->outer].index;
    for (int i = 0; i < ARRAYS; i++) {
        const int64_t step = w->step[w->outer][i];
        char *data = w->job->data[i];
        if (w->way[i] == ABSENT) data = NULL;
        else if (w->way[i] == LINEAR) data += number * w->size;
        else if (w->way[i] == TILED) data = h->tile + (size_t)p->along * w->size;
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
    } else if (one_row) {
        fd_source_bits(&h->source, p->index + (uint64_t)(p->along * each), each, n, own);
        bits = own;
    } else {
        fd_bit_writer to = {own, 0, 0};
        struct place row = *p;
        for (size_t done = 0, m; done < n; done += m, next_row(w, &row)) {
            uint8_t some[PIECE / 8];
            m = in_row(w, &row, n - done);
            fd_source_bits(&h->source, row.index + (uint64_t)(row.along * each), each, m, some);
            fd_put_bits(&to, some, 0, m);
        }
        fd_put_end(&to);
        bits = own;
    }
    call_kernel(w, h, n, bits);
    if (copied >> FD_MIX_IN) copy_piece(w, h, *p, n, copied, 1);
}

/* Rows of the broadcast array, one after the other. */
static void write_tile(const struct walk *w, struct hands *h)
{
    const size_t n = (size_t)w->axis[w->outer].n;
    for (int i = 0; i < FD_MIX_IN; i++) {
        if (w->way[i] != TILED) continue;
        fd_copy_elements(w->size, n, h->tile, (int64_t)w->size, w->job->data[i], w->step[w->outer][i]);
        for (size_t j = n, m; j < TILE; j += m) {
            m = TILE - j < j ? TILE - j : j;
            memcpy(h->tile + j * w->size, h->tile, m * w->size);
        }
    }
}

static void walk_range(void *context, uint64_t begin, uint64_t end)
{
    const struct walk *w = context;
    struct hands h;
    uint64_t number = begin * UNIT > w->lead ? begin * UNIT - w->lead : 0, last = end * UNIT - w->lead;
    if (last > w->elements) last = w->elements;
    struct place p;
    find_place(w, number, &p);
    fd_source_open(&h.source, w->mask, w->stop);
    h.source.near = w->near;
    write_tile(w, &h);
    while (number < last) {
        const uint64_t left = w->window - (number + w->lead) % w->window;
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

/* Axes longer than 1, neighbours joined where they are one run in all arrays and in the numbering. */
static void set_axes(struct walk *w, int ndim, const int64_t *shape)
{
    const fd_mix_job *job = w->job;
    int last = -1;
    for (int d = 0; d < ndim; d++) {
        fd_axis axis = {.n = shape[d], .index = w->mask->strides[d]};
        int64_t step[ARRAYS];
        if (shape[d] == 1) continue;
        int join = last >= 0 && fd_follows(w->axis[last].index, axis.index, axis.n);
        for (int i = 0; i < ARRAYS; i++) {
            step[i] = job->data[i] ? job->strides[i][d] : 0;
            join = join && fd_follows(w->step[last][i], step[i], axis.n);
        }
        if (join) axis.n *= w->axis[last].n;
        else last++;
        w->axis[last] = axis;
        memcpy(w->step[last], step, sizeof step);
    }
    if (last < 0) {
        last = 0;
        w->axis[0] = (fd_axis){.n = 1, .index = 1};
        for (int i = 0; i < ARRAYS; i++) w->step[0][i] = (int64_t)w->size;
    }
    w->outer = last;
}

/* Whether steps along the axes are those of one run of elements `each` apart. */
static int is_run(const struct walk *w, int array, int64_t each)
{
    for (int d = w->outer; d >= 0; d--) {
        if ((array < 0 ? w->axis[d].index : w->step[d][array]) != each) return 0;
        each *= w->axis[d].n;
    }
    return 1;
}

static void set_ways(struct walk *w)
{
    const int short_row = w->axis[w->outer].n <= COPIED;
    int tiles = 0;
    w->piece = PIECE;
    for (int i = 0; i < ARRAYS; i++) {
        int repeats = i < FD_MIX_IN && short_row && !tiles;
        for (int d = 0; d < w->outer; d++) repeats = repeats && w->step[d][i] == 0;
        if (!w->job->data[i]) w->way[i] = ABSENT;
        else if (is_run(w, i, (int64_t)w->size)) w->way[i] = LINEAR;
        else if (repeats) w->way[i] = TILED, tiles++;
        else w->way[i] = ROWS;
        const size_t most = w->way[i] == TILED                                                     ? PIECE / 2
                            : w->way[i] == ROWS && (short_row || w->step[w->outer][i] != (int64_t)w->size) ? COPIED
                                                                                                   : PIECE;
        w->piece = most < w->piece ? most : w->piece;
    }
}

fd_status fd_mix_walk(const fd_mix_job *job, const fd_mask_desc *mask, int ndim, const int64_t *shape, const fd_exec *exec)
{
    fd_layout l;
    struct walk w;
    if (mask && mask->p_values) return FD_BAD_PROBABILITY;
    fd_status status = fd_layout_make(&l, mask, ndim, shape, NULL, NULL);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK || l.empty) return status;
    for (int i = 0; i < ARRAYS; i++)
        if (ndim && job->data[i] && !job->strides[i]) return FD_BAD_POINTER;
    w.job = job;
    w.mask = mask;
    w.size = fd_dtype_size(job->dtype);
    w.elements = l.size;
    w.start = l.start;
    w.stop = l.stop;
    set_axes(&w, ndim, shape);
    set_ways(&w);
    w.window = WINDOW;
    w.numbered = is_run(&w, -1, 1);
    w.near = w.numbered ? 0 : fd_near(w.axis, w.outer, &w.axis[w.outer]);
    w.by_row = w.axis[w.outer].n > (w.numbered ? COPIED : COPIED / 4);
    w.lead = w.numbered ? l.start % UNIT : 0;
    return fd_run(exec, (w.lead + w.elements + UNIT - 1) / UNIT, UNIT, walk_range, &w);
}
