/* half.h: float16 and bfloat16 by integer operations, where the instruction set has no conversions of its own.
 * Widening is exact; narrowing rounds to nearest, ties to even, and keeps subnormals; a NaN stays a NaN. */
#ifndef FD_HALF_H
#define FD_HALF_H

#include "target.h"

#include <string.h>

#include "fastdrop.h"

FD_INLINE float fd_as_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

FD_INLINE uint32_t fd_as_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

FD_INLINE float fd_bf16_to_float(uint16_t h) { return fd_as_float((uint32_t)h << 16); }

FD_INLINE uint16_t fd_float_to_bf16(float f)
{
    uint32_t u = fd_as_bits(f);
    uint32_t rounded = (u + 0x7FFFu + (u >> 16 & 1u)) >> 16;
    uint32_t nan = u >> 16 | 0x40u;
    return (uint16_t)((u & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
}

/* Shifts exponent and mantissa into place; Inf and NaN get the larger exponent. A subnormal is an integer times 2^-24,
 * whose conversion and product are exact. Masks in place of branches, so that loops vectorise. */
FD_INLINE float fd_f16_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, body = h & 0x7FFFu;
    uint32_t normal = (body << 13) + (112u << 23);
    uint32_t special = normal + (112u << 23);
    uint32_t subnormal = fd_as_bits((float)(int32_t)body * 0x1p-24f);
    uint32_t is_special = 0u - (body >= 0x7C00u), is_subnormal = 0u - (body < 0x0400u);
    uint32_t u = (special & is_special) | (subnormal & is_subnormal) | (normal & ~(is_special | is_subnormal));
    return fd_as_float(u | sign);
}

/* Below 2^-14 the result is a multiple of 2^-24: adding 0.5, whose last bit is worth 2^-24, rounds there. */
FD_INLINE uint16_t fd_float_to_f16(float f)
{
    uint32_t u = fd_as_bits(f), sign = u >> 16 & 0x8000u, body = u & 0x7FFFFFFFu;
    uint32_t normal = (body - (112u << 23) + 0xFFFu + (body >> 13 & 1u)) >> 13;
    uint32_t is_small = 0u - (body < 0x38800000u), is_large = 0u - (body >= 0x47800000u);
    uint32_t small = fd_as_bits(fd_as_float(body & is_small) + 0.5f) - 0x3F000000u;
    uint32_t large = 0x7C00u | (uint32_t)(body > 0x7F800000u) << 9;
    uint32_t h = (small & is_small) | (large & is_large) | (normal & ~(is_small | is_large));
    return (uint16_t)(h | sign);
}

/* Bit patterns of a narrow type: its lowest exponent bit, and infinity. */
typedef struct fd_half_format {
    uint16_t unit, inf;
} fd_half_format;

static const fd_half_format fd_format_f16 = {0x0400, 0x7C00}, fd_format_bf16 = {0x0080, 0x7F80};

/* Twice a number: a subnormal or zero is doubled as an integer, any other one's exponent grows by one, into infinity
 * at the end; a NaN becomes a quiet one. */
FD_INLINE uint16_t fd_twice(uint16_t h, fd_half_format f)
{
    uint16_t body = h & 0x7FFFu, sum = (uint16_t)(body + (body < f.unit ? body : f.unit));
    uint16_t nan = body > f.inf ? (uint16_t)(body | f.unit >> 1) : 0;
    return (uint16_t)((h & 0x8000u) | (sum < f.inf ? sum : f.inf) | nan);
}

#endif
