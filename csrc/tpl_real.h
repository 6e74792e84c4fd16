/* tpl_real.h: apply, and fill and apply in one pass, for one element type. Included once for each type.
 *
 * Parameters, defined by the including file
 *   FD_TYPE   f16, bf16, f32 or f64
 *   FD_ELEM   unsigned integer of the same size; memory is only touched through vector loads and memcpy
 *   scale_T(double)                      the scale as the instruction set wants it, scale_T_t, rounded to the product's type
 *   keep_T(keep_t, const FD_ELEM *x, FD_ELEM *y, scale_T_t)           64 elements; x is y or does not overlap it
 *   bits_T(const uint8_t *eight_bytes, x, y, scale_T_t)               the same from packed bits
 *   mul_T(x, y, scale_T_t)                                            the same, everything kept
 *
 * Parts of a step go through a padded copy, so that every element meets the same arithmetic.
 */
#define FD_FN_(name, type) name##_##type
#define FD_FN2(name, type) FD_FN_(name, type)
#define FD_FN(name) FD_FN2(name, FD_TYPE)
#define FD_SCALE_T FD_FN2(scale_type, FD_TYPE)

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

static void FD_FN(scale_all) FD_SCALE_ARGS
{
    const FD_ELEM *in = x;
    FD_ELEM *out = y;
    const FD_SCALE_T s = FD_FN(scale)(scale);
    size_t j = 0;
    for (; j + FD_STEP <= n; j += FD_STEP) FD_FN(mul)(in + j, out + j, s);
    if (j < n) FD_FN(part)(~UINT64_C(0), 0, (unsigned)(n - j), in + j, out + j, scale);
}

/* Elements [from, to) of a page of coins; x and y point to the first of them. A step decides 512 elements; the
 * next one is made before they are done, which hides its latency, and not all at once, so that memory has work. */
FD_INLINE void FD_FN(drop_coins)(const page_state *seeds, unsigned from, unsigned to, const FD_ELEM *x, FD_ELEM *y,
                                 double scale)
{
    enum { COINS = 8 * FD_STEP };
    const FD_SCALE_T s = FD_FN(scale)(scale);
    page_state state = *seeds;
    uint8_t steps[2][FD_STEP];
    page_skip(&state, from / COINS);
    l_store(steps[0], page_step(&state));
    for (unsigned at = from, turn = 0; at < to; turn ^= 1) {
        const uint8_t *bits = steps[turn];
        const unsigned a = at % COINS, b = to - at < COINS - a ? to - at + a : COINS;
        l_store(steps[turn ^ 1], page_step(&state));
        if (b - a == COINS) for (unsigned j = 0; j < COINS; j += FD_STEP) FD_FN(bits)(bits + j / 8, x + j, y + j, s);
        else FD_FN(apply_range)(bits, a, b, x, y, scale);
        x += b - a;
        y += b - a;
        at += b - a;
        FD_ONE_BY_ONE();
    }
}

static void FD_FN(drop_coin) FD_DROP_ARGS
{
    const FD_ELEM *in = x;
    FD_ELEM *out = y;
    const cipher e = make_cipher(law->key);
    const uint64_t end = start + n;
    for (uint64_t at = start, stop; at < end; in += stop - at, out += stop - at, at = stop) {
        const uint64_t page = at / FD_PAGE_BITS, base = page * FD_PAGE_BITS;
        stop = end - base < FD_PAGE_BITS ? end : base + FD_PAGE_BITS;
        page_state seeds;
        page_seed(&seeds, &e, FD_DOMAIN_COIN, page);
        FD_FN(drop_coins)(&seeds, (unsigned)(at - base), (unsigned)(stop - base), in, out, scale);
    }
}

/* One straight line through memory: a step of the page, compare, multiply and select, store. */
FD_INLINE void FD_FN(drop_steps)(page_state *state, uint8_t hi, unsigned steps, const FD_ELEM *x, FD_ELEM *y, FD_SCALE_T s,
                                 uint64_t *tied)
{
    for (unsigned t = 0; t < steps; t++, x += FD_STEP, y += FD_STEP) {
        const lanes f = page_step(state);
        tied[t] = bytes_ties(f, hi);
        FD_FN(keep)(bytes_keep(f, hi), x, y, s);
        FD_ONE_BY_ONE();
    }
}

