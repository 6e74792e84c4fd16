/* tpl_perturb.h: elements times 1 + sigma z, plus sigma z, or times z, for one element type. Included for each by tpl_noise.h.
 *
 * Parameters
 *   FD_TYPE   f16, bf16, f32, f64
 *   FD_ELEM   unsigned integer of the same size
 *   FD_R      f32 or f64: what is computed in
 *   x_load_T(const FD_ELEM *), x_store_T(FD_ELEM *, reals)   R_LANES elements, widened exactly and rounded once
 *   NOISE_SOME   elements that pass through local arrays, 0 where memory is met in registers: x may be y, and a loop over
 *                memory that may overlap is not vectorised
 */
FD_INLINE REALS FD_FN(multiplied)(REALS x, REALS z, REALS sigma)
{
    return R(r_mul)(x, R(r_add)(R(r_set)(1), R(r_mul)(sigma, z)));
}

FD_INLINE REALS FD_FN(scaled_by)(REALS x, REALS z, REALS unused)
{
    (void)unused;
    return R(r_mul)(x, z);
}

FD_INLINE REALS FD_FN(added)(REALS x, REALS z, REALS sigma) { return R(r_add)(x, R(r_mul)(sigma, z)); }

#define FD_PERTURB(name, how)                                                                                       \
    FD_INLINE void FD_FN(name##_some)(const R(real) *z, size_t n, const FD_ELEM *x, FD_ELEM *y, REALS sigma)        \
    {                                                                                                               \
        for (size_t j = 0; j < n; j += R(R_LANES))                                                                  \
            FD_FN(x_store)(y + j, FD_FN(how)(FD_FN(x_load)(x + j), R(r_load)(z + j), sigma));                       \
    }                                                                                                               \
    static void FD_FN(name) FD_PERTURB_ARGS                                                                         \
    {                                                                                                               \
        enum { UNIT = NOISE_SOME ? NOISE_SOME : R(R_LANES) };                                                       \
        const REALS s = R(r_set)((R(real))sigma);                                                                   \
        const R(real) *noise = z;                                                                                   \
        const FD_ELEM *in = x;                                                                                      \
        FD_ELEM *out = y, copy[UNIT] = {0}, made[UNIT];                                                             \
        const size_t rest = n % UNIT, whole = n - rest;                                                             \
        if (NOISE_SOME) {                                                                                           \
            for (size_t j = 0; j < whole; j += UNIT) {                                                              \
                memcpy(copy, in + j, sizeof copy);                                                                  \
                FD_FN(name##_some)(noise + j, UNIT, copy, made, s);                                                 \
                memcpy(out + j, made, sizeof made);                                                                 \
            }                                                                                                       \
        } else {                                                                                                    \
            FD_FN(name##_some)(noise, whole, in, out, s);                                                           \
        }                                                                                                           \
        if (!rest) return;                                                                                          \
        R(real) last[UNIT] = {0};                                                                                   \
        memcpy(last, noise + whole, rest * sizeof *last);                                                           \
        memcpy(copy, in + whole, rest * sizeof *copy);                                                              \
        FD_FN(name##_some)(last, UNIT, copy, made, s);                                                              \
        memcpy(out + whole, made, rest * sizeof *made);                                                             \
    }
FD_PERTURB(noise_multiply, multiplied)
FD_PERTURB(noise_add, added)
FD_PERTURB(noise_times, scaled_by)
#undef FD_PERTURB
