/* source.c: bits for any run of mask indices. The kernels fill from multiples of 64 on; this file does the rest. */
#include "source.h"

#include <string.h>

#include "bits.h"
#include "philox.h"

void fd_source_open(fd_source *src, const fd_mask_desc *mask, uint64_t stop)
{
    src->kernels = fd_kernels_active();
    src->stored = mask->bits;
    src->key = mask->key;
    src->p = mask->p_values ? 0.0 : mask->p;
    src->rule = fd_make_rule(mask->key, src->p);
    src->reuse = 0;
    src->stop = stop;
    src->window_begin = src->window_end = 0;
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

/* A window of bits around index `at` that also holds `at + reach` if the same page does. */
static void move_window(fd_source *src, uint64_t at, int64_t reach)
{
    const uint64_t span = fd_page_span(src->rule.kind), page = at - at % span;
    uint64_t begin = at, end;
    if (src->reuse) {
        end = at + FD_RUN;
    } else if (reach < 0) {
        begin = (uint64_t)-reach > at - page ? page : at + (uint64_t)reach;
        end = at + 1;
    } else {
        uint64_t left = page + span - at;
        end = at + ((uint64_t)reach < left ? (uint64_t)reach + 1 : left);
    }
    if (end > src->stop && src->stop > at) end = src->stop;
    begin -= begin % 64;
    if (end - begin > FD_RUN) end = begin + FD_RUN;
    fd_law_bits(src->kernels, &src->rule, begin, (size_t)(end - begin), src->window);
    src->window_begin = begin;
    src->window_end = end;
}

static void strided_bits(fd_source *src, uint64_t start, int64_t stride, size_t n, uint8_t *dst)
{
    memset(dst, 0, (n + 7) / 8);
    for (size_t j = 0; j < n; j++) {
        uint64_t i = start + (uint64_t)((int64_t)j * stride);
        unsigned bit;
        if (src->stored) {
            bit = fd_get_bit(src->stored, i);
        } else {
            if (i < src->window_begin || i >= src->window_end) move_window(src, i, (int64_t)(n - 1 - j) * stride);
            bit = fd_get_bit(src->window, i - src->window_begin);
        }
        dst[j / 8] |= (uint8_t)(bit << j % 8);
    }
}

void fd_source_bits(fd_source *src, uint64_t start, int64_t stride, size_t n, uint8_t *dst)
{
    if (src->stored) {
        if (stride == 1) fd_copy_bits(dst, src->stored, start, n);
        else if (stride == 0) fill_constant(dst, n, (int)fd_get_bit(src->stored, start));
        else strided_bits(src, start, stride, n, dst);
    } else if (src->rule.kind == FD_KEEP_ALL || src->rule.kind == FD_DROP_ALL) {
        fill_constant(dst, n, src->rule.kind == FD_KEEP_ALL);
    } else if (stride == 0) {
        uint8_t one[8];
        strided_bits(src, start, 0, 1, one);
        fill_constant(dst, n, one[0]);
    } else if (stride != 1) {
        strided_bits(src, start, stride, n, dst);
    } else if (src->reuse) {
        if (start < src->window_begin || start + n > src->window_end) move_window(src, start, (int64_t)n);
        if (start + n <= src->window_end) fd_copy_bits(dst, src->window, start - src->window_begin, n);
        else fd_law_bits(src->kernels, &src->rule, start, n, dst);
    } else {
        fd_law_bits(src->kernels, &src->rule, start, n, dst);
    }
}

/* One page of random bytes, kept while indices stay on it. */
struct page_bytes {
    uint64_t page;
    int made;
    uint32_t words[FD_PAGE_WORDS];
};

static const uint32_t *page_words(struct page_bytes *cache, const fd_source *src, unsigned domain, uint64_t page)
{
    if (!cache->made || cache->page != page) {
        src->kernels->pages(src->key, domain, page, 1, cache->words);
        cache->page = page;
        cache->made = 1;
    }
    return cache->words;
}

void fd_source_varied(fd_source *src, uint64_t start, int64_t stride, size_t n, const double *p, int64_t p_stride,
                      uint8_t *dst, double *scales)
{
    struct page_bytes coins, bytes;
    coins.made = bytes.made = 0;
    memset(dst, 0, (n + 7) / 8);
    for (size_t j = 0; j < n; j++) {
        const double each = p[(int64_t)j * p_stride];
        const uint64_t i = start + (uint64_t)((int64_t)j * stride);
        unsigned keep;
        if (scales) scales[j] = fd_scale(each);
        if (src->stored) {
            keep = fd_get_bit(src->stored, i);
        } else {
            const fd_rule rule = fd_make_rule(src->key, each);
            if (rule.kind == FD_BYTE) {
                const uint32_t *w = page_words(&bytes, src, FD_DOMAIN_BYTE, i / FD_PAGE_BYTES);
                const unsigned f = w[i % FD_PAGE_BYTES / 4] >> (8 * (i % 4)) & 0xFFu;
                keep = f >= rule.law.hi;
                if (f == rule.law.hi && rule.law.lo) {
                    uint32_t r[4];
                    fd_philox_block(src->key, FD_DOMAIN_REFINE, i / 4, r);
                    keep = r[i % 4] >= rule.law.lo;
                }
            } else if (rule.kind == FD_COIN) {
                const uint32_t *w = page_words(&coins, src, FD_DOMAIN_COIN, i / FD_PAGE_BITS);
                keep = w[i % FD_PAGE_BITS / 32] >> (i % 32) & 1u;
            } else {
                keep = rule.kind == FD_KEEP_ALL;
            }
        }
        dst[j / 8] |= (uint8_t)(keep << j % 8);
    }
}
