/* elem_avx512.h: scaling and selecting 64 elements of each type with AVX-512: the mask register does the select. Included
 * by isa_avx512.c alone. */

typedef __m512 scale_type_f16, scale_type_bf16, scale_type_f32;
typedef __m512d scale_type_f64;
FD_INLINE __m512 scale_f16(double s) { return _mm512_set1_ps((float)s); }
FD_INLINE __m512 scale_bf16(double s) { return _mm512_set1_ps(s == s ? (float)s : fd_as_float(0x7FC00000u)); }
FD_INLINE __m512 scale_f32(double s) { return _mm512_set1_ps((float)s); }
FD_INLINE __m512d scale_f64(double s) { return _mm512_set1_pd(s); }

/* put_T: PER_T kept ones, zeros elsewhere. */
enum { PER_f16 = 16, PER_bf16 = 32, PER_f32 = 16, PER_f64 = 8 };
FD_INLINE void put_f32(uint64_t k, const uint32_t *x, uint32_t *y, __m512 s)
{
    _mm512_storeu_ps((float *)y, _mm512_maskz_mul_ps((__mmask16)k, _mm512_loadu_ps((const float *)x), s));
}
FD_INLINE void put_f64(uint64_t k, const uint64_t *x, uint64_t *y, __m512d s)
{
    _mm512_storeu_pd((double *)y, _mm512_maskz_mul_pd((__mmask8)k, _mm512_loadu_pd((const double *)x), s));
}
FD_INLINE void put_f16(uint64_t k, const uint16_t *x, uint16_t *y, __m512 s)
{
    __m512 f = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)x));
    __m256i h = _mm512_maskz_cvtps_ph((__mmask16)k, _mm512_mul_ps(f, s), _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_si256((__m256i *)y, h);
}
/* The same, the select in the product: better where no decisions are made meanwhile. */
FD_INLINE void put_early_f16(uint64_t k, const uint16_t *x, uint16_t *y, __m512 s)
{
    __m512 f = _mm512_maskz_mul_ps((__mmask16)k, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)x)), s);
    _mm256_storeu_si256((__m256i *)y, _mm512_cvtps_ph(f, _MM_FROUND_TO_NEAREST_INT));
}
/* Words 0 of a and of b, words 2 of a and of b, ... for a permutation of two registers. */
FD_INLINE __m512i words_in_turn(void)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_or_si512(even, _mm512_slli_epi32(_mm512_add_epi32(even, _mm512_set1_epi32(32)), 16));
}
/* Rounds to nearest even by hand: vcvtneps2bf16 flushes subnormals. Upper and lower halves of 32 products are brought
 * together first, so that one vector is rounded and not two: up where the lower half, with the upper one's lowest bit
 * or-ed in, is more than a half. The lower half of a NaN that was a bfloat16 is 0, so that it stays one. */
FD_INLINE void put_bf16(uint64_t k, const uint16_t *x, uint16_t *y, __m512 s)
{
    const __m512i one = _mm512_set1_epi16(1), words = words_in_turn();
    const __m512i v = _mm512_loadu_si512(x), even = _mm512_slli_epi32(v, 16);
    const __m512i odd = _mm512_and_si512(v, _mm512_set1_epi32(-65536));
    const __m512i a = _mm512_castps_si512(_mm512_mul_ps(_mm512_castsi512_ps(even), s));
    const __m512i b = _mm512_castps_si512(_mm512_mul_ps(_mm512_castsi512_ps(odd), s));
    const __m512i high = _mm512_permutex2var_epi16(a, _mm512_add_epi16(words, one), b);
    const __m512i low = _mm512_permutex2var_epi16(a, words, b);
    const __m512i t = _mm512_ternarylogic_epi32(low, high, one, 0xF8); /* low | (high & 1) */
    const __m512i up = _mm512_min_epu16(_mm512_subs_epu16(t, _mm512_set1_epi16(-32768)), one);
    _mm512_storeu_si512(y, _mm512_maskz_add_epi16((__mmask32)k, high, up));
}

/* MASK_T: PER_T bits of memory, from bit k of b, w being 64 of them. A mask that is loaded, rather than moved from a general
 * register, leaves the ports that conversions need to them (3 to 6 % of a stored mask applied). */
#if defined(FD_SOFT_X86)
#define FD_LOAD_MASK(name, type, load) FD_INLINE uint64_t name(const uint8_t *b) { type k; memcpy(&k, b, sizeof k); return k; }
#else
#define FD_LOAD_MASK(name, type, load)                                                                               \
    FD_INLINE uint64_t name(const uint8_t *b)                                                                        \
    {                                                                                                                \
        type k;                                                                                                      \
        __asm__(load " %1, %0" : "=k"(k) : "m"(*(const uint8_t(*)[sizeof(type)])b));                                 \
        return k;                                                                                                    \
    }
