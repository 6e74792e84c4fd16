/* tpl_real.h: everything kept, and bytes made and applied in one pass, for one element type. Included once for each type
 * by tpl_table.h, after tpl_apply.h.
 *
 * Parameters, defined by the including files, besides those of tpl_apply.h
 *   keep_T(keep_t, const FD_ELEM *x, FD_ELEM *y, scale_type_T)   64 elements by the decisions of a step
 *   mul_T(x, y, scale_type_T)                                    the same, everything kept
 */

static void FD_FN(scale_all) FD_SCALE_ARGS
{
    const FD_ELEM *in = x;
    FD_ELEM *out = y;
    const FD_SCALE_T s = FD_FN(scale)(scale);
    size_t j = 0;
    for (; j + FD_STEP <= n; j += FD_STEP) FD_FN(mul)(in + j, out + j, s);
    if (j < n) FD_FN(part)(~UINT64_C(0), 0, (unsigned)(n - j), in + j, out + j, scale);
}

/* One straight line through memory: a step of the page, compare, multiply and select, store. A p whose threshold needs
 * no more than the byte (1/4, 3/4, ...) is spared the ties: `refined` is a constant in both calls. */
FD_INLINE void FD_FN(drop_steps)(page_state *state, uint8_t hi, int refined, unsigned steps, const FD_ELEM *x, FD_ELEM *y,
                                 FD_SCALE_T s, unsigned ahead, uint64_t *tied)
{
    for (unsigned t = 0; t < steps; t++, x += FD_STEP, y += FD_STEP) {
        if (ahead) FD_FN(fetch_ahead)(x, FD_STEP, ahead);
        const lanes f = page_step(state);
        if (refined) tied[t] = bytes_ties(f, hi);
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
FD_INLINE void FD_FN(drop_page)(const page_state *seeds, const fd_law *law, unsigned from, unsigned to, const FD_ELEM *x,
                                FD_ELEM *y, double scale, unsigned ahead, uint64_t *tied)
{
    const uint8_t hi = law->hi;
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
    if (law->lo) FD_FN(drop_steps)(&state, hi, 1, whole, x, y, FD_FN(scale)(scale), ahead, tied + t);
    else FD_FN(drop_steps)(&state, hi, 0, whole, x, y, FD_FN(scale)(scale), ahead, tied + t);
    if (last) FD_FN(drop_part)(&state, hi, 0, last, x + j, y + j, scale, tied + t + whole);
}

/* The ties of a batch need no original value: one that is dropped becomes 0. `y` points to element `from`. */
FD_NOINLINE void FD_FN(drop_ties)(const fd_law *law, uint64_t base, const uint64_t *tied, unsigned from,
                                  FD_ELEM *y)
{
    tie_list ties;
    resolve_ties(law, base, tied, &ties);
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
    for (uint64_t first = start / FD_PAGE_BYTES, base; (base = first * FD_PAGE_BYTES) < end; first += BATCH - first % BATCH) {
        const unsigned from = start > base ? (unsigned)(start - base) : 0;
        const unsigned to = end - base < batch_bytes(first) ? (unsigned)(end - base) : batch_bytes(first);
        page_state seeds[BATCH];
        tied_steps tied;
        if (from || to < BATCH_BYTES) memset(tied, 0, sizeof tied);
        batch_seed(seeds, law->key, FD_DOMAIN_BYTE, first, (to + FD_PAGE_BYTES - 1) / FD_PAGE_BYTES);
        in = (const FD_ELEM *)x + (base + from - start);
        out = (FD_ELEM *)y + (base + from - start);
        for (unsigned g = 0; FD_PAGE_BYTES * g < to; g++) {
            const unsigned page = FD_PAGE_BYTES * g, a = from > page ? from - page : 0;
            const unsigned b = to - page < FD_PAGE_BYTES ? to - page : FD_PAGE_BYTES;
            FD_FN(drop_page)(&seeds[g], law, a, b, in + (page + a - from), out + (page + a - from), scale,
                             ahead, tied + FD_STEPS * g);
        }
        if (law->lo) FD_FN(drop_ties)(law, base, tied, from, out);
    }
}
