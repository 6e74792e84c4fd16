/* tpl_noise.h: continuous noise, once for every instruction set. Included by tpl_table.h.
 *
 * Parameters: those of tpl_normal.h and tpl_perturb.h, which noise_<name>.h defines.
 */
#include "noise_coefficients.h"
#include "noise_kernels.h"

typedef float real_f32;
typedef double real_f64;
#define NORMAL_N_f32 FD_N_F32
#define NORMAL_D_f32 FD_D_F32
#define NORMAL_Q_f32 FD_Q_F32
#define NORMAL_N_f64 FD_N_F64
#define NORMAL_D_f64 FD_D_F64
#define NORMAL_Q_f64 FD_Q_F64
/* Bit patterns: 1; below which a mantissa belongs to the octave before; the least number whose last bit is worth 1. */
#define ONE_f32 0x3F800000u
#define ROOT_HALF_f32 0x3F3504F3u
#define MANTISSA_f32 23
#define MANTISSA_MASK_f32 0x007FFFFFu
#define MAGIC_f32 0x4B000000u
#define EXPONENT_62_f32 (8388608.0f + 127.0f + 62.0f)
#define ONE_f64 UINT64_C(0x3FF0000000000000)
#define ROOT_HALF_f64 UINT64_C(0x3FE6A09E667F3BCD)
#define MANTISSA_f64 52
#define MANTISSA_MASK_f64 UINT64_C(0x000FFFFFFFFFFFFF)
#define MAGIC_f64 UINT64_C(0x4330000000000000)
#define EXPONENT_62_f64 (4503599627370496.0 + 1023.0 + 62.0)

enum { NORMAL_BLOCK = 64 };

#define FD_R f32
#include "tpl_normal.h"
#undef FD_R
#define FD_R f64
#include "tpl_normal.h"
#undef FD_R

/* 1/2 is added to what may have been rounded: each number has one rounding of its own. The side is that of the lower
 * tail; exchanging them is exact, so that z of ~word is -z. */
FD_INLINE void normals_block_f32(const uint32_t *words, float *z)
{
    float x[NORMAL_BLOCK], g[NORMAL_BLOCK];
    const r_f32 half = r_set_f32(0.5f);
    for (int j = 0; j < NORMAL_BLOCK; j += R_LANES_f32) {
        const b_f32 word = b_words_f32(words + j), side = b_signs_f32(word), t = b_xor_f32(word, side);
        const b_f32 sign = b_and_f32(b_xor_f32(side, b_set_f32(0x80000000u)), b_set_f32(0x80000000u));
        const r_f32 h = r_add_f32(r_signed_f32(t), half);
        const r_f32 a = r_add_f32(r_signed_f32(b_xor_f32(t, b_set_f32(0x7FFFFFFFu))), half);
        r_store_f32(x + j, r_from_f32(b_xor_f32(r_bits_f32(a), sign)));
        r_store_f32(g + j, r_mul_f32(h, r_add_f32(a, r_set_f32(0x1p31f))));
    }
    normal_block_f32(x, g, z);
}

/* All sums are exact here. */
FD_INLINE void normals_block_f64(const uint32_t *words, double *z)
{
    double x[NORMAL_BLOCK], g[NORMAL_BLOCK];
    const r_f64 half = r_set_f64(0.5), top = r_set_f64(0x1p31);
    for (int j = 0; j < NORMAL_BLOCK; j += R_LANES_f64) {
        const r_f64 a = r_add_f64(r_centred_f64(words + j), half);
        r_store_f64(x + j, a);
        r_store_f64(g + j, r_mul_f64(r_sub_f64(top, a), r_add_f64(top, a)));
    }
    normal_block_f64(x, g, z);
}

#define FD_NORMALS(type, real)                                                                                      \
    static void normals_##type FD_NORMALS_ARGS                                                                      \
    {                                                                                                               \
        real *out = z, last[NORMAL_BLOCK];                                                                          \
        uint32_t copy[NORMAL_BLOCK] = {0};                                                                          \
        for (; n >= NORMAL_BLOCK; n -= NORMAL_BLOCK, words += NORMAL_BLOCK, out += NORMAL_BLOCK)                    \
            normals_block_##type(words, out);                                                                       \
        if (!n) return;                                                                                             \
        memcpy(copy, words, n * sizeof *copy);                                                                      \
        normals_block_##type(copy, last);                                                                           \
        memcpy(out, last, n * sizeof *last);                                                                        \
    }
FD_NORMALS(f32, float)
FD_NORMALS(f64, double)

#define FD_TEMPLATE "tpl_perturb.h"
#include "tpl_types.h"

static const fd_noise_kernels noise_kernels = {
    {normals_f32, normals_f64},
    {noise_multiply_f16, noise_multiply_bf16, noise_multiply_f32, noise_multiply_f64},
    {noise_add_f16, noise_add_bf16, noise_add_f32, noise_add_f64},
    {noise_times_f16, noise_times_bf16, noise_times_f32, noise_times_f64},
};
