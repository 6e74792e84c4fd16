/* bits.h: packed bits in memory, least significant first, by 64-bit words; nothing is read or written past the
 * bytes that the named bits live in, whatever the machine's byte order. */
#ifndef FD_BITS_H
#define FD_BITS_H

#include "target.h"

#include <string.h>

#include "fastdrop.h"

/* The bytes of memory as a little-endian number: compilers make one load (or store) of it. */
FD_INLINE uint64_t fd_load64(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

FD_INLINE void fd_store64(uint8_t *p, uint64_t w)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    memcpy(p, &w, 8);
}

/* The first `n` bits at p, 0 < n <= 64, above them 0. */
FD_INLINE uint64_t fd_load_bits(const uint8_t *p, unsigned n)
{
    if (n == 64) return fd_load64(p);
    uint8_t bytes[8] = {0};
    memcpy(bytes, p, (n + 7) / 8);
    return fd_load64(bytes) & ((UINT64_C(1) << n) - 1);
}

/* Writes the bytes of `n` bits, 0 < n <= 64: the unused high bits of the last byte become 0. */
FD_INLINE void fd_store_bits(uint8_t *p, uint64_t w, unsigned n)
{
    if (n == 64) {
        fd_store64(p, w);
        return;
    }
    uint8_t bytes[8];
    fd_store64(bytes, w & ((UINT64_C(1) << n) - 1));
    memcpy(p, bytes, (n + 7) / 8);
}

/* `n` bits, 0 < n <= 64, from bit `at` of p on. */
FD_INLINE uint64_t fd_get_bits(const uint8_t *p, uint64_t at, unsigned n)
{
    unsigned shift = (unsigned)(at % 8);
    p += at / 8;
    if (n + shift <= 64) return fd_load_bits(p, n + shift) >> shift;
    uint64_t w = fd_load64(p) >> shift | (uint64_t)p[8] << (64 - shift);
    return n == 64 ? w : w & ((UINT64_C(1) << n) - 1);
}

FD_INLINE unsigned fd_get_bit(const uint8_t *p, uint64_t at) { return p[at / 8] >> (at % 8) & 1u; }

/* Every bit twice: 32 bits become 64. */
FD_INLINE uint64_t fd_double_bits(uint32_t bits)
{
    uint64_t w = bits;
    w = (w | w << 16) & UINT64_C(0x0000FFFF0000FFFF);
    w = (w | w << 8) & UINT64_C(0x00FF00FF00FF00FF);
    w = (w | w << 4) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    w = (w | w << 2) & UINT64_C(0x3333333333333333);
    w = (w | w << 1) & UINT64_C(0x5555555555555555);
    return w | w << 1;
}

/* Copies n bits from bit `at` of src to bit 0 of dst; the unused high bits of dst's last byte become 0. */
FD_INLINE void fd_copy_bits(uint8_t *dst, const uint8_t *src, uint64_t at, size_t n)
{
    size_t j = 0;
    for (; j + 64 <= n; j += 64) fd_store64(dst + j / 8, fd_get_bits(src, at + j, 64));
    if (j < n) fd_store_bits(dst + j / 8, fd_get_bits(src, at + j, (unsigned)(n - j)), (unsigned)(n - j));
}

/* Appends packed bits to a byte stream whose bytes are complete up to the open word. */
typedef struct fd_bit_writer {
    uint8_t *next;
    uint64_t open;  /* bits not yet written, */
    unsigned count; /* so many, below 64 */
} fd_bit_writer;

FD_INLINE void fd_put_word(fd_bit_writer *to, uint64_t w, unsigned n) /* 0 < n <= 64, w has no bits above n */
{
    to->open |= w << to->count;
    if (to->count + n < 64) {
        to->count += n;
        return;
    }
    fd_store64(to->next, to->open);
    to->next += 8;
    to->open = to->count ? w >> (64 - to->count) : 0;
    to->count = to->count + n - 64;
}

FD_INLINE void fd_put_bits(fd_bit_writer *to, const uint8_t *src, uint64_t at, size_t n)
{
    for (size_t j = 0; j < n; j += 64) {
        unsigned m = n - j < 64 ? (unsigned)(n - j) : 64;
        fd_put_word(to, fd_get_bits(src, at + j, m), m);
    }
}

FD_INLINE void fd_put_end(fd_bit_writer *to)
{
    if (to->count) fd_store_bits(to->next, to->open, to->count);
}

#endif
