/* dropout.h: one call of dropout on an array, and the ways to walk it. */
#ifndef FD_DROPOUT_H
#define FD_DROPOUT_H

#include "elements.h"
#include "layout.h"
#include "parallel.h"
#include "source.h"

typedef struct fd_job {
    const fd_mask_desc *mask;
    const fd_layout *layout; /* sorted by memory order and merged */
    fd_dtype dtype;
    uint64_t start;          /* mask index, */
    const double *p_values;  /* probability where it varies, */
    const char *x;           /* and memory of the element that all axes begin at */
    char *y;
    double scale;
    int own_scales;        /* scale is 1/(1-p) of each element's own p */
} fd_job;

/* Each walk runs a whole job; fd_dropout_nd picks one.
 *   run     `n` real elements in a row, numbered from the job's start: the kernels' fused path for a law with one p,
 *           or stored bits that start at a byte
 *   rows    patches in memory's order: rows of evenly spaced elements, and of evenly spaced indices
 *   shared  one decision for each row of the innermost axis, numbered along `along` (-1: along none)
 *   tiles   the mask is numbered along `along`, another axis than memory runs: bits are made in one direction, transposed,
 *           applied in the other */
FD_HIDDEN fd_status fd_walk_run(const fd_job *job, uint64_t n, const fd_exec *exec);
FD_HIDDEN fd_status fd_walk_rows(const fd_job *job, const fd_exec *exec);
FD_HIDDEN fd_status fd_walk_shared(const fd_job *job, int along, const fd_exec *exec);
FD_HIDDEN fd_status fd_walk_tiles(const fd_job *job, int along, const fd_exec *exec);

/* fd_drop_run does n real elements in a row on this thread, by a rule or, where there are any, by bits. They are part of a call
 * of so many bytes, by which memory is asked for ahead of time: 0 where they lie in the cache. */
FD_HIDDEN void fd_drop_run(const fd_rule *rule, const uint8_t *bits, uint64_t start, size_t n, fd_dtype dtype,
                           const char *x, char *y, double scale, uint64_t bytes);

/* The innermost axis is the last one. fd_take_axis moves axis `along` out of `axis` (ndim of them) into *taken. */
FD_INLINE void fd_take_axis(fd_axis *axis, int *ndim, int along, fd_axis *taken)
{
    *taken = axis[along];
    for (int d = along + 1; d < *ndim; d++) axis[d - 1] = axis[d];
    --*ndim;
}

FD_INLINE void fd_copy_axes(fd_axis *axis, int *ndim, const fd_layout *layout)
{
    *ndim = layout->ndim;
    for (int d = 0; d < layout->ndim; d++) axis[d] = layout->axis[d];
}

FD_INLINE uint64_t fd_count_positions(const fd_axis *axis, int ndim)
{
    uint64_t count = 1;
    for (int d = 0; d < ndim; d++) count *= (uint64_t)axis[d].n;
    return count;
}

#endif
