/* varied.c: bits where each element has a probability of its own. The random bytes of a page are the same for every p,
 * so a page is made once and its bytes are compared with as many thresholds. */
#include "source.h"

#include <string.h>

#include "bits.h"
#include "philox.h"

static const uint8_t *page_bytes(fd_source *src, fd_page *page, unsigned domain, uint64_t number)
{
    if (!page->made || page->number != number) {
        uint32_t words[FD_PAGE_WORDS];
        src->kernels->pages(src->key, domain, number, 1, words);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        for (int i = 0; i < FD_PAGE_WORDS; i++) words[i] = __builtin_bswap32(words[i]);
#endif
        memcpy(page->bytes, words, sizeof words);
        page->number = number;
        page->made = 1;
    }
    return page->bytes;
}

static void gather_bytes(fd_source *src, uint64_t start, int64_t step, size_t n, uint8_t *f)
{
    for (size_t j = 0, m; j < n; j += m) {
        const uint64_t i = start + (uint64_t)((int64_t)j * step);
        const uint8_t *bytes = page_bytes(src, &src->values, FD_DOMAIN_BYTE, i / FD_PAGE_BYTES) + i % FD_PAGE_BYTES;
        const size_t left = (size_t)(FD_PAGE_BYTES - i % FD_PAGE_BYTES);
        m = step == 1 ? left < n - j ? left : n - j : 1;
        memcpy(f + j, bytes, m);
    }
}

/* 64 coins or fewer, of which only those that `wanted` asks for are made. */
static uint64_t gather_coins(fd_source *src, uint64_t start, int64_t step, unsigned n, uint64_t wanted)
{
    const uint64_t at = start % FD_PAGE_BITS;
    uint64_t w = 0;
    if (step == 1 && at + n <= FD_PAGE_BITS)
        return fd_get_bits(page_bytes(src, &src->coins, FD_DOMAIN_COIN, start / FD_PAGE_BITS), at, n);
    for (unsigned j = 0; j < n; j++) {
        const uint64_t i = start + (uint64_t)((int64_t)j * step);
        if (!(wanted >> j & 1)) continue;
        w |= (uint64_t)fd_get_bit(page_bytes(src, &src->coins, FD_DOMAIN_COIN, i / FD_PAGE_BITS), i % FD_PAGE_BITS) << j;
    }
    return w;
}

/* Those of the tied elements that are dropped. */
static uint64_t dropped_ties(const fd_source *src, uint64_t start, int64_t step, uint64_t tied, const double *p)
{
    uint64_t dropped = 0;
    for (unsigned j = 0; tied; j++, tied >>= 1) {
        if (!(tied & 1)) continue;
        const uint64_t i = start + (uint64_t)((int64_t)j * step);
        uint32_t r[4];
        fd_philox_block(src->key, FD_DOMAIN_REFINE, i / 4, r);
        dropped |= (uint64_t)(r[i % 4] < (uint32_t)fd_threshold(p[j])) << j;
    }
    return dropped;
}

void fd_source_varied(fd_source *src, uint64_t start, int64_t step, size_t n, const double *p, uint8_t *dst)
{
    enum { WORDS = FD_VARIED / 64 };
    uint8_t f[FD_VARIED];
    uint64_t keep[WORDS], tied[WORDS], coin[WORDS];
    if (src->stored) {
        fd_source_bits(src, start, step, n, dst);
        return;
    }
    f[0] = 0; /* for compilers that cannot see that n is not 0 */
    gather_bytes(src, start, step, n, f);
    src->kernels->compare(f, p, n, keep, tied, coin);
    for (size_t j = 0; j < n; j += 64) {
        const unsigned m = n - j < 64 ? (unsigned)(n - j) : 64;
        const uint64_t at = start + (uint64_t)((int64_t)j * step);
        uint64_t w = keep[j / 64];
        if (coin[j / 64]) w = (w & ~coin[j / 64]) | (gather_coins(src, at, step, m, coin[j / 64]) & coin[j / 64]);
        if (tied[j / 64]) w &= ~dropped_ties(src, at, step, tied[j / 64], p + j);
        fd_store_bits(dst + j / 8, w, m);
    }
}

void fd_source_varied_patch(fd_source *src, uint64_t start, int64_t row_step, size_t rows, int64_t step, size_t n,
                            const double *p, uint8_t *dst)
{
    if (rows == 1 || row_step == (int64_t)n * step) {
        fd_source_varied(src, start, step, rows * n, p, dst);
        return;
    }
    if (n == 1) {
        fd_source_varied(src, start, row_step, rows, p, dst);
        return;
    }
    fd_bit_writer to = {dst, 0, 0};
    for (size_t i = 0; i < rows; i++, p += n) {
        uint8_t bits[FD_VARIED / 8];
        fd_source_varied(src, start + (uint64_t)((int64_t)i * row_step), step, n, p, bits);
        fd_put_bits(&to, bits, 0, n);
    }
    fd_put_end(&to);
}

const double *fd_gather_p(double *copy, const double *p, int64_t row_step, size_t rows, int64_t step, size_t n)
{
    if ((n == 1 || step == 1) && (rows == 1 || row_step == (int64_t)n)) return p;
    for (size_t i = 0; i < rows; i++, p += row_step) {
        double *to = copy + i * n;
        if (step == 0) for (size_t j = 0; j < n; j++) to[j] = *p;
        else if (step == 1) memcpy(to, p, n * sizeof *p);
        else for (size_t j = 0; j < n; j++) to[j] = p[(int64_t)j * step];
    }
    return copy;
}
