/* tpl_varied.h: decisions where each element has a probability of its own, once for every instruction set. Included by
 * tpl_table.h after tpl_fill.h, whose parameters it uses; plain loops of 64 that compilers vectorise.
 *
 * Adding 4096 to p rounds it to a multiple of 2^-40, the last place there, to nearest, ties to even: the low 41 bits of
 * the sum are the threshold T, which is what fd_threshold computes in more steps. T >> 32 is 0 to 256, so that in 16 bits
 * p = 1 drops every byte without a case of its own; p = 0 drops none.
 */
#include "half.h"

/* Bit j set where byte j is not 0. */
FD_INLINE uint64_t nonzero_bytes(const uint8_t *bytes) { return keep_bits(bytes_keep(l_load(bytes), 1)); }

FD_INLINE void compare_step(const uint8_t *f, const double *p, uint64_t *keep, uint64_t *tied, uint64_t *coin)
{
    uint64_t t[FD_STEP];
    uint16_t hi[FD_STEP], some = 0;
    uint8_t kept[FD_STEP], ties[FD_STEP];
    for (int j = 0; j < FD_STEP; j++) {
        const double sum = p[j] + 4096.0;
        memcpy(t + j, &sum, 8);
    }
    for (int j = 0; j < FD_STEP; j++) hi[j] = (uint16_t)(t[j] >> 32);
    for (int j = 0; j < FD_STEP; j++) kept[j] = f[j] >= hi[j];
    for (int j = 0; j < FD_STEP; j++) ties[j] = f[j] == hi[j];
    for (int j = 0; j < FD_STEP; j++) some |= (uint16_t)(hi[j] == 128);
    *keep = nonzero_bytes(kept);
    *tied = nonzero_bytes(ties);
    *coin = 0;
    if (!some) return;
    const uint64_t half = (UINT64_C(0x40B) << 52) + (UINT64_C(1) << 39);
    for (int j = 0; j < FD_STEP; j++) ties[j] = t[j] == half;
    *coin = nonzero_bytes(ties);
    *tied &= ~*coin;
}

static void compare FD_COMPARE_ARGS
{
    size_t j = 0;
    for (; j + FD_STEP <= n; j += FD_STEP, keep++, tied++, coin++) compare_step(f + j, p + j, keep, tied, coin);
    if (j == n) return;
    uint8_t last_f[FD_STEP] = {0};
    double last_p[FD_STEP] = {0}; /* padding ties, and is cut off */
    memcpy(last_f, f + j, n - j);
    memcpy(last_p, p + j, (n - j) * sizeof *p);
    compare_step(last_f, last_p, keep, tied, coin);
    *tied &= (UINT64_C(1) << (n - j)) - 1;
}

/* Eight bits as eight bytes, 0 or 1, for 64 bits. */
FD_INLINE void spread_bits(uint64_t w, uint8_t *bytes)
{
    for (int i = 0; i < 8; i++) { /* one bit in each byte, then any bit to the top */
        uint64_t b = (w >> 8 * i & 0xFF) * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
        fd_store64(bytes + 8 * i, (b + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 7 & UINT64_C(0x0101010101010101));
    }
}

FD_INLINE float widen_f16(uint16_t u) { return fd_f16_to_float(u); }
FD_INLINE uint16_t narrow_f16(float f) { return fd_float_to_f16(f); }
FD_INLINE float widen_bf16(uint16_t u) { return fd_bf16_to_float(u); }
FD_INLINE uint16_t narrow_bf16(float f) { return fd_float_to_bf16(f); }
FD_INLINE float widen_f32(uint32_t u) { return fd_as_float(u); }
FD_INLINE uint32_t narrow_f32(float f) { return fd_as_bits(f); }
FD_INLINE double widen_f64(uint64_t u)
{
    double d;
    memcpy(&d, &u, 8);
    return d;
}
FD_INLINE uint64_t narrow_f64(double d)
{
    uint64_t u;
    memcpy(&u, &d, 8);
    return u;
}
