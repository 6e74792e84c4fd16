/* tpl_concrete.h: the factors of concrete dropout, once for every instruction set. Included by tpl_table.h after
 * tpl_softmax_all.h; parameters are those of tpl_normal.h and tpl_math.h.
 *
 * Gal, Hron and Kendall, NeurIPS 2017: d = sigmoid((log p - log q + log u - log(1-u)) / t), the factor is (1 - d) / q. All in
 * double, whatever the element type: u is not rounded before its logarithm. docs/noise.md has the order of operations.
 */

/* log2 a for a normal number a > 0, by the same steps as in normal_block: *e + f * sum, f = (m - 1) / (m + 1). */
FD_INLINE r_f64 log2_parts(r_f64 a, r_f64 *e)
{
    const r_f64 one = r_set_f64(1);
    const b_f64 i = b_add_f64(r_bits_f64(a), b_set_f64(ONE_f64 - ROOT_HALF_f64));
    const r_f64 raised = r_from_f64(b_or_f64(b_shr_f64(i, MANTISSA_f64), b_set_f64(MAGIC_f64)));
    const r_f64 m = r_from_f64(b_add_f64(b_and_f64(i, b_set_f64(MANTISSA_MASK_f64)), b_set_f64(ROOT_HALF_f64)));
    *e = r_sub_f64(raised, r_set_f64(4503599627370496.0 + 1023.0));
    return r_div_f64(r_sub_f64(m, one), r_add_f64(m, one));
}

FD_INLINE r_f64 log2_joined(r_f64 e, r_f64 f)
{
    static const double q[] = NORMAL_Q_f64;
    enum { LAST_Q = sizeof q / sizeof *q - 1 };
    const r_f64 y = r_mul_f64(f, f);
    r_f64 s = r_set_f64(q[LAST_Q]);
    for (int k = LAST_Q - 1; k >= 0; k--) s = r_add_f64(r_mul_f64(s, y), r_set_f64(q[k]));
    return r_add_f64(e, r_mul_f64(f, s));
}

/* The factor is s / (1 + exp(l)), l = (log p - log q + log u - log(1-u)) / t: logarithms to base 2, their base at the end. In
 * short loops, as normal_block's: one chain would be two hundred cycles long. */
FD_INLINE void concrete_block(const fd_concrete_rule *rule, int slope, const uint32_t *words, double *z)
{
    double exponent[NORMAL_BLOCK], quotient[NORMAL_BLOCK];
    const r_f64 one = r_set_f64(1), p = r_set_f64(rule->p), scale = r_set_f64(rule->scale);
    const r_f64 steepness = r_set_f64(rule->steepness), ln2 = r_set_f64(0.6931471805599453);
    r_f64 e, f = log2_parts(r_mul_f64(p, scale), &e);
    const r_f64 odds = log2_joined(e, f);
    for (int j = 0; j < NORMAL_BLOCK; j += R_LANES_f64) {
        const r_f64 w = r_centred_f64(words + j); /* u and 1-u are these sums / 2^32, which are exact */
        const r_f64 u = r_add_f64(w, r_set_f64(0x1p31 + 0.5)), v = r_sub_f64(r_set_f64(0x1p31 - 0.5), w);
        f = log2_parts(r_div_f64(u, v), &e);
        r_store_f64(exponent + j, e);
        r_store_f64(quotient + j, f);
    }
    for (int j = 0; j < NORMAL_BLOCK; j += R_LANES_f64) {
        const r_f64 ratio = log2_joined(r_load_f64(exponent + j), r_load_f64(quotient + j));
        const r_f64 logit = r_mul_f64(r_add_f64(odds, ratio), ln2);
        r_store_f64(exponent + j, r_mul_f64(logit, steepness));
    }
    for (int j = 0; j < NORMAL_BLOCK; j += R_LANES_f64)
        r_store_f64(exponent + j, exp_of_f64(r_load_f64(exponent + j)));
    for (int j = 0; j < NORMAL_BLOCK; j += R_LANES_f64) {
        const r_f64 kept = r_div_f64(one, r_add_f64(one, r_load_f64(exponent + j)));
        r_f64 factor = r_mul_f64(scale, kept);
        if (slope) factor = r_mul_f64(factor, r_sub_f64(p, r_mul_f64(r_sub_f64(one, kept), steepness)));
        r_store_f64(z + j, factor);
    }
}

#define FD_CONCRETE(type, real)                                                                                     \
    static void concrete_##type FD_CONCRETE_ARGS                                                                    \
    {                                                                                                               \
        real *out = z;                                                                                              \
        for (size_t j = 0; j < n; j += NORMAL_BLOCK) {                                                              \
            const size_t some = n - j < NORMAL_BLOCK ? n - j : NORMAL_BLOCK;                                        \
            uint32_t copy[NORMAL_BLOCK] = {0};                                                                      \
            double made[NORMAL_BLOCK];                                                                              \
            memcpy(copy, words + j, some * sizeof *copy);                                                           \
            concrete_block(rule, slope, copy, made);                                                                \
            for (size_t k = 0; k < some; k++) out[j + k] = (real)made[k];                                           \
        }                                                                                                           \
    }
FD_CONCRETE(f32, float)
FD_CONCRETE(f64, double)
#undef FD_CONCRETE
