/* tpl_apply.h: packed bits applied, and coins made and applied in one pass, for one element type and kind of scale.
 * Included once for each by tpl_table.h.
 *
 * Parameters, defined by the including files
 *   FD_TYPE   f16, bf16, f32, f64, or f16_twice, bf16_twice: the two narrow types where the scale is 2
 *   FD_ELEM   unsigned integer of the same size; memory is only touched through vector loads and memcpy
 *   scale_T(double)      the scale as the instruction set wants it, scale_type_T, rounded to the product's type
 *   bits_T(const uint8_t *eight_bytes, const FD_ELEM *x, FD_ELEM *y, scale_type_T)   64 elements; x is y or does not
 *                        overlap it
 *
 * Parts of a step go through a padded copy, so that every element meets the same arithmetic.
 */

/* Elements [from, to) of a step of 64 whose bits are `word`; x and y point to element `from`. */
FD_NOINLINE void FD_FN(part)(uint64_t word, unsigned from, unsigned to, const FD_ELEM *x, FD_ELEM *y, double scale)
{
    FD_ELEM copy[FD_STEP] = {0};
    uint8_t bytes[8];
    fd_store64(bytes, word);
    memcpy(copy + from, x, (to - from) * sizeof(FD_ELEM));
    FD_FN(bits)(bytes, copy, copy, FD_FN(scale)(scale));
    memcpy(y, copy + from, (to - from) * sizeof(FD_ELEM));
}

/* Elements of the packed bits [from, to); x and y point to element `from`. */
FD_INLINE void FD_FN(apply_range)(const uint8_t *bits, unsigned from, unsigned to, const FD_ELEM *x, FD_ELEM *y,
                                  double scale)
{
    const FD_SCALE_T s = FD_FN(scale)(scale);
    unsigned j = from;
    if (j % FD_STEP) {
        unsigned base = j - j % FD_STEP, stop = to - base < FD_STEP ? to - base : FD_STEP;
        FD_FN(part)(fd_load_bits(bits + base / 8, stop), j - base, stop, x, y, scale);
        j = base + stop;
    }
    for (; j + FD_STEP <= to; j += FD_STEP) FD_FN(bits)(bits + j / 8, x + (j - from), y + (j - from), s);
    if (j < to) FD_FN(part)(fd_load_bits(bits + j / 8, to - j), 0, to - j, x + (j - from), y + (j - from), scale);
}

static void FD_FN(apply) FD_APPLY_ARGS
{
    const FD_ELEM *in = x;
    FD_ELEM *out = y;
    for (size_t j = 0; j < n; j += FD_PAGE_BITS) {
        unsigned m = n - j < FD_PAGE_BITS ? (unsigned)(n - j) : FD_PAGE_BITS;
        FD_FN(apply_range)(bits + j / 8, 0, m, in + j, out + j, scale);
    }
}

enum { FD_FN(COINS) = 8 * FD_STEP }; /* elements that a step decides */

/* Asks for the memory of n elements `ahead` bytes from x. Processors do that by themselves, but begin anew with each 4 KiB
 * of addresses, and wait while seeds and ties are made. What arrives from memory in that time has to be asked for before:
 * 8 KiB ahead save a tenth there that 2 KiB do not, and cost a twentieth in the third-level cache. */
FD_INLINE void FD_FN(fetch_ahead)(const FD_ELEM *x, unsigned n, unsigned ahead)
{
    for (unsigned j = 0; j < n * sizeof *x; j += FD_LINE_BYTES) FD_PREFETCH((uintptr_t)x + ahead + j);
}

/* Elements [from, to) of a page of coins; x and y point to the first of them. The next step is made before the elements
 * of one are done, which hides its latency, and not all at once, so that memory has work. */
FD_INLINE void FD_FN(drop_coins)(const page_state *seeds, unsigned from, unsigned to, const FD_ELEM *x, FD_ELEM *y,
                                 double scale, unsigned ahead)
{
    enum { COINS = FD_FN(COINS) };
    const FD_SCALE_T s = FD_FN(scale)(scale);
    page_state state = *seeds;
    uint8_t steps[2][FD_STEP];
    page_skip(&state, from / COINS);
    l_store(steps[0], page_step(&state));
    for (unsigned at = from, turn = 0; at < to; turn ^= 1) {
        const uint8_t *bits = steps[turn];
        const unsigned a = at % COINS, b = to - at < COINS - a ? to - at + a : COINS;
        if (ahead) FD_FN(fetch_ahead)(x, COINS, ahead);
        l_store(steps[turn ^ 1], page_step(&state));
        if (b - a == COINS) for (unsigned j = 0; j < COINS; j += FD_STEP) FD_FN(bits)(bits + j / 8, x + j, y + j, s);
        else FD_FN(apply_range)(bits, a, b, x, y, scale);
        x += b - a;
        y += b - a;
        at += b - a;
        FD_ONE_BY_ONE();
    }
}

/* A whole page of coins, and then *seeds are those of the next page: a round of their blocks is made with each of the
 * first steps, in time that stores leave. For instruction sets that have registers for it. */
FD_INLINE void FD_FN(drop_page_and_seed)(page_state *seeds, fd_key key, uint64_t next, const FD_ELEM *x, FD_ELEM *y,
                                         double scale, unsigned ahead)
{
    enum { COINS = FD_FN(COINS) };
    const FD_SCALE_T s = FD_FN(scale)(scale);
    page_state state = *seeds;
    uint8_t steps[2][FD_STEP];
    cipher e = make_cipher(key);
    wide c[W_GROUPS][4];
    set_counters(c, &e, FD_DOMAIN_COIN, next);
    l_store(steps[0], page_step(&state));
    for (unsigned t = 0; t < FD_STEPS; t++, x += COINS, y += COINS) {
        const uint8_t *bits = steps[t % 2];
        l_store(steps[(t + 1) % 2], page_step(&state));
        if (t < FD_PHILOX_ROUNDS) philox_round(&e, c, W_GROUPS);
        if (ahead) FD_FN(fetch_ahead)(x, COINS, ahead);
        for (unsigned j = 0; j < COINS; j += FD_STEP) FD_FN(bits)(bits + j / 8, x + j, y + j, s);
        FD_ONE_BY_ONE();
    }
    set_state(seeds, c);
}

static void FD_FN(drop_coin) FD_DROP_ARGS
{
    const FD_ELEM *in = x;
    FD_ELEM *out = y;
    const uint64_t end = start + n;
    page_state seeds;
    seed_page(&seeds, law->key, FD_DOMAIN_COIN, start / FD_PAGE_BITS);
    for (uint64_t at = start, stop; at < end; in += stop - at, out += stop - at, at = stop) {
        const uint64_t page = at / FD_PAGE_BITS, base = page * FD_PAGE_BITS;
        stop = end - base < FD_PAGE_BITS ? end : base + FD_PAGE_BITS;
        if (W_GROUPS <= 2 && at == base && stop == base + FD_PAGE_BITS && stop < end) {
            FD_FN(drop_page_and_seed)(&seeds, law->key, page + 1, in, out, scale, ahead);
            continue;
        }
        FD_FN(drop_coins)(&seeds, (unsigned)(at - base), (unsigned)(stop - base), in, out, scale, ahead);
        if (stop < end) seed_page(&seeds, law->key, FD_DOMAIN_COIN, page + 1);
    }
}
