/* isa_neon.c: Advanced SIMD of 64-bit ARM, which every such machine has. */
#include "kernels.h"

#if FD_BUILT_NEON

#include <arm_neon.h>
#include <string.h>

#include "bits.h"
#include "half.h"
#include "philox.h"

#define FD_ISA neon

enum { V_PARTS = 4 };
typedef uint32x4_t vec;

FD_INLINE vec v_add(vec a, vec b) { return vaddq_u32(a, b); }
FD_INLINE vec v_xor(vec a, vec b) { return veorq_u32(a, b); }
FD_INLINE vec v_xor3(vec a, vec b, vec c) { return v_xor(v_xor(a, b), c); }
#define v_shl(a, n) vshlq_n_u32(a, n)
#define v_rotl(a, n) vsriq_n_u32(vshlq_n_u32(a, n), a, 32 - (n)) /* shift right and insert */

enum { W_LANES = 2 };
typedef uint64x2_t wide;

FD_INLINE wide w_set(uint32_t m) { return vdupq_n_u64(m); }
FD_INLINE wide w_counter(uint32_t first, int group)
{
    const uint32_t at = first + 2 * (uint32_t)group;
    return vcombine_u64(vcreate_u64(at), vcreate_u64(at + 1));
}
FD_INLINE wide w_mul(wide a, uint32_t m) { return vmull_u32(vmovn_u64(a), vdup_n_u32(m)); }
FD_INLINE wide w_high(wide a) { return vshrq_n_u64(a, 32); }
FD_INLINE wide w_xor(wide a, wide b) { return veorq_u64(a, b); }
FD_INLINE wide w_xor3(wide a, wide b, wide c) { return w_xor(w_xor(a, b), c); }
FD_INLINE wide w_add(wide a, wide b) { return vaddq_u64(a, b); }
FD_INLINE vec w_merge(wide (*g)[4], int word, int part)
{
    return vcombine_u32(vmovn_u64(g[2 * part][word]), vmovn_u64(g[2 * part + 1][word]));
}

enum { REFINE_CHAINS = 2 };

#include "tpl_page.h"

FD_INLINE void l_store(uint8_t *p, lanes x)
{
    for (int i = 0; i < 4; i++) vst1q_u8(p + 16 * i, vreinterpretq_u8_u32(x.part[i]));
}
FD_INLINE void l_store_words(uint32_t *p, lanes x) { l_store((uint8_t *)p, x); }

FD_INLINE lanes l_load(const uint8_t *p)
{
    lanes x;
    for (int i = 0; i < 4; i++) x.part[i] = vreinterpretq_u32_u8(vld1q_u8(p + 16 * i));
    return x;
}

typedef struct keep_t {
    uint8x16_t v[4]; /* 0xFF where kept */
} keep_t;

FD_INLINE keep_t bytes_keep(lanes f, uint8_t hi)
{
    keep_t k;
    for (int i = 0; i < 4; i++) k.v[i] = vcgeq_u8(vreinterpretq_u8_u32(f.part[i]), vdupq_n_u8(hi));
    return k;
}

/* One weighted bit a byte, then three rounds of pairwise sums gather eight bytes in one. */
FD_INLINE uint64_t keep_bits(keep_t k)
{
    const uint8x16_t weight = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t a = vpaddq_u8(vandq_u8(k.v[0], weight), vandq_u8(k.v[1], weight));
    uint8x16_t b = vpaddq_u8(vandq_u8(k.v[2], weight), vandq_u8(k.v[3], weight));
    a = vpaddq_u8(a, b);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(a, a)), 0);
}
FD_INLINE uint64_t bytes_ties(lanes f, uint8_t hi)
{
    keep_t k;
    for (int i = 0; i < 4; i++) k.v[i] = vceqq_u8(vreinterpretq_u8_u32(f.part[i]), vdupq_n_u8(hi));
    return keep_bits(k);
}
FD_INLINE uint32_t nonzero_words(const uint64_t *w)
{
    uint32_t some = 0;
    for (int t = 0; t < 32; t++) some |= (uint32_t)(w[t] != 0) << t;
    return some;
}
FD_INLINE unsigned ctz64(uint64_t w) { return (unsigned)__builtin_ctzll(w | UINT64_C(1) << 63); }
FD_INLINE unsigned ties_element(unsigned j) { return j; }

