/* tpl_fill.h: packed bits, once for every instruction set. Included by isa_<name>.c after tpl_page.h.
 *
 * Parameters, defined by the including file
 *   keep_t               64 decisions, in the form the instruction set likes best
 *   bytes_keep(f, hi)    keep_t of the bytes of `lanes`: kept unless byte < hi. A tie with hi counts as kept.
 *   bytes_ties(f, hi)    uint64_t, bit j set where byte j equals hi
 *   keep_bits(keep_t)    uint64_t, bit j set where kept
 *   l_store(uint8_t *, lanes), l_store_words(uint32_t *, lanes)   64 little-endian bytes; 16 words of the machine
 *   nonzero_words(const uint64_t *)   uint32_t, bit t set where word t of 32 is not 0
 *   ctz64(w)             number of trailing zeros; any value for w = 0
 *
 * Ties, one element in 256, are the dearest part of a byte law. They are kept first and dropped afterwards, BATCH
 * pages at a time, by loops whose branches are nearly always predicted: over the words of 64 elements that have any tie
 * (a fifth), taking out two without a branch (a third is rare), then over eights that are refined at once. A batch
 * leaves few of the eight lanes empty; a longer one lets memory idle meanwhile (two pages measured best from memory,
 * and no worse than four or eight from cache).
 */

enum { BATCH = 2, BATCH_BYTES = BATCH * FD_PAGE_BYTES };

/* Bytes from the beginning of page `first` to the end of its batch. Batches begin at multiples of BATCH pages, so that
 * none crosses a multiple of 2^34 elements, where the upper counter word of the refinement blocks changes. */
FD_INLINE unsigned batch_bytes(uint64_t first) { return (BATCH - (unsigned)(first % BATCH)) * FD_PAGE_BYTES; }

/* The elements of a batch whose byte ties, and their refinement words. */
typedef struct tie_list {
    unsigned count;
    uint16_t offset[BATCH_BYTES + 8];
    uint32_t r[BATCH_BYTES + 8];
} tie_list;

/* `words` holds 32 tie words for each of `num_pages` pages from element `base` on. */
FD_INLINE void resolve_ties(const fd_law *law, uint64_t base, const uint64_t *words, unsigned num_pages, tie_list *ties)
{
    unsigned m = 0;
    for (unsigned page = 0; page < num_pages; page++)
        for (uint32_t some = nonzero_words(words + FD_STEPS * page); some; some &= some - 1) {
            const unsigned t = FD_STEPS * page + ctz64(some);
            uint64_t w = words[t];
            ties->offset[m++] = (uint16_t)(FD_STEP * t + ctz64(w));
            w &= w - 1;
            ties->offset[m] = (uint16_t)(FD_STEP * t + ctz64(w));
            m += w != 0;
            for (w &= w - 1; w; w &= w - 1) ties->offset[m++] = (uint16_t)(FD_STEP * t + ctz64(w));
        }
    ties->count = m;
    for (unsigned k = m; k < m + 8; k++) ties->offset[k] = 0;
    for (unsigned k = 0; k < m; k += 8) refine8(law->key, base, ties->offset + k, ties->r + k);
}

/* Bits [from, to) of a 64-bit word. */
FD_INLINE uint64_t bit_range(unsigned from, unsigned to)
{
    return (~UINT64_C(0) >> (64 - to)) & (~UINT64_C(0) << from); /* 0 <= from < to <= 64 */
}

static void pages FD_PAGES_ARGS
{
    for (size_t g = 0; g < count; g++) {
        page_state s = page_seed(key, domain, first + g);
        for (int t = 0; t < FD_STEPS; t++, words += 16) l_store_words(words, page_step(&s));
    }
}

static void fill_coin FD_FILL_ARGS
{
    uint64_t end = start + n;
    for (uint64_t page = start / FD_PAGE_BITS; page * FD_PAGE_BITS < end; page++) {
        uint64_t base = page * FD_PAGE_BITS;
        unsigned from = start > base ? (unsigned)(start - base) : 0;
        unsigned to = end - base < FD_PAGE_BITS ? (unsigned)(end - base) : FD_PAGE_BITS;
        unsigned t = from / (8 * FD_STEP);
        page_state s = page_seed(law->key, FD_DOMAIN_COIN, page);
        page_skip(&s, t);
        if (to - from == FD_PAGE_BITS) {
            for (; t < FD_STEPS; t++, bits += FD_STEP) l_store(bits, page_step(&s));
            continue;
        }
        uint8_t step[FD_STEP];
        for (; t * 8 * FD_STEP < to; t++) {
            unsigned a = 8 * FD_STEP * t, b = a + 8 * FD_STEP;
            a = a < from ? from : a;
            b = b > to ? to : b;
            l_store(step, page_step(&s));
            fd_copy_bits(bits, step, a % (8 * FD_STEP), b - a);
            bits += (b - a) / 8;
        }
    }
}

/* Fills part of one page, elements [from, to), from a multiple of 64: words of decisions and of ties. */
FD_INLINE void page_words(const fd_law *law, uint64_t page, unsigned from, unsigned to, uint64_t *keep, uint64_t *tied)
{
    const uint8_t hi = law->hi;
    page_state s = page_seed(law->key, FD_DOMAIN_BYTE, page);
    unsigned t = from / FD_STEP;
    page_skip(&s, t);
    for (; FD_STEP * t < to; t++) {
        lanes f = page_step(&s);
        keep[t] = keep_bits(bytes_keep(f, hi));
        tied[t] = bytes_ties(f, hi);
    }
}

static void fill_byte FD_FILL_ARGS
{
    uint64_t end = start + n;
    for (uint64_t first = start / FD_PAGE_BYTES, base; (base = first * FD_PAGE_BYTES) < end; first += BATCH - first % BATCH) {
        const unsigned from = start > base ? (unsigned)(start - base) : 0;
        const unsigned to = end - base < batch_bytes(first) ? (unsigned)(end - base) : batch_bytes(first);
        const unsigned num_pages = (to + FD_PAGE_BYTES - 1) / FD_PAGE_BYTES;
        uint64_t keep[BATCH * FD_STEPS], tied[BATCH * FD_STEPS];
        if (from || to < num_pages * FD_PAGE_BYTES) memset(tied, 0, sizeof tied);
        for (unsigned g = 0; g < num_pages; g++) {
            const unsigned a = FD_PAGE_BYTES * g, b = to - a < FD_PAGE_BYTES ? to - a : FD_PAGE_BYTES;
            page_words(law, first + g, g ? 0 : from, b, keep + FD_STEPS * g, tied + FD_STEPS * g);
        }
        if (law->lo) {
            tie_list ties;
            resolve_ties(law, base, tied, num_pages, &ties);
            for (unsigned k = 0; k < ties.count; k++)
                keep[ties.offset[k] / 64] &= ~((uint64_t)(ties.r[k] < law->lo) << ties.offset[k] % 64);
        }
        for (unsigned t = from / FD_STEP; t < to / FD_STEP; t++, bits += 8) fd_store64(bits, keep[t]);
        if (to % FD_STEP) fd_store_bits(bits, keep[to / FD_STEP], to % FD_STEP);
    }
}
