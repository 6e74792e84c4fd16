/* isa_avx512.c: AVX-512 F, BW, DQ and VL: sixteen lanes are one register, 64 decisions one mask register. */
#include "kernels.h"

#if FD_BUILT_AVX512

#include FD_X86_INTRINSICS
#include <string.h>

#include "bits.h"
#include "half.h"
#include "philox.h"

FD_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,f16c,bmi")

#define FD_ISA avx512

enum { V_PARTS = 1 };
typedef __m512i vec;

FD_INLINE vec v_add(vec a, vec b) { return _mm512_add_epi32(a, b); }
FD_INLINE vec v_xor(vec a, vec b) { return _mm512_xor_si512(a, b); }
#define XOR3 0x96 /* the truth table of a ^ b ^ c */
FD_INLINE vec v_xor3(vec a, vec b, vec c) { return _mm512_ternarylogic_epi32(a, b, c, XOR3); }
#define v_shl(a, n) _mm512_slli_epi32(a, n)
#define v_rotl(a, n) _mm512_rol_epi32(a, n)

/* Blocks 0, 2, 4, ... in one vector and 1, 3, 5, ... in the other. */
enum { W_LANES = 8 };
typedef __m512i wide;

FD_INLINE wide w_set(uint32_t m) { return _mm512_set1_epi64((long long)m); }
FD_INLINE wide w_counter(uint32_t first, int group)
{
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    return _mm512_add_epi32(_mm512_set1_epi64((long long)(first + (uint32_t)group)), even);
}
FD_INLINE wide w_mul(wide a, uint32_t m) { return _mm512_mul_epu32(a, w_set(m)); }
FD_INLINE wide w_high(wide a) { return _mm512_srli_epi64(a, 32); }
FD_INLINE wide w_xor3(wide a, wide b, wide c) { return _mm512_ternarylogic_epi32(a, b, c, XOR3); }
FD_INLINE wide w_add(wide a, wide b) { return _mm512_add_epi32(a, b); }
FD_INLINE vec w_merge(wide (*g)[4], int word, int part)
{
    (void)part;
    return _mm512_mask_blend_epi32(0xAAAA, g[0][word], _mm512_slli_epi64(g[1][word], 32));
}

enum { REFINE_CHAINS = 1 };

#include "tpl_page.h"

FD_INLINE void l_store(uint8_t *p, lanes x) { _mm512_storeu_si512(p, x.part[0]); }
FD_INLINE lanes l_load(const uint8_t *p) { return (lanes){{_mm512_loadu_si512(p)}}; }
FD_INLINE void l_store_words(uint32_t *p, lanes x) { _mm512_storeu_si512(p, x.part[0]); }

typedef __mmask64 keep_t;

FD_INLINE keep_t bytes_keep(lanes f, uint8_t hi)
{
    return _mm512_cmpge_epu8_mask(f.part[0], _mm512_set1_epi8((char)hi));
}
FD_INLINE uint64_t keep_bits(keep_t k) { return (uint64_t)k; }
FD_INLINE uint64_t bytes_ties(lanes f, uint8_t hi)
{
    return (uint64_t)_mm512_cmpeq_epi8_mask(f.part[0], _mm512_set1_epi8((char)hi));
}
FD_INLINE uint32_t nonzero_words(const uint64_t *w)
{
    uint32_t some = 0;
    for (int i = 0; i < 4; i++) {
        __m512i v = _mm512_loadu_si512(w + 8 * i);
        some |= (uint32_t)_mm512_test_epi64_mask(v, v) << 8 * i;
    }
    return some;
}
FD_INLINE unsigned ctz64(uint64_t w) { return (unsigned)_tzcnt_u64(w); }

FD_INLINE unsigned ties_element(unsigned j) { return j; }
FD_INLINE wide w_offsets(const uint16_t *p) { return _mm512_cvtepu16_epi64(_mm_loadu_si128((const __m128i *)p)); }
FD_INLINE wide w_quarter(wide a) { return _mm512_srli_epi32(a, 2); }
FD_INLINE void w_refine(const wide *out, wide at, uint32_t lo, uint64_t *keep)
{
    const __mmask8 odd = _mm512_test_epi64_mask(at, w_set(1)), upper = _mm512_test_epi64_mask(at, w_set(2));
    __m512i low = _mm512_mask_blend_epi64(odd, out[0], out[1]), high = _mm512_mask_blend_epi64(odd, out[2], out[3]);
    __m512i r = _mm512_and_si512(_mm512_mask_blend_epi64(upper, low, high), _mm512_set1_epi64(0xFFFFFFFF));
    _mm512_storeu_si512(keep, _mm512_movm_epi64(_mm512_cmpge_epu64_mask(r, w_set(lo))));
}

#include "elem_avx512.h"
#include "connect_avx512.h"
#include "noise_avx512.h"
#include "math_avx512.h"
#include "mix_avx512.h"
#include "tpl_table.h"

FD_TARGET_END

#else
typedef int fd_avx512_is_not_built;
#endif