/* Elements [from, to) of a step. */
FD_INLINE void FD_FN(drop_part)(page_state *state, uint8_t hi, unsigned from, unsigned to, const FD_ELEM *x, FD_ELEM *y,
                                double scale, uint64_t *tied)
{
    const lanes f = page_step(state);
    *tied = bytes_ties(l_only(f, from, to, hi), hi);
    FD_FN(part)(keep_bits(bytes_keep(f, hi)), from, to, x, y, scale);
}

/* Elements [from, to) of a page; x and y point to the first of them, `tied` to the page's. */
FD_INLINE void FD_FN(drop_page)(const page_state *seeds, uint8_t hi, unsigned from, unsigned to, const FD_ELEM *x, FD_ELEM *y,
                                double scale, uint64_t *tied)
{
    page_state state = *seeds;
    unsigned t = from / FD_STEP;
    page_skip(&state, t);
    if (from % FD_STEP) {
        const unsigned a = from % FD_STEP, b = to - FD_STEP * t < FD_STEP ? to - FD_STEP * t : FD_STEP;
        FD_FN(drop_part)(&state, hi, a, b, x, y, scale, tied + t++);
        x += b - a;
        y += b - a;
        if (FD_STEP * t >= to) return;
    }
    const unsigned whole = to / FD_STEP - t, last = to % FD_STEP, j = FD_STEP * whole;
    FD_FN(drop_steps)(&state, hi, whole, x, y, FD_FN(scale)(scale), tied + t);
    if (last) FD_FN(drop_part)(&state, hi, 0, last, x + j, y + j, scale, tied + t + whole);
}

/* The ties of a batch need no original value: one that is dropped becomes 0. `y` points to element `from`. */
FD_NOINLINE void FD_FN(drop_ties)(const fd_law *law, const cipher *e, uint64_t base, const uint64_t *tied, unsigned from,
                                  FD_ELEM *y)
{
    tie_list ties;
    resolve_ties(law, e, base, tied, &ties);
    for (unsigned k = 0; k < ties.count; k++) {
        FD_ELEM *at = y + (ties.offset[k] - from), v;
        memcpy(&v, at, sizeof v);
        v &= (FD_ELEM)ties.keep[k];
        memcpy(at, &v, sizeof v);
    }
}

static void FD_FN(drop_byte) FD_DROP_ARGS
{
    const FD_ELEM *in = x;
    FD_ELEM *out = y;
    const uint64_t end = start + n;
    const cipher e = make_cipher(law->key);
    for (uint64_t first = start / FD_PAGE_BYTES, base; (base = first * FD_PAGE_BYTES) < end; first += BATCH - first % BATCH) {
        const unsigned from = start > base ? (unsigned)(start - base) : 0;
        const unsigned to = end - base < batch_bytes(first) ? (unsigned)(end - base) : batch_bytes(first);
        page_state seeds[BATCH];
        tied_steps tied;
        if (from || to < BATCH_BYTES) memset(tied, 0, sizeof tied);
        for (unsigned g = 0; FD_PAGE_BYTES * g < to; g++) page_seed_call(&seeds[g], &e, FD_DOMAIN_BYTE, first + g);
        in = (const FD_ELEM *)x + (base + from - start);
        out = (FD_ELEM *)y + (base + from - start);
        for (unsigned g = 0; FD_PAGE_BYTES * g < to; g++) {
            const unsigned page = FD_PAGE_BYTES * g, a = from > page ? from - page : 0;
            const unsigned b = to - page < FD_PAGE_BYTES ? to - page : FD_PAGE_BYTES;
            FD_FN(drop_page)(&seeds[g], law->hi, a, b, in + (page + a - from), out + (page + a - from), scale,
                             tied + FD_STEPS * g);
        }
        if (law->lo) FD_FN(drop_ties)(law, &e, base, tied, from, out);
    }
}

#undef FD_FN_
#undef FD_FN2
#undef FD_FN
#undef FD_SCALE_T
#undef FD_TYPE
#undef FD_ELEM