#endif
FD_LOAD_MASK(load_mask16, __mmask16, "kmovw")
FD_LOAD_MASK(load_mask32, __mmask32, "kmovd")
#define MASK_f16(b, w, k) load_mask16((b) + (k) / 8)
#define MASK_bf16(b, w, k) load_mask32((b) + (k) / 8)
#define MASK_f32(b, w, k) ((w) >> (k))
#define MASK_f64(b, w, k) ((w) >> (k))

/* keep_T: 64 elements by the decisions of a step; bits_T: by packed bits; mul_T: all kept. */
#define FD_AVX512_TYPE(type, elem)                                                                                   \
    FD_INLINE void keep_##type(keep_t keep, const elem *x, elem *y, scale_type_##type s)                             \
    {                                                                                                                \
        uint64_t w = (uint64_t)keep;                                                                                 \
        for (int k = 0; k < 64; k += PER_##type) put_##type(w >> k, x + k, y + k, s);                                \
    }                                                                                                                \
    FD_INLINE void bits_##type(const uint8_t *b, const elem *x, elem *y, scale_type_##type s)                        \
    {                                                                                                                \
        const uint64_t w FD_UNUSED = fd_load64(b);                                                                   \
        for (int k = 0; k < 64; k += PER_##type) BITS_##type(MASK_##type(b, w, k), x + k, y + k, s);                 \
    }                                                                                                                \
    FD_INLINE void mul_##type(const elem *x, elem *y, scale_type_##type s)                                           \
    {                                                                                                                \
        for (int k = 0; k < 64; k += PER_##type) put_##type(~UINT64_C(0), x + k, y + k, s);                          \
    }
#define BITS_f16 put_early_f16
#define BITS_bf16 put_bf16
#define BITS_f32 put_f32
#define BITS_f64 put_f64
FD_AVX512_TYPE(f16, uint16_t)
FD_AVX512_TYPE(bf16, uint16_t)
FD_AVX512_TYPE(f32, uint32_t)
FD_AVX512_TYPE(f64, uint64_t)

/* The scale is 2: the lowest exponent bit is added, but to subnormals and zeros themselves. Where anything is infinite,
 * NaN or becomes it, which is rare, the whole of half.h's fd_twice. */
typedef fd_half_format scale_type_f16_twice, scale_type_bf16_twice;
FD_INLINE void bits_twice(const uint8_t *bits, const uint16_t *x, uint16_t *y, fd_half_format f)
{
    const __m512i unit = _mm512_set1_epi16((short)f.unit), inf = _mm512_set1_epi16((short)f.inf);
    const __m512i last = _mm512_set1_epi16((short)(f.inf - f.unit - 1));
    const uint64_t w = fd_load64(bits);
    __m512i v[2], body[2], step[2];
    for (int j = 0; j < 2; j++) {
        v[j] = _mm512_loadu_si512(x + 32 * j);
        body[j] = _mm512_and_si512(v[j], _mm512_set1_epi16(0x7FFF));
        step[j] = _mm512_min_epu16(body[j], unit);
    }
    if (_mm512_cmpgt_epu16_mask(_mm512_max_epu16(body[0], body[1]), last))
        for (int j = 0; j < 2; j++) {
            const __m512i quiet = _mm512_or_si512(body[j], _mm512_set1_epi16((short)(f.unit >> 1)));
            __m512i r = _mm512_min_epu16(_mm512_add_epi16(body[j], step[j]), inf);
            r = _mm512_mask_mov_epi16(r, _mm512_cmpgt_epu16_mask(body[j], inf), quiet);
            r = _mm512_or_si512(r, _mm512_andnot_si512(_mm512_set1_epi16(0x7FFF), v[j]));
            _mm512_storeu_si512(y + 32 * j, _mm512_maskz_mov_epi16((__mmask32)(w >> 32 * j), r));
        }
    else
        for (int j = 0; j < 2; j++)
            _mm512_storeu_si512(y + 32 * j, _mm512_maskz_add_epi16((__mmask32)(w >> 32 * j), v[j], step[j]));
}
#define FD_AVX512_TWICE(type)                                                                                      \
    FD_INLINE fd_half_format scale_##type##_twice(double s)                                                        \
    {                                                                                                              \
        (void)s;                                                                                                   \
        return fd_format_##type;                                                                                   \
    }                                                                                                              \
    FD_INLINE void bits_##type##_twice(const uint8_t *bits, const uint16_t *x, uint16_t *y, fd_half_format f)      \
    {                                                                                                              \
        bits_twice(bits, x, y, f);                                                                                 \
    }
FD_AVX512_TWICE(f16)
FD_AVX512_TWICE(bf16)
