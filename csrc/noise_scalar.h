/* noise_scalar.h: the primitives of continuous noise in plain C: one lane, in loops that compilers vectorise. Included by
 * isa_scalar.c alone. */

enum { R_LANES_f32 = 1, R_LANES_f64 = 1, NOISE_SOME = 32 };
typedef float r_f32;
typedef double r_f64;
typedef uint32_t b_f32;
typedef uint64_t b_f64;

typedef uint16_t FD_ANYWHERE anywhere_u16;
typedef uint32_t FD_ANYWHERE anywhere_u32;
typedef uint64_t FD_ANYWHERE anywhere_u64;

FD_INLINE r_f32 r_set_f32(float x) { return x; }
FD_INLINE r_f32 r_add_f32(r_f32 a, r_f32 b) { return a + b; }
FD_INLINE r_f32 r_sub_f32(r_f32 a, r_f32 b) { return a - b; }
FD_INLINE r_f32 r_mul_f32(r_f32 a, r_f32 b) { return a * b; }
FD_INLINE r_f32 r_div_f32(r_f32 a, r_f32 b) { return a / b; }
FD_INLINE b_f32 r_bits_f32(r_f32 a) { return fd_as_bits(a); }
FD_INLINE r_f32 r_from_f32(b_f32 a) { return fd_as_float(a); }
FD_INLINE b_f32 b_set_f32(uint32_t x) { return x; }
FD_INLINE b_f32 b_add_f32(b_f32 a, b_f32 b) { return a + b; }
FD_INLINE b_f32 b_and_f32(b_f32 a, b_f32 b) { return a & b; }
FD_INLINE b_f32 b_or_f32(b_f32 a, b_f32 b) { return a | b; }
FD_INLINE b_f32 b_xor_f32(b_f32 a, b_f32 b) { return a ^ b; }
FD_INLINE b_f32 b_shr_f32(b_f32 a, int n) { return a >> n; }
FD_INLINE r_f32 r_load_f32(const float *p) { return *(const anywhere_f32 *)p; }
FD_INLINE void r_store_f32(float *p, r_f32 a) { *(anywhere_f32 *)p = a; }
FD_INLINE b_f32 b_words_f32(const uint32_t *p) { return *p; }
FD_INLINE b_f32 b_signs_f32(b_f32 a) { return 0u - (a >> 31); }
FD_INLINE r_f32 r_signed_f32(b_f32 a) { return (float)(int32_t)a; }

FD_INLINE r_f64 r_set_f64(double x) { return x; }
FD_INLINE r_f64 r_add_f64(r_f64 a, r_f64 b) { return a + b; }
FD_INLINE r_f64 r_sub_f64(r_f64 a, r_f64 b) { return a - b; }
FD_INLINE r_f64 r_mul_f64(r_f64 a, r_f64 b) { return a * b; }
FD_INLINE r_f64 r_div_f64(r_f64 a, r_f64 b) { return a / b; }
FD_INLINE b_f64 r_bits_f64(r_f64 a)
{
    b_f64 b;
    memcpy(&b, &a, sizeof b);
    return b;
}
FD_INLINE r_f64 r_from_f64(b_f64 a)
{
    r_f64 r;
    memcpy(&r, &a, sizeof r);
    return r;
}
FD_INLINE b_f64 b_set_f64(uint64_t x) { return x; }
FD_INLINE b_f64 b_add_f64(b_f64 a, b_f64 b) { return a + b; }
FD_INLINE b_f64 b_and_f64(b_f64 a, b_f64 b) { return a & b; }
FD_INLINE b_f64 b_or_f64(b_f64 a, b_f64 b) { return a | b; }
FD_INLINE b_f64 b_shr_f64(b_f64 a, int n) { return a >> n; }
FD_INLINE r_f64 r_load_f64(const double *p) { return *(const anywhere_f64 *)p; }
FD_INLINE void r_store_f64(double *p, r_f64 a) { *(anywhere_f64 *)p = a; }
FD_INLINE r_f64 r_centred_f64(const uint32_t *p) { return (double)(int32_t)(*p ^ 0x80000000u); }

FD_INLINE r_f32 x_load_f32(const uint32_t *p) { return fd_as_float(*(const anywhere_u32 *)p); }
FD_INLINE void x_store_f32(uint32_t *p, r_f32 a) { *(anywhere_u32 *)p = fd_as_bits(a); }
FD_INLINE r_f64 x_load_f64(const uint64_t *p) { return r_from_f64(*(const anywhere_u64 *)p); }
FD_INLINE void x_store_f64(uint64_t *p, r_f64 a) { *(anywhere_u64 *)p = r_bits_f64(a); }
FD_INLINE r_f32 x_load_f16(const uint16_t *p) { return fd_f16_to_float(*(const anywhere_u16 *)p); }
FD_INLINE void x_store_f16(uint16_t *p, r_f32 a) { *(anywhere_u16 *)p = fd_float_to_f16(a); }
FD_INLINE r_f32 x_load_bf16(const uint16_t *p) { return fd_bf16_to_float(*(const anywhere_u16 *)p); }
FD_INLINE void x_store_bf16(uint16_t *p, r_f32 a) { *(anywhere_u16 *)p = fd_float_to_bf16(a); }
