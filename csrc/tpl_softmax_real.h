/* tpl_softmax_real.h: the parts of softmax that meet only real numbers of our own, for one FD_R. Included by
 * tpl_softmax_all.h after tpl_math.h. Element j belongs to lane j % 16 whatever the registers' width.
 */
enum { R(PARTS) = FD_SOFTMAX_LANES / R(R_LANES) };

FD_INLINE void R(softmax_add)(const void *restrict added, size_t n, R(real) *restrict t)
{
    const R(real) *from = added;
    const size_t rest = n % FD_SOFTMAX_LANES, whole = n - rest;
    for (size_t j = 0; j < whole; j += R(R_LANES)) R(r_store)(t + j, R(r_add)(R(r_load)(t + j), R(r_load)(from + j)));
    for (size_t j = whole; j < n; j++) t[j] += from[j];
}

FD_INLINE void R(softmax_allow)(const uint8_t *restrict allowed, size_t n, R(real) *restrict t)
{
    R(word) ones[FD_SOFTMAX_BLOCK];
    const size_t all = (n + FD_SOFTMAX_LANES - 1) / FD_SOFTMAX_LANES * FD_SOFTMAX_LANES;
    for (size_t j = 0; j < n; j++) ones[j] = (R(word))0 - (R(word))(allowed[j] != 0);
    for (size_t j = n; j < all; j++) ones[j] = 0;
    for (size_t j = 0; j < all; j += R(R_LANES))
        R(r_store)(t + j, R(m_pick)(R(m_load)(ones + j), R(r_load)(t + j), R(r_set)(R(LEAST))));
}

FD_INLINE void R(softmax_most)(const R(real) *restrict t, size_t n, R(real) *restrict by_lane)
{
    REALS most[R(PARTS)];
    for (int k = 0; k < R(PARTS); k++) most[k] = R(r_load)(by_lane + k * R(R_LANES));
    for (size_t j = 0; j < n; j += FD_SOFTMAX_LANES)
        for (int k = 0; k < R(PARTS); k++) most[k] = R(m_max)(most[k], R(r_load)(t + j + k * R(R_LANES)));
    for (int k = 0; k < R(PARTS); k++) R(r_store)(by_lane + k * R(R_LANES), most[k]);
}

/* Lanes that a block has added up, to those of the row: two levels keep rounding small in long rows. */
FD_INLINE void R(softmax_total)(const REALS *part, R(real) *restrict by_lane)
{
    for (int k = 0; k < R(PARTS); k++)
        R(r_store)(by_lane + k * R(R_LANES), R(r_add)(R(r_load)(by_lane + k * R(R_LANES)), part[k]));
}

static void R(softmax_exps) FD_EXPS_ARGS
{
    R(real) *to = t;
    REALS part[R(PARTS)];
    const REALS m = R(r_set)((R(real))most);
    for (int k = 0; k < R(PARTS); k++) part[k] = R(r_set)(0);
    for (size_t j = 0; j < n; j += FD_SOFTMAX_LANES)
        for (int k = 0; k < R(PARTS); k++) {
            R(real) *at = to + j + k * R(R_LANES);
            const REALS e = R(exp_of)(R(r_sub)(R(r_load)(at), m));
            R(r_store)(at, e);
            part[k] = R(r_add)(part[k], e);
        }
    R(softmax_total)(part, sum);
}

static void R(softmax_dots) FD_DOTS_ARGS
{
    const R(real) *a = e, *b = g;
    REALS part[R(PARTS)];
    for (int k = 0; k < R(PARTS); k++) part[k] = R(r_set)(0);
    for (size_t j = 0; j < n; j += FD_SOFTMAX_LANES)
        for (int k = 0; k < R(PARTS); k++) {
            const size_t at = j + (size_t)k * R(R_LANES);
            part[k] = R(r_add)(part[k], R(r_mul)(R(r_load)(a + at), R(r_load)(b + at)));
        }
    R(softmax_total)(part, sum);
}
