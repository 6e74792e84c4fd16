/* mix_walk.h: several arrays of one shape met by one kernel under one mask. */
#ifndef FD_MIX_WALK_H
#define FD_MIX_WALK_H

#include "kernels.h"
#include "mix_kernels.h"

enum { FD_MIX_ARRAYS = FD_MIX_IN + FD_MIX_OUT };

/* The first FD_MIX_IN arrays are inputs, the others outputs; data is NULL for one that is not there. The caller has checked
 * the dtype. */
typedef struct fd_mix_job {
    void(*kernel) FD_MIX_ARGS;
    fd_dtype dtype;
    double constants[FD_MIX_CONSTANTS];
    char *data[FD_MIX_ARRAYS]; /* inputs are only read */
    const int64_t *strides[FD_MIX_ARRAYS];
} fd_mix_job;

/* fd_mix_walk checks mask, shape and pointers, and runs the job. */
FD_HIDDEN fd_status fd_mix_walk(const fd_mix_job *job, const fd_mask_desc *mask, int ndim, const int64_t *shape,
                                const fd_exec *exec);

#endif
