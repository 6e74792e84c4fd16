/* noise_avx512.h: the primitives of continuous noise with AVX-512. Included by isa_avx512.c alone, after elem_avx512.h. */

enum { R_LANES_f32 = 16, R_LANES_f64 = 8, NOISE_SOME = 0 };
typedef __m512 r_f32;
typedef __m512d r_f64;
typedef __m512i b_f32, b_f64;

FD_INLINE r_f32 r_set_f32(float x) { return _mm512_set1_ps(x); }
FD_INLINE r_f32 r_add_f32(r_f32 a, r_f32 b) { return _mm512_add_ps(a, b); }
FD_INLINE r_f32 r_sub_f32(r_f32 a, r_f32 b) { return _mm512_sub_ps(a, b); }
FD_INLINE r_f32 r_mul_f32(r_f32 a, r_f32 b) { return _mm512_mul_ps(a, b); }
FD_INLINE r_f32 r_div_f32(r_f32 a, r_f32 b) { return _mm512_div_ps(a, b); }
FD_INLINE b_f32 r_bits_f32(r_f32 a) { return _mm512_castps_si512(a); }
FD_INLINE r_f32 r_from_f32(b_f32 a) { return _mm512_castsi512_ps(a); }
FD_INLINE b_f32 b_set_f32(uint32_t x) { return _mm512_set1_epi32((int)x); }
FD_INLINE b_f32 b_add_f32(b_f32 a, b_f32 b) { return _mm512_add_epi32(a, b); }
FD_INLINE b_f32 b_and_f32(b_f32 a, b_f32 b) { return _mm512_and_si512(a, b); }
FD_INLINE b_f32 b_or_f32(b_f32 a, b_f32 b) { return _mm512_or_si512(a, b); }
FD_INLINE b_f32 b_xor_f32(b_f32 a, b_f32 b) { return _mm512_xor_si512(a, b); }
#define b_shr_f32(a, n) _mm512_srli_epi32(a, n)
FD_INLINE r_f32 r_load_f32(const float *p) { return _mm512_loadu_ps(p); }
FD_INLINE void r_store_f32(float *p, r_f32 a) { _mm512_storeu_ps(p, a); }
FD_INLINE b_f32 b_words_f32(const uint32_t *p) { return _mm512_loadu_si512(p); }
FD_INLINE b_f32 b_signs_f32(b_f32 a) { return _mm512_srai_epi32(a, 31); }
FD_INLINE r_f32 r_signed_f32(b_f32 a) { return _mm512_cvtepi32_ps(a); }

FD_INLINE r_f64 r_set_f64(double x) { return _mm512_set1_pd(x); }
FD_INLINE r_f64 r_add_f64(r_f64 a, r_f64 b) { return _mm512_add_pd(a, b); }
FD_INLINE r_f64 r_sub_f64(r_f64 a, r_f64 b) { return _mm512_sub_pd(a, b); }
FD_INLINE r_f64 r_mul_f64(r_f64 a, r_f64 b) { return _mm512_mul_pd(a, b); }
FD_INLINE r_f64 r_div_f64(r_f64 a, r_f64 b) { return _mm512_div_pd(a, b); }
FD_INLINE b_f64 r_bits_f64(r_f64 a) { return _mm512_castpd_si512(a); }
FD_INLINE r_f64 r_from_f64(b_f64 a) { return _mm512_castsi512_pd(a); }
FD_INLINE b_f64 b_set_f64(uint64_t x) { return _mm512_set1_epi64((long long)x); }
FD_INLINE b_f64 b_add_f64(b_f64 a, b_f64 b) { return _mm512_add_epi64(a, b); }
FD_INLINE b_f64 b_and_f64(b_f64 a, b_f64 b) { return _mm512_and_si512(a, b); }
FD_INLINE b_f64 b_or_f64(b_f64 a, b_f64 b) { return _mm512_or_si512(a, b); }
#define b_shr_f64(a, n) _mm512_srli_epi64(a, n)
FD_INLINE r_f64 r_load_f64(const double *p) { return _mm512_loadu_pd(p); }
FD_INLINE void r_store_f64(double *p, r_f64 a) { _mm512_storeu_pd(p, a); }
FD_INLINE r_f64 r_centred_f64(const uint32_t *p)
{
    const __m256i words = _mm256_loadu_si256((const __m256i *)p);
    return _mm512_cvtepi32_pd(_mm256_xor_si256(words, _mm256_set1_epi32((int)0x80000000u)));
}

FD_INLINE r_f32 x_load_f32(const uint32_t *p) { return _mm512_loadu_ps((const float *)p); }
FD_INLINE void x_store_f32(uint32_t *p, r_f32 a) { _mm512_storeu_ps((float *)p, a); }
FD_INLINE r_f64 x_load_f64(const uint64_t *p) { return _mm512_loadu_pd((const double *)p); }
FD_INLINE void x_store_f64(uint64_t *p, r_f64 a) { _mm512_storeu_pd((double *)p, a); }
FD_INLINE r_f32 x_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
FD_INLINE void x_store_f16(uint16_t *p, r_f32 a)
{
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
FD_INLINE r_f32 x_load_bf16(const uint16_t *p)
{
    const __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
}
/* Rounds to nearest even by hand, as elem_avx512.h says. A NaN keeps its upper half and becomes quiet: rounding could carry
 * into its sign. */
FD_INLINE void x_store_bf16(uint16_t *p, r_f32 a)
{
    const __m512i u = _mm512_castps_si512(a), odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7FFF)), odd);
    const __m512i nan = _mm512_or_si512(u, _mm512_set1_epi32(0x400000));
    const __m512i r = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(a, a, _CMP_ORD_Q), nan, rounded);
    _mm256_storeu_si256((__m256i *)p, _mm512_maskz_cvtepi32_epi16(0xFFFF, _mm512_srli_epi32(r, 16)));
}
