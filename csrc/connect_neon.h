/* connect_neon.h: lines of 64 bytes for masked products with Advanced SIMD. Included by isa_neon.c alone. */

typedef float32x4x4_t line_f32;
typedef float64x2x4_t line_f64;
typedef uint64_t keep_f32_t;
typedef uint64x2_t keep_f64_t;

FD_INLINE line_f32 line_load_f32(const float *p)
{
    return (line_f32){{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}
FD_INLINE line_f64 line_load_f64(const double *p)
{
    return (line_f64){{vld1q_f64(p), vld1q_f64(p + 2), vld1q_f64(p + 4), vld1q_f64(p + 6)}};
}
FD_INLINE void line_store_f32(float *p, line_f32 a)
{
    for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, a.val[i]);
}
FD_INLINE void line_store_f64(double *p, line_f64 a)
{
    for (int i = 0; i < 4; i++) vst1q_f64(p + 2 * i, a.val[i]);
}
#define FD_NEON_PARTS(type, real)                                                          \
    FD_INLINE line_##type line_load_part_##type(const real *p, unsigned n)                 \
    {                                                                                      \
        real f[64 / sizeof(real)] = {0};                                                   \
        memcpy(f, p, n * sizeof *p);                                                       \
        return line_load_##type(f);                                                        \
    }                                                                                      \
    FD_INLINE void line_store_part_##type(real *p, line_##type a, unsigned n)              \
    {                                                                                      \
        real f[64 / sizeof(real)];                                                         \
        line_store_##type(f, a);                                                           \
        memcpy(p, f, n * sizeof *p);                                                       \
    }                                                                                      \
    FD_INLINE line_##type line_set_##type(real s)                                          \
    {                                                                                      \
        line_##type a;                                                                     \
        for (int i = 0; i < 4; i++) a.val[i] = vdupq_n_##type(s);                          \
        return a;                                                                          \
    }
FD_NEON_PARTS(f32, float)
FD_NEON_PARTS(f64, double)

FD_INLINE keep_f32_t line_keep_f32(uint64_t w) { return w; }
FD_INLINE keep_f64_t line_keep_f64(uint64_t w) { return vdupq_n_u64(w); }

FD_INLINE line_f32 line_add_kept_f32(line_f32 sum, uint64_t keep, int k, line_f32 a, line_f32 b)
{
    const uint32x4_t each[4] = {{1, 2, 4, 8}, {16, 32, 64, 128}, {256, 512, 1024, 2048}, {4096, 8192, 16384, 32768}};
    const uint32x4_t word = vdupq_n_u32((uint32_t)(keep >> 16 * k));
    for (int i = 0; i < 4; i++) {
        const uint32x4_t m = vtstq_u32(word, each[i]), p = vreinterpretq_u32_f32(vmulq_f32(a.val[i], b.val[i]));
        sum.val[i] = vaddq_f32(sum.val[i], vreinterpretq_f32_u32(vandq_u32(p, m)));
    }
    return sum;
}
FD_INLINE line_f64 line_add_kept_f64(line_f64 sum, uint64x2_t keep, int k, line_f64 a, line_f64 b)
{
    for (int i = 0; i < 4; i++) {
        const uint64_t first = UINT64_C(1) << (8 * k + 2 * i);
        const uint64x2_t m = vtstq_u64(keep, vcombine_u64(vcreate_u64(first), vcreate_u64(first << 1)));
        const uint64x2_t p = vreinterpretq_u64_f64(vmulq_f64(a.val[i], b.val[i]));
        sum.val[i] = vaddq_f64(sum.val[i], vreinterpretq_f64_u64(vandq_u64(p, m)));
    }
    return sum;
}
