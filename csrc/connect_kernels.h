/* connect_kernels.h: the part of the kernels' table that multiplies matrices under masks. */
#ifndef FD_CONNECT_KERNELS_H
#define FD_CONNECT_KERNELS_H

#include "target.h"

#include "fastdrop.h"

enum { FD_CONNECT_ROWS = 64 }; /* a call gets at most so many rows */

/* Row r of v begins r * step elements after v, and its decision for column j is bit at[r] + j of `bits`. A dropped element
 * adds nothing, whatever the factors are. Products and sums are rounded each; a sum that begins as +0 is never -0.
 *   dot   y[r] += the sum over j < n of v[r][j] * x[j]: element j of 64 / sizeof goes to the lane j % that many, and the
 *         lanes are added half by half
 *   sum   y[j] += g[r * g_step] * v[r][j] for r = 0, 1, ... in this order */
#define FD_DOT_ARGS (const uint8_t *bits, const uint64_t *at, size_t rows, size_t n, const void *v, size_t step, \
                     const void *x, void *y)
#define FD_SUM_ARGS (const uint8_t *bits, const uint64_t *at, size_t rows, size_t n, const void *v, size_t step, \
                     const void *g, size_t g_step, void *y)

typedef struct fd_connect_kernels {
    void(*dot[2]) FD_DOT_ARGS; /* float32, float64 */
    void(*sum[2]) FD_SUM_ARGS;
} fd_connect_kernels;

#endif
