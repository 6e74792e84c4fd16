/* isa_avx2.c: AVX2 with F16C and BMI. */
#include "kernels.h"

#if FD_BUILT_AVX2

#include FD_X86_INTRINSICS
#include <string.h>

#include "bits.h"
#include "half.h"
#include "philox.h"

FD_TARGET_BEGIN("avx2,f16c,bmi")

#define FD_ISA avx2

enum { V_PARTS = 2 };
typedef __m256i vec;

FD_INLINE vec v_add(vec a, vec b) { return _mm256_add_epi32(a, b); }
FD_INLINE vec v_xor(vec a, vec b) { return _mm256_xor_si256(a, b); }
FD_INLINE vec v_xor3(vec a, vec b, vec c) { return v_xor(v_xor(a, b), c); }
FD_INLINE vec v_shl(vec a, int n) { return _mm256_slli_epi32(a, n); }
FD_INLINE vec v_rotl(vec a, int n) { return _mm256_or_si256(_mm256_slli_epi32(a, n), _mm256_srli_epi32(a, 32 - n)); }

/* The eight words of a register lie in the order 0 2 4 6 1 3 5 7: that is where the masks of elements start from, and
 * memory and bitmaps take one permutation. Two vectors of blocks, 0 4 1 5 and 2 6 3 7, merge by a shift and a blend. */
enum { W_LANES = 4 };
typedef __m256i wide;

FD_INLINE wide w_set(uint32_t m) { return _mm256_set1_epi64x((long long)m); }
FD_INLINE wide w_counter(uint32_t first, int group)
{
    const __m256i block = _mm256_setr_epi64x(0, 4, 1, 5);
    first += (uint32_t)(8 * (group / 2) + 2 * (group % 2));
    return _mm256_add_epi32(_mm256_set1_epi64x((long long)first), block);
}
FD_INLINE wide w_mul(wide a, uint32_t m) { return _mm256_mul_epu32(a, w_set(m)); }
FD_INLINE wide w_high(wide a) { return _mm256_srli_epi64(a, 32); }
FD_INLINE wide w_xor(wide a, wide b) { return _mm256_xor_si256(a, b); }
/* (a ^ b) first: as floats, or the compiler would choose an order of its own. */
FD_INLINE wide w_xor3(wide a, wide b, wide c)
{
    return w_xor(_mm256_castps_si256(_mm256_xor_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b))), c);
}
FD_INLINE wide w_add(wide a, wide b) { return _mm256_add_epi32(a, b); }
FD_INLINE vec w_merge(wide (*g)[4], int word, int part)
{
    return _mm256_blend_epi32(g[2 * part][word], _mm256_slli_epi64(g[2 * part + 1][word], 32), 0xAA);
}

enum { REFINE_CHAINS = 2 };

#include "tpl_page.h"

/* 32 bytes of a register in the order of memory, and back. */
FD_INLINE __m256i in_order(__m256i words)
{
    return _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
FD_INLINE __m256i from_order(__m256i words)
{
    return _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}

FD_INLINE void l_store(uint8_t *p, lanes x)
{
    for (int i = 0; i < 2; i++) _mm256_storeu_si256((__m256i *)(p + 32 * i), in_order(x.part[i]));
}
FD_INLINE void l_store_words(uint32_t *p, lanes x) { l_store((uint8_t *)p, x); }
FD_INLINE lanes l_load(const uint8_t *p)
{
    lanes x;
    for (int i = 0; i < 2; i++) x.part[i] = from_order(_mm256_loadu_si256((const __m256i *)(p + 32 * i)));
    return x;
}

typedef lanes keep_t; /* bytes whose top bit is set where kept */

/* The rounded mean of f and 255 - hi has its top bit set where f + 256 - hi does not fit in a byte: from f = hi on. */
FD_INLINE keep_t bytes_keep(lanes f, uint8_t hi)
{
    const __m256i h = _mm256_set1_epi8((char)(255 - hi));
    for (int i = 0; i < 2; i++) f.part[i] = _mm256_avg_epu8(f.part[i], h);
    return f;
}
FD_INLINE uint64_t top_bits(lanes k)
{
    uint64_t high = (uint32_t)_mm256_movemask_epi8(k.part[1]);
    return (uint32_t)_mm256_movemask_epi8(k.part[0]) | high << 32;
}
FD_INLINE uint64_t keep_bits(keep_t k)
{
    for (int i = 0; i < 2; i++) k.part[i] = in_order(k.part[i]);
    return top_bits(k);
}
FD_INLINE uint64_t bytes_ties(lanes f, uint8_t hi)
{
    const __m256i h = _mm256_set1_epi8((char)hi);
    for (int i = 0; i < 2; i++) f.part[i] = _mm256_cmpeq_epi8(f.part[i], h);
    return top_bits(f);
}
/* Bit j of bytes_ties is that of element ties_element(j): three bits of the word's number, rotated. */
FD_INLINE unsigned ties_element(unsigned j) { return (j & ~28u) | (j << 1 & 24u) | (j >> 2 & 4u); }
FD_INLINE uint32_t nonzero_words(const uint64_t *w)
{
    uint32_t none = 0;
    for (int i = 0; i < 8; i++) {
        __m256i zero = _mm256_cmpeq_epi64(_mm256_loadu_si256((const __m256i *)(w + 4 * i)), _mm256_setzero_si256());
        none |= (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(zero)) << 4 * i;
    }
    return ~none;
}
FD_INLINE unsigned ctz64(uint64_t w) { return (unsigned)_tzcnt_u64(w); }

FD_INLINE wide w_offsets(const uint16_t *p) { return _mm256_cvtepu16_epi64(_mm_loadl_epi64((const __m128i *)p)); }
FD_INLINE wide w_quarter(wide a) { return _mm256_srli_epi32(a, 2); }
FD_INLINE void w_refine(const wide *out, wide at, uint32_t lo, uint64_t *keep)
{
    const __m256d odd = _mm256_castsi256_pd(_mm256_slli_epi64(at, 63));
    const __m256d upper = _mm256_castsi256_pd(_mm256_slli_epi64(at, 62));
    __m256d low = _mm256_blendv_pd(_mm256_castsi256_pd(out[0]), _mm256_castsi256_pd(out[1]), odd);
    __m256d high = _mm256_blendv_pd(_mm256_castsi256_pd(out[2]), _mm256_castsi256_pd(out[3]), odd);
    __m256i r = _mm256_castpd_si256(_mm256_blendv_pd(low, high, upper));
    r = _mm256_and_si256(r, _mm256_set1_epi64x(0xFFFFFFFF));
    _mm256_storeu_si256((__m256i *)keep, _mm256_cmpgt_epi64(r, w_set(lo - 1)));
}

#include "elem_avx2.h"
#include "connect_avx2.h"
#include "noise_avx2.h"
#include "math_avx2.h"
#include "mix_avx2.h"
#include "tpl_table.h"

FD_TARGET_END

#else
typedef int fd_avx2_is_not_built;
#endif
