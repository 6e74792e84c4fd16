/* noise_walk.h: a number made of each element's noise word, brought to the element. */
#ifndef FD_NOISE_WALK_H
#define FD_NOISE_WALK_H

#include "kernels.h"

/* make writes what n words stand for, as float or, for `wide`, as double; bring gets these, elements in a row and the
 * parameter (fd_noise_kernels' perturb). */
typedef struct fd_noise_job fd_noise_job;
typedef void fd_make_fn(const fd_noise_job *job, const uint32_t *words, size_t n, void *z);
struct fd_noise_job {
    const fd_kernels *kernels;
    fd_key key;
    fd_dtype dtype;
    int wide;
    fd_make_fn *make;
    void(*bring) FD_PERTURB_ARGS;
    double parameter;    /* of bring, */
    const void *details; /* and of make */
};

/* fd_noise_run does n elements in a row, numbered from start. The caller has checked all but start, n and pointers. */
FD_HIDDEN fd_status fd_noise_run(const fd_noise_job *job, uint64_t start, size_t n, const void *x, void *y,
                                 const fd_exec *exec);

/* fd_noise_array does an array of any strides; of `where` the start and strides count. */
FD_HIDDEN fd_status fd_noise_array(const fd_noise_job *job, const fd_mask_desc *where, int ndim, const int64_t *shape,
                                   const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                                   const fd_exec *exec);

#endif
