/* noise_avx2.h: the primitives of continuous noise with AVX2. Included by isa_avx2.c alone, after elem_avx2.h. */

enum { R_LANES_f32 = 8, R_LANES_f64 = 4, NOISE_SOME = 0 };
typedef __m256 r_f32;
typedef __m256d r_f64;
typedef __m256i b_f32, b_f64;

FD_INLINE r_f32 r_set_f32(float x) { return _mm256_set1_ps(x); }
FD_INLINE r_f32 r_add_f32(r_f32 a, r_f32 b) { return _mm256_add_ps(a, b); }
FD_INLINE r_f32 r_sub_f32(r_f32 a, r_f32 b) { return _mm256_sub_ps(a, b); }
FD_INLINE r_f32 r_mul_f32(r_f32 a, r_f32 b) { return _mm256_mul_ps(a, b); }
FD_INLINE r_f32 r_div_f32(r_f32 a, r_f32 b) { return _mm256_div_ps(a, b); }
FD_INLINE b_f32 r_bits_f32(r_f32 a) { return _mm256_castps_si256(a); }
FD_INLINE r_f32 r_from_f32(b_f32 a) { return _mm256_castsi256_ps(a); }
FD_INLINE b_f32 b_set_f32(uint32_t x) { return _mm256_set1_epi32((int)x); }
FD_INLINE b_f32 b_add_f32(b_f32 a, b_f32 b) { return _mm256_add_epi32(a, b); }
FD_INLINE b_f32 b_and_f32(b_f32 a, b_f32 b) { return _mm256_and_si256(a, b); }
FD_INLINE b_f32 b_or_f32(b_f32 a, b_f32 b) { return _mm256_or_si256(a, b); }
FD_INLINE b_f32 b_xor_f32(b_f32 a, b_f32 b) { return _mm256_xor_si256(a, b); }
#define b_shr_f32(a, n) _mm256_srli_epi32(a, n)
FD_INLINE r_f32 r_load_f32(const float *p) { return _mm256_loadu_ps(p); }
FD_INLINE void r_store_f32(float *p, r_f32 a) { _mm256_storeu_ps(p, a); }
FD_INLINE b_f32 b_words_f32(const uint32_t *p) { return load(p); }
FD_INLINE b_f32 b_signs_f32(b_f32 a) { return _mm256_srai_epi32(a, 31); }
FD_INLINE r_f32 r_signed_f32(b_f32 a) { return _mm256_cvtepi32_ps(a); }

FD_INLINE r_f64 r_set_f64(double x) { return _mm256_set1_pd(x); }
FD_INLINE r_f64 r_add_f64(r_f64 a, r_f64 b) { return _mm256_add_pd(a, b); }
FD_INLINE r_f64 r_sub_f64(r_f64 a, r_f64 b) { return _mm256_sub_pd(a, b); }
FD_INLINE r_f64 r_mul_f64(r_f64 a, r_f64 b) { return _mm256_mul_pd(a, b); }
FD_INLINE r_f64 r_div_f64(r_f64 a, r_f64 b) { return _mm256_div_pd(a, b); }
FD_INLINE b_f64 r_bits_f64(r_f64 a) { return _mm256_castpd_si256(a); }
FD_INLINE r_f64 r_from_f64(b_f64 a) { return _mm256_castsi256_pd(a); }
FD_INLINE b_f64 b_set_f64(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
FD_INLINE b_f64 b_add_f64(b_f64 a, b_f64 b) { return _mm256_add_epi64(a, b); }
FD_INLINE b_f64 b_and_f64(b_f64 a, b_f64 b) { return _mm256_and_si256(a, b); }
FD_INLINE b_f64 b_or_f64(b_f64 a, b_f64 b) { return _mm256_or_si256(a, b); }
#define b_shr_f64(a, n) _mm256_srli_epi64(a, n)
FD_INLINE r_f64 r_load_f64(const double *p) { return _mm256_loadu_pd(p); }
FD_INLINE void r_store_f64(double *p, r_f64 a) { _mm256_storeu_pd(p, a); }
FD_INLINE r_f64 r_centred_f64(const uint32_t *p)
{
    return _mm256_cvtepi32_pd(_mm_xor_si128(load_half(p), _mm_set1_epi32((int)0x80000000u)));
}

FD_INLINE r_f32 x_load_f32(const uint32_t *p) { return _mm256_loadu_ps((const float *)p); }
FD_INLINE void x_store_f32(uint32_t *p, r_f32 a) { _mm256_storeu_ps((float *)p, a); }
FD_INLINE r_f64 x_load_f64(const uint64_t *p) { return _mm256_loadu_pd((const double *)p); }
FD_INLINE void x_store_f64(uint64_t *p, r_f64 a) { _mm256_storeu_pd((double *)p, a); }
FD_INLINE r_f32 x_load_f16(const uint16_t *p) { return _mm256_cvtph_ps(load_half(p)); }
FD_INLINE void x_store_f16(uint16_t *p, r_f32 a)
{
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
FD_INLINE r_f32 x_load_bf16(const uint16_t *p)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_half(p)), 16));
}
/* A NaN keeps its upper half and becomes quiet: rounding could carry into its sign. */
FD_INLINE void x_store_bf16(uint16_t *p, r_f32 a)
{
    const __m256i top = _mm256_srli_epi32(_mm256_castps_si256(a), 16), rounded = _mm256_srli_epi32(rounded_bf16(a), 16);
    const __m256i nan = _mm256_or_si256(top, _mm256_set1_epi32(0x40));
    const __m256i number = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_ORD_Q));
    const __m256i r = _mm256_blendv_epi8(nan, rounded, number);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(r, r), 0x08);
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(packed));
}
