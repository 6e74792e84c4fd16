/* noise_neon.h: the primitives of continuous noise with NEON. Included by isa_neon.c alone. */

enum { R_LANES_f32 = 4, R_LANES_f64 = 2, NOISE_SOME = 0 };
typedef float32x4_t r_f32;
typedef float64x2_t r_f64;
typedef uint32x4_t b_f32;
typedef uint64x2_t b_f64;

FD_INLINE r_f32 r_set_f32(float x) { return vdupq_n_f32(x); }
FD_INLINE r_f32 r_add_f32(r_f32 a, r_f32 b) { return vaddq_f32(a, b); }
FD_INLINE r_f32 r_sub_f32(r_f32 a, r_f32 b) { return vsubq_f32(a, b); }
FD_INLINE r_f32 r_mul_f32(r_f32 a, r_f32 b) { return vmulq_f32(a, b); }
FD_INLINE r_f32 r_div_f32(r_f32 a, r_f32 b) { return vdivq_f32(a, b); }
FD_INLINE b_f32 r_bits_f32(r_f32 a) { return vreinterpretq_u32_f32(a); }
FD_INLINE r_f32 r_from_f32(b_f32 a) { return vreinterpretq_f32_u32(a); }
FD_INLINE b_f32 b_set_f32(uint32_t x) { return vdupq_n_u32(x); }
FD_INLINE b_f32 b_add_f32(b_f32 a, b_f32 b) { return vaddq_u32(a, b); }
FD_INLINE b_f32 b_and_f32(b_f32 a, b_f32 b) { return vandq_u32(a, b); }
FD_INLINE b_f32 b_or_f32(b_f32 a, b_f32 b) { return vorrq_u32(a, b); }
FD_INLINE b_f32 b_xor_f32(b_f32 a, b_f32 b) { return veorq_u32(a, b); }
#define b_shr_f32(a, n) vshrq_n_u32(a, n)
FD_INLINE r_f32 r_load_f32(const float *p) { return vld1q_f32(p); }
FD_INLINE void r_store_f32(float *p, r_f32 a) { vst1q_f32(p, a); }
FD_INLINE b_f32 b_words_f32(const uint32_t *p) { return vld1q_u32(p); }
FD_INLINE b_f32 b_signs_f32(b_f32 a) { return vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_u32(a), 31)); }
FD_INLINE r_f32 r_signed_f32(b_f32 a) { return vcvtq_f32_s32(vreinterpretq_s32_u32(a)); }

FD_INLINE r_f64 r_set_f64(double x) { return vdupq_n_f64(x); }
FD_INLINE r_f64 r_add_f64(r_f64 a, r_f64 b) { return vaddq_f64(a, b); }
FD_INLINE r_f64 r_sub_f64(r_f64 a, r_f64 b) { return vsubq_f64(a, b); }
FD_INLINE r_f64 r_mul_f64(r_f64 a, r_f64 b) { return vmulq_f64(a, b); }
FD_INLINE r_f64 r_div_f64(r_f64 a, r_f64 b) { return vdivq_f64(a, b); }
FD_INLINE b_f64 r_bits_f64(r_f64 a) { return vreinterpretq_u64_f64(a); }
FD_INLINE r_f64 r_from_f64(b_f64 a) { return vreinterpretq_f64_u64(a); }
FD_INLINE b_f64 b_set_f64(uint64_t x) { return vdupq_n_u64(x); }
FD_INLINE b_f64 b_add_f64(b_f64 a, b_f64 b) { return vaddq_u64(a, b); }
FD_INLINE b_f64 b_and_f64(b_f64 a, b_f64 b) { return vandq_u64(a, b); }
FD_INLINE b_f64 b_or_f64(b_f64 a, b_f64 b) { return vorrq_u64(a, b); }
#define b_shr_f64(a, n) vshrq_n_u64(a, n)
FD_INLINE r_f64 r_load_f64(const double *p) { return vld1q_f64(p); }
FD_INLINE void r_store_f64(double *p, r_f64 a) { vst1q_f64(p, a); }
FD_INLINE r_f64 r_centred_f64(const uint32_t *p)
{
    return vcvtq_f64_s64(vmovl_s32(vreinterpret_s32_u32(veor_u32(vld1_u32(p), vdup_n_u32(0x80000000u)))));
}

FD_INLINE r_f32 x_load_f32(const uint32_t *p) { return vreinterpretq_f32_u32(vld1q_u32(p)); }
FD_INLINE void x_store_f32(uint32_t *p, r_f32 a) { vst1q_u32(p, vreinterpretq_u32_f32(a)); }
FD_INLINE r_f64 x_load_f64(const uint64_t *p) { return vreinterpretq_f64_u64(vld1q_u64(p)); }
FD_INLINE void x_store_f64(uint64_t *p, r_f64 a) { vst1q_u64(p, vreinterpretq_u64_f64(a)); }
FD_INLINE r_f32 x_load_f16(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
FD_INLINE void x_store_f16(uint16_t *p, r_f32 a) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(a))); }
FD_INLINE r_f32 x_load_bf16(const uint16_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
/* A NaN keeps its upper half and becomes quiet: rounding could carry into its sign. */
FD_INLINE void x_store_bf16(uint16_t *p, r_f32 a)
{
    const uint32x4_t u = vreinterpretq_u32_f32(a), top = vshrq_n_u32(u, 16), odd = vandq_u32(top, vdupq_n_u32(1));
    const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(vaddq_u32(u, vdupq_n_u32(0x7FFF)), odd), 16);
    vst1_u16(p, vmovn_u32(vbslq_u32(vceqq_f32(a, a), rounded, vorrq_u32(top, vdupq_n_u32(0x40)))));
}
