/* noise_kernels.h: the part of an instruction set's table that is about continuous noise. */
#ifndef FD_NOISE_KERNELS_H
#define FD_NOISE_KERNELS_H

#include "target.h"

#include "fastdrop.h"

/* One signature each for prototypes and tables.
 *   normals   the standard normal numbers that n words stand for, as float or double; z and words do not overlap
 *   perturb   y[j] = x[j] (1 + sigma z[j]), x[j] + sigma z[j], or x[j] z[j]; z is float, for FD_F64 double. x is y or does
 *             not overlap it. sigma is rounded to the type of the product
 *   concrete  the factors of concrete dropout that n words stand for, or with `slope` their derivatives for the logit of p */
#define FD_NORMALS_ARGS (const uint32_t *restrict words, size_t n, void *restrict z)
#define FD_PERTURB_ARGS (const void *z, size_t n, const void *x, void *y, double sigma)
#define FD_CONCRETE_ARGS (const fd_concrete_rule *rule, int slope, const uint32_t *restrict words, size_t n, void *restrict z)

typedef struct fd_concrete_rule {
    double p, scale;  /* 1 / (1 - p) */
    double steepness; /* 1 / temperature */
} fd_concrete_rule;

typedef struct fd_noise_kernels {
    void(*normals[2]) FD_NORMALS_ARGS; /* float, double */
    void(*multiply[FD_F64 + 1]) FD_PERTURB_ARGS;
    void(*add[FD_F64 + 1]) FD_PERTURB_ARGS;
    void(*times[FD_F64 + 1]) FD_PERTURB_ARGS;
} fd_noise_kernels;

#endif
