/* mix_avx2.h: decisions in the lanes of a vector with AVX2: the sign of a lane says it. Included by isa_avx2.c alone. */

typedef __m256 k_type_f32;
typedef __m256d k_type_f64;

FD_INLINE k_type_f32 k_word_f32(uint64_t w, int j)
{
    const __m256i shift = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    const __m256i half = _mm256_set1_epi32((int)(uint32_t)(w >> 32 * (j / 32)));
    return _mm256_castsi256_ps(_mm256_sllv_epi32(half, _mm256_sub_epi32(shift, _mm256_set1_epi32(j % 32))));
}
FD_INLINE k_type_f32 k_le_f32(r_f32 a, r_f32 b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
FD_INLINE r_f32 k_pick_f32(k_type_f32 k, r_f32 a, r_f32 b) { return _mm256_blendv_ps(b, a, k); }

FD_INLINE k_type_f64 k_word_f64(uint64_t w, int j)
{
    const __m256i shift = _mm256_setr_epi64x(63, 62, 61, 60);
    const __m256i all = _mm256_set1_epi64x((long long)w);
    return _mm256_castsi256_pd(_mm256_sllv_epi64(all, _mm256_sub_epi64(shift, _mm256_set1_epi64x(j))));
}
FD_INLINE k_type_f64 k_le_f64(r_f64 a, r_f64 b) { return _mm256_cmp_pd(a, b, _CMP_LE_OQ); }
FD_INLINE r_f64 k_pick_f64(k_type_f64 k, r_f64 a, r_f64 b) { return _mm256_blendv_pd(b, a, k); }