FD_INLINE wide w_offsets(const uint16_t *p) { return vcombine_u64(vcreate_u64(p[0]), vcreate_u64(p[1])); }
FD_INLINE wide w_quarter(wide a) { return vshrq_n_u64(a, 2); }
FD_INLINE void w_refine(const wide *out, wide at, uint32_t lo, uint64_t *keep)
{
    const uint64x2_t odd = vtstq_u64(at, w_set(1)), upper = vtstq_u64(at, w_set(2));
    const uint64x2_t r = vbslq_u64(upper, vbslq_u64(odd, out[3], out[2]), vbslq_u64(odd, out[1], out[0]));
    vst1q_u64(keep, vcgeq_u64(vandq_u64(r, w_set(0xFFFFFFFFu)), w_set(lo)));
}

FD_INLINE keep_t bits_keep(const uint8_t *bits)
{
    const uint8x16_t weight = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    keep_t k;
    for (int i = 0; i < 4; i++)
        k.v[i] = vtstq_u8(vcombine_u8(vdup_n_u8(bits[2 * i]), vdup_n_u8(bits[2 * i + 1])), weight);
    return k;
}

typedef float32x4_t scale_type_f16, scale_type_bf16, scale_type_f32;
typedef float64x2_t scale_type_f64;
FD_INLINE float32x4_t scale_f16(double s) { return vdupq_n_f32((float)s); }
FD_INLINE float32x4_t scale_bf16(double s) { return vdupq_n_f32((float)s); }
FD_INLINE float32x4_t scale_f32(double s) { return vdupq_n_f32((float)s); }
FD_INLINE float64x2_t scale_f64(double s) { return vdupq_n_f64(s); }

/* Sixteen elements, the k-th of four, with sixteen bytes of mask; sign extension widens the mask. */
FD_INLINE int16x8_t mask_low(uint8x16_t m) { return vmovl_s8(vget_low_s8(vreinterpretq_s8_u8(m))); }
FD_INLINE int16x8_t mask_high(uint8x16_t m) { return vmovl_s8(vget_high_s8(vreinterpretq_s8_u8(m))); }

