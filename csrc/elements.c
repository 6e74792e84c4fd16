/* elements.c: apply to elements of any spacing. Kernels know contiguous runs of reals; a complex element is two reals with
 * one decision, and elements with gaps between them pass through a small contiguous copy. */
#include "elements.h"

#include <string.h>

#include "bits.h"

enum {
    BLOCK = 512,  /* elements of a copy: in the first-level cache with both ends */
    LONG_ROW = 96, /* rows from here on are worth a kernel's call each */
    AHEAD = 4096  /* bytes that are asked for before they are needed: processors do not look from row to row */
};

static void apply_reals(const fd_elements *e, const uint8_t *bits, size_t n, const char *x, char *y, const double *p,
                        double scale)
{
    const fd_dtype real = fd_real_part(e->dtype);
    if (p) e->kernels->apply_each[real](bits, n, p, x, y);
    else e->kernels->apply[real](bits, n, x, y, scale);
}

static void apply_contiguous(const fd_elements *e, const uint8_t *bits, size_t n, const char *x, char *y, const double *p,
                             double scale)
{
    if (!fd_is_complex(e->dtype)) {
        apply_reals(e, bits, n, x, y, p, scale);
        return;
    }
    const size_t size = fd_dtype_size(e->dtype);
    for (size_t j = 0; j < n; j += BLOCK) {
        uint8_t pairs[2 * BLOCK / 8];
        double each[2 * BLOCK];
        const size_t m = n - j < BLOCK ? n - j : BLOCK;
        for (size_t k = 0; k < m; k += 32) {
            const unsigned some = m - k < 32 ? (unsigned)(m - k) : 32;
            fd_store_bits(pairs + k / 4, fd_double_bits((uint32_t)fd_load_bits(bits + (j + k) / 8, some)), 2 * some);
        }
        if (p)
            for (size_t k = 0; k < m; k++) each[2 * k] = each[2 * k + 1] = p[j + k];
        apply_reals(e, pairs, 2 * m, x + j * size, y + j * size, p ? each : NULL, scale);
    }
}

/* Four elements at a time, by way of registers: twice as quick as one by one. Every second element, the step that is met
 * most, gets a loop that compilers vectorise. `to` and `from` do not overlap. */
#define COPY_STRIDED(size)                                                                                   \
    static void copy_##size(size_t n, char *restrict to, int64_t to_step, const char *restrict from, int64_t from_step) \
    {                                                                                                        \
        size_t j = 0;                                                                                        \
        if (to_step == size && from_step == 2 * size) {                                                      \
            for (; j < n; j++) memcpy(to + size * j, from + 2 * size * j, size);                             \
            return;                                                                                          \
        }                                                                                                    \
        for (; j + 4 <= n; j += 4, to += 4 * to_step, from += 4 * from_step) {                               \
            char some[4][size];                                                                              \
            for (int k = 0; k < 4; k++) memcpy(some[k], from + k * from_step, size);                         \
            for (int k = 0; k < 4; k++) memcpy(to + k * to_step, some[k], size);                             \
        }                                                                                                    \
        for (; j < n; j++, to += to_step, from += from_step) memcpy(to, from, size);                         \
    }
COPY_STRIDED(1)
COPY_STRIDED(2)
COPY_STRIDED(4)
COPY_STRIDED(8)
COPY_STRIDED(16)

void fd_copy_elements(size_t size, size_t n, char *to, int64_t to_step, const char *from, int64_t from_step)
{
    if (to_step == (int64_t)size && from_step == to_step) {
        memcpy(to, from, n * size);
        return;
    }
    switch (size) { /* a size that is known makes each copy one load and one store */
    case 1: copy_1(n, to, to_step, from, from_step); break;
    case 2: copy_2(n, to, to_step, from, from_step); break;
    case 4: copy_4(n, to, to_step, from, from_step); break;
    case 8: copy_8(n, to, to_step, from, from_step); break;
    default: copy_16(n, to, to_step, from, from_step); break;
    }
}

/* Rows of elements; along the longer direction. */
static void copy_patch(size_t size, size_t rows, size_t n, char *to, int64_t to_row, int64_t to_step, const char *from,
                       int64_t from_row, int64_t from_step)
{
    enum { FEW_BYTES = 32 };
    const int64_t each = (int64_t)size;
    if (to_step == each && from_step == each && (n * size > FEW_BYTES || rows == 1)) {
        for (size_t i = 0; i < rows; i++) memcpy(to + (int64_t)i * to_row, from + (int64_t)i * from_row, n * size);
    } else if (rows <= n) {
        for (size_t i = 0; i < rows; i++)
            fd_copy_elements(size, n, to + (int64_t)i * to_row, to_step, from + (int64_t)i * from_row, from_step);
    } else {
        for (size_t j = 0; j < n; j++)
            fd_copy_elements(size, rows, to + (int64_t)j * to_step, to_row, from + (int64_t)j * from_step, from_row);
    }
}

