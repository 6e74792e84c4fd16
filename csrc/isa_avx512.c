/* isa_avx512.c: AVX-512 F, BW, DQ and VL: sixteen lanes are one register, 64 decisions one mask register. */
#include "kernels.h"

#if FD_BUILT_AVX512

#include FD_X86_INTRINSICS
#include <string.h>

#include "bits.h"
#include "philox.h"

FD_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,f16c,bmi")

#define FD_ISA avx512

enum { V_PARTS = 1 };
typedef __m512i vec;

FD_INLINE vec v_add(vec a, vec b) { return _mm512_add_epi32(a, b); }
FD_INLINE vec v_xor(vec a, vec b) { return _mm512_xor_si512(a, b); }
#define XOR3 0x96 /* the truth table of a ^ b ^ c */
FD_INLINE vec v_xor3(vec a, vec b, vec c) { return _mm512_ternarylogic_epi32(a, b, c, XOR3); }
#define v_shl(a, n) _mm512_slli_epi32(a, n)
#define v_rotl(a, n) _mm512_rol_epi32(a, n)

/* Blocks 0, 2, 4, ... in one vector and 1, 3, 5, ... in the other. */
enum { W_LANES = 8 };
typedef __m512i wide;

FD_INLINE wide w_set(uint32_t m) { return _mm512_set1_epi64((long long)m); }
FD_INLINE wide w_counter(uint32_t first, int group)
{
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    return _mm512_add_epi32(_mm512_set1_epi64((long long)(first + (uint32_t)group)), even);
}
FD_INLINE wide w_mul(wide a, uint32_t m) { return _mm512_mul_epu32(a, w_set(m)); }
FD_INLINE wide w_high(wide a) { return _mm512_srli_epi64(a, 32); }
FD_INLINE wide w_xor3(wide a, wide b, wide c) { return _mm512_ternarylogic_epi32(a, b, c, XOR3); }
FD_INLINE wide w_add(wide a, wide b) { return _mm512_add_epi32(a, b); }
FD_INLINE vec w_merge(wide (*g)[4], int word, int part)
{
    (void)part;
    return _mm512_mask_blend_epi32(0xAAAA, g[0][word], _mm512_slli_epi64(g[1][word], 32));
}

enum { REFINE_CHAINS = 1 };

#include "tpl_page.h"

FD_INLINE void l_store(uint8_t *p, lanes x) { _mm512_storeu_si512(p, x.part[0]); }
FD_INLINE lanes l_load(const uint8_t *p) { return (lanes){{_mm512_loadu_si512(p)}}; }
FD_INLINE void l_store_words(uint32_t *p, lanes x) { _mm512_storeu_si512(p, x.part[0]); }

typedef __mmask64 keep_t;

FD_INLINE keep_t bytes_keep(lanes f, uint8_t hi)
{
    return _mm512_cmpge_epu8_mask(f.part[0], _mm512_set1_epi8((char)hi));
}
FD_INLINE uint64_t keep_bits(keep_t k) { return (uint64_t)k; }
FD_INLINE uint64_t bytes_ties(lanes f, uint8_t hi)
{
    return (uint64_t)_mm512_cmpeq_epi8_mask(f.part[0], _mm512_set1_epi8((char)hi));
}
FD_INLINE uint32_t nonzero_words(const uint64_t *w)
{
    uint32_t some = 0;
    for (int i = 0; i < 4; i++) {
        __m512i v = _mm512_loadu_si512(w + 8 * i);
        some |= (uint32_t)_mm512_test_epi64_mask(v, v) << 8 * i;
    }
    return some;
}
FD_INLINE unsigned ctz64(uint64_t w) { return (unsigned)_tzcnt_u64(w); }

