/* connect_avx2.h: lines of 64 bytes for masked products with AVX2. Included by isa_avx2.c alone. */

typedef struct line_f32 {
    __m256 v[2];
} line_f32;
typedef struct line_f64 {
    __m256d v[2];
} line_f64;

FD_INLINE line_f32 line_load_f32(const float *p) { return (line_f32){{_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}}; }
FD_INLINE line_f64 line_load_f64(const double *p) { return (line_f64){{_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}}; }

/* Lanes of a half that are loaded where `n` of the whole line are: vmaskmov touches no byte of the others. */
FD_INLINE line_f32 line_load_part_f32(const float *p, unsigned n)
{
    const __m256i m = _mm256_set1_epi32((int)n), lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i low = _mm256_cmpgt_epi32(m, lane), high = _mm256_cmpgt_epi32(m, _mm256_add_epi32(lane, _mm256_set1_epi32(8)));
    return (line_f32){{_mm256_maskload_ps(p, low), _mm256_maskload_ps(p + 8, high)}};
}
FD_INLINE line_f64 line_load_part_f64(const double *p, unsigned n)
{
    const __m256i m = _mm256_set1_epi64x((long long)n), lane = _mm256_setr_epi64x(0, 1, 2, 3);
    const __m256i low = _mm256_cmpgt_epi64(m, lane), high = _mm256_cmpgt_epi64(m, _mm256_add_epi64(lane, _mm256_set1_epi64x(4)));
    return (line_f64){{_mm256_maskload_pd(p, low), _mm256_maskload_pd(p + 4, high)}};
}
FD_INLINE void line_store_f32(float *p, line_f32 a)
{
    for (int i = 0; i < 2; i++) _mm256_storeu_ps(p + 8 * i, a.v[i]);
}
FD_INLINE void line_store_f64(double *p, line_f64 a)
{
    for (int i = 0; i < 2; i++) _mm256_storeu_pd(p + 4 * i, a.v[i]);
}
FD_INLINE void line_store_part_f32(float *p, line_f32 a, unsigned n)
{
    float f[16];
    line_store_f32(f, a);
    memcpy(p, f, n * sizeof *p);
}
FD_INLINE void line_store_part_f64(double *p, line_f64 a, unsigned n)
{
    double f[8];
    line_store_f64(f, a);
    memcpy(p, f, n * sizeof *p);
}
FD_INLINE line_f32 line_set_f32(float f) { return (line_f32){{_mm256_set1_ps(f), _mm256_set1_ps(f)}}; }
FD_INLINE line_f64 line_set_f64(double f) { return (line_f64){{_mm256_set1_pd(f), _mm256_set1_pd(f)}}; }

/* 64 decisions; shifts bring those of a register to the signs of its lanes. */
typedef struct keep_f32_t {
    __m256i half[2];
} keep_f32_t;
typedef __m256i keep_f64_t;
FD_INLINE keep_f32_t line_keep_f32(uint64_t w)
{
    return (keep_f32_t){{_mm256_set1_epi32((int)(uint32_t)w), _mm256_set1_epi32((int)(uint32_t)(w >> 32))}};
}
FD_INLINE keep_f64_t line_keep_f64(uint64_t w) { return _mm256_set1_epi64x((long long)w); }

FD_INLINE line_f32 line_add_kept_f32(line_f32 sum, keep_f32_t keep, int k, line_f32 a, line_f32 b)
{
    const __m256i shift = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    for (int i = 0; i < 2; i++) {
        const __m256i by = _mm256_sub_epi32(shift, _mm256_set1_epi32(8 * (2 * (k % 2) + i)));
        const __m256 m = _mm256_castsi256_ps(_mm256_sllv_epi32(keep.half[k / 2], by));
        const __m256 product = _mm256_mul_ps(a.v[i], b.v[i]);
        sum.v[i] = _mm256_add_ps(sum.v[i], _mm256_blendv_ps(_mm256_setzero_ps(), product, m));
    }
    return sum;
}
FD_INLINE line_f64 line_add_kept_f64(line_f64 sum, keep_f64_t keep, int k, line_f64 a, line_f64 b)
{
    const __m256i shift = _mm256_setr_epi64x(63, 62, 61, 60);
    for (int i = 0; i < 2; i++) {
        const __m256i by = _mm256_sub_epi64(shift, _mm256_set1_epi64x(4 * (2 * k + i)));
        const __m256d m = _mm256_castsi256_pd(_mm256_sllv_epi64(keep, by));
        const __m256d product = _mm256_mul_pd(a.v[i], b.v[i]);
        sum.v[i] = _mm256_add_pd(sum.v[i], _mm256_blendv_pd(_mm256_setzero_pd(), product, m));
    }
    return sum;
}
