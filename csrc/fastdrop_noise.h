/* fastdrop_noise.h: continuous noise. Part of fastdrop.h, whose conventions hold: include that.
 *
 * Element i owns the noise word i (fd_noise_words) and the standard normal number z that it stands for: the quantile of
 * (word + 1/2) / 2^32, in float within 6 units in the last place, in double within 1e-14, the same bits on every instruction
 * set (docs/noise.md). z is float for types up to FD_F32 and for FD_C64, double for FD_F64 and FD_C128.
 */
#ifndef FASTDROP_NOISE_H
#define FASTDROP_NOISE_H

/* fd_normal writes the z that each of n words stands for; dtype is FD_F32 or FD_F64, z does not overlap the words. */
fd_status fd_normal(const uint32_t *words, size_t n, fd_dtype dtype, void *z);

typedef enum fd_noise_kind {
    FD_NOISE_MULTIPLY, /* y = x (1 + sigma z) */
    FD_NOISE_ADD       /* y = x + sigma z; for complex types to both parts */
} fd_noise_kind;

/* fd_noise writes y[j] from x[j] and z of element start + j. y is x, or does not overlap it. sigma is rounded once to the type
 * that is computed in. The same call with FD_NOISE_MULTIPLY and dy in the place of x is the backward pass. */
fd_status fd_noise(fd_key key, fd_noise_kind kind, double sigma, uint64_t start, size_t n, fd_dtype dtype, const void *x,
                   void *y, const fd_exec *exec);

/* fd_noise_nd does the same on arrays of any strides, as fd_dropout_nd does; of `where` the key, start and strides count. */
fd_status fd_noise_nd(const fd_mask_desc *where, fd_noise_kind kind, double sigma, int ndim, const int64_t *shape,
                      fd_dtype dtype, const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                      const fd_exec *exec);

/* fd_concrete_nd writes y = x (1 - d) / q with q = 1 - p and d = sigmoid((log p - log q + log u - log(1-u)) / temperature),
 * u = (word + 1/2) / 2^32: concrete dropout (Gal, Hron and Kendall, NeurIPS 2017); with dy in the place of x it is the
 * backward pass. With `slope` the factor is its derivative for log p - log q instead. 0 < p < 1, the temperature is positive and
 * finite. Of `where` the key, start and strides count. */
fd_status fd_concrete_nd(const fd_mask_desc *where, double p, double temperature, int slope, int ndim, const int64_t *shape,
                         fd_dtype dtype, const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                         const fd_exec *exec);

#endif
