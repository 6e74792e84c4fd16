/* tpl_fill.h: packed bits, once for every instruction set. Included by isa_<name>.c after tpl_page.h.
 *
 * Parameters, defined by the including file
 *   keep_t               64 decisions, in the form the instruction set likes best
 *   bytes_keep(f, hi)    keep_t of the bytes of `lanes`: kept unless byte < hi. A tie with hi counts as kept.
 *   bytes_ties(f, hi)    uint64_t, bit j set where byte j equals hi
 *   keep_bits(keep_t)    uint64_t, bit j set where kept
 *   ctz64(w)             number of trailing zeros; any value for w = 0
 *
 * Ties, one element in 256, are the dearest part of a byte law. They are kept first and dropped afterwards, a page at
 * a time: indices come out of the tie words without branches for the first two of a word (a loop over set bits
 * mispredicts at each), and eight are refined at once.
 */

/* The elements of one page whose byte ties, and their refinement words. */
typedef struct page_ties {
    unsigned count;
    uint16_t offset[FD_PAGE_BYTES + 8];
    uint32_t r[FD_PAGE_BYTES + 8];
} page_ties;

FD_INLINE void resolve_ties(const fd_law *law, uint64_t page_base, const uint64_t *words, unsigned first, unsigned stop,
                            page_ties *ties)
{
    unsigned m = 0;
    for (unsigned t = first; t < stop; t++) {
        uint64_t w = words[t];
        ties->offset[m] = (uint16_t)(FD_STEP * t + ctz64(w));
        m += w != 0;
        w &= w - 1;
        ties->offset[m] = (uint16_t)(FD_STEP * t + ctz64(w));
        m += w != 0;
        w &= w - 1;
        while (w) {
            ties->offset[m++] = (uint16_t)(FD_STEP * t + ctz64(w));
            w &= w - 1;
        }
    }
    ties->count = m;
    for (unsigned k = m; k < m + 8; k++) ties->offset[k] = 0;
    for (unsigned k = 0; k < m; k += 8) refine8(law->key, page_base, ties->offset + k, ties->r + k);
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

static void fill_byte FD_FILL_ARGS
{
    uint64_t end = start + n;
    for (uint64_t page = start / FD_PAGE_BYTES; page * FD_PAGE_BYTES < end; page++) {
        uint64_t base = page * FD_PAGE_BYTES, keep[FD_STEPS], tied[FD_STEPS];
        unsigned from = start > base ? (unsigned)(start - base) : 0;
        unsigned to = end - base < FD_PAGE_BYTES ? (unsigned)(end - base) : FD_PAGE_BYTES;
        unsigned first = from / FD_STEP, stop = (to + FD_STEP - 1) / FD_STEP;
        page_state s = page_seed(law->key, FD_DOMAIN_BYTE, page);
        page_skip(&s, first);
        for (unsigned t = first; t < stop; t++) {
            lanes f = page_step(&s);
            keep[t] = keep_bits(bytes_keep(f, law->hi));
            tied[t] = bytes_ties(f, law->hi);
        }
        if (law->lo) {
            page_ties ties;
            resolve_ties(law, base, tied, first, stop, &ties);
            for (unsigned k = 0; k < ties.count; k++)
                keep[ties.offset[k] / 64] &= ~((uint64_t)(ties.r[k] < law->lo) << ties.offset[k] % 64);
        }
        for (unsigned t = first; t < to / FD_STEP; t++, bits += 8) fd_store64(bits, keep[t]);
        if (to % FD_STEP) fd_store_bits(bits, keep[stop - 1], to % FD_STEP);
    }
}
