/* mix_neon.h: decisions in the lanes of a vector with Advanced SIMD: all bits of a lane. Included by isa_neon.c alone. */

typedef uint32x4_t k_type_f32;
typedef uint64x2_t k_type_f64;

FD_INLINE k_type_f32 k_word_f32(uint64_t w, int j)
{
    const uint32x4_t each = {1, 2, 4, 8};
    return vtstq_u32(vdupq_n_u32((uint32_t)(w >> j)), each);
}
FD_INLINE k_type_f32 k_le_f32(r_f32 a, r_f32 b) { return vcleq_f32(a, b); }
FD_INLINE r_f32 k_pick_f32(k_type_f32 k, r_f32 a, r_f32 b) { return vbslq_f32(k, a, b); }

FD_INLINE k_type_f64 k_word_f64(uint64_t w, int j)
{
    return vtstq_u64(vdupq_n_u64(w >> j), vcombine_u64(vcreate_u64(1), vcreate_u64(2)));
}
FD_INLINE k_type_f64 k_le_f64(r_f64 a, r_f64 b) { return vcleq_f64(a, b); }
FD_INLINE r_f64 k_pick_f64(k_type_f64 k, r_f64 a, r_f64 b) { return vbslq_f64(k, a, b); }
