/* elem_avx2.h: scaling and selecting 64 elements of each type with AVX2. Included by isa_avx2.c alone, which has the
 * masks (keep_t, in_order). */

/* The scale, and a zero that the compiler does not know: it would make two instructions of a blend with a known one. */
#if defined(FD_SOFT_X86)
#define FD_UNKNOWN(v)
#else
#define FD_UNKNOWN(v) __asm__("" : "+x"(v))
#endif
typedef struct scale_ps {
    __m256 by, zero;
} scale_ps;
typedef struct scale_pd {
    __m256d by, zero;
} scale_pd;
typedef scale_ps scale_type_f16, scale_type_bf16, scale_type_f32;
typedef scale_pd scale_type_f64;
FD_INLINE scale_ps scale_f32(double s)
{
    scale_ps scale = {_mm256_set1_ps((float)s), _mm256_setzero_ps()};
    FD_UNKNOWN(scale.zero);
    return scale;
}
FD_INLINE scale_ps scale_f16(double s) { return scale_f32(s); }
FD_INLINE scale_ps scale_bf16(double s) { return scale_f32(s == s ? s : (double)fd_as_float(0x7FC00000u)); }
FD_INLINE scale_pd scale_f64(double s)
{
    scale_pd scale = {_mm256_set1_pd(s), _mm256_setzero_pd()};
    FD_UNKNOWN(scale.zero);
    return scale;
}

FD_INLINE __m256i load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
FD_INLINE __m128i load_half(const void *p) { return _mm_loadu_si128((const __m128i *)p); }

FD_INLINE void put(void *y, __m256i v) { _mm256_storeu_si256((__m256i *)y, v); }

/* scaled_T: one vector, multiplied. */
FD_INLINE __m256i scaled_f32(const uint32_t *x, scale_ps s)
{
    return _mm256_castps_si256(_mm256_mul_ps(_mm256_loadu_ps((const float *)x), s.by));
}
FD_INLINE __m256i scaled_f64(const uint64_t *x, scale_pd s)
{
    return _mm256_castpd_si256(_mm256_mul_pd(_mm256_loadu_pd((const double *)x), s.by));
}
FD_INLINE __m256i scaled_f16(const uint16_t *x, scale_ps s)
{
    __m128i low = _mm256_cvtps_ph(_mm256_mul_ps(_mm256_cvtph_ps(load_half(x)), s.by), _MM_FROUND_TO_NEAREST_INT);
    __m128i high = _mm256_cvtps_ph(_mm256_mul_ps(_mm256_cvtph_ps(load_half(x + 8)), s.by), _MM_FROUND_TO_NEAREST_INT);
    return _mm256_set_m128i(high, low);
}

/* Rounds to nearest even in the upper half of each word. The low half of a NaN that was a bfloat16 is 0, so that it
 * stays one. */
FD_INLINE __m256i rounded_bf16(__m256 f)
{
    __m256i u = _mm256_castps_si256(f), odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    return _mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7FFF)), odd);
}
FD_INLINE __m256i scaled_bf16(const uint16_t *x, scale_ps s)
{
    const __m256i v = load(x), even = _mm256_slli_epi32(v, 16), odd = _mm256_and_si256(v, _mm256_set1_epi32(-65536));
    const __m256i low = rounded_bf16(_mm256_mul_ps(_mm256_castsi256_ps(even), s.by));
    const __m256i high = rounded_bf16(_mm256_mul_ps(_mm256_castsi256_ps(odd), s.by));
    return _mm256_blend_epi16(_mm256_srli_epi32(low, 16), high, 0xAA);
}

/* A dropped element is +0 whatever it was: where the sign of the mask is not set, or by all its bits in 16. */
FD_INLINE void select_32(uint32_t *y, __m256i v, __m256i m, scale_ps s)
{
    put(y, _mm256_castps_si256(_mm256_blendv_ps(s.zero, _mm256_castsi256_ps(v), _mm256_castsi256_ps(m))));
}
FD_INLINE void select_64(uint64_t *y, __m256i v, __m256i m, scale_pd s)
{
    put(y, _mm256_castpd_si256(_mm256_blendv_pd(s.zero, _mm256_castsi256_pd(v), _mm256_castsi256_pd(m))));
}

