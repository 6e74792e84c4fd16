/* tpl_gelu.h: GELU and its derivative, in both forms, once for every instruction set. Included by tpl_math_all.h with
 * FD_R f64 after tpl_math.h.
 *
 * Parameters: those of tpl_math.h, and m_lower(r_f32), m_upper(r_f32), m_join(r_f64, r_f64): the two halves of a register as
 * float64 and back, rounded once. Where R_LANES_f32 is 1 the upper half means nothing.
 *
 * float32 is computed in float64, where squares and sums need no care and every result is rounded once.
 */
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

/* The sum of c[k] x^k, where c is an array. */
#define SUM_OF(c, x) R(normal_sum)(c, (int)(sizeof c / sizeof *c) - 1, x, R(r_mul)(x, x))

/* The sum of c[k] u^k for k <= last, u = (a - 5) / (a + 5): but for c[0] it is small, and c[0] comes last. */
FD_INLINE REALS R(folded_sum)(const R(real) *c, int last, REALS a)
{
    const REALS u = R(r_div)(R(r_sub)(a, R(r_set)(5)), R(r_add)(a, R(r_set)(5)));
    return R(r_add)(R(r_set)(c[0]), R(r_mul)(u, R(normal_sum)(c + 1, last - 1, u, R(r_mul)(u, u))));
}

/* exp(x) for float32, -200 < x <= 0: one power of two is enough. */
FD_INLINE REALS wide_exp(REALS x)
{
    static const R(real) c[] = FD_EXP_P_F32_WIDE;
    const REALS shifted = R(r_add)(R(r_mul)(x, R(r_set)(R(LOG2E))), R(r_set)(R(EXP_SHIFT)));
    const REALS k = R(r_sub)(shifted, R(r_set)(R(EXP_SHIFT)));
    const REALS r = R(r_sub)(x, R(r_mul)(k, R(r_set)(FD_LN2_UPPER_F64 + FD_LN2_LOWER_F64)));
    const REALS p = R(r_add)(R(r_set)(1), R(r_add)(r, R(r_mul)(R(r_mul)(r, r), SUM_OF(c, r))));
    const BITS n = R(m_sub)(R(r_bits)(shifted), R(b_set)(R(EXP_SHIFT_BITS) + 1023)); /* 2046 less 1023 is the bias */
    return R(r_mul)(p, R(r_from)(R(m_shl)(n, R(MANTISSA))));
}

FD_INLINE REALS wide_bell(REALS a) { return wide_exp(R(r_mul)(R(r_set)(-0.5), R(r_mul)(a, a))); }

/* x Phi(x), Phi the normal distribution function: for x <= 0 with Phi(-a) = tail(a) exp(-a^2 / 2), above 0 with 1 - Phi(-x).
 * Hendrycks and Gimpel, arXiv:1606.08415. */
FD_INLINE REALS R(gelu_of)(REALS x)
{
    static const R(real) c[] = FD_TAIL_U_F64;
    const REALS a = R(magnitude)(x, 39.0), flat = R(r_add)(a, R(r_set)(FD_TAIL_FLAT_F64));
    const REALS tail = R(r_div)(R(folded_sum)(c, (int)(sizeof c / sizeof *c) - 1, a), flat);
    const REALS m = R(by_power)(R(bell)(a), R(r_mul)(R(with_sign)(a, x), tail));
    return R(by_side)(x, m, R(r_sub)(x, m));
}

/* Phi(x) + x phi(x), whose zero is a factor of its own: precise on both sides of it. */
FD_INLINE REALS R(gelu_slope_of)(REALS x)
{
    static const R(real) c[] = FD_SLOPE_U_F64;
    const REALS a = R(magnitude)(x, 39.0), slope = R(folded_sum)(c, (int)(sizeof c / sizeof *c) - 1, a);
    const REALS d = R(r_add)(R(r_sub)(R(r_set)(FD_ZERO_UPPER_F64), a), R(r_set)(FD_ZERO_LOWER_F64));
    const REALS m = R(by_power)(R(bell)(a), R(r_mul)(d, slope));
    return R(by_side)(x, m, R(r_sub)(R(r_set)(1), m));
}

/* exp(-v), v = 2 sqrt(2/pi) (a + 0.044715 a^3), which is needed to twice as many digits. */
FD_INLINE R(power) R(tanh_power)(REALS a)
{
    const REALS b = R(r_set)(FD_TANH_B_UPPER_F64), c = R(r_set)(FD_TANH_A_UPPER_F64);
    const REALS q = R(r_mul)(a, a), q_rest = R(product_rest)(a, a, q);
    const REALS t = R(r_mul)(q, b), t_crossed = R(r_add)(R(r_mul)(q, R(r_set)(FD_TANH_B_LOWER_F64)), R(r_mul)(q_rest, b));
    const REALS t_rest = R(r_add)(R(product_rest)(q, b, t), t_crossed);
    const REALS s = R(r_add)(c, t), part = R(r_sub)(s, c); /* the sum's rest: Knuth, TAOCP 4.2.2 */
    const REALS s_rest = R(r_add)(R(r_sub)(c, R(r_sub)(s, part)), R(r_sub)(t, part));
    const REALS rest = R(r_add)(R(r_add)(s_rest, t_rest), R(r_set)(FD_TANH_A_LOWER_F64));
    const REALS v = R(r_mul)(a, s), v_rest = R(r_add)(R(product_rest)(a, s, v), R(r_mul)(a, rest));
    const REALS zero = R(r_set)(0);
    return R(power_of)(R(r_sub)(zero, v), R(r_sub)(zero, v_rest));
}

