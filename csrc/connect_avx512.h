/* connect_avx512.h: lines of 64 bytes for masked products with AVX-512. Included by isa_avx512.c alone. */

typedef __m512 line_f32;
typedef __m512d line_f64;
typedef uint64_t keep_f32_t, keep_f64_t;

FD_INLINE line_f32 line_load_f32(const float *p) { return _mm512_loadu_ps(p); }
FD_INLINE line_f64 line_load_f64(const double *p) { return _mm512_loadu_pd(p); }
FD_INLINE line_f32 line_load_part_f32(const float *p, unsigned n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
FD_INLINE line_f64 line_load_part_f64(const double *p, unsigned n)
{
    return _mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}
FD_INLINE void line_store_f32(float *p, line_f32 a) { _mm512_storeu_ps(p, a); }
FD_INLINE void line_store_f64(double *p, line_f64 a) { _mm512_storeu_pd(p, a); }
FD_INLINE void line_store_part_f32(float *p, line_f32 a, unsigned n)
{
    float f[16];
    _mm512_storeu_ps(f, a);
    memcpy(p, f, n * sizeof *p);
}
FD_INLINE void line_store_part_f64(double *p, line_f64 a, unsigned n)
{
    double f[8];
    _mm512_storeu_pd(f, a);
    memcpy(p, f, n * sizeof *p);
}
FD_INLINE line_f32 line_set_f32(float f) { return _mm512_set1_ps(f); }
FD_INLINE line_f64 line_set_f64(double f) { return _mm512_set1_pd(f); }
FD_INLINE keep_f32_t line_keep_f32(uint64_t w) { return w; }
FD_INLINE keep_f64_t line_keep_f64(uint64_t w) { return w; }
FD_INLINE line_f32 line_add_kept_f32(line_f32 sum, uint64_t keep, int k, line_f32 a, line_f32 b)
{
    return _mm512_mask_add_ps(sum, (__mmask16)(keep >> 16 * k), sum, _mm512_mul_ps(a, b));
}
FD_INLINE line_f64 line_add_kept_f64(line_f64 sum, uint64_t keep, int k, line_f64 a, line_f64 b)
{
    return _mm512_mask_add_pd(sum, (__mmask8)(keep >> 8 * k), sum, _mm512_mul_pd(a, b));
}
