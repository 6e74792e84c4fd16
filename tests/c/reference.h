/* reference.h: the mask law once more, slowly and obviously, from the text of the contract: one element at a time, nothing
 * shared with the library. Decisions only; products are one multiplication in C and need no reference. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdint.h>

static uint32_t ref_rotl(uint32_t x, int n) { return (x << n) | (x >> (32 - n)); }

static void ref_block(uint64_t seed, uint64_t stream, uint32_t domain, uint64_t b, uint32_t c[4])
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    c[0] = (uint32_t)b;
    c[1] = (uint32_t)(b >> 32) | domain << 28;
    c[2] = (uint32_t)stream;
    c[3] = (uint32_t)(stream >> 32);
    for (int r = 0; r < 10; r++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        uint64_t m0 = (uint64_t)0xD2511F53u * c[0], m1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t n0 = (uint32_t)(m1 >> 32) ^ c[1] ^ k0, n2 = (uint32_t)(m0 >> 32) ^ c[3] ^ k1;
        c[1] = (uint32_t)m1;
        c[3] = (uint32_t)m0;
        c[0] = n0;
        c[2] = n2;
    }
}

/* Word w of a page: lane w % 16 after w / 16 + 1 steps. The latest page is kept. */
static uint32_t ref_word(uint64_t seed, uint64_t stream, uint32_t domain, uint64_t page, unsigned w)
{
    static uint64_t key[4] = {~UINT64_C(0), 0, 0, 0};
    static uint32_t words[512];
    if (key[0] != seed || key[1] != stream || key[2] != domain || key[3] != page) {
        for (unsigned lane = 0; lane < 16; lane++) {
            uint32_t s[4];
            ref_block(seed, stream, domain, 16 * page + lane, s);
            for (unsigned t = 0; t < 32; t++) {
                uint32_t u = s[1] << 9;
                words[16 * t + lane] = ref_rotl(s[0] + s[3], 7) + s[0];
                s[2] ^= s[0];
                s[3] ^= s[1];
                s[1] ^= s[2];
                s[0] ^= s[3];
                s[2] ^= u;
                s[3] = ref_rotl(s[3], 11);
            }
        }
        key[0] = seed;
        key[1] = stream;
        key[2] = domain;
        key[3] = page;
    }
    return words[w];
}

static uint64_t ref_threshold(double p)
{
    long double t = (long double)p * 1099511627776.0L;
    uint64_t low = (uint64_t)t;
    long double rest = t - (long double)low;
    return low + (rest > 0.5L || (rest == 0.5L && (low & 1)));
}

static inline int ref_keep(uint64_t seed, uint64_t stream, double p, uint64_t i)
{
    uint64_t t = ref_threshold(p);
    if (t == 0) return 1;
    if (t == UINT64_C(1) << 40) return 0;
    if (t == UINT64_C(1) << 39) return ref_word(seed, stream, 0, i / 16384, i % 16384 / 32) >> (i % 32) & 1;
    uint64_t f = ref_word(seed, stream, 1, i / 2048, i % 2048 / 4) >> (8 * (i % 4)) & 255;
    uint32_t r[4];
    ref_block(seed, stream, 2, i / 4, r);
    return ((f << 32) | r[i % 4]) >= t;
}

#endif
