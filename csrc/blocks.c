/* blocks.c: from seeds to blocks. A seed never reaches beyond its map, so a block grows along an axis by shifting all bits of
 * many maps at once, by the axis's step times 1, 2, 4, ...: as many passes as the block's length has binary digits, each a
 * few instructions for 64 elements, whatever the shape of the maps. */
#include "bits.h"

#include <stdatomic.h>
#include <string.h>

#include "parallel.h"

enum {
    UNIT = 1 << 17,  /* bits that a thread works on at a time: they stay in the first-level cache through all passes */
    GROUP = 24,      /* words of a pass that are read before they are written; of up to 16 gcc makes no vectors */
    SOME = 57        /* bits that a word holds wherever in a byte they begin */
};

struct grow {
    const uint8_t *seeds;
    uint8_t *bits;
    uint64_t maps, together; /* all, and those of a unit */
    uint64_t seeds_each, bits_each, seeds_size; /* elements of a map, and bytes of all seeds */
    int dims;
    uint64_t seeds_along[FD_MAX_NDIM], step[FD_MAX_NDIM]; /* step: bits of a map from one place along an axis to the next */
    uint64_t block;
    atomic_uint_fast64_t kept;
};

/* Sets the ones of w, SOME bits at most, from bit `at` on; `size` bytes may be touched. */
static void or_bits(uint8_t *bits, uint64_t size, uint64_t at, uint64_t w)
{
    uint8_t *to = bits + at / 8;
    w <<= at % 8;
    if (at / 8 + 8 <= size) {
        fd_store64(to, fd_load64(to) | w);
        return;
    }
    for (; w; w >>= 8) *to++ |= (uint8_t)w;
}

/* Sets 1 for each seed of `rows` rows of n, `step` bits apart in `bits`. Most rows of short maps have none. */
static void plant_rows(const struct grow *g, uint64_t seed, uint64_t rows, uint64_t step, uint8_t *bits, uint64_t size,
                       uint64_t at)
{
    const uint8_t *const seeds = g->seeds;
    const uint64_t n = g->seeds_along[g->dims - 1], readable = g->seeds_size;
    const uint64_t first = n < SOME ? n : SOME, ones = (UINT64_C(1) << first) - 1;
    for (uint64_t row = 0; row < rows; row++, seed += n, at += step) {
        const uint64_t byte = seed / 8;
        uint64_t w = byte + 8 <= readable ? fd_load64(seeds + byte) >> seed % 8 : fd_get_bits(seeds, seed, (unsigned)first);
        w = ~w & ones;
        if (w) or_bits(bits, size, at, w);
        for (uint64_t j = first; j < n; j += SOME) {
            const unsigned m = n - j < SOME ? (unsigned)(n - j) : SOME;
            w = ~fd_get_bits(seeds, seed + j, m) & ((UINT64_C(1) << m) - 1);
            if (w) or_bits(bits, size, at + j, w);
        }
    }
}

/* The seeds of some maps in the shape of the maps: planes of rows, each as many bits further as its place says. */
static void plant(const struct grow *g, uint64_t first, uint64_t count, uint8_t *bits, uint64_t size)
{
    const int last = g->dims - 1;
    const uint64_t n = g->seeds_along[last], more = g->block - 1;
    const uint64_t rows = last ? g->seeds_along[last - 1] : count, planes = count * (g->seeds_each / n) / rows;
    uint64_t along[FD_MAX_NDIM] = {0}, seed = first * g->seeds_each, at = 0;
    memset(bits, 0, size);
    for (uint64_t plane = 0; plane < planes; plane++) {
        plant_rows(g, seed, rows, n + more, bits, size, at);
        seed += rows * n;
        at += (rows + (last ? more : 0)) * (n + more);
        for (int d = last - 2; d >= 0 && ++along[d] == g->seeds_along[d]; d--) {
            along[d] = 0;
            at += more * g->step[d];
        }
    }
}

/* Word w of n bits, above them 0. */
static uint64_t word_at(const uint8_t *bits, uint64_t n, uint64_t w)
{
    return fd_load_bits(bits + 8 * w, n - 64 * w < 64 ? (unsigned)(n - 64 * w) : 64);
}

/* bits |= bits << shift, from the last word to the first, so that what is read has not been changed yet. */
static void or_shifted(uint8_t *bits, uint64_t n, uint64_t shift)
{
    const uint64_t far = shift / 64;
    const unsigned by = (unsigned)(shift % 64);
    uint64_t w = (n + 63) / 64;
    while (w > far) {
        if (w >= far + 1 + GROUP && 64 * w <= n) {
            uint64_t here[GROUP], near[GROUP], next[GROUP];
            uint8_t *to = bits + 8 * (w -= GROUP);
            const uint8_t *from = to - 8 * far;
            for (int k = 0; k < GROUP; k++) here[k] = fd_load64(to + 8 * k);
            for (int k = 0; k < GROUP; k++) near[k] = fd_load64(from + 8 * k);
            for (int k = 0; k < GROUP; k++) next[k] = fd_load64(from + 8 * k - 8);
            for (int k = 0; k < GROUP; k++) here[k] |= near[k] << by | next[k] >> 1 >> (63 - by);
            for (int k = 0; k < GROUP; k++) fd_store64(to + 8 * k, here[k]);
            continue;
        }
        w--;
        uint64_t word = word_at(bits, n, w) | word_at(bits, n, w - far) << by;
        if (w > far) word |= word_at(bits, n, w - far - 1) >> 1 >> (63 - by);
        fd_store_bits(bits + 8 * w, word, n - 64 * w < 64 ? (unsigned)(n - 64 * w) : 64);
    }
}

