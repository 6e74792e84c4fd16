/* math_neon.h: what transcendental functions need besides the primitives of continuous noise, with NEON. Included by
 * isa_neon.c alone, after noise_neon.h. NEON's own minimum and maximum treat NaN otherwise than x86 does. */

FD_INLINE r_f32 m_max_f32(r_f32 a, r_f32 b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
FD_INLINE r_f32 m_min_f32(r_f32 a, r_f32 b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
FD_INLINE b_f32 m_less_f32(r_f32 a, r_f32 b) { return vcltq_f32(a, b); }
FD_INLINE r_f32 m_pick_f32(b_f32 m, r_f32 a, r_f32 b) { return vbslq_f32(m, a, b); }
FD_INLINE b_f32 m_load_f32(const uint32_t *p) { return vld1q_u32(p); }
FD_INLINE b_f32 m_sub_f32(b_f32 a, b_f32 b) { return vsubq_u32(a, b); }
#define m_shl_f32(a, n) vshlq_n_u32(a, n)

FD_INLINE r_f64 m_max_f64(r_f64 a, r_f64 b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
FD_INLINE r_f64 m_min_f64(r_f64 a, r_f64 b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
FD_INLINE b_f64 m_less_f64(r_f64 a, r_f64 b) { return vcltq_f64(a, b); }
FD_INLINE r_f64 m_pick_f64(b_f64 m, r_f64 a, r_f64 b) { return vbslq_f64(m, a, b); }
FD_INLINE b_f64 m_load_f64(const uint64_t *p) { return vld1q_u64(p); }
FD_INLINE b_f64 m_sub_f64(b_f64 a, b_f64 b) { return vsubq_u64(a, b); }
#define m_shl_f64(a, n) vshlq_n_u64(a, n)

FD_INLINE r_f64 m_lower(r_f32 a) { return vcvt_f64_f32(vget_low_f32(a)); }
FD_INLINE r_f64 m_upper(r_f32 a) { return vcvt_high_f64_f32(a); }
FD_INLINE r_f32 m_join(r_f64 lower, r_f64 upper) { return vcvt_high_f32_f64(vcvt_f32_f64(lower), upper); }
