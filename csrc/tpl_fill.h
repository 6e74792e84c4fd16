/* tpl_fill.h: packed bits, once for every instruction set. Included by isa_<name>.c after tpl_page.h.
 *
 * Parameters, defined by the including file
 *   keep_t               64 decisions, in the form the instruction set likes best
 *   bytes_keep(f, hi)    keep_t of the bytes of `lanes`: kept unless byte < hi. A tie with hi counts as kept.
 *   bytes_ties(f, hi)    uint64_t, bit j set where byte j equals hi
 *   keep_bits(keep_t)    uint64_t, bit j set where kept
 *   l_store(uint8_t *, lanes), l_load, l_store_words(uint32_t *, lanes)   64 little-endian bytes; 16 native words
 *   nonzero_words(const uint64_t *)   uint32_t, bit t set where word t of 32 is not 0
 *   ctz64(w)             number of trailing zeros; any value for w = 0
 *   ties_element(j)      the element of a step that bit j of bytes_ties stands for
 *   w_offsets(const uint16_t *)   W_LANES of them, one a lane
 *   w_quarter(a)         low half of a divided by 4, rounded down
 *   w_refine(out, at, lo, uint64_t *keep)   word at % 4 of each of W_LANES blocks: all ones where it is >= lo > 0
 *
 * Ties, one element in 256, are the dearest part of a byte law. They are kept first and dropped afterwards, BATCH
 * pages at a time: of the steps that have any, a fifth, the bitmaps become a list of elements, without a branch for the
 * first two, and the list is refined, lane by lane. A batch leaves few lanes empty; a longer one lets memory idle
 * meanwhile (two pages measured best from memory, and no worse than four or eight from cache).
 */

/* Bytes from the beginning of page `first` to the end of its batch. */
FD_INLINE unsigned batch_bytes(uint64_t first) { return (BATCH - (unsigned)(first % BATCH)) * FD_PAGE_BYTES; }

/* One bitmap for each step of a batch, 0 for a step that is left out. */
typedef uint64_t tied_steps[BATCH * FD_STEPS];

enum { REFINE = REFINE_CHAINS * W_LANES }; /* elements refined at once */

/* The elements of a batch whose byte ties, and all ones for those that are kept. The last lanes may repeat the first
 * element: dropping it twice changes nothing. */
typedef struct tie_list {
    unsigned count;
    uint16_t offset[BATCH_BYTES + REFINE];
    uint64_t keep[BATCH_BYTES + REFINE];
} tie_list;

FD_INLINE void list_ties(const uint64_t *tied, tie_list *ties)
{
    uint64_t some = 0;
    unsigned m = 0;
    for (unsigned page = 0; page < BATCH; page++)
        some |= (uint64_t)nonzero_words(tied + FD_STEPS * page) << FD_STEPS * page;
    for (; some; some &= some - 1) {
        const unsigned t = ctz64(some), first = FD_STEP * t;
        uint64_t w = tied[t];
        ties->offset[m++] = (uint16_t)(first + ctz64(w));
        w &= w - 1;
        ties->offset[m] = (uint16_t)(first + ctz64(w));
        m += w != 0;
        for (w &= w - 1; w; w &= w - 1) ties->offset[m++] = (uint16_t)(first + ctz64(w)); /* one step in 500 */
    }
    ties->count = m;
    if (!m) return;
    const uint16_t again = ties->offset[0];
    for (unsigned k = 0; k < REFINE; k++) ties->offset[m + k] = again;
}

FD_INLINE void resolve_ties(const fd_law *law, uint64_t base, const uint64_t *tied, tie_list *ties)
{
    list_ties(tied, ties);
    if (!ties->count) return;
    const cipher e = make_cipher(law->key);
    const uint64_t block = base / 4;
    const uint32_t high = (uint32_t)(block >> 32) | (uint32_t)FD_DOMAIN_REFINE << 28;
    for (unsigned k = 0; k < ties->count; k += REFINE) {
        uint16_t *offset = ties->offset + k;
        wide at[REFINE_CHAINS], c[REFINE_CHAINS][4];
        for (int j = 0; j < REFINE; j++) offset[j] = (uint16_t)ties_element(offset[j]);
        for (int i = 0; i < REFINE_CHAINS; i++) {
            at[i] = w_offsets(offset + W_LANES * i);
            c[i][0] = w_add(w_set((uint32_t)block), w_quarter(at[i]));
            c[i][1] = w_set(high);
            c[i][2] = e.c2;
            c[i][3] = e.c3;
        }
        philox_rounds(&e, c, REFINE_CHAINS);
        for (int i = 0; i < REFINE_CHAINS; i++) w_refine(c[i], at[i], law->lo, ties->keep + k + W_LANES * i);
    }
}

/* Elements [from, to) of a step, the others made differ from `hi`. */
FD_INLINE lanes l_only(lanes f, unsigned from, unsigned to, uint8_t hi)
{
    uint8_t all[FD_STEP], some[FD_STEP];
    l_store(all, f);
    memset(some, hi ^ 0xFF, FD_STEP);
    memcpy(some + from, all + from, to - from);
    return l_load(some);
}

static void pages FD_PAGES_ARGS
{
    for (size_t g = 0; g < count; g++) {
        page_state s;
        seed_page(&s, key, domain, first + g);
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
        page_state s;
        seed_page(&s, law->key, FD_DOMAIN_COIN, page);
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

/* Decisions of part of a page, elements [from, to) from a multiple of 64. */
FD_INLINE void fill_page(const page_state *state, uint8_t hi, unsigned from, unsigned to, uint64_t *keep,
                         uint64_t *tied)
{
    page_state s = *state;
    unsigned t = from / FD_STEP;
    page_skip(&s, t);
    for (; FD_STEP * t < to; t++) {
        const lanes f = page_step(&s);
        keep[t] = keep_bits(bytes_keep(f, hi));
        tied[t] = bytes_ties(f, hi);
    }
}

static void fill_byte FD_FILL_ARGS
{
    const uint64_t end = start + n;
    for (uint64_t first = start / FD_PAGE_BYTES, base; (base = first * FD_PAGE_BYTES) < end; first += BATCH - first % BATCH) {
        const unsigned from = start > base ? (unsigned)(start - base) : 0;
        const unsigned to = end - base < batch_bytes(first) ? (unsigned)(end - base) : batch_bytes(first);
        page_state seeds[BATCH];
        uint64_t keep[BATCH * FD_STEPS];
        tied_steps tied;
        if (from || to < BATCH_BYTES) memset(tied, 0, sizeof tied);
        batch_seed(seeds, law->key, FD_DOMAIN_BYTE, first, (to + FD_PAGE_BYTES - 1) / FD_PAGE_BYTES);
        for (unsigned g = 0; FD_PAGE_BYTES * g < to; g++) {
            const unsigned a = FD_PAGE_BYTES * g, b = to - a < FD_PAGE_BYTES ? to - a : FD_PAGE_BYTES;
            fill_page(&seeds[g], law->hi, g ? 0 : from, b, keep + FD_STEPS * g, tied + FD_STEPS * g);
        }
        if (law->lo) {
            tie_list ties;
            resolve_ties(law, base, tied, &ties);
            for (unsigned k = 0; k < ties.count; k++)
                keep[ties.offset[k] / 64] &= ~((~ties.keep[k] & 1) << ties.offset[k] % 64);
        }
        for (unsigned t = from / FD_STEP; t < to / FD_STEP; t++, bits += 8) fd_store64(bits, keep[t]);
        if (to % FD_STEP) fd_store_bits(bits, keep[to / FD_STEP], to % FD_STEP);
    }
}
