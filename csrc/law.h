/* law.h: p made ready for the kernels. */
#ifndef FD_LAW_H
#define FD_LAW_H

#include <string.h>

#include "kernels.h"

typedef enum fd_kind { FD_DROP_ALL, FD_KEEP_ALL, FD_COIN, FD_BYTE } fd_kind;

typedef struct fd_rule {
    fd_kind kind;
    fd_law law;
} fd_rule;

#define FD_ONE_40 (UINT64_C(1) << 40)

/* fd_round_threshold: p times 2^40, rounded to nearest, ties to even, for p in [0, 1]: the sum has no bits for less than 1,
 * and its lower ones are T. The way over integers is three times as long, which a call on few elements feels. */
FD_INLINE uint64_t fd_round_threshold(double p)
{
    const double t = p * (double)FD_ONE_40 + 0x1p52;
    uint64_t bits;
    memcpy(&bits, &t, sizeof bits);
    return bits & (2 * FD_ONE_40 - 1);
}

/* fd_make_rule: p must be in [0, 1]. */
FD_INLINE fd_rule fd_make_rule(fd_key key, double p)
{
    const uint64_t t = fd_round_threshold(p);
    fd_rule rule = {FD_BYTE, {key, (uint8_t)(t >> 32), (uint32_t)t}};
    if (t == 0) rule.kind = FD_KEEP_ALL;
    if (t == FD_ONE_40) rule.kind = FD_DROP_ALL;
    if (t == FD_ONE_40 / 2) rule.kind = FD_COIN;
    return rule;
}

/* fd_make_scale: 1 / (1 - p), two roundings. */
FD_INLINE double fd_make_scale(double p)
{
    const double q = 1.0 - p;
    return 1.0 / q;
}

/* Written so that a NaN is refused. */
FD_INLINE int fd_valid_p(double p) { return p >= 0.0 && p <= 1.0; }

/* Elements that one page decides. */
FD_INLINE uint64_t fd_page_span(fd_kind kind) { return kind == FD_COIN ? FD_PAGE_BITS : FD_PAGE_BYTES; }

#endif
