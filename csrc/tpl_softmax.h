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

static void FD_FN(softmax_score) FD_SCORE_ARGS
{
    R(real) *to = t, *greatest = most;
    const REALS s = R(r_set)((R(real))scale);
    const size_t all = (n + FD_SOFTMAX_LANES - 1) / FD_SOFTMAX_LANES * FD_SOFTMAX_LANES;
    FD_FN(softmax_widen)(x, n, to);
    for (size_t j = 0; j < all; j += R(R_LANES)) R(r_store)(to + j, R(r_mul)(R(r_load)(to + j), s));
    if (added) R(softmax_add)(added, n, to);
    if (allowed) R(softmax_allow)(allowed, n, to);
    for (size_t j = n; j < all; j++) to[j] = R(LEAST);
    R(softmax_most)(to, all, greatest);
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
