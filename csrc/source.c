/* source.c: bits for any run of mask indices. The kernels fill from multiples of 64 on; this file does the rest. */
#include "source.h"

#include <string.h>

#include "bits.h"

void fd_source_open(fd_source *src, const fd_mask_desc *mask, uint64_t stop)
{
    src->kernels = fd_kernels_active();
    src->stored = mask->bits;
    src->key = mask->key;
    src->p = mask->p_values ? 0.0 : mask->p;
    src->rule = fd_make_rule(mask->key, src->p);
    src->near = 0;
    src->stop = stop;
    src->window_begin = src->window_end = 0;
    src->coins.made = src->values.made = 0;
}

void fd_source_set_p(fd_source *src, double p)
{
    if (p == src->p) return;
    src->p = p;
    src->rule = fd_make_rule(src->key, p);
    src->window_begin = src->window_end = 0;
}

static void fill_constant(uint8_t *dst, size_t n, int bit)
{
    memset(dst, bit ? 0xFF : 0, (n + 7) / 8);
    if (bit && n % 8) dst[n / 8] = (uint8_t)((1u << n % 8) - 1);
}

void fd_law_bits(const fd_kernels *k, const fd_rule *rule, uint64_t start, size_t n, uint8_t *dst)
{
    void(*const fill) FD_FILL_ARGS = rule->kind == FD_COIN ? k->fill_coin : k->fill_byte;
    const uint64_t span = fd_page_span(rule->kind);
    if (start % 64 == 0) {
        fill(&rule->law, start, n, dst);
        return;
    }
    fd_bit_writer to = {dst, 0, 0};
    while (n) { /* page by page, each from its multiple of 64 on, shifted into place */
        uint8_t bits[FD_PAGE_BITS / 8];
        unsigned before = (unsigned)(start % 64);
        size_t left = (size_t)(span - start % span), m = n < left ? n : left;
        fill(&rule->law, start - before, before + m, bits);
        fd_put_bits(&to, bits, before, m);
        start += m;
        n -= m;
    }
    fd_put_end(&to);
}

/* A window of bits that holds index `at` and, if the same page does, `at + reach`. */
static void move_window(fd_source *src, uint64_t at, int64_t reach)
{
    const uint64_t span = fd_page_span(src->rule.kind), page = at - at % span;
    uint64_t begin = at, end = at + 1;
    if (reach < 0) begin = (uint64_t)-reach > at - page ? page : at + (uint64_t)reach;
    else end = (uint64_t)reach < page + span - at ? at + (uint64_t)reach + 1 : page + span;
    begin -= begin % 64;
    if (end - begin > FD_RUN) end = begin + FD_RUN;
    fd_law_bits(src->kernels, &src->rule, begin, (size_t)(end - begin), src->window);
    src->window_begin = begin;
    src->window_end = end;
}

/* A window that holds [start, start + n), n <= FD_RUN / 4, and most of it what will be asked for next. */
static void move_window_on(fd_source *src, uint64_t start, size_t n)
{
    uint64_t begin = start, end = start + FD_RUN;
    if (src->near < 0) {
        end = start + n;
        begin = end > FD_RUN ? end - FD_RUN : 0;
        begin = (begin + 63) / 64 * 64;
    } else {
        end = end > src->stop && src->stop >= start + n ? src->stop : end;
        begin -= begin % 64;
        end = end - begin > FD_RUN ? begin + FD_RUN : end;
    }
    fd_law_bits(src->kernels, &src->rule, begin, (size_t)(end - begin), src->window);
    src->window_begin = begin;
    src->window_end = end;
}

static void strided_bits(fd_source *src, uint64_t start, int64_t step, size_t n, uint8_t *dst)
{
    memset(dst, 0, (n + 7) / 8);
    for (size_t j = 0; j < n; j++) {
        uint64_t i = start + (uint64_t)((int64_t)j * step);
        unsigned bit;
        if (src->stored) {
            bit = fd_get_bit(src->stored, i);
        } else {
            if (i < src->window_begin || i >= src->window_end) move_window(src, i, (int64_t)(n - 1 - j) * step);
            bit = fd_get_bit(src->window, i - src->window_begin);
        }
        dst[j / 8] |= (uint8_t)(bit << j % 8);
    }
}

