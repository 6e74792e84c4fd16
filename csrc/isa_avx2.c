/* isa_avx2.c: AVX2 with F16C and BMI. */
#include "kernels.h"

#if FD_BUILT_AVX2

#include FD_X86_INTRINSICS
#include <string.h>

#include "bits.h"
#include "philox.h"

FD_TARGET_BEGIN("avx2,f16c,bmi")

#define FD_ISA avx2

enum { V_PARTS = 2 };
typedef __m256i vec;

FD_INLINE vec v_add(vec a, vec b) { return _mm256_add_epi32(a, b); }
FD_INLINE vec v_xor(vec a, vec b) { return _mm256_xor_si256(a, b); }
FD_INLINE vec v_shl(vec a, int n) { return _mm256_slli_epi32(a, n); }
FD_INLINE vec v_rotl(vec a, int n) { return _mm256_or_si256(_mm256_slli_epi32(a, n), _mm256_srli_epi32(a, 32 - n)); }

/* Blocks 0, 2, 4, 6 of eight in one vector and 1, 3, 5, 7 in another: a shift and a blend merge them. */
enum { W_LANES = 4 };
typedef __m256i wide;

FD_INLINE wide w_set(uint32_t m) { return _mm256_set1_epi64x((long long)m); }
FD_INLINE wide w_counter(uint32_t first, int group)
{
    const __m256i even = _mm256_setr_epi64x(0, 2, 4, 6);
    return _mm256_add_epi32(_mm256_set1_epi64x((long long)(first + (uint32_t)(8 * (group / 2) + group % 2))), even);
}
FD_INLINE wide w_mul(wide a, uint32_t m) { return _mm256_mul_epu32(a, w_set(m)); }
FD_INLINE wide w_high(wide a) { return _mm256_srli_epi64(a, 32); }
FD_INLINE wide w_xor(wide a, wide b) { return _mm256_xor_si256(a, b); }
FD_INLINE wide w_load(const uint64_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
FD_INLINE void w_store(uint64_t *p, wide a) { _mm256_storeu_si256((__m256i *)p, a); }
FD_INLINE vec w_merge(const wide *g, int part)
{
    return _mm256_blend_epi32(g[2 * part], _mm256_slli_epi64(g[2 * part + 1], 32), 0xAA);
}

#include "tpl_page.h"

FD_INLINE void l_store(uint8_t *p, lanes x)
{
    _mm256_storeu_si256((__m256i *)p, x.part[0]);
    _mm256_storeu_si256((__m256i *)(p + 32), x.part[1]);
}
FD_INLINE void l_store_words(uint32_t *p, lanes x) { l_store((uint8_t *)p, x); }

typedef lanes keep_t; /* bytes, 0xFF where kept */

FD_INLINE keep_t bytes_keep(lanes f, uint8_t hi)
{
    const __m256i h = _mm256_set1_epi8((char)hi);
    for (int i = 0; i < 2; i++) f.part[i] = _mm256_cmpeq_epi8(_mm256_max_epu8(f.part[i], h), f.part[i]);
    return f;
}
FD_INLINE uint64_t keep_bits(keep_t k)
{
    uint64_t high = (uint32_t)_mm256_movemask_epi8(k.part[1]);
    return (uint32_t)_mm256_movemask_epi8(k.part[0]) | high << 32;
}
FD_INLINE uint64_t bytes_ties(lanes f, uint8_t hi)
{
    const __m256i h = _mm256_set1_epi8((char)hi);
    for (int i = 0; i < 2; i++) f.part[i] = _mm256_cmpeq_epi8(f.part[i], h);
    return keep_bits(f);
}
FD_INLINE uint32_t nonzero_words(const uint64_t *w)
{
    uint32_t none = 0;
    for (int i = 0; i < 8; i++) {
        __m256i zero = _mm256_cmpeq_epi64(_mm256_loadu_si256((const __m256i *)(w + 4 * i)), _mm256_setzero_si256());
        none |= (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(zero)) << 4 * i;
    }
    return ~none;
}
FD_INLINE unsigned ctz64(uint64_t w) { return (unsigned)_tzcnt_u64(w); }

/* One vector of each type: scale v(x), then `and` with the mask: a dropped element is +0 whatever it was. */
typedef __m256 scale_type_f16, scale_type_bf16, scale_type_f32;
typedef __m256d scale_type_f64;
FD_INLINE __m256 scale_f16(double s) { return _mm256_set1_ps((float)s); }
FD_INLINE __m256 scale_bf16(double s) { return _mm256_set1_ps((float)s); }
FD_INLINE __m256 scale_f32(double s) { return _mm256_set1_ps((float)s); }
FD_INLINE __m256d scale_f64(double s) { return _mm256_set1_pd(s); }

FD_INLINE __m256i load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
FD_INLINE __m128i load_half(const void *p) { return _mm_loadu_si128((const __m128i *)p); }

FD_INLINE __m256i vec_f32(const uint32_t *x, __m256 s)
{
    return _mm256_castps_si256(_mm256_mul_ps(_mm256_loadu_ps((const float *)x), s));
}
FD_INLINE __m256i vec_f64(const uint64_t *x, __m256d s)
{
    return _mm256_castpd_si256(_mm256_mul_pd(_mm256_loadu_pd((const double *)x), s));
}
FD_INLINE __m256i vec_f16(const uint16_t *x, __m256 s)
{
    __m128i low = _mm256_cvtps_ph(_mm256_mul_ps(_mm256_cvtph_ps(load_half(x)), s), _MM_FROUND_TO_NEAREST_INT);
    __m128i high = _mm256_cvtps_ph(_mm256_mul_ps(_mm256_cvtph_ps(load_half(x + 8)), s), _MM_FROUND_TO_NEAREST_INT);
    return _mm256_set_m128i(high, low);
}

/* Rounds to nearest even in the upper half of each word; a NaN stays one. */
FD_INLINE __m256i round_bf16(__m256 f)
{
    __m256i u = _mm256_castps_si256(f), top = _mm256_srli_epi32(u, 16);
    __m256i odd = _mm256_and_si256(top, _mm256_set1_epi32(1));
    __m256i r = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7FFF)), odd), 16);
    __m256i nan = _mm256_or_si256(top, _mm256_set1_epi32(0x40));
    return _mm256_blendv_epi8(r, nan, _mm256_castps_si256(_mm256_cmp_ps(f, f, _CMP_UNORD_Q)));
}
FD_INLINE __m256i vec_bf16(const uint16_t *x, __m256 s)
{
    const __m256i zero = _mm256_setzero_si256(), v = load(x); /* unpack and pack both work within 128-bit halves */
    __m256 low = _mm256_castsi256_ps(_mm256_unpacklo_epi16(zero, v));
    __m256 high = _mm256_castsi256_ps(_mm256_unpackhi_epi16(zero, v));
    return _mm256_packus_epi32(round_bf16(_mm256_mul_ps(low, s)), round_bf16(_mm256_mul_ps(high, s)));
}

