/* isa_avx2.c: AVX2 with F16C and BMI. */
#include "kernels.h"

#if FD_BUILT_AVX2

#include FD_X86_INTRINSICS
#include <string.h>

#include "bits.h"
#include "philox.h"

FD_TARGET_BEGIN("avx2,f16c,bmi")

#define FD_ISA avx2

typedef struct lanes {
    __m256i a, b; /* lanes 0..7 and 8..15 */
} lanes;

#define FD_LANES(name, f) \
    FD_INLINE lanes name(lanes x, lanes y) { return (lanes){f(x.a, y.a), f(x.b, y.b)}; }
FD_LANES(l_add, _mm256_add_epi32)
FD_LANES(l_xor, _mm256_xor_si256)

#define l_shl(x, n) ((lanes){_mm256_slli_epi32((x).a, n), _mm256_slli_epi32((x).b, n)})

FD_INLINE __m256i rotl_by(__m256i x, int n)
{
    return _mm256_or_si256(_mm256_slli_epi32(x, n), _mm256_srli_epi32(x, 32 - n));
}
FD_INLINE lanes l_rotl(lanes x, int n) { return (lanes){rotl_by(x.a, n), rotl_by(x.b, n)}; }

FD_INLINE void l_store(uint8_t *p, lanes x)
{
    _mm256_storeu_si256((__m256i *)p, x.a);
    _mm256_storeu_si256((__m256i *)(p + 32), x.b);
}
FD_INLINE void l_store_words(uint32_t *p, lanes x) { l_store((uint8_t *)p, x); }

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
FD_INLINE __m256i merge_halves(wide even, wide odd)
{
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}
FD_INLINE lanes l_merge(const wide *g) { return (lanes){merge_halves(g[0], g[1]), merge_halves(g[2], g[3])}; }

typedef lanes keep_t; /* bytes, 0xFF where kept */

FD_INLINE keep_t bytes_keep(lanes f, uint8_t hi)
{
    const __m256i h = _mm256_set1_epi8((char)hi);
    return (keep_t){_mm256_cmpeq_epi8(_mm256_max_epu8(f.a, h), f.a), _mm256_cmpeq_epi8(_mm256_max_epu8(f.b, h), f.b)};
}
FD_INLINE uint64_t keep_bits(keep_t k)
{
    return (uint32_t)_mm256_movemask_epi8(k.a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(k.b) << 32;
}
FD_INLINE uint64_t bytes_ties(lanes f, uint8_t hi)
{
    const __m256i h = _mm256_set1_epi8((char)hi);
    return keep_bits((keep_t){_mm256_cmpeq_epi8(f.a, h), _mm256_cmpeq_epi8(f.b, h)});
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
FD_INLINE __m256i bits_mask_32(const uint8_t *b, int k) /* bit to the sign, sign over the word */
{
    const __m256i shift = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    int32_t w;
    memcpy(&w, b + 4 * (k / 4), 4);
    __m256i by = _mm256_sub_epi32(shift, _mm256_set1_epi32(8 * (k % 4)));
    return _mm256_srai_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(w), by), 31);
}
FD_INLINE __m256i bits_mask_64(const uint8_t *b, int k)
{
    const __m256i each = _mm256_slli_epi64(_mm256_setr_epi64x(1, 2, 4, 8), 4 * (k % 2));
    __m256i w = _mm256_set1_epi64x((long long)b[k / 2]);
    return _mm256_cmpeq_epi64(_mm256_and_si256(w, each), each);
}

#define FD_AVX2_TYPE(type, elem, per, bits_of_elem)                                                                   \
    FD_INLINE void keep_##type(keep_t keep, const elem *x, elem *y, scale_type_##type s)                              \
    {                                                                                                                 \
        uint8_t b[64];                                                                                                \
        l_store(b, keep);                                                                                             \
        for (int k = 0; k < 64 / per; k++)                                                                            \
            _mm256_storeu_si256((__m256i *)(y + per * k),                                                             \
                                _mm256_and_si256(vec_##type(x + per * k, s), bytes_mask_##bits_of_elem(b, k)));       \
    }                                                                                                                 \
    FD_INLINE void bits_##type(const uint8_t *b, const elem *x, elem *y, scale_type_##type s)                         \
    {                                                                                                                 \
        for (int k = 0; k < 64 / per; k++)                                                                            \
            _mm256_storeu_si256((__m256i *)(y + per * k),                                                             \
                                _mm256_and_si256(vec_##type(x + per * k, s), bits_mask_##bits_of_elem(b, k)));        \
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