static void run_of_bits(fd_source *src, uint64_t start, size_t n, uint8_t *dst)
{
    if (src->stored) {
        fd_copy_bits(dst, src->stored, start, n);
    } else if (src->near && n <= FD_RUN / 4) {
        if (start < src->window_begin || start + n > src->window_end) move_window_on(src, start, n);
        fd_copy_bits(dst, src->window, start - src->window_begin, n);
    } else {
        fd_law_bits(src->kernels, &src->rule, start, n, dst);
    }
}

/* Bit j of dst is bit n - 1 - j of bits. */
static void reverse_bits(uint8_t *dst, const uint8_t *bits, size_t n)
{
    for (size_t j = 0; j < n; j += 64) {
        const unsigned m = n - j < 64 ? (unsigned)(n - j) : 64;
        uint64_t w = fd_get_bits(bits, n - j - m, m);
        w = (w >> 1 & UINT64_C(0x5555555555555555)) | (w & UINT64_C(0x5555555555555555)) << 1;
        w = (w >> 2 & UINT64_C(0x3333333333333333)) | (w & UINT64_C(0x3333333333333333)) << 2;
        w = (w >> 4 & UINT64_C(0x0F0F0F0F0F0F0F0F)) | (w & UINT64_C(0x0F0F0F0F0F0F0F0F)) << 4;
        w = (w >> 8 & UINT64_C(0x00FF00FF00FF00FF)) | (w & UINT64_C(0x00FF00FF00FF00FF)) << 8;
        w = (w >> 16 & UINT64_C(0x0000FFFF0000FFFF)) | (w & UINT64_C(0x0000FFFF0000FFFF)) << 16;
        w = w >> 32 | w << 32;
        fd_store_bits(dst + j / 8, w >> (64 - m), m);
    }
}

void fd_source_bits(fd_source *src, uint64_t start, int64_t step, size_t n, uint8_t *dst)
{
    uint8_t bits[FD_RUN / 8];
    if (!src->stored && (src->rule.kind == FD_KEEP_ALL || src->rule.kind == FD_DROP_ALL)) {
        fill_constant(dst, n, src->rule.kind == FD_KEEP_ALL);
    } else if (step == 1) {
        run_of_bits(src, start, n, dst);
    } else if (step == -1) {
        run_of_bits(src, start - (n - 1), n, bits);
        reverse_bits(dst, bits, n);
    } else if (step == 0) {
        if (src->near) run_of_bits(src, start, 1, bits); /* the next row's will be asked for soon */
        else strided_bits(src, start, 0, 1, bits);
        fill_constant(dst, n, bits[0]);
    } else {
        strided_bits(src, start, step, n, dst);
    }
}

/* Appends one bit n times. */
static void put_bit(fd_bit_writer *to, uint64_t bit, size_t n)
{
    for (; n > 64; n -= 64) fd_put_word(to, 0 - bit, 64);
    fd_put_word(to, (0 - bit) >> (64 - n), (unsigned)n);
}

/* Appends the same n bits again and again. */
static void put_again(fd_bit_writer *to, const uint8_t *bits, size_t n, size_t times)
{
    uint8_t some[128];
    if (n < 64 && times > 1) { /* short ones a few at a time */
        fd_bit_writer few = {some, 0, 0};
        const size_t together = 512 / n < times ? 512 / n : times;
        for (size_t k = 0; k < together; k++) fd_put_bits(&few, bits, 0, n);
        fd_put_end(&few);
        for (; times >= together; times -= together) fd_put_bits(to, some, 0, together * n);
    }
    while (times--) fd_put_bits(to, bits, 0, n);
}

void fd_source_patch(fd_source *src, uint64_t start, int64_t row_step, size_t rows, int64_t step, size_t n, uint8_t *dst)
{
    uint8_t bits[FD_RUN / 8];
    fd_bit_writer to = {dst, 0, 0};
    if (n == 1) {
        fd_source_bits(src, start, row_step, rows, dst);
        return;
    }
    if (rows == 1 || row_step == (int64_t)n * step) {
        fd_source_bits(src, start, step, rows * n, dst);
        return;
    }
    if (step == 0) {
        fd_source_bits(src, start, row_step, rows, bits);
        for (size_t i = 0; i < rows; i++) put_bit(&to, fd_get_bit(bits, i), n);
    } else if (row_step == 0) {
        fd_source_bits(src, start, step, n, bits);
        put_again(&to, bits, n, rows);
    } else {
        for (size_t i = 0; i < rows; i++) {
            fd_source_bits(src, start + (uint64_t)((int64_t)i * row_step), step, n, bits);
            fd_put_bits(&to, bits, 0, n);
        }
    }
    fd_put_end(&to);
}