/* x (1 + tanh(v / 2)) / 2 = x / (1 + exp(-v)), v odd in x: the approximation that GELU's authors give beside the rule. */
FD_INLINE REALS R(gelu_tanh_of)(REALS x)
{
    const REALS a = R(magnitude)(x, 22.5);
    const R(power) e = R(tanh_power)(a);
    const REALS one = R(r_add)(R(r_set)(1), R(power_value)(e));
    const REALS m = R(by_power)(e, R(r_div)(R(with_sign)(a, x), one));
    return R(by_side)(x, m, R(r_sub)(x, m));
}

/* With E = exp(-v(a)): for x <= 0 it is E / (1 + E) (1 - a v'(a) / (1 + E)). */
FD_INLINE REALS R(gelu_tanh_slope_of)(REALS x)
{
    const REALS a = R(magnitude)(x, 22.5), aa = R(r_mul)(a, a);
    const R(power) e = R(tanh_power)(a);
    const REALS one = R(r_add)(R(r_set)(1), R(power_value)(e));
    const REALS v = R(r_mul)(a, R(r_add)(R(r_set)(FD_TANH_A_UPPER_F64), R(r_mul)(R(r_set)(FD_TANH_3B_F64), aa)));
    const REALS m = R(by_power)(e, R(r_div)(R(r_sub)(one, v), R(r_mul)(one, one)));
    return R(by_side)(x, m, R(r_sub)(R(r_set)(1), m));
}

/* The same for float32, in float64. */
FD_INLINE REALS wide_gelu(REALS x)
{
    static const R(real) n[] = FD_TAIL_N_F32_WIDE, d[] = FD_TAIL_D_F32_WIDE;
    const REALS a = R(magnitude)(x, 15.0), tail = R(r_div)(SUM_OF(n, a), SUM_OF(d, a));
    const REALS m = R(r_mul)(R(r_mul)(R(with_sign)(a, x), tail), wide_bell(a));
    return R(by_side)(x, m, R(r_sub)(x, m));
}

FD_INLINE REALS wide_gelu_slope(REALS x)
{
    static const R(real) n[] = FD_SLOPE_N_F32_WIDE, d[] = FD_SLOPE_D_F32_WIDE;
    const REALS a = R(magnitude)(x, 15.0), slope = R(r_div)(SUM_OF(n, a), SUM_OF(d, a));
    const REALS m = R(r_mul)(R(r_mul)(R(r_sub)(R(r_set)(FD_ZERO_UPPER_F64), a), slope), wide_bell(a));
    return R(by_side)(x, m, R(r_sub)(R(r_set)(1), m));
}

FD_INLINE REALS wide_gelu_tanh(REALS x)
{
    const REALS a = R(magnitude)(x, 12.0), aa = R(r_mul)(a, a), b = R(r_set)(-(FD_TANH_B_UPPER_F64 + FD_TANH_B_LOWER_F64));
    const REALS e = wide_exp(R(r_mul)(a, R(r_sub)(R(r_mul)(aa, b), R(r_set)(FD_TANH_A_UPPER_F64))));
    const REALS m = R(r_div)(R(r_mul)(R(with_sign)(a, x), e), R(r_add)(R(r_set)(1), e));
    return R(by_side)(x, m, R(r_sub)(x, m));
}

/* Close to the zero at -0.7525 the difference shows every digit of the exponential. */
FD_INLINE REALS wide_gelu_tanh_slope(REALS x)
{
    const REALS a = R(magnitude)(x, 12.0), aa = R(r_mul)(a, a), b = R(r_set)(-(FD_TANH_B_UPPER_F64 + FD_TANH_B_LOWER_F64));
    const REALS minus_v = R(r_mul)(a, R(r_sub)(R(r_mul)(aa, b), R(r_set)(FD_TANH_A_UPPER_F64)));
    const REALS e = R(power_value)(R(power_of)(minus_v, R(r_set)(0)));
    const REALS v = R(r_mul)(a, R(r_add)(R(r_set)(FD_TANH_A_UPPER_F64), R(r_mul)(R(r_set)(FD_TANH_3B_F64), aa)));
    const REALS one = R(r_add)(R(r_set)(1), e);
    const REALS m = R(r_div)(R(r_mul)(e, R(r_sub)(one, v)), R(r_mul)(one, one));
    return R(by_side)(x, m, R(r_sub)(R(r_set)(1), m));
}

#define BY_HALVES(name) \
    FD_INLINE r_f32 name##_of_f32(r_f32 x) { return m_join(wide_##name(m_lower(x)), wide_##name(m_upper(x))); }
BY_HALVES(gelu)
BY_HALVES(gelu_slope)
BY_HALVES(gelu_tanh)
BY_HALVES(gelu_tanh_slope)
#undef BY_HALVES
#undef SUM_OF
