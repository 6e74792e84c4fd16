/* math_avx2.h: what transcendental functions need besides the primitives of continuous noise, with AVX2. Included by
 * isa_avx2.c alone, after noise_avx2.h. */

FD_INLINE r_f32 m_max_f32(r_f32 a, r_f32 b) { return _mm256_max_ps(a, b); }
FD_INLINE r_f32 m_min_f32(r_f32 a, r_f32 b) { return _mm256_min_ps(a, b); }
FD_INLINE b_f32 m_less_f32(r_f32 a, r_f32 b) { return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
FD_INLINE r_f32 m_pick_f32(b_f32 m, r_f32 a, r_f32 b) { return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(m)); }
FD_INLINE b_f32 m_load_f32(const uint32_t *p) { return load(p); }
FD_INLINE b_f32 m_sub_f32(b_f32 a, b_f32 b) { return _mm256_sub_epi32(a, b); }
#define m_shl_f32(a, n) _mm256_slli_epi32(a, n)

FD_INLINE r_f64 m_max_f64(r_f64 a, r_f64 b) { return _mm256_max_pd(a, b); }
FD_INLINE r_f64 m_min_f64(r_f64 a, r_f64 b) { return _mm256_min_pd(a, b); }
FD_INLINE b_f64 m_less_f64(r_f64 a, r_f64 b) { return _mm256_castpd_si256(_mm256_cmp_pd(a, b, _CMP_LT_OQ)); }
FD_INLINE r_f64 m_pick_f64(b_f64 m, r_f64 a, r_f64 b) { return _mm256_blendv_pd(b, a, _mm256_castsi256_pd(m)); }
FD_INLINE b_f64 m_load_f64(const uint64_t *p) { return load(p); }
FD_INLINE b_f64 m_sub_f64(b_f64 a, b_f64 b) { return _mm256_sub_epi64(a, b); }
#define m_shl_f64(a, n) _mm256_slli_epi64(a, n)

FD_INLINE r_f64 m_lower(r_f32 a) { return _mm256_cvtps_pd(_mm256_castps256_ps128(a)); }
FD_INLINE r_f64 m_upper(r_f32 a) { return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)); }
FD_INLINE r_f32 m_join(r_f64 lower, r_f64 upper)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(lower)), _mm256_cvtpd_ps(upper), 1);
}