/* keep_T: 64 elements by bytes. The bytes of elements that share a lane come together in it, last on top, and shifts
 * bring one after the other to the sign. */
FD_INLINE __m256i transposed(__m256i bytes) /* 4 x 4 bytes in each half */
{
    return _mm256_shuffle_epi8(bytes, _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
                                                       0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
}
FD_INLINE void keep_f32(keep_t k, const uint32_t *x, uint32_t *y, scale_ps s)
{
    for (int i = 0; i < 2; i++, x += 32, y += 32) {
        const __m256i m = transposed(k.part[i]);
        for (int j = 0; j < 4; j++) select_32(y + 8 * j, scaled_f32(x + 8 * j, s), _mm256_slli_epi32(m, 24 - 8 * j), s);
    }
}
FD_INLINE void keep_f64(keep_t k, const uint64_t *x, uint64_t *y, scale_pd s)
{
    for (int i = 0; i < 2; i++, x += 32, y += 32) { /* bytes of the even vectors below those of the odd ones */
        const __m256i m = in_order(transposed(k.part[i]));
        for (int j = 0; j < 8; j++)
            select_64(y + 4 * j, scaled_f64(x + 4 * j, s), _mm256_slli_epi64(m, 56 - 8 * (4 * (j % 2) + j / 2)), s);
    }
}
#define FD_AVX2_KEEP_HALF(type)                                                                                    \
    FD_INLINE void keep_##type(keep_t k, const uint16_t *x, uint16_t *y, scale_ps s)                               \
    {                                                                                                              \
        for (int i = 0; i < 2; i++, x += 32, y += 32) {                                                            \
            const __m256i full = _mm256_cmpgt_epi8(_mm256_setzero_si256(), k.part[i]);                             \
            const __m256i m = _mm256_permutevar8x32_epi32(full, _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7));        \
            put(y, _mm256_and_si256(scaled_##type(x, s), _mm256_unpacklo_epi8(m, m)));                             \
            put(y + 16, _mm256_and_si256(scaled_##type(x + 16, s), _mm256_unpackhi_epi8(m, m)));                   \
        }                                                                                                          \
    }
FD_AVX2_KEEP_HALF(f16)
FD_AVX2_KEEP_HALF(bf16)

/* bits_T: 64 elements by packed bits, which are loaded before anything is stored: y might be bits, for all a compiler
 * knows. */
FD_INLINE void bits_f32(const uint8_t *bits, const uint32_t *x, uint32_t *y, scale_ps s)
{
    const __m256i shift = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    __m256i w[2];
    for (int i = 0; i < 2; i++) {
        int32_t word;
        memcpy(&word, bits + 4 * i, 4);
        w[i] = _mm256_set1_epi32(word);
    }
    for (int j = 0; j < 8; j++) {
        const __m256i m = _mm256_sllv_epi32(w[j / 4], _mm256_sub_epi32(shift, _mm256_set1_epi32(8 * (j % 4))));
        select_32(y + 8 * j, scaled_f32(x + 8 * j, s), m, s);
    }
}
FD_INLINE void bits_f64(const uint8_t *bits, const uint64_t *x, uint64_t *y, scale_pd s)
{
    const __m256i shift = _mm256_setr_epi64x(63, 62, 61, 60);
    long long word;
    memcpy(&word, bits, 8);
    const __m256i w = _mm256_set1_epi64x(word);
    for (int j = 0; j < 16; j++) {
        const __m256i m = _mm256_sllv_epi64(w, _mm256_sub_epi64(shift, _mm256_set1_epi64x(4 * j)));
        select_64(y + 4 * j, scaled_f64(x + 4 * j, s), m, s);
    }
}
/* Masks of the four vectors of a narrow type. */
FD_INLINE void bits_masks(const uint8_t *bits, __m256i m[4])
{
    const __m256i each = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
                                           (short)0x8000);
    for (int j = 0; j < 4; j++) {
        int16_t word;
        memcpy(&word, bits + 2 * j, 2);
        m[j] = _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16(word), each), each);
    }
}
#define FD_AVX2_BITS_HALF(type)                                                                                    \
    FD_INLINE void bits_##type(const uint8_t *bits, const uint16_t *x, uint16_t *y, scale_ps s)                    \
    {                                                                                                              \
        __m256i m[4];                                                                                              \
        bits_masks(bits, m);                                                                                       \
        for (int j = 0; j < 4; j++) put(y + 16 * j, _mm256_and_si256(scaled_##type(x + 16 * j, s), m[j]));         \
    }
FD_AVX2_BITS_HALF(f16)
FD_AVX2_BITS_HALF(bf16)

/* The scale is 2: the lowest exponent bit is added, but to subnormals and zeros themselves. Where anything is infinite,
 * NaN or becomes it, which is rare, the whole of half.h's fd_twice. */
typedef fd_half_format scale_type_f16_twice, scale_type_bf16_twice;
FD_INLINE __m256i twice_special(__m256i v, __m256i body, __m256i sum, fd_half_format f)
{
    const __m256i inf = _mm256_set1_epi16((short)f.inf);
    const __m256i quiet = _mm256_or_si256(body, _mm256_set1_epi16((short)(f.unit >> 1)));
    const __m256i nan = _mm256_and_si256(quiet, _mm256_cmpgt_epi16(body, inf));
    const __m256i sign = _mm256_xor_si256(v, body);
    return _mm256_or_si256(_mm256_or_si256(_mm256_min_epu16(sum, inf), nan), sign);
}
FD_INLINE void bits_twice(const uint8_t *bits, const uint16_t *x, uint16_t *y, fd_half_format f)
{
    const __m256i unit = _mm256_set1_epi16((short)f.unit), last = _mm256_set1_epi16((short)(f.inf - f.unit - 1));
    __m256i m[4], v[4], body[4], step[4], most = _mm256_setzero_si256();
    bits_masks(bits, m);
    for (int j = 0; j < 4; j++) {
        v[j] = load(x + 16 * j);
        body[j] = _mm256_and_si256(v[j], _mm256_set1_epi16(0x7FFF));
        step[j] = _mm256_min_epu16(body[j], unit);
        most = _mm256_max_epu16(most, body[j]);
    }
    if (_mm256_movemask_epi8(_mm256_cmpgt_epi16(most, last)))
        for (int j = 0; j < 4; j++) {
            const __m256i r = twice_special(v[j], body[j], _mm256_add_epi16(body[j], step[j]), f);
            put(y + 16 * j, _mm256_and_si256(r, m[j]));
        }
    else
        for (int j = 0; j < 4; j++) put(y + 16 * j, _mm256_and_si256(_mm256_add_epi16(v[j], step[j]), m[j]));
}
#define FD_AVX2_TWICE(type)                                                                                        \
    FD_INLINE fd_half_format scale_##type##_twice(double s)                                                        \
    {                                                                                                              \
        (void)s;                                                                                                   \
        return fd_format_##type;                                                                                   \
    }                                                                                                              \
    FD_INLINE void bits_##type##_twice(const uint8_t *bits, const uint16_t *x, uint16_t *y, fd_half_format f)      \
    {                                                                                                              \
        bits_twice(bits, x, y, f);                                                                                 \
    }
FD_AVX2_TWICE(f16)
FD_AVX2_TWICE(bf16)

/* mul_T: 64 elements, all kept. */
#define FD_AVX2_MUL(type, elem, per)                                                          \
    FD_INLINE void mul_##type(const elem *x, elem *y, scale_type_##type s)                    \
    {                                                                                         \
        for (int k = 0; k < 64; k += per) put(y + k, scaled_##type(x + k, s));                \
    }
FD_AVX2_MUL(f16, uint16_t, 16)
FD_AVX2_MUL(bf16, uint16_t, 16)
FD_AVX2_MUL(f32, uint32_t, 8)
FD_AVX2_MUL(f64, uint64_t, 4)
