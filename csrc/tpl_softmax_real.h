/* tpl_softmax_real.h: the parts of softmax that meet only real numbers of our own, for one FD_R. Included by
 * tpl_softmax_all.h after tpl_math.h. Element j belongs to lane j % 16 whatever the registers' width.
 */
enum { R(PARTS) = FD_SOFTMAX_LANES / R(R_LANES) };

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
