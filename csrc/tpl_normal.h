/* tpl_normal.h: from noise words to standard normal numbers, once for every instruction set. Included by tpl_noise.h for
 * each FD_R. docs/noise.md has the same in formulas; the order of operations is part of the contract.
 *
 * Parameters
 *   FD_R   f32 or f64
 *   R_LANES_R, r_R, b_R     lanes, reals, and their bits as unsigned integers of the same size
 *   r_set, r_add, r_sub, r_mul, r_div                   one IEEE operation each
 *   r_bits, r_from, b_set, b_add, b_and, b_or, b_xor, b_shr(b, n)
 *   r_load, r_store         from and to memory, aligned or not
 * and for the words
 *   b_words_f32(const uint32_t *), b_signs_f32(b)       R_LANES_f32 words; all ones where the top bit is set
 *   r_signed_f32(b)                                     converted as signed integers, rounded to nearest
 *   r_centred_f64(const uint32_t *)                     word - 2^31, exactly
 */
#define FD_R_(name, r) name##_##r
#define FD_R2(name, r) FD_R_(name, r)
#define R(name) FD_R2(name, FD_R)
#define REALS R(r)
#define BITS R(b)

/* Coefficients, even powers and odd ones apart: half as long a chain for one more product. `last` is the degree. */
FD_INLINE REALS R(normal_sum)(const R(real) *c, int last, REALS w, REALS ww)
{
    const int even = last & ~1, odd = (last - 1) | 1;
    REALS a = R(r_set)(c[even]), b = R(r_set)(c[odd]);
    for (int k = even - 2; k >= 0; k -= 2) a = R(r_add)(R(r_mul)(a, ww), R(r_set)(c[k]));
    for (int k = odd - 2; k > 0; k -= 2) b = R(r_add)(R(r_mul)(b, ww), R(r_set)(c[k]));
    return R(r_add)(a, R(r_mul)(b, w));
}

/* NORMAL_BLOCK numbers from x = 2^31 (2u - 1), signed, and g = 2^64 u (1-u): W = 62 - log2 g, z = x N(W) / D(W). One loop
 * would be a chain of a hundred cycles, of which a processor of today holds two or three at a time; in short loops it is
 * arithmetic that limits (AVX2: half the time). */
FD_INLINE void R(normal_block)(const R(real) *x, const R(real) *g, R(real) *z)
{
    static const R(real) n[] = R(NORMAL_N), d[] = R(NORMAL_D), q[] = R(NORMAL_Q);
    enum { LAST_N = sizeof n / sizeof *n - 1, LAST_D = sizeof d / sizeof *d - 1, LAST_Q = sizeof q / sizeof *q - 1 };
    R(real) exponent[NORMAL_BLOCK], quotient[NORMAL_BLOCK], above[NORMAL_BLOCK], below[NORMAL_BLOCK];
    const BITS root = R(b_set)(R(ROOT_HALF)), one = R(b_set)(R(ONE));
    for (int j = 0; j < NORMAL_BLOCK; j += R(R_LANES)) {
        const BITS i = R(b_add)(R(r_bits)(R(r_load)(g + j)), R(b_set)(R(ONE) - R(ROOT_HALF)));
        /* The exponent as the last bits of a number whose last bit is worth 1; 62 and both biases take it away again. */
        const REALS e = R(r_from)(R(b_or)(R(b_shr)(i, R(MANTISSA)), R(b_set)(R(MAGIC))));
        const REALS m = R(r_from)(R(b_add)(R(b_and)(i, R(b_set)(R(MANTISSA_MASK))), root));
        R(r_store)(exponent + j, R(r_sub)(R(r_set)(R(EXPONENT_62)), e));
        R(r_store)(quotient + j, R(r_div)(R(r_sub)(m, R(r_from)(one)), R(r_add)(m, R(r_from)(one))));
    }
    for (int j = 0; j < NORMAL_BLOCK; j += R(R_LANES)) {
        const REALS f = R(r_load)(quotient + j), y = R(r_mul)(f, f);
        REALS s = R(r_set)(q[LAST_Q]);
        for (int k = LAST_Q - 1; k >= 0; k--) s = R(r_add)(R(r_mul)(s, y), R(r_set)(q[k]));
        R(r_store)(exponent + j, R(r_sub)(R(r_load)(exponent + j), R(r_mul)(f, s)));
    }
    for (int j = 0; j < NORMAL_BLOCK; j += R(R_LANES)) {
        const REALS w = R(r_load)(exponent + j), ww = R(r_mul)(w, w);
        R(r_store)(above + j, R(r_mul)(R(r_load)(x + j), R(normal_sum)(n, LAST_N, w, ww)));
        R(r_store)(below + j, R(normal_sum)(d, LAST_D, w, ww));
    }
    for (int j = 0; j < NORMAL_BLOCK; j += R(R_LANES)) R(r_store)(z + j, R(r_div)(R(r_load)(above + j), R(r_load)(below + j)));
}
