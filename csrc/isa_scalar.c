/* isa_scalar.c: plain C, the readable reference; compilers vectorise its loops of 16 and 64. */
#include "kernels.h"

#include <string.h>

#include "bits.h"
#include "half.h"
#include "philox.h"

#define FD_ISA scalar

enum { V_PARTS = 16 };
typedef uint32_t vec; /* a loop over the parts is what the compiler vectorises */

FD_INLINE vec v_add(vec a, vec b) { return a + b; }
FD_INLINE vec v_xor(vec a, vec b) { return a ^ b; }
FD_INLINE vec v_xor3(vec a, vec b, vec c) { return a ^ b ^ c; }
FD_INLINE vec v_shl(vec a, int n) { return a << n; }
FD_INLINE vec v_rotl(vec a, int n) { return a << n | a >> (32 - n); }

enum { W_LANES = 8 };

typedef struct wide {
    uint64_t v[W_LANES];
} wide;

FD_INLINE wide w_set(uint32_t m)
{
    wide a;
    for (int i = 0; i < W_LANES; i++) a.v[i] = m;
    return a;
}

FD_INLINE wide w_counter(uint32_t first, int group)
{
    wide a;
    for (int i = 0; i < W_LANES; i++) a.v[i] = first + (uint32_t)(W_LANES * group + i);
    return a;
}

FD_INLINE wide w_mul(wide a, uint32_t m)
{
    for (int i = 0; i < W_LANES; i++) a.v[i] = (a.v[i] & 0xFFFFFFFFu) * m;
    return a;
}

FD_INLINE wide w_high(wide a)
{
    for (int i = 0; i < W_LANES; i++) a.v[i] >>= 32;
    return a;
}

FD_INLINE wide w_xor(wide a, wide b)
{
    for (int i = 0; i < W_LANES; i++) a.v[i] ^= b.v[i];
    return a;
}

FD_INLINE wide w_xor3(wide a, wide b, wide c) { return w_xor(w_xor(a, b), c); }

FD_INLINE wide w_add(wide a, wide b)
{
    for (int i = 0; i < W_LANES; i++) a.v[i] += b.v[i];
    return a;
}

FD_INLINE vec w_merge(wide (*groups)[4], int word, int part)
{
    return (vec)groups[part / W_LANES][word].v[part % W_LANES];
}

enum { REFINE_CHAINS = 1 };

#include "tpl_page.h"

FD_INLINE void l_store_words(uint32_t *p, lanes a) { memcpy(p, a.part, sizeof a.part); }

FD_INLINE void l_store(uint8_t *p, lanes a)
{
    for (int i = 0; i < 8; i++) fd_store64(p + 8 * i, (uint64_t)a.part[2 * i + 1] << 32 | a.part[2 * i]);
}

FD_INLINE lanes l_load(const uint8_t *p)
{
    lanes a;
    for (int i = 0; i < 16; i++) a.part[i] = (uint32_t)fd_load_bits(p + 4 * i, 32);
    return a;
}

/* 64 bytes, 0xFF where kept. */
typedef struct keep_t {
    uint8_t b[64];
} keep_t;

FD_INLINE keep_t bytes_keep(lanes f, uint8_t hi)
{
    keep_t k;
    l_store(k.b, f);
    for (int j = 0; j < 64; j++) k.b[j] = k.b[j] >= hi ? 0xFF : 0;
    return k;
}