FD_INLINE unsigned ties_element(unsigned j) { return j; }
FD_INLINE wide w_offsets(const uint16_t *p) { return _mm512_cvtepu16_epi64(_mm_loadu_si128((const __m128i *)p)); }
FD_INLINE wide w_quarter(wide a) { return _mm512_srli_epi32(a, 2); }
FD_INLINE void w_refine(const wide *out, wide at, uint32_t lo, uint64_t *keep)
{
    const __mmask8 odd = _mm512_test_epi64_mask(at, w_set(1)), upper = _mm512_test_epi64_mask(at, w_set(2));
    __m512i low = _mm512_mask_blend_epi64(odd, out[0], out[1]), high = _mm512_mask_blend_epi64(odd, out[2], out[3]);
    __m512i r = _mm512_and_si512(_mm512_mask_blend_epi64(upper, low, high), _mm512_set1_epi64(0xFFFFFFFF));
    _mm512_storeu_si512(keep, _mm512_movm_epi64(_mm512_cmpge_epu64_mask(r, w_set(lo))));
}

typedef __m512 scale_type_f16, scale_type_bf16, scale_type_f32;
typedef __m512d scale_type_f64;
FD_INLINE __m512 scale_f16(double s) { return _mm512_set1_ps((float)s); }
FD_INLINE __m512 scale_bf16(double s) { return _mm512_set1_ps((float)s); }
FD_INLINE __m512 scale_f32(double s) { return _mm512_set1_ps((float)s); }
FD_INLINE __m512d scale_f64(double s) { return _mm512_set1_pd(s); }

/* put_T: one vector of kept ones, zeros elsewhere: the mask register does the select. */
FD_INLINE void put_f32(uint64_t k, const uint32_t *x, uint32_t *y, __m512 s)
{
    _mm512_storeu_ps((float *)y, _mm512_maskz_mul_ps((__mmask16)k, _mm512_loadu_ps((const float *)x), s));
}
FD_INLINE void put_f64(uint64_t k, const uint64_t *x, uint64_t *y, __m512d s)
{
    _mm512_storeu_pd((double *)y, _mm512_maskz_mul_pd((__mmask8)k, _mm512_loadu_pd((const double *)x), s));
}
FD_INLINE void put_f16(uint64_t k, const uint16_t *x, uint16_t *y, __m512 s)
{
    __m512 f = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)x));
    __m256i h = _mm512_maskz_cvtps_ph((__mmask16)k, _mm512_mul_ps(f, s), _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_si256((__m256i *)y, h);
}
/* Rounds by hand: vcvtneps2bf16 flushes subnormals. */
FD_INLINE void put_bf16(uint64_t k, const uint16_t *x, uint16_t *y, __m512 s)
{
    __m512i wide_x = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)x)), 16);
    __m512 f = _mm512_mul_ps(_mm512_castsi512_ps(wide_x), s);
    __m512i u = _mm512_castps_si512(f), top = _mm512_srli_epi32(u, 16);
    __m512i odd = _mm512_and_si512(top, _mm512_set1_epi32(1));
    __m512i r = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7FFF)), odd), 16);
    r = _mm512_mask_or_epi32(r, _mm512_cmp_ps_mask(f, f, _CMP_UNORD_Q), top, _mm512_set1_epi32(0x40));
    _mm256_storeu_si256((__m256i *)y, _mm512_maskz_cvtepi32_epi16((__mmask16)k, r));
}

#define FD_AVX512_TYPE(type, elem, per)                                                              \
    FD_INLINE void keep_##type(keep_t keep, const elem *x, elem *y, scale_type_##type s)             \
    {                                                                                                \
        uint64_t w = (uint64_t)keep;                                                                 \
        for (int k = 0; k < 64 / per; k++) put_##type(w >> per * k, x + per * k, y + per * k, s);    \
    }                                                                                                \
    FD_INLINE void bits_##type(const uint8_t *b, const elem *x, elem *y, scale_type_##type s)        \
    {                                                                                                \
        keep_##type((keep_t)fd_load64(b), x, y, s);                                                  \
    }                                                                                                \
    FD_INLINE void mul_##type(const elem *x, elem *y, scale_type_##type s)                           \
    {                                                                                                \
        for (int k = 0; k < 64 / per; k++) put_##type(~UINT64_C(0), x + per * k, y + per * k, s);    \
    }
FD_AVX512_TYPE(f16, uint16_t, 16)
FD_AVX512_TYPE(bf16, uint16_t, 16)
FD_AVX512_TYPE(f32, uint32_t, 16)
FD_AVX512_TYPE(f64, uint64_t, 8)

#include "tpl_table.h"

FD_TARGET_END

#else
typedef int fd_avx512_is_not_built;
#endif
