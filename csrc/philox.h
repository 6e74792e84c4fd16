/* philox.h: Philox4x32-10 for one block, in plain C. The kernels have vector forms of the same rounds.
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11. */
#ifndef FD_PHILOX_H
#define FD_PHILOX_H

#include "target.h"

#include "fastdrop.h"

#define FD_PHILOX_M0 UINT32_C(0xD2511F53)
#define FD_PHILOX_M1 UINT32_C(0xCD9E8D57)
#define FD_PHILOX_W0 UINT32_C(0x9E3779B9)
#define FD_PHILOX_W1 UINT32_C(0xBB67AE85)
#define FD_PHILOX_ROUNDS 10

FD_INLINE void fd_philox_rounds(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < FD_PHILOX_ROUNDS; round++) {
        uint64_t a = (uint64_t)c[0] * FD_PHILOX_M0, b = (uint64_t)c[2] * FD_PHILOX_M1;
        uint32_t next0 = (uint32_t)(b >> 32) ^ c[1] ^ k0, next2 = (uint32_t)(a >> 32) ^ c[3] ^ k1;
        c[0] = next0;
        c[1] = (uint32_t)b;
        c[2] = next2;
        c[3] = (uint32_t)a;
        k0 += FD_PHILOX_W0;
        k1 += FD_PHILOX_W1;
    }
}

/* block(domain, number) of the contract. */
FD_INLINE void fd_philox_block(fd_key key, unsigned domain, uint64_t number, uint32_t out[4])
{
    out[0] = (uint32_t)number;
    out[1] = (uint32_t)(number >> 32) | (uint32_t)domain << 28;
    out[2] = (uint32_t)key.stream;
    out[3] = (uint32_t)(key.stream >> 32);
    fd_philox_rounds(out, (uint32_t)key.seed, (uint32_t)(key.seed >> 32));
}

#endif
