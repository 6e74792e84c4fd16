/* law.h: p made ready for the kernels. */
#ifndef FD_LAW_H
#define FD_LAW_H

#include "kernels.h"

typedef enum fd_kind { FD_DROP_ALL, FD_KEEP_ALL, FD_COIN, FD_BYTE } fd_kind;

typedef struct fd_rule {
    fd_kind kind;
    fd_law law;
} fd_rule;

/* fd_make_rule: p must be in [0, 1]. */
FD_HIDDEN fd_rule fd_make_rule(fd_key key, double p);

/* Written so that a NaN is refused. */
FD_INLINE int fd_valid_p(double p) { return p >= 0.0 && p <= 1.0; }

/* Elements that one page decides. */
FD_INLINE uint64_t fd_page_span(fd_kind kind) { return kind == FD_COIN ? FD_PAGE_BITS : FD_PAGE_BYTES; }

#endif
