/* mix_scalar.h: a decision in plain C: all bits of a number, so that loops vectorise. Included by isa_scalar.c alone. */

typedef uint32_t k_type_f32;
typedef uint64_t k_type_f64;

FD_INLINE k_type_f32 k_word_f32(uint64_t w, int j) { return (uint32_t)w & 1u << j ? ~0u : 0u; }
FD_INLINE k_type_f32 k_le_f32(r_f32 a, r_f32 b) { return a <= b ? ~0u : 0u; }
FD_INLINE r_f32 k_pick_f32(k_type_f32 k, r_f32 a, r_f32 b)
{
    return r_from_f32((r_bits_f32(a) & k) | (r_bits_f32(b) & ~k));
}

FD_INLINE k_type_f64 k_word_f64(uint64_t w, int j) { return w & UINT64_C(1) << j ? ~UINT64_C(0) : 0; }
FD_INLINE k_type_f64 k_le_f64(r_f64 a, r_f64 b) { return a <= b ? ~UINT64_C(0) : 0; }
FD_INLINE r_f64 k_pick_f64(k_type_f64 k, r_f64 a, r_f64 b)
{
    return r_from_f64((r_bits_f64(a) & k) | (r_bits_f64(b) & ~k));
}
