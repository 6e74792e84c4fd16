/* fill.c: masks as packed bits. */
#include <string.h>

#include "bits.h"
#include "layout.h"
#include "parallel.h"
#include "source.h"

/* Work is shared out in units of so many elements, a multiple of every page, so that threads write whole bytes. */
#define UNIT FD_PAGE_BITS

struct fill {
    const fd_mask_desc *mask;
    const fd_layout *layout;
    uint8_t *bits;
};

/* One run in index order: straight from the kernels to memory. */
static void fill_run(void *context, uint64_t begin, uint64_t end)
{
    const struct fill *f = context;
    const uint64_t first = begin * UNIT, n = (end * UNIT < f->layout->size ? end * UNIT : f->layout->size) - first;
    const fd_rule rule = fd_make_rule(f->mask->key, f->mask->p);
    fd_law_bits(fd_kernels_active(), &rule, f->mask->start + first, (size_t)n, f->bits + first / 8);
}

/* Any other layout: row by row along the last axis, appended. */
static void fill_rows(void *context, uint64_t begin, uint64_t end)
{
    const struct fill *f = context;
    const fd_layout *l = f->layout;
    const fd_axis row = l->ndim ? l->axis[l->ndim - 1] : (fd_axis){.n = 1};
    const int outer = l->ndim ? l->ndim - 1 : 0;
    const uint64_t first = begin * UNIT, last = end * UNIT < l->size ? end * UNIT : l->size;
    uint64_t number = first / (uint64_t)row.n;
    int64_t at = (int64_t)(first % (uint64_t)row.n);
    const int one_p = row.p == 0 && row.n >= FD_LONG_ROW;
    const uint64_t most = f->mask->p_values && !one_p ? FD_VARIED : FD_RUN;
    fd_source src;
    fd_position pos;
    fd_bit_writer to = {f->bits + first / 8, 0, 0};

    fd_source_open(&src, f->mask, l->stop);
    src.near = fd_near(l->axis, outer, &row);
    fd_position_set(&pos, l->axis, outer, l->start, number);
    for (uint64_t done = first; done < last;) {
        uint8_t bits[FD_RUN / 8];
        uint64_t n = (uint64_t)(row.n - at);
        n = n < most ? n : most;
        n = n < last - done ? n : last - done;
        const uint64_t start = pos.index + (uint64_t)(at * row.index);
        const double *p = f->mask->p_values;
        if (p) p += pos.p + at * row.p;
        if (p && one_p) fd_source_set_p(&src, *p);
        if (p && !one_p) {
            double copy[FD_VARIED];
            fd_source_varied(&src, start, row.index, (size_t)n, fd_gather_p(copy, p, 0, 1, row.p, (size_t)n), bits);
        } else {
            fd_source_bits(&src, start, row.index, (size_t)n, bits);
        }
        fd_put_bits(&to, bits, 0, (size_t)n);
        done += n;
        at += (int64_t)n;
        if (at == row.n) {
            at = 0;
            fd_position_next(&pos, l->axis, outer);
        }
    }
    fd_put_end(&to);
}

fd_status fd_fill_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, uint8_t *bits, const fd_exec *exec)
{
    fd_layout layout;
    struct fill f = {mask, &layout, bits};
    fd_status status = fd_layout_make(&layout, mask, ndim, shape, NULL, NULL);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK || layout.empty) return status;
    if (!bits) return FD_BAD_POINTER;
    fd_layout_merge(&layout);

    const fd_layout *l = &layout;
    const int one_run = l->ndim == 1 && l->axis[0].index == 1 && !mask->p_values && !mask->bits;
    const fd_kind kind = mask->p_values ? FD_BYTE : fd_make_rule(mask->key, mask->p).kind;
    fd_range_fn *fn = one_run && (kind == FD_COIN || kind == FD_BYTE) ? fill_run : fill_rows;
    return fd_run(exec, (l->size + UNIT - 1) / UNIT, UNIT, fn, &f);
}

fd_status fd_fill(fd_key key, double p, uint64_t start, size_t n, uint8_t *bits, const fd_exec *exec)
{
    const int64_t shape = (int64_t)n, step = 1;
    const fd_mask_desc mask = {.key = key, .start = start, .strides = &step, .p = p};
    if (n > (size_t)INT64_MAX) return FD_BAD_SHAPE;
    return fd_fill_nd(&mask, 1, &shape, bits, exec);
}

uint64_t fd_count(const uint8_t *bits, uint64_t n)
{
    uint64_t count = 0;
    for (uint64_t j = 0; j < n; j += 64) {
        uint64_t w = fd_load_bits(bits + j / 8, n - j < 64 ? (unsigned)(n - j) : 64);
        w -= w >> 1 & UINT64_C(0x5555555555555555); /* sums of 2, 4 and 8 bits, then of all bytes */
        w = (w & UINT64_C(0x3333333333333333)) + (w >> 2 & UINT64_C(0x3333333333333333));
        w = (w + (w >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
        count += w * UINT64_C(0x0101010101010101) >> 56;
    }
    return count;
}
