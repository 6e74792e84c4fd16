/* math_scalar.h: what transcendental functions need besides the primitives of continuous noise, in plain C. Included by
 * isa_scalar.c alone, after noise_scalar.h. */

FD_INLINE r_f32 m_max_f32(r_f32 a, r_f32 b) { return a > b ? a : b; }
FD_INLINE r_f32 m_min_f32(r_f32 a, r_f32 b) { return a < b ? a : b; }
FD_INLINE b_f32 m_less_f32(r_f32 a, r_f32 b) { return 0u - (b_f32)(a < b); }
FD_INLINE r_f32 m_pick_f32(b_f32 m, r_f32 a, r_f32 b) { return r_from_f32((r_bits_f32(a) & m) | (r_bits_f32(b) & ~m)); }
FD_INLINE b_f32 m_load_f32(const uint32_t *p) { return *p; }
FD_INLINE b_f32 m_sub_f32(b_f32 a, b_f32 b) { return a - b; }
FD_INLINE b_f32 m_shl_f32(b_f32 a, int n) { return a << n; }

FD_INLINE r_f64 m_max_f64(r_f64 a, r_f64 b) { return a > b ? a : b; }
FD_INLINE r_f64 m_min_f64(r_f64 a, r_f64 b) { return a < b ? a : b; }
FD_INLINE b_f64 m_less_f64(r_f64 a, r_f64 b) { return UINT64_C(0) - (b_f64)(a < b); }
FD_INLINE r_f64 m_pick_f64(b_f64 m, r_f64 a, r_f64 b) { return r_from_f64((r_bits_f64(a) & m) | (r_bits_f64(b) & ~m)); }
FD_INLINE b_f64 m_load_f64(const uint64_t *p) { return *p; }
FD_INLINE b_f64 m_sub_f64(b_f64 a, b_f64 b) { return a - b; }
FD_INLINE b_f64 m_shl_f64(b_f64 a, int n) { return a << n; }

FD_INLINE r_f64 m_lower(r_f32 a) { return a; }
FD_INLINE r_f64 m_upper(r_f32 a) { return (void)a, 0.0; }
FD_INLINE r_f32 m_join(r_f64 lower, r_f64 upper) { return (void)upper, (float)lower; }
