/* tpl_softmax.h: the parts of softmax that meet elements in memory, for one element type. Included for each by
 * tpl_softmax_all.h, which has the parts that do not.
 *
 * Parameters: FD_TYPE, FD_ELEM, FD_R, x_load_T, x_store_T as in tpl_perturb.h. Arguments do not overlap. All work is done in
 * short loops over a block in the first-level cache.
 */
static void FD_FN(softmax_widen) FD_WIDEN_ARGS
{
    const FD_ELEM *from = x;
    R(real) *to = g;
    const size_t rest = n % FD_SOFTMAX_LANES, whole = n - rest;
    for (size_t j = 0; j < whole; j += R(R_LANES)) R(r_store)(to + j, FD_FN(x_load)(from + j));
    if (!rest) return;
    FD_ELEM copy[FD_SOFTMAX_LANES] = {0};
    memcpy(copy, from + whole, rest * sizeof *copy);
    for (size_t j = 0; j < FD_SOFTMAX_LANES; j += R(R_LANES)) R(r_store)(to + whole + j, FD_FN(x_load)(copy + j));
}

static void FD_FN(softmax_narrow) FD_NARROW_ARGS
{
    const R(real) *from = t;
    FD_ELEM *to = y;
    const size_t rest = n % FD_SOFTMAX_LANES, whole = n - rest;
    for (size_t j = 0; j < whole; j += R(R_LANES)) FD_FN(x_store)(to + j, R(r_load)(from + j));
    if (!rest) return;
    FD_ELEM copy[FD_SOFTMAX_LANES];
    for (size_t j = 0; j < FD_SOFTMAX_LANES; j += R(R_LANES)) FD_FN(x_store)(copy + j, R(r_load)(from + whole + j));
    memcpy(to + whole, copy, rest * sizeof *copy);
}

/* n scores, a multiple of 16; `kind` is known wherever this is called. */
FD_INLINE void FD_FN(softmax_some)(const fd_score_mask kind, const FD_ELEM *restrict x, size_t n, R(real) scale,
                                   const R(real) *restrict added, const uint8_t *restrict allowed, R(real) *restrict t,
                                   REALS *most)
{
    const REALS s = R(r_set)(scale);
    for (size_t j = 0; j < n; j += FD_SOFTMAX_LANES) {
        R(word) ones[FD_SOFTMAX_LANES];
        if (kind == FD_BOOL_MASK)
            for (int i = 0; i < FD_SOFTMAX_LANES; i++) ones[i] = (R(word))0 - (R(word))(allowed[j + (size_t)i] != 0);
        for (int k = 0; k < R(PARTS); k++) {
            const size_t at = j + (size_t)k * R(R_LANES);
            REALS v = R(r_mul)(FD_FN(x_load)(x + at), s);
            if (kind == FD_ADD_MASK) v = R(r_add)(v, R(r_load)(added + at));
            if (kind == FD_BOOL_MASK) v = R(m_pick)(R(m_load)(ones + k * R(R_LANES)), v, R(r_set)(R(LEAST)));
            R(r_store)(t + at, v);
            most[k] = R(m_max)(most[k], v);
        }
    }
}

/* The last elements are met as 16, of which the rest is hidden by a mask of its own. */
static void FD_FN(softmax_score) FD_SCORE_ARGS
{
    const FD_ELEM *from = x;
    const R(real) *add = added;
    R(real) *to = t, *greatest = most;
    const R(real) s = (R(real))scale;
    const size_t rest = n % FD_SOFTMAX_LANES, whole = n - rest;
    REALS lane[R(PARTS)];
    for (int k = 0; k < R(PARTS); k++) lane[k] = R(r_load)(greatest + k * R(R_LANES));
    if (added) FD_FN(softmax_some)(FD_ADD_MASK, from, whole, s, add, NULL, to, lane);
    else if (allowed) FD_FN(softmax_some)(FD_BOOL_MASK, from, whole, s, NULL, allowed, to, lane);
    else FD_FN(softmax_some)(FD_NO_MASK, from, whole, s, NULL, NULL, to, lane);
    if (rest) {
        FD_ELEM copy[FD_SOFTMAX_LANES] = {0};
        R(real) some[FD_SOFTMAX_LANES] = {0};
        uint8_t seen[FD_SOFTMAX_LANES] = {0};
        memcpy(copy, from + whole, rest * sizeof *copy);
        if (added) memcpy(some, add + whole, rest * sizeof *some);
        for (size_t j = 0; j < rest; j++) seen[j] = allowed ? allowed[whole + j] : 1;
        if (added)
            for (size_t j = rest; j < FD_SOFTMAX_LANES; j++) some[j] = R(LEAST);
        if (added) FD_FN(softmax_some)(FD_ADD_MASK, copy, FD_SOFTMAX_LANES, s, some, NULL, to + whole, lane);
        else FD_FN(softmax_some)(FD_BOOL_MASK, copy, FD_SOFTMAX_LANES, s, NULL, seen, to + whole, lane);
    }
    for (int k = 0; k < R(PARTS); k++) R(r_store)(greatest + k * R(R_LANES), lane[k]);
}

static void FD_FN(softmax_slopes) FD_SLOPES_ARGS
{
    const R(real) *a = e, *b = g;
    FD_ELEM *to = dx, copy[FD_SOFTMAX_LANES];
    const REALS f = R(r_set)((R(real))factor), d = R(r_set)((R(real))dot);
    const size_t rest = n % FD_SOFTMAX_LANES, whole = n - rest;
    for (size_t j = 0; j < whole; j += R(R_LANES))
        FD_FN(x_store)(to + j, R(r_mul)(R(r_mul)(R(r_load)(a + j), f), R(r_sub)(R(r_load)(b + j), d)));
    if (!rest) return;
    for (size_t j = 0; j < FD_SOFTMAX_LANES; j += R(R_LANES)) {
        const REALS p = R(r_mul)(R(r_load)(a + whole + j), f);
        FD_FN(x_store)(copy + j, R(r_mul)(p, R(r_sub)(R(r_load)(b + whole + j), d)));
    }
    memcpy(to + whole, copy, rest * sizeof *copy);
}
