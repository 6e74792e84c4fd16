/* fastdrop_samples.h: one mask law under many keys. Part of fastdrop.h, whose conventions hold: include that.
 *
 * Sample s is an array of `shape` under the key fd_fold_in(mask->key, role, number of s), numbered as mask says, by the
 * law alone (mask->bits is NULL). Monte Carlo dropout draws samples of one x; consistent dropout takes the rows of a
 * batch for samples, and what they are known by for numbers. Arguments and layouts are those of fd_dropout_nd.
 */
#ifndef FASTDROP_SAMPLES_H
#define FASTDROP_SAMPLES_H

typedef struct fd_samples {
    uint64_t count;
    unsigned role;           /* what the numbers count, as for fd_fold_in */
    const uint64_t *numbers; /* below 2^56, one for each sample; NULL stands for 0, 1, 2, ... */
    int64_t p_step;          /* doubles in p_values from one sample to the next; 0: all have the same */
} fd_samples;

/* fd_samples_nd writes y of sample s, which begins s * y_step bytes after y, from x of sample s at s * x_step. An x_step
 * of 0 is one x for all: it is read once, piece by piece. No two elements of y overlap; y is x, or shares no memory
 * with it. */
fd_status fd_samples_nd(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape, fd_dtype dtype,
                        const void *x, const int64_t *x_strides, int64_t x_step, void *y, const int64_t *y_strides,
                        int64_t y_step, const fd_exec *exec);

/* fd_samples_sum writes dx = the sum over s of kept_s ? dy_s * scale : +0, which is the gradient for an x that all samples
 * share. Products are added in the order of s, in the type they are made in (float for 16-bit types), and rounded to
 * dx's once in the end. p_step is not used. */
fd_status fd_samples_sum(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape, fd_dtype dtype,
                         const void *dy, const int64_t *dy_strides, int64_t dy_step, void *dx, const int64_t *dx_strides,
                         const fd_exec *exec);

#define FD_MOMENTS_LIMIT (UINT64_C(1) << 24) /* most samples of fd_samples_moments: their number is exact in float */

/* fd_samples_moments writes mean and (population) variance over the samples of dropout of x, in C order of shape, without
 * making a sample. With k the number of samples that keep an element, of count in all,
 *     v = x * scale, f = k / count, mean = v * f, variance = (v * v) * (f * (1 - f))      k = 0: both are +0
 * each operation rounded, in double for FD_F64 and FD_C128 and in float for all others. mean is an array of double or
 * float, for complex types of pairs of these, and variance one of double or float; for a complex element v * v stands
 * for re * re + im * im. p_step is not used, and count is from 1 to FD_MOMENTS_LIMIT. */
fd_status fd_samples_moments(const fd_mask_desc *mask, const fd_samples *samples, int ndim, const int64_t *shape,
                             fd_dtype dtype, const void *x, const int64_t *x_strides, void *mean, void *variance,
                             const fd_exec *exec);

#endif
