/* softmax.h: one row of softmax and dropout, forward and backward. */
#ifndef FD_SOFTMAX_H
#define FD_SOFTMAX_H

#include "source.h"

/* A call, the same for all rows. Steps are from one element of a row to the next, in bytes. */
typedef struct fd_softmax {
    const fd_kernels *kernels;
    fd_dtype dtype, real; /* real: what is computed in */
    double scale, keep_scale;
    fd_score_mask mask_kind;
    int64_t x_step, y_step, z_step, mask_step;
} fd_softmax;

/* A row of n elements, of which the first `seen` are not hidden by the order of time. */
typedef struct fd_softmax_row {
    size_t n, seen;
    uint64_t index; /* in the mask of dropout */
    const char *x, *mask;
    void *max, *sum; /* the row's statistics, NULL where nobody wants them */
} fd_softmax_row;

/* fd_softmax_forward_row writes y; fd_softmax_backward_row reads y as the gradient and writes z. Rows of up to
 * FD_SOFTMAX_ROW elements stay in buffers between the passes; of longer ones the exponentials are made anew. */
enum { FD_SOFTMAX_ROW = 4096 };
FD_HIDDEN void fd_softmax_forward_row(const fd_softmax *call, fd_source *src, const fd_softmax_row *row, char *y);
FD_HIDDEN void fd_softmax_backward_row(const fd_softmax *call, fd_source *src, const fd_softmax_row *row, const char *y,
                                       char *z);

#endif
