/* tpl_math.h: exp, once for every instruction set. Included by tpl_math_all.h for each FD_R, after tpl_noise.h.
 *
 * Parameters: those of tpl_normal.h, and from math_<name>.h
 *   m_max_R(a, b), m_min_R(a, b)    a > b ? a : b and a < b ? a : b: b, where one is NaN
 *   m_less_R(a, b)                  all ones where a < b, else 0; m_pick_R(m, a, b) takes a where m is all ones, b where 0
 *   m_load_R, m_sub_R, m_shl_R(b, n)   integers from memory, difference, left shift
 *
 * One IEEE operation after another, no fused multiply-add, no libm: the same bits everywhere. Limits of the errors, which
 * tests/test_math_functions.py measures, are in docs/numerics.md.
 */

/* (1 + q) * s * t: q is below 1/2, s and t are powers of two, or 0, so that what is beyond the exponents' range still has
 * its place. */
typedef struct R(power) {
    REALS q, s, t;
} R(power);

/* exp(a + b), b small beside 1. Far below all numbers s and t are 0, since a product that underflows is slow on some
 * processors. */
FD_INLINE R(power) R(power_of)(REALS a, REALS b)
{
    static const R(real) c[] = R(EXP_P);
    enum { LAST = sizeof c / sizeof *c - 1 };
    R(power) e;
    a = R(m_max)(R(r_set)(R(EXP_LOWEST)), R(m_min)(R(r_set)(R(EXP_HIGHEST)), a));
    const REALS shifted = R(r_add)(R(r_mul)(a, R(r_set)(R(LOG2E))), R(r_set)(R(EXP_SHIFT)));
    const REALS k = R(r_sub)(shifted, R(r_set)(R(EXP_SHIFT)));
    const REALS upper = R(r_sub)(a, R(r_mul)(k, R(r_set)(R(LN2_UPPER)))); /* exact */
    const REALS r = R(r_add)(R(r_sub)(upper, R(r_mul)(k, R(r_set)(R(LN2_LOWER)))), b), rr = R(r_mul)(r, r);
    e.q = R(r_add)(r, R(r_mul)(rr, R(normal_sum)(c, LAST, r, rr)));
    const BITS n = R(m_sub)(R(r_bits)(shifted), R(b_set)(R(EXP_SHIFT_BITS))), half = R(b_shr)(n, 1);
    e.s = R(r_from)(R(m_shl)(half, R(MANTISSA)));
    e.t = R(r_from)(R(m_shl)(R(m_sub)(n, half), R(MANTISSA)));
    return e;
}

/* x times the power: with one rounding of full weight, and one to a subnormal, at the end. */
FD_INLINE REALS R(by_power)(R(power) e, REALS x)
{
    return R(r_mul)(R(r_mul)(R(r_add)(x, R(r_mul)(x, e.q)), e.s), e.t);
}

FD_INLINE REALS R(power_value)(R(power) e) { return R(r_mul)(R(r_mul)(R(r_add)(R(r_set)(1), e.q), e.s), e.t); }

FD_INLINE REALS R(exp_of)(REALS x)
{
    return R(power_value)(R(power_of)(x, R(r_set)(0)));
}
