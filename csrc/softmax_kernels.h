/* softmax_kernels.h: the part of an instruction set's table that is about softmax and the functions in it. */
#ifndef FD_SOFTMAX_KERNELS_H
#define FD_SOFTMAX_KERNELS_H

#include "target.h"

#include "fastdrop.h"

enum {
    FD_SOFTMAX_BLOCK = 512, /* a kernel gets at most so many elements of a row */
    FD_SOFTMAX_LANES = 16   /* element j belongs to lane j % 16 of maxima and sums */
};

/* Real numbers (float, double for FD_F64) lie in arrays of our own, with room up to a multiple of 16; lanes are 16 of them.
 *   map      y[j] = f(x[j])
 *   score    t[j] = scale x[j] + added[j], or just the product where added is NULL, or -Inf where allowed[j] is 0; -Inf up
 *            to the next multiple of 16; most = the greater of it and t, by lanes
 *   exps     t[j] = exp(t[j] - most), for n up to the next multiple of 16, and sum += that, by lanes: a block's sum first
 *   dots     sum += e[j] g[j], likewise
 *   slopes   dx[j] = (e[j] factor) (g[j] - dot)
 *   widen    g[j] = dy[j], 0 up to the next multiple of 16
 *   narrow   y[j] = t[j], rounded */
#define FD_MAP_ARGS (size_t n, const void *restrict x, void *restrict y)
#define FD_SCORE_ARGS (const void *restrict x, size_t n, double scale, const void *restrict added, \
                       const uint8_t *restrict allowed, void *restrict t, void *restrict most)
#define FD_EXPS_ARGS (double most, size_t n, void *restrict t, void *restrict sum)
#define FD_DOTS_ARGS (const void *restrict e, const void *restrict g, size_t n, void *restrict sum)
#define FD_SLOPES_ARGS (const void *restrict e, const void *restrict g, size_t n, double factor, double dot, \
                        void *restrict dx)
#define FD_WIDEN_ARGS (const void *restrict x, size_t n, void *restrict g)
#define FD_NARROW_ARGS (const void *restrict t, size_t n, void *restrict y)

typedef struct fd_softmax_kernels {
    void(*map[FD_NUM_FUNCTIONS][2]) FD_MAP_ARGS; /* float, double */
    void(*score[FD_F64 + 1]) FD_SCORE_ARGS;
    void(*exps[2]) FD_EXPS_ARGS;
    void(*dots[2]) FD_DOTS_ARGS;
    void(*slopes[FD_F64 + 1]) FD_SLOPES_ARGS;
    void(*widen[FD_F64 + 1]) FD_WIDEN_ARGS;
    void(*narrow[FD_F64 + 1]) FD_NARROW_ARGS;
} fd_softmax_kernels;

#endif