/* Masks for the k-th vector of 64 elements, from 64 bytes in memory and from packed bits. */
FD_INLINE __m256i bytes_mask_16(const uint8_t *b, int k) { return _mm256_cvtepi8_epi16(load_half(b + 16 * k)); }
FD_INLINE __m256i bytes_mask_32(const uint8_t *b, int k)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(b + 8 * k)));
}
FD_INLINE __m256i bytes_mask_64(const uint8_t *b, int k)
{
    int32_t four;
    memcpy(&four, b + 4 * k, 4);
    return _mm256_cvtepi8_epi64(_mm_cvtsi32_si128(four));
}
FD_INLINE __m256i bits_mask_16(const uint8_t *b, int k)
{
    const __m256i each = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
                                           (short)0x8000);
    int16_t w;
    memcpy(&w, b + 2 * k, 2);
    return _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16(w), each), each);
}
FD_INLINE __m256i bits_mask_32(const uint8_t *b, int k) /* in the sign alone */
{
    const __m256i shift = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    int32_t w;
    memcpy(&w, b + 4 * (k / 4), 4);
    return _mm256_sllv_epi32(_mm256_set1_epi32(w), _mm256_sub_epi32(shift, _mm256_set1_epi32(8 * (k % 4))));
}
FD_INLINE __m256i bits_mask_64(const uint8_t *b, int k) /* in the sign alone */
{
    const __m256i shift = _mm256_setr_epi64x(63, 62, 61, 60);
    long long w;
    memcpy(&w, b, 8);
    return _mm256_sllv_epi64(_mm256_set1_epi64x(w), _mm256_sub_epi64(shift, _mm256_set1_epi64x(4 * k)));
}

/* Zero where the mask is not set: by its sign for wide elements, by all bits for narrow ones. */
FD_INLINE __m256i select_16(__m256i v, __m256i m) { return _mm256_and_si256(v, m); }
FD_INLINE __m256i select_32(__m256i v, __m256i m)
{
    return _mm256_castps_si256(_mm256_blendv_ps(_mm256_setzero_ps(), _mm256_castsi256_ps(v), _mm256_castsi256_ps(m)));
}
FD_INLINE __m256i select_64(__m256i v, __m256i m)
{
    return _mm256_castpd_si256(_mm256_blendv_pd(_mm256_setzero_pd(), _mm256_castsi256_pd(v), _mm256_castsi256_pd(m)));
}

/* Shows the compiler a change in memory: it then loads masks with sign extension, one instruction a vector, in place
 * of cutting registers into pieces. */
#define FD_IN_MEMORY(b) __asm__("" : "+m"(*(uint8_t(*)[64])(b)))

#define FD_AVX2_TYPE(type, elem, per, bits_of_elem)                                                                   \
    FD_INLINE void keep_##type(keep_t keep, const elem *x, elem *y, scale_type_##type s)                              \
    {                                                                                                                 \
        uint8_t b[64];                                                                                                \
        l_store(b, keep);                                                                                             \
        FD_IN_MEMORY(b);                                                                                              \
        for (int k = 0; k < 64 / per; k++)                                                                            \
            _mm256_storeu_si256((__m256i *)(y + per * k),                                                             \
                                _mm256_and_si256(vec_##type(x + per * k, s), bytes_mask_##bits_of_elem(b, k)));       \
    }                                                                                                                 \
    FD_INLINE void bits_##type(const uint8_t *b, const elem *x, elem *y, scale_type_##type s)                         \
    {                                                                                                                 \
        for (int k = 0; k < 64 / per; k++)                                                                            \
            _mm256_storeu_si256((__m256i *)(y + per * k),                                                             \
                                select_##bits_of_elem(vec_##type(x + per * k, s), bits_mask_##bits_of_elem(b, k)));       \
    }                                                                                                                 \
    FD_INLINE void mul_##type(const elem *x, elem *y, scale_type_##type s)                                            \
    {                                                                                                                 \
        for (int k = 0; k < 64 / per; k++) _mm256_storeu_si256((__m256i *)(y + per * k), vec_##type(x + per * k, s)); \
    }
FD_AVX2_TYPE(f16, uint16_t, 16, 16)
FD_AVX2_TYPE(bf16, uint16_t, 16, 16)
FD_AVX2_TYPE(f32, uint32_t, 8, 32)
FD_AVX2_TYPE(f64, uint64_t, 4, 64)

#include "tpl_table.h"

FD_TARGET_END

#else
typedef int fd_avx2_is_not_built;
#endif