FD_INLINE void put_f32(uint32x4_t keep, const uint32_t *x, uint32_t *y, float32x4_t s)
{
    vst1q_u32(y, vandq_u32(vreinterpretq_u32_f32(vmulq_f32(vreinterpretq_f32_u32(vld1q_u32(x)), s)), keep));
}
FD_INLINE void put16_f32(uint8x16_t m, const uint32_t *x, uint32_t *y, float32x4_t s)
{
    int16x8_t half[2] = {mask_low(m), mask_high(m)};
    for (int i = 0; i < 4; i++) {
        int16x8_t h = half[i / 2];
        int32x4_t keep = vmovl_s16(i % 2 ? vget_high_s16(h) : vget_low_s16(h));
        put_f32(vreinterpretq_u32_s32(keep), x + 4 * i, y + 4 * i, s);
    }
}
FD_INLINE void put16_f64(uint8x16_t m, const uint64_t *x, uint64_t *y, float64x2_t s)
{
    int16x8_t half[2] = {mask_low(m), mask_high(m)};
    for (int i = 0; i < 8; i++) {
        int16x8_t h = half[i / 4];
        int32x4_t w = vmovl_s16(i / 2 % 2 ? vget_high_s16(h) : vget_low_s16(h));
        uint64x2_t keep = vreinterpretq_u64_s64(vmovl_s32(i % 2 ? vget_high_s32(w) : vget_low_s32(w)));
        float64x2_t v = vmulq_f64(vreinterpretq_f64_u64(vld1q_u64(x + 2 * i)), s);
        vst1q_u64(y + 2 * i, vandq_u64(vreinterpretq_u64_f64(v), keep));
    }
}
FD_INLINE uint16x4_t scaled_f16(uint16x4_t h, float32x4_t s)
{
    return vreinterpret_u16_f16(vcvt_f16_f32(vmulq_f32(vcvt_f32_f16(vreinterpret_f16_u16(h)), s)));
}
FD_INLINE uint16x4_t scaled_bf16(uint16x4_t h, float32x4_t s)
{
    float32x4_t f = vmulq_f32(vreinterpretq_f32_u32(vshll_n_u16(h, 16)), s);
    uint32x4_t u = vreinterpretq_u32_f32(f), top = vshrq_n_u32(u, 16), one = vdupq_n_u32(1);
    uint32x4_t r = vshrq_n_u32(vaddq_u32(vaddq_u32(u, vdupq_n_u32(0x7FFF)), vandq_u32(top, one)), 16);
    uint32x4_t number = vceqq_f32(f, f);
    return vmovn_u32(vbslq_u32(number, r, vorrq_u32(top, vdupq_n_u32(0x40))));
}
#define FD_NEON_HALF(type)                                                                                     \
    FD_INLINE void put16_##type(uint8x16_t m, const uint16_t *x, uint16_t *y, float32x4_t s)                   \
    {                                                                                                          \
        int16x8_t half[2] = {mask_low(m), mask_high(m)};                                                       \
        for (int i = 0; i < 2; i++) {                                                                          \
            uint16x8_t v = vld1q_u16(x + 8 * i);                                                               \
            v = vcombine_u16(scaled_##type(vget_low_u16(v), s), scaled_##type(vget_high_u16(v), s));           \
            vst1q_u16(y + 8 * i, vandq_u16(v, vreinterpretq_u16_s16(half[i])));                                \
        }                                                                                                      \
    }
FD_NEON_HALF(f16)
FD_NEON_HALF(bf16)

#define FD_NEON_TYPE(type, elem)                                                                  \
    FD_INLINE void keep_##type(keep_t k, const elem *x, elem *y, scale_type_##type s)             \
    {                                                                                             \
        for (int i = 0; i < 4; i++) put16_##type(k.v[i], x + 16 * i, y + 16 * i, s);              \
    }                                                                                             \
    FD_INLINE void mul_##type(const elem *x, elem *y, scale_type_##type s)                        \
    {                                                                                             \
        for (int i = 0; i < 4; i++) put16_##type(vdupq_n_u8(0xFF), x + 16 * i, y + 16 * i, s);    \
    }
FD_NEON_TYPE(f16, uint16_t)
FD_NEON_TYPE(bf16, uint16_t)
FD_NEON_TYPE(f32, uint32_t)
FD_NEON_TYPE(f64, uint64_t)

/* The bits are loaded before anything is stored: y might be bits, for all a compiler knows. */
FD_INLINE void bits_f32(const uint8_t *bits, const uint32_t *x, uint32_t *y, float32x4_t s)
{
    const uint64_t w = fd_load64(bits);
    const uint32x4_t each[4] = {{1, 2, 4, 8}, {16, 32, 64, 128}, {256, 512, 1024, 2048}, {4096, 8192, 16384, 32768}};
    for (int i = 0; i < 4; i++, x += 16, y += 16) {
        const uint32x4_t word = vdupq_n_u32((uint32_t)(w >> 16 * i));
        for (int j = 0; j < 4; j++) put_f32(vtstq_u32(word, each[j]), x + 4 * j, y + 4 * j, s);
    }
}
#define FD_NEON_BITS(type, elem)                                                                  \
    FD_INLINE void bits_##type(const uint8_t *bits, const elem *x, elem *y, scale_type_##type s)  \
    {                                                                                             \
        keep_##type(bits_keep(bits), x, y, s);                                                    \
    }
FD_NEON_BITS(f16, uint16_t)
FD_NEON_BITS(bf16, uint16_t)
FD_NEON_BITS(f64, uint64_t)

/* The scale is 2: half.h's fd_twice in lanes. */
typedef fd_half_format scale_type_f16_twice, scale_type_bf16_twice;
FD_INLINE uint16x8_t twice(uint16x8_t v, fd_half_format f)
{
    const uint16x8_t inf = vdupq_n_u16(f.inf), body = vandq_u16(v, vdupq_n_u16(0x7FFF));
    const uint16x8_t sum = vaddq_u16(body, vminq_u16(body, vdupq_n_u16(f.unit)));
    const uint16x8_t quiet = vorrq_u16(body, vdupq_n_u16(f.unit >> 1));
    const uint16x8_t r = vbslq_u16(vcgtq_u16(body, inf), quiet, vminq_u16(sum, inf));
    return vorrq_u16(r, veorq_u16(v, body));
}
#define FD_NEON_TWICE(type)                                                                                        \
    FD_INLINE fd_half_format scale_##type##_twice(double s)                                                        \
    {                                                                                                              \
        (void)s;                                                                                                   \
        return fd_format_##type;                                                                                   \
    }                                                                                                              \
    FD_INLINE void bits_##type##_twice(const uint8_t *bits, const uint16_t *x, uint16_t *y, fd_half_format f)      \
    {                                                                                                              \
        const keep_t k = bits_keep(bits);                                                                          \
        for (int i = 0; i < 8; i++) {                                                                              \
            const int16x8_t m = i % 2 ? mask_high(k.v[i / 2]) : mask_low(k.v[i / 2]);                              \
            vst1q_u16(y + 8 * i, vandq_u16(twice(vld1q_u16(x + 8 * i), f), vreinterpretq_u16_s16(m)));             \
        }                                                                                                          \
    }
FD_NEON_TWICE(f16)
FD_NEON_TWICE(bf16)

#include "connect_neon.h"
#include "noise_neon.h"
#include "math_neon.h"
#include "mix_neon.h"
#include "tpl_table.h"

#else
typedef int fd_neon_is_not_built;
#endif