/* By way of a copy: as many rows at a time as it holds, or a piece of one. */
static void apply_copied(const fd_elements *e, const uint8_t *bits, size_t rows, size_t n, const char *x, char *y,
                         const double *p, double scale)
{
    const size_t size = fd_dtype_size(e->dtype), each = n < BLOCK ? n : BLOCK, some = BLOCK / each;
    const int64_t step = (int64_t)size, row_step = step * (int64_t)each;
    for (size_t i = 0; i < rows; i += some)
        for (size_t j = 0; j < n; j += each) {
            char copy[16 * BLOCK];
            uint8_t own[BLOCK / 8];
            const size_t r = rows - i < some ? rows - i : some, m = n - j < each ? n - j : each, first = i * n + j;
            const char *from = x + (int64_t)i * e->x_row_step + (int64_t)j * e->x_step;
            char *to = y + (int64_t)i * e->y_row_step + (int64_t)j * e->y_step;
            fd_copy_bits(own, bits, first, r * m);
            copy_patch(size, r, m, copy, row_step, step, from, e->x_row_step, e->x_step);
            apply_contiguous(e, own, r * m, copy, copy, p ? p + first : NULL, scale);
            copy_patch(size, r, m, to, e->y_row_step, e->y_step, copy, row_step, step);
        }
}

void fd_apply_patch(const fd_elements *e, const uint8_t *bits, size_t rows, size_t n, const char *x, char *y,
                    const double *p, double scale)
{
    const size_t row_bytes = n * fd_dtype_size(e->dtype);
    const int dense = e->x_row_step == (int64_t)row_bytes && e->y_row_step == (int64_t)row_bytes;
    if (!fd_is_contiguous(e) || (rows > 1 && n < LONG_ROW && !dense)) {
        apply_copied(e, bits, rows, n, x, y, p, scale);
    } else if (dense || rows == 1) {
        apply_contiguous(e, bits, rows * n, x, y, p, scale);
    } else {
        const size_t ahead = 1 + AHEAD / row_bytes;
        for (size_t i = 0; i < rows; i++, x += e->x_row_step, y += e->y_row_step) {
            uint8_t own[FD_PAGE_BITS / 8];
            if (i + ahead < rows) {
                fd_fetch_bytes(x + (int64_t)ahead * e->x_row_step, row_bytes);
                if (x != y) fd_fetch_bytes(y + (int64_t)ahead * e->y_row_step, row_bytes);
            }
            if (i * n % 8) fd_copy_bits(own, bits, i * n, n);
            apply_contiguous(e, i * n % 8 ? own : bits + i * n / 8, n, x, y, p ? p + i * n : NULL, scale);
        }
    }
}

void fd_fetch(const fd_elements *e, size_t rows, size_t n, const char *x, const char *y)
{
    const size_t row_bytes = n * fd_dtype_size(e->dtype);
    if (!fd_is_contiguous(e)) return;
    for (size_t i = 0; i < rows; i++) {
        fd_fetch_bytes(x + (int64_t)i * e->x_row_step, row_bytes);
        if (x != y) fd_fetch_bytes(y + (int64_t)i * e->y_row_step, row_bytes);
    }
}

void fd_scale_run(const fd_elements *e, int keep, size_t n, const char *x, char *y, double scale)
{
    const size_t size = fd_dtype_size(e->dtype);
    if (fd_is_contiguous(e)) {
        if (keep) e->kernels->scale[fd_real_part(e->dtype)](fd_is_complex(e->dtype) ? 2 * n : n, x, y, scale);
        else memset(y, 0, n * size);
        return;
    }
    for (size_t j = 0; j < n; j += BLOCK) {
        uint8_t bits[BLOCK / 8];
        const size_t m = n - j < BLOCK ? n - j : BLOCK;
        memset(bits, keep ? 0xFF : 0, sizeof bits);
        fd_apply_patch(e, bits, 1, m, x + (int64_t)j * e->x_step, y + (int64_t)j * e->y_step, NULL, scale);
    }
}
