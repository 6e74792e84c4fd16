/* source.h: bits for any run of mask indices, from the law or from memory. */
#ifndef FD_SOURCE_H
#define FD_SOURCE_H

#include "law.h"

/* A call asks for at most so many bits; windows are as large. */
#define FD_RUN FD_PAGE_BITS

typedef struct fd_source {
    const fd_kernels *kernels;
    const uint8_t *stored; /* NULL: the rule decides */
    fd_key key;
    fd_rule rule;
    double p;              /* what the rule was made of */
    int reuse;             /* neighbouring runs are near: make a window of bits and serve them from it */
    uint64_t stop;         /* no index from here on will be asked for */
    uint64_t window_begin, window_end;
    uint8_t window[FD_RUN / 8];
} fd_source;

/* fd_source_open makes a source of its own for one thread: of stored bits where mask->bits, else of the law with p. */
FD_HIDDEN void fd_source_open(fd_source *src, const fd_mask_desc *mask, uint64_t stop);

/* fd_source_set_p goes on with another probability. */
FD_HIDDEN void fd_source_set_p(fd_source *src, double p);

/* fd_source_bits writes the decisions of the indices start, start + stride, ... (n <= FD_RUN of them; a stride of any
 * sign or 0) to bit 0 of dst on; unused high bits of the last byte are 0. */
FD_HIDDEN void fd_source_bits(fd_source *src, uint64_t start, int64_t stride, size_t n, uint8_t *dst);

/* fd_source_varied does the same with a probability p[j * p_stride] for each, and writes scales[j] = 1/(1-p) where
 * scales is not NULL. */
FD_HIDDEN void fd_source_varied(fd_source *src, uint64_t start, int64_t stride, size_t n, const double *p,
                                int64_t p_stride, uint8_t *dst, double *scales);

/* fd_law_bits writes n bits from index start on, for a coin or byte rule, whatever start and n. */
FD_HIDDEN void fd_law_bits(const fd_kernels *k, const fd_rule *rule, uint64_t start, size_t n, uint8_t *dst);

#endif
