/* math_avx512.h: what transcendental functions need besides the primitives of continuous noise, with AVX-512. Included by
 * isa_avx512.c alone, after noise_avx512.h. */

FD_INLINE r_f32 m_max_f32(r_f32 a, r_f32 b) { return _mm512_max_ps(a, b); }
FD_INLINE r_f32 m_min_f32(r_f32 a, r_f32 b) { return _mm512_min_ps(a, b); }
FD_INLINE b_f32 m_less_f32(r_f32 a, r_f32 b) { return _mm512_movm_epi32(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)); }
FD_INLINE r_f32 m_pick_f32(b_f32 m, r_f32 a, r_f32 b) { return _mm512_mask_blend_ps(_mm512_movepi32_mask(m), b, a); }
FD_INLINE b_f32 m_load_f32(const uint32_t *p) { return _mm512_loadu_si512(p); }
FD_INLINE b_f32 m_sub_f32(b_f32 a, b_f32 b) { return _mm512_sub_epi32(a, b); }
#define m_shl_f32(a, n) _mm512_slli_epi32(a, n)

FD_INLINE r_f64 m_max_f64(r_f64 a, r_f64 b) { return _mm512_max_pd(a, b); }
FD_INLINE r_f64 m_min_f64(r_f64 a, r_f64 b) { return _mm512_min_pd(a, b); }
FD_INLINE b_f64 m_less_f64(r_f64 a, r_f64 b) { return _mm512_movm_epi64(_mm512_cmp_pd_mask(a, b, _CMP_LT_OQ)); }
FD_INLINE r_f64 m_pick_f64(b_f64 m, r_f64 a, r_f64 b) { return _mm512_mask_blend_pd(_mm512_movepi64_mask(m), b, a); }
FD_INLINE b_f64 m_load_f64(const uint64_t *p) { return _mm512_loadu_si512(p); }
FD_INLINE b_f64 m_sub_f64(b_f64 a, b_f64 b) { return _mm512_sub_epi64(a, b); }
#define m_shl_f64(a, n) _mm512_slli_epi64(a, n)

FD_INLINE r_f64 m_lower(r_f32 a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
FD_INLINE r_f64 m_upper(r_f32 a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }
FD_INLINE r_f32 m_join(r_f64 lower, r_f64 upper)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(lower)), _mm512_cvtpd_ps(upper), 1);
}
