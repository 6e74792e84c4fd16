/* source.h: bits for any run of mask indices, from the law or from memory. */
#ifndef FD_SOURCE_H
#define FD_SOURCE_H

#include "law.h"

enum {
    FD_RUN = FD_PAGE_BITS, /* a call asks for at most so many bits; windows are as large */
    FD_VARIED = 1024,      /* ... or so many with a probability for each */
    FD_LONG_ROW = 512      /* a row of one p is worth pages of its own from here on: a quarter of one */
};

/* The bytes of one page, in the order of the contract. */
typedef struct fd_page {
    int made;
    uint64_t number;
    uint8_t bytes[FD_PAGE_BYTES];
} fd_page;

typedef struct fd_source {
    const fd_kernels *kernels;
    const uint8_t *stored; /* NULL: the rule decides */
    fd_key key;
    fd_rule rule;
    double p;              /* what the rule was made of */
    int near;              /* runs follow each other closely, upwards (1) or downwards (-1): make a window of bits and
                            * serve them from it; 0: they do not */
    uint64_t stop;         /* no index from here on will be asked for */
    uint64_t window_begin, window_end;
    uint8_t window[FD_RUN / 8];
    fd_page coins, values; /* where p varies: the latest pages */
} fd_source;

/* fd_source_open makes a source of its own for one thread: of stored bits where mask->bits, else of the law with p. */
FD_HIDDEN void fd_source_open(fd_source *src, const fd_mask_desc *mask, uint64_t stop);

/* fd_source_set_p goes on with another probability. */
FD_HIDDEN void fd_source_set_p(fd_source *src, double p);

/* fd_source_bits writes the decisions of the indices start, start + step, ... (n <= FD_RUN of them; a step of any
 * sign or 0) to bit 0 of dst on; unused high bits of the last byte are 0. */
FD_HIDDEN void fd_source_bits(fd_source *src, uint64_t start, int64_t step, size_t n, uint8_t *dst);

/* fd_source_patch writes those of `rows` such runs, row_step apart, one after the other: rows * n <= FD_RUN bits. */
FD_HIDDEN void fd_source_patch(fd_source *src, uint64_t start, int64_t row_step, size_t rows, int64_t step, size_t n,
                               uint8_t *dst);

/* fd_source_varied does the same as fd_source_bits with a probability p[j] for each of n <= FD_VARIED elements, and
 * fd_source_varied_patch the same as fd_source_patch. */
FD_HIDDEN void fd_source_varied(fd_source *src, uint64_t start, int64_t step, size_t n, const double *p, uint8_t *dst);
FD_HIDDEN void fd_source_varied_patch(fd_source *src, uint64_t start, int64_t row_step, size_t rows, int64_t step, size_t n,
                                      const double *p, uint8_t *dst);

/* fd_gather_p returns the probabilities of a patch one after the other, where they are or in copy (rows * n of them). */
FD_HIDDEN const double *fd_gather_p(double *copy, const double *p, int64_t row_step, size_t rows, int64_t step, size_t n);

/* fd_law_bits writes n bits from index start on, for a coin or byte rule, whatever start and n. */
FD_HIDDEN void fd_law_bits(const fd_kernels *k, const fd_rule *rule, uint64_t start, size_t n, uint8_t *dst);

#endif
