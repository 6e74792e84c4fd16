/* mix_avx512.h: decisions in the lanes of a vector with AVX-512: a mask register. Included by isa_avx512.c alone. */

typedef __mmask16 k_type_f32;
typedef __mmask8 k_type_f64;

FD_INLINE k_type_f32 k_word_f32(uint64_t w, int j) { return (__mmask16)(w >> j); }
FD_INLINE k_type_f32 k_le_f32(r_f32 a, r_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
FD_INLINE r_f32 k_pick_f32(k_type_f32 k, r_f32 a, r_f32 b) { return _mm512_mask_blend_ps(k, b, a); }

FD_INLINE k_type_f64 k_word_f64(uint64_t w, int j) { return (__mmask8)(w >> j); }
FD_INLINE k_type_f64 k_le_f64(r_f64 a, r_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
FD_INLINE r_f64 k_pick_f64(k_type_f64 k, r_f64 a, r_f64 b) { return _mm512_mask_blend_pd(k, b, a); }