FD_INLINE uint64_t keep_bits(keep_t k)
{
    /* the multiplication gathers the lowest bits of eight bytes in the uppermost byte, byte 0 first */
    uint64_t w = 0;
    for (int i = 0; i < 8; i++)
        w |= ((fd_load64(k.b + 8 * i) & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
    return w;
}

FD_INLINE uint64_t bytes_ties(lanes f, uint8_t hi)
{
    keep_t k;
    l_store(k.b, f);
    for (int j = 0; j < 64; j++) k.b[j] = k.b[j] == hi ? 0xFF : 0;
    return keep_bits(k);
}

FD_INLINE keep_t bits_keep(const uint8_t *bits)
{
    keep_t k;
    for (int i = 0; i < 8; i++) { /* one bit in each byte, then any bit to the top, then a byte of ones */
        uint64_t w = bits[i] * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
        w = (w + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 7 & UINT64_C(0x0101010101010101);
        fd_store64(k.b + 8 * i, w * 0xFF);
    }
    return k;
}

FD_INLINE uint32_t nonzero_words(const uint64_t *w)
{
    uint32_t some = 0;
    for (int t = 0; t < 32; t++) some |= (uint32_t)(w[t] != 0) << t;
    return some;
}

FD_INLINE unsigned ctz64(uint64_t w)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(w | UINT64_C(1) << 63);
#else
    unsigned n = 0;
    for (; n < 64 && !(w >> n & 1); n++) {}
    return n;
#endif
}
FD_INLINE unsigned ties_element(unsigned j) { return j; }

FD_INLINE wide w_offsets(const uint16_t *p)
{
    wide a;
    for (int i = 0; i < W_LANES; i++) a.v[i] = p[i];
    return a;
}

FD_INLINE wide w_quarter(wide a)
{
    for (int i = 0; i < W_LANES; i++) a.v[i] = (a.v[i] & 0xFFFFFFFFu) >> 2;
    return a;
}

FD_INLINE void w_refine(const wide *out, wide at, uint32_t lo, uint64_t *keep)
{
    for (int i = 0; i < W_LANES; i++) keep[i] = (uint32_t)out[at.v[i] % 4].v[i] < lo ? 0 : ~UINT64_C(0);
}

typedef float scale_type_f16, scale_type_bf16, scale_type_f32;
typedef double scale_type_f64;
FD_INLINE float scale_f16(double s) { return (float)s; }
FD_INLINE float scale_bf16(double s) { return (float)s; }
FD_INLINE float scale_f32(double s) { return (float)s; }
FD_INLINE double scale_f64(double s) { return s; }

/* load_T and store_T: SOME elements to and from the type of the product. All work is on local arrays, one simple loop
 * after another: x may be y, and a loop over memory that may overlap is not vectorised. SOME is small enough for
 * copies without a call. */
enum { SOME = 32 };
FD_INLINE void load_f16(float *f, const uint16_t *x)
{
    uint16_t h[SOME];
    memcpy(h, x, sizeof h);
    for (int j = 0; j < SOME; j++) f[j] = fd_f16_to_float(h[j]);
}
FD_INLINE void store_f16(uint16_t *h, const float *f)
{
    for (int j = 0; j < SOME; j++) h[j] = fd_float_to_f16(f[j]);
}
FD_INLINE void load_bf16(float *f, const uint16_t *x)
{
    uint16_t h[SOME];
    memcpy(h, x, sizeof h);
    for (int j = 0; j < SOME; j++) f[j] = fd_bf16_to_float(h[j]);
}
FD_INLINE void store_bf16(uint16_t *h, const float *f)
{
    for (int j = 0; j < SOME; j++) h[j] = fd_float_to_bf16(f[j]);
}
FD_INLINE void load_f32(float *f, const uint32_t *x) { memcpy(f, x, SOME * sizeof *f); }
FD_INLINE void store_f32(uint32_t *u, const float *f) { memcpy(u, f, SOME * sizeof *f); }
FD_INLINE void load_f64(double *f, const uint64_t *x) { memcpy(f, x, SOME * sizeof *f); }
FD_INLINE void store_f64(uint64_t *u, const double *f) { memcpy(u, f, SOME * sizeof *f); }

#define FD_SCALAR_TYPE(type, elem)                                                                       \
    FD_INLINE void scaled_##type(const elem *x, elem *u, scale_type_##type s)                            \
    {                                                                                                    \
        scale_type_##type f[SOME];                                                                       \
        load_##type(f, x);                                                                               \
        for (int j = 0; j < SOME; j++) f[j] *= s;                                                        \
        store_##type(u, f);                                                                              \
    }                                                                                                    \
    FD_INLINE void keep_##type(keep_t k, const elem *x, elem *y, scale_type_##type s)                    \
    {                                                                                                    \
        for (int i = 0; i < 64; i += SOME) {                                                             \
            elem u[SOME];                                                                                \
            scaled_##type(x + i, u, s);                                                                  \
            for (int j = 0; j < SOME; j++) u[j] &= (elem)((elem)0 - (elem)(k.b[i + j] & 1));             \
            memcpy(y + i, u, sizeof u);                                                                  \
        }                                                                                                \
    }                                                                                                    \
    FD_INLINE void bits_##type(const uint8_t *bits, const elem *x, elem *y, scale_type_##type s)         \
    {                                                                                                    \
        keep_##type(bits_keep(bits), x, y, s);                                                           \
    }                                                                                                    \
    FD_INLINE void mul_##type(const elem *x, elem *y, scale_type_##type s)                               \
    {                                                                                                    \
        for (int i = 0; i < 64; i += SOME) {                                                             \
            elem u[SOME];                                                                                \
            scaled_##type(x + i, u, s);                                                                  \
            memcpy(y + i, u, sizeof u);                                                                  \
        }                                                                                                \
    }
FD_SCALAR_TYPE(f16, uint16_t)
FD_SCALAR_TYPE(bf16, uint16_t)
FD_SCALAR_TYPE(f32, uint32_t)
FD_SCALAR_TYPE(f64, uint64_t)

/* The scale is 2. */
typedef int scale_type_f16_twice, scale_type_bf16_twice;
#define FD_SCALAR_TWICE(type)                                                                                         \
    FD_INLINE int scale_##type##_twice(double s) { return (int)s; }                                                   \
    FD_INLINE void bits_##type##_twice(const uint8_t *bits, const uint16_t *x, uint16_t *y, int s)                    \
    {                                                                                                                 \
        const keep_t k = bits_keep(bits);                                                                             \
        uint16_t u[64];                                                                                               \
        (void)s;                                                                                                      \
        memcpy(u, x, sizeof u);                                                                                       \
        for (int j = 0; j < 64; j++) u[j] = fd_twice(u[j], fd_format_##type) & (uint16_t)(0u - (k.b[j] & 1u));        \
        memcpy(y, u, sizeof u);                                                                                       \
    }
FD_SCALAR_TWICE(f16)
FD_SCALAR_TWICE(bf16)

#include "connect_scalar.h"
#include "noise_scalar.h"
#include "math_scalar.h"
#include "mix_scalar.h"
#include "tpl_table.h"
