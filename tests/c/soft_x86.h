/* soft_x86.h: the x86 intrinsics of the kernels by SIMDe's portable implementation, on any machine. */
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/f16c.h>
#include <simde/x86/avx512.h>
typedef simde__mmask8 __mmask8;
typedef simde__mmask16 __mmask16;
typedef simde__mmask32 __mmask32;
typedef simde__mmask64 __mmask64;
#ifndef _MM_FROUND_TO_NEAREST_INT
#define _MM_FROUND_TO_NEAREST_INT 0
#endif
#ifndef _tzcnt_u64
#define _tzcnt_u64(w) ((w) ? (uint64_t)__builtin_ctzll(w) : 64)
#endif

/* What this SIMDe does not have: by memory, element by element. */
#include <string.h>

#include "half.h"

static inline __mmask32 soft_cmpgt_epu16_mask(__m512i a, __m512i b)
{
    uint16_t u[32], v[32];
    __mmask32 r = 0;
    memcpy(u, &a, sizeof u);
    memcpy(v, &b, sizeof v);
    for (int i = 0; i < 32; i++) r |= (__mmask32)(u[i] > v[i]) << i;
    return r;
}
static inline __m512i soft_cvtepu16_epi64(__m128i a)
{
    uint16_t h[8];
    uint64_t w[8];
    __m512i r;
    memcpy(h, &a, sizeof h);
    for (int i = 0; i < 8; i++) w[i] = h[i];
    memcpy(&r, w, sizeof r);
    return r;
}
static inline __m512 soft_cvtph_ps(__m256i a)
{
    uint16_t h[16];
    float f[16];
    __m512 r;
    memcpy(h, &a, sizeof h);
    for (int i = 0; i < 16; i++) f[i] = fd_f16_to_float(h[i]);
    memcpy(&r, f, sizeof f);
    return r;
}
static inline __m256i soft_maskz_cvtps_ph(__mmask16 k, __m512 a)
{
    uint16_t h[16];
    float f[16];
    __m256i r;
    memcpy(f, &a, sizeof f);
    for (int i = 0; i < 16; i++) h[i] = k >> i & 1 ? fd_float_to_f16(f[i]) : 0;
    memcpy(&r, h, sizeof h);
    return r;
}
static inline __m512i soft_cvtepu16_epi32(__m256i a)
{
    uint16_t h[16];
    uint32_t u[16];
    __m512i r;
    memcpy(h, &a, sizeof h);
    for (int i = 0; i < 16; i++) u[i] = h[i];
    memcpy(&r, u, sizeof u);
    return r;
}
static inline __m256i soft_maskz_cvtepi32_epi16(__mmask16 k, __m512i a)
{
    uint16_t h[16];
    uint32_t u[16];
    __m256i r;
    memcpy(u, &a, sizeof u);
    for (int i = 0; i < 16; i++) h[i] = k >> i & 1 ? (uint16_t)u[i] : 0;
    memcpy(&r, h, sizeof h);
    return r;
}
static inline __m512i soft_srai_epi32(__m512i a, int n)
{
    int32_t s[16];
    __m512i r;
    memcpy(s, &a, sizeof s);
    for (int i = 0; i < 16; i++) s[i] >>= n;
    memcpy(&r, s, sizeof r);
    return r;
}
static inline __m512 soft_cvtepi32_ps(__m512i a)
{
    int32_t s[16];
    float f[16];
    __m512 r;
    memcpy(s, &a, sizeof s);
    for (int i = 0; i < 16; i++) f[i] = (float)s[i];
    memcpy(&r, f, sizeof r);
    return r;
}
static inline __m512d soft_cvtepi32_pd(__m256i a)
{
    int32_t s[8];
    double d[8];
    __m512d r;
    memcpy(s, &a, sizeof s);
    for (int i = 0; i < 8; i++) d[i] = s[i];
    memcpy(&r, d, sizeof r);
    return r;
}
#define _mm512_srai_epi32(a, n) soft_srai_epi32(a, n)
#define _mm512_cvtepi32_ps(a) soft_cvtepi32_ps(a)
#define _mm512_cvtepi32_pd(a) soft_cvtepi32_pd(a)
#define _mm512_cmpgt_epu16_mask(a, b) soft_cmpgt_epu16_mask(a, b)
#define _mm512_cvtepu16_epi64(a) soft_cvtepu16_epi64(a)
#define _mm512_cvtph_ps(a) soft_cvtph_ps(a)
#define _mm512_maskz_cvtps_ph(k, a, rounding) soft_maskz_cvtps_ph(k, a)
#define _mm512_cvtps_ph(a, rounding) soft_maskz_cvtps_ph(0xFFFF, a)
#define _mm512_cvtepu16_epi32(a) soft_cvtepu16_epi32(a)
#define _mm512_maskz_cvtepi32_epi16(k, a) soft_maskz_cvtepi32_epi16(k, a)

/* Loads of some lanes, which touch no others. */
static inline __m512 soft_maskz_loadu_ps(__mmask16 k, const float *p)
{
    float f[16];
    __m512 r;
    for (int i = 0; i < 16; i++) f[i] = k >> i & 1 ? p[i] : 0;
    memcpy(&r, f, sizeof f);
    return r;
}
static inline __m512d soft_maskz_loadu_pd(__mmask8 k, const double *p)
{
    double d[8];
    __m512d r;
    for (int i = 0; i < 8; i++) d[i] = k >> i & 1 ? p[i] : 0;
    memcpy(&r, d, sizeof d);
    return r;
}
#define _mm512_maskz_loadu_ps(k, p) soft_maskz_loadu_ps(k, p)
#define _mm512_maskz_loadu_pd(k, p) soft_maskz_loadu_pd(k, p)
#undef _mm256_maskload_ps
#undef _mm256_maskload_pd
static inline __m256 _mm256_maskload_ps(const float *p, __m256i mask)
{
    int32_t m[8];
    float f[8];
    __m256 r;
    memcpy(m, &mask, sizeof m);
    for (int i = 0; i < 8; i++) f[i] = m[i] < 0 ? p[i] : 0;
    memcpy(&r, f, sizeof f);
    return r;
}
static inline __m256d _mm256_maskload_pd(const double *p, __m256i mask)
{
    int64_t m[4];
    double d[4];
    __m256d r;
    memcpy(m, &mask, sizeof m);
    for (int i = 0; i < 4; i++) d[i] = m[i] < 0 ? p[i] : 0;
    memcpy(&r, d, sizeof d);
    return r;
}

/* Eight floats to doubles and back, each rounded once. */
static inline __m512d soft_cvtps_pd(__m256 a)
{
    float f[8];
    double d[8];
    __m512d r;
    memcpy(f, &a, sizeof f);
    for (int i = 0; i < 8; i++) d[i] = (double)f[i];
    memcpy(&r, d, sizeof d);
    return r;
}
static inline __m256 soft_cvtpd_ps(__m512d a)
{
    float f[8];
    double d[8];
    __m256 r;
    memcpy(d, &a, sizeof d);
    for (int i = 0; i < 8; i++) f[i] = (float)d[i];
    memcpy(&r, f, sizeof f);
    return r;
}
#define _mm512_cvtps_pd(a) soft_cvtps_pd(a)
#define _mm512_cvtpd_ps(a) soft_cvtpd_ps(a)
static inline __m256 soft_extractf32x8_ps(__m512 a, int part)
{
    float f[16];
    __m256 r;
    memcpy(f, &a, sizeof f);
    memcpy(&r, f + 8 * part, sizeof r);
    return r;
}
#define _mm512_extractf32x8_ps(a, part) soft_extractf32x8_ps(a, part)
