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

FD_INLINE wide w_load(const uint64_t *p)
{
    wide a;
    memcpy(a.v, p, sizeof a.v);
    return a;
}

FD_INLINE void w_store(uint64_t *p, wide a) { memcpy(p, a.v, sizeof a.v); }

FD_INLINE vec w_merge(const wide *groups, int part) { return (vec)groups[part / W_LANES].v[part % W_LANES]; }

#include "tpl_page.h"

FD_INLINE void l_store_words(uint32_t *p, lanes a) { memcpy(p, a.part, sizeof a.part); }

FD_INLINE void l_store(uint8_t *p, lanes a)
{
    for (int i = 0; i < 8; i++) fd_store64(p + 8 * i, (uint64_t)a.part[2 * i + 1] << 32 | a.part[2 * i]);
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
    for (w |= UINT64_C(1) << 63; !(w & 1); w >>= 1) n++;
    return n;
#endif
}

FD_INLINE uint64_t as_bits64(double d)
{
    uint64_t u;
    memcpy(&u, &d, 8);
    return u;
}

FD_INLINE double as_double(uint64_t u)
{
    double d;
    memcpy(&d, &u, 8);
    return d;
}

typedef float scale_type_f16, scale_type_bf16, scale_type_f32;
typedef double scale_type_f64;
FD_INLINE float scale_f16(double s) { return (float)s; }
FD_INLINE float scale_bf16(double s) { return (float)s; }
FD_INLINE float scale_f32(double s) { return (float)s; }
FD_INLINE double scale_f64(double s) { return s; }

/* x may be y: the local copy shows the compiler that loads and stores do not meet. */
#define FD_SCALAR_TYPE(type, elem, signed_elem, product)                                              \
    FD_INLINE void keep_##type(keep_t k, const elem *x, elem *y, scale_type_##type s)                 \
    {                                                                                                 \
        elem v[64];                                                                                   \
        memcpy(v, x, sizeof v);                                                                       \
        for (int j = 0; j < 64; j++) v[j] = (elem)((product) & (elem)(signed_elem)(int8_t)k.b[j]);    \
        memcpy(y, v, sizeof v);                                                                       \
    }                                                                                                 \
    FD_INLINE void bits_##type(const uint8_t *bits, const elem *x, elem *y, scale_type_##type s)      \
    {                                                                                                 \
        keep_##type(bits_keep(bits), x, y, s);                                                        \
    }                                                                                                 \
    FD_INLINE void mul_##type(const elem *x, elem *y, scale_type_##type s)                            \
    {                                                                                                 \
        elem v[64];                                                                                   \
        memcpy(v, x, sizeof v);                                                                       \
        for (int j = 0; j < 64; j++) v[j] = product;                                                  \
        memcpy(y, v, sizeof v);                                                                       \
    }
FD_SCALAR_TYPE(f16, uint16_t, int16_t, fd_float_to_f16(fd_f16_to_float(v[j]) * s))
FD_SCALAR_TYPE(bf16, uint16_t, int16_t, fd_float_to_bf16(fd_bf16_to_float(v[j]) * s))
FD_SCALAR_TYPE(f32, uint32_t, int32_t, fd_as_bits(fd_as_float(v[j]) * s))
FD_SCALAR_TYPE(f64, uint64_t, int64_t, as_bits64(as_double(v[j]) * s))

#include "tpl_table.h"
