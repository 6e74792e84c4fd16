/* tpl_math.h: exp, GELU and its derivative in both forms, once for every instruction set. Included by tpl_softmax_all.h for
 * each FD_R, after tpl_noise.h.
 *
 * Parameters: those of tpl_normal.h, and from math_<name>.h
 *   m_max_R(a, b), m_min_R(a, b)    a > b ? a : b and a < b ? a : b: b, where one is NaN
 *   m_less_R(a, b)                  all ones where a < b, else 0; m_pick_R(m, a, b) takes a where m is all ones, b where 0
 *   m_load_R, m_sub_R, m_shl_R(b, n)   integers from memory, difference, left shift
 *
 * One IEEE operation after another, no fused multiply-add, no libm: the same bits everywhere. Limits of the errors, which
 * tests/test_math_functions.py measures, are in docs/numerics.md.
 */

/* p * s * t: p is near 1, s and t are powers of two, or 0, so that what is beyond the exponents' range still has its place. */
typedef struct R(power) {
    REALS p, s, t;
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
    e.p = R(r_add)(R(r_set)(1), R(r_add)(r, R(r_mul)(rr, R(normal_sum)(c, LAST, r, rr))));
    const BITS n = R(m_sub)(R(r_bits)(shifted), R(b_set)(R(EXP_SHIFT_BITS))), half = R(b_shr)(n, 1);
    e.s = R(r_from)(R(m_shl)(half, R(MANTISSA)));
    e.t = R(r_from)(R(m_shl)(R(m_sub)(n, half), R(MANTISSA)));
    return e;
}

/* x times the power: rounded to a subnormal once, at the end. */
FD_INLINE REALS R(by_power)(R(power) e, REALS x) { return R(r_mul)(R(r_mul)(R(r_mul)(e.p, x), e.s), e.t); }

FD_INLINE REALS R(exp_of)(REALS x)
{
    const R(power) e = R(power_of)(x, R(r_set)(0));
    return R(r_mul)(R(r_mul)(e.p, e.s), e.t);
}

FD_INLINE REALS R(magnitude)(REALS x, R(real) most)
{
    const REALS a = R(r_from)(R(b_and)(R(r_bits)(x), R(b_set)(~R(SIGN))));
    return R(m_min)(R(r_set)(most), a);
}

FD_INLINE REALS R(with_sign)(REALS a, REALS x)
{
    return R(r_from)(R(b_or)(R(r_bits)(a), R(b_and)(R(r_bits)(x), R(b_set)(R(SIGN)))));
}

/* Half of a number's digits: products of such halves are exact. */
FD_INLINE REALS R(upper_half)(REALS a) { return R(r_from)(R(b_and)(R(r_bits)(a), R(b_set)(R(UPPER_HALF)))); }

/* a * b - p, where p is the rounded product (Dekker, Numer. Math. 18, 1971). */
FD_INLINE REALS R(product_rest)(REALS a, REALS b, REALS p)
{
    const REALS ah = R(upper_half)(a), al = R(r_sub)(a, ah), bh = R(upper_half)(b), bl = R(r_sub)(b, bh);
    const REALS crossed = R(r_sub)(R(r_sub)(R(r_sub)(p, R(r_mul)(ah, bh)), R(r_mul)(al, bh)), R(r_mul)(ah, bl));
    return R(r_sub)(R(r_mul)(al, bl), crossed);
}

/* exp(-a^2 / 2). The square's rounding would be worth hundreds of units in the last place of the result. */
FD_INLINE R(power) R(bell)(REALS a)
{
    const REALS h = R(upper_half)(a), l = R(r_sub)(a, h), minus_half = R(r_set)((R(real))-0.5);
    const REALS rest = R(r_mul)(l, R(r_add)(a, h));
    return R(power_of)(R(r_mul)(minus_half, R(r_mul)(h, h)), R(r_mul)(minus_half, rest));
}

/* left where x is not above 0, else right. */
FD_INLINE REALS R(by_side)(REALS x, REALS left, REALS right)
{
    return R(m_pick)(R(m_less)(x, R(r_from)(R(b_set)(1))), left, right);
}