/* Sums of 2, 4 and 8 bits: the ones of each byte. */
static uint64_t ones_of_bytes(uint64_t w)
{
    w -= w >> 1 & UINT64_C(0x5555555555555555);
    w = (w & UINT64_C(0x3333333333333333)) + (w >> 2 & UINT64_C(0x3333333333333333));
    return (w + (w >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
}

/* Turns dropped into kept, and counts: fd_count, but with one sum of bytes for GROUP words. */
static uint64_t finish(uint8_t *bits, uint64_t n)
{
    uint64_t w = 0, kept = 0;
    for (; 64 * (w + GROUP) <= n; w += GROUP) {
        uint64_t ones = 0;
        for (int k = 0; k < GROUP; k++) {
            const uint64_t keep = ~fd_load64(bits + 8 * (w + (unsigned)k));
            fd_store64(bits + 8 * (w + (unsigned)k), keep);
            ones += ones_of_bytes(keep);
        }
        for (; ones; ones >>= 8) kept += ones & 255;
    }
    for (uint64_t at = 64 * w; at < n; at += 64) {
        const unsigned m = n - at < 64 ? (unsigned)(n - at) : 64;
        fd_store_bits(bits + at / 8, ~fd_load_bits(bits + at / 8, m), m);
    }
    return kept + fd_count(bits + 8 * w, n - 64 * w);
}

/* Units are `together` maps, whose bits begin at a byte. */
static void grow_range(void *context, uint64_t begin, uint64_t end)
{
    struct grow *g = context;
    for (uint64_t unit = begin; unit < end; unit++) {
        const uint64_t first = unit * g->together;
        const uint64_t count = g->maps - first < g->together ? g->maps - first : g->together;
        const uint64_t n = count * g->bits_each;
        uint8_t *bits = g->bits + first * g->bits_each / 8;
        plant(g, first, count, bits, (n + 7) / 8);
        for (int d = 0; d < g->dims; d++)
            for (uint64_t have = 1, more; have < g->block; have += more) {
                more = have < g->block - have ? have : g->block - have;
                or_shifted(bits, n, more * g->step[d]);
            }
        atomic_fetch_add_explicit(&g->kept, finish(bits, n), memory_order_relaxed);
    }
}

/* The sizes of a map, and of its valid part; 0 if there are more than 2^62 elements. */
static int measure(struct grow *g, const int64_t *shape, int64_t block)
{
    uint64_t total = g->maps ? g->maps : 1;
    g->seeds_each = g->bits_each = 1;
    g->block = (uint64_t)block;
    for (int d = g->dims - 1; d >= 0; d--) {
        if (shape[d] < 1 || g->block > FD_INDEX_LIMIT - (uint64_t)shape[d]) return 0;
        const uint64_t along = (uint64_t)shape[d] + g->block - 1;
        if (along > FD_INDEX_LIMIT / total) return 0;
        total *= along;
        g->seeds_along[d] = (uint64_t)shape[d];
        g->step[d] = g->bits_each;
        g->seeds_each *= (uint64_t)shape[d];
        g->bits_each *= along;
    }
    if (g->block == 1) { /* every element is its own block: one long row */
        g->dims = 1;
        g->seeds_along[0] = g->bits_each;
        g->step[0] = 1;
    }
    return total <= FD_INDEX_LIMIT;
}

fd_status fd_grow_blocks(const uint8_t *seeds, uint64_t maps, int dims, const int64_t *shape, int64_t block, uint8_t *bits,
                         uint64_t *kept, const fd_exec *exec)
{
    struct grow g = {.seeds = seeds, .bits = bits, .maps = maps, .dims = dims};
    if (dims < 1 || dims > FD_MAX_NDIM) return FD_BAD_NDIM;
    if (!shape) return FD_BAD_POINTER;
    if (block < 1 || maps > FD_INDEX_LIMIT || !measure(&g, shape, block)) return FD_BAD_SHAPE;
    if (maps && (!seeds || !bits)) return FD_BAD_POINTER;
    fd_status status = fd_check_exec(exec);
    if (status != FD_OK) return status;

    g.seeds_size = (maps * g.seeds_each + 7) / 8;
    uint64_t whole = 8; /* so many maps are a whole number of bytes */
    while (whole > 1 && whole / 2 * g.bits_each % 8 == 0) whole /= 2;
    const uint64_t fit = UNIT / whole / g.bits_each;
    g.together = whole * (fit ? fit : 1);
    if (g.together > maps) g.together = maps ? maps : 1;
    atomic_init(&g.kept, 0);
    status = fd_run(exec, (maps + g.together - 1) / g.together, g.together * g.bits_each, grow_range, &g);
    if (status == FD_OK && kept) *kept = atomic_load_explicit(&g.kept, memory_order_relaxed);
    return status;
}