#define R_FRACTION(name, n, d, a, aa)                                                                   \
    static const R(real) over_##name[] = n, under_##name[] = d;                                         \
    const REALS name = R(r_div)(R(normal_sum)(over_##name, (int)(sizeof over_##name / sizeof *over_##name) - 1, a, aa), \
                                R(normal_sum)(under_##name, (int)(sizeof under_##name / sizeof *under_##name) - 1, a, aa))

/* x Phi(x), Phi the normal distribution function: for x <= 0 with Phi(-a) = tail(a) exp(-a^2 / 2), above 0 with 1 - Phi(-x).
 * Hendrycks and Gimpel, arXiv:1606.08415. */
FD_INLINE REALS R(gelu_of)(REALS x)
{
    const REALS a = R(magnitude)(x, R(GELU_END)), aa = R(r_mul)(a, a);
    R_FRACTION(tail, R(TAIL_N), R(TAIL_D), a, aa);
    const REALS m = R(by_power)(R(bell)(a), R(r_mul)(R(with_sign)(a, x), tail));
    return R(by_side)(x, m, R(r_sub)(x, m));
}

/* Phi(x) + x phi(x), whose zero is a factor of its own: precise on both sides of it. */
FD_INLINE REALS R(gelu_slope_of)(REALS x)
{
    const REALS a = R(magnitude)(x, R(GELU_END)), aa = R(r_mul)(a, a);
    R_FRACTION(slope, R(SLOPE_N), R(SLOPE_D), a, aa);
    const REALS d = R(r_add)(R(r_sub)(R(r_set)(R(ZERO_UPPER)), a), R(r_set)(R(ZERO_LOWER)));
    const REALS m = R(by_power)(R(bell)(a), R(r_mul)(d, slope));
    return R(by_side)(x, m, R(r_sub)(R(r_set)(1), m));
}

/* exp(-v), v = 2 sqrt(2/pi) (a + 0.044715 a^3), which is needed to twice as many digits. */
FD_INLINE R(power) R(tanh_power)(REALS a)
{
    const REALS b = R(r_set)(R(TANH_B_UPPER)), c = R(r_set)(R(TANH_A_UPPER));
    const REALS q = R(r_mul)(a, a), q_rest = R(product_rest)(a, a, q);
    const REALS t = R(r_mul)(q, b), t_crossed = R(r_add)(R(r_mul)(q, R(r_set)(R(TANH_B_LOWER))), R(r_mul)(q_rest, b));
    const REALS t_rest = R(r_add)(R(product_rest)(q, b, t), t_crossed);
    const REALS s = R(r_add)(c, t), part = R(r_sub)(s, c); /* the sum's rest: Knuth, TAOCP 4.2.2 */
    const REALS s_rest = R(r_add)(R(r_sub)(c, R(r_sub)(s, part)), R(r_sub)(t, part));
    const REALS rest = R(r_add)(R(r_add)(s_rest, t_rest), R(r_set)(R(TANH_A_LOWER)));
    const REALS v = R(r_mul)(a, s), v_rest = R(r_add)(R(product_rest)(a, s, v), R(r_mul)(a, rest));
    const REALS zero = R(r_set)(0);
    return R(power_of)(R(r_sub)(zero, v), R(r_sub)(zero, v_rest));
}

/* x (1 + tanh(v / 2)) / 2 = x / (1 + exp(-v)), v odd in x: the approximation that GELU's authors give beside the rule. */
FD_INLINE REALS R(gelu_tanh_of)(REALS x)
{
    const REALS a = R(magnitude)(x, R(GELU_TANH_END));
    const R(power) e = R(tanh_power)(a);
    const REALS one = R(r_add)(R(r_set)(1), R(r_mul)(R(r_mul)(e.p, e.s), e.t));
    const REALS m = R(by_power)(e, R(r_div)(R(with_sign)(a, x), one));
    return R(by_side)(x, m, R(r_sub)(x, m));
}

/* With E = exp(-v(a)): for x <= 0 it is E / (1 + E) (1 - a v'(a) / (1 + E)). */
FD_INLINE REALS R(gelu_tanh_slope_of)(REALS x)
{
    const REALS a = R(magnitude)(x, R(GELU_TANH_END)), aa = R(r_mul)(a, a);
    const R(power) e = R(tanh_power)(a);
    const REALS one = R(r_add)(R(r_set)(1), R(r_mul)(R(r_mul)(e.p, e.s), e.t));
    const REALS v = R(r_mul)(a, R(r_add)(R(r_set)(R(TANH_A_UPPER)), R(r_mul)(R(r_set)(R(TANH_3B)), aa)));
    const REALS m = R(by_power)(e, R(r_div)(R(r_sub)(one, v), R(r_mul)(one, one)));
    return R(by_side)(x, m, R(r_sub)(R(r_set)(1), m));
}

/* n numbers that do not overlap what is written. */
#define MATH_MAP(name)                                                                                              \
    static void R(map_##name) FD_MAP_ARGS                                                                           \
    {                                                                                                               \
        const R(real) *from = x;                                                                                    \
        R(real) *to = y, copy[R(R_LANES)] = {0};                                                                    \
        const size_t rest = n % R(R_LANES), whole = n - rest;                                                       \
        for (size_t j = 0; j < whole; j += R(R_LANES)) R(r_store)(to + j, R(name)(R(r_load)(from + j)));            \
        if (!rest) return;                                                                                          \
        memcpy(copy, from + whole, rest * sizeof *copy);                                                            \
        R(r_store)(copy, R(name)(R(r_load)(copy)));                                                                 \
        memcpy(to + whole, copy, rest * sizeof *copy);                                                              \
    }
MATH_MAP(exp_of)
MATH_MAP(gelu_of)
MATH_MAP(gelu_slope_of)
MATH_MAP(gelu_tanh_of)
MATH_MAP(gelu_tanh_slope_of)
#undef MATH_MAP
#undef R_FRACTION
