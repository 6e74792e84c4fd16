/* samples.h: keys of samples, and arrays cut into patches. */
#ifndef FD_SAMPLES_H
#define FD_SAMPLES_H

#include "elements.h"
#include "layout.h"
#include "parallel.h"
#include "philox.h"
#include "source.h"

/* fd_sample_key returns the key of sample s. */
FD_INLINE fd_key fd_sample_key(fd_key key, const fd_samples *samples, uint64_t s)
{
    uint32_t w[4];
    const uint64_t number = samples->numbers ? samples->numbers[s] : s;
    fd_philox_block(key, FD_DOMAIN_DERIVE, (uint64_t)samples->role << 56 | number, w);
    return (fd_key){w[0] | (uint64_t)w[1] << 32, w[2] | (uint64_t)w[3] << 32};
}

/* Keys of some samples, made once for many patches. */
typedef struct fd_sample_keys {
    uint64_t first, count;
    fd_key key[256];
} fd_sample_keys;

FD_INLINE void fd_sample_keys_open(fd_sample_keys *keys) { keys->first = keys->count = 0; }

FD_INLINE fd_key fd_sample_keys_get(fd_sample_keys *keys, fd_key key, const fd_samples *samples, uint64_t s)
{
    enum { MOST = sizeof keys->key / sizeof keys->key[0] };
    if (s - keys->first >= keys->count) { /* unsigned: also where s is below */
        keys->first = s - s % MOST;
        keys->count = samples->count - keys->first < MOST ? samples->count - keys->first : MOST;
        for (uint64_t j = 0; j < keys->count; j++) keys->key[j] = fd_sample_key(key, samples, keys->first + j);
    }
    return keys->key[s - keys->first];
}

/* fd_samples_check says whether a law and samples can be used, p_values apart. */
FD_HIDDEN fd_status fd_samples_check(const fd_mask_desc *mask, const fd_samples *samples);

/* Rows of evenly spaced elements of a layout, a piece or several of them, in the layout's order. */
typedef struct fd_patch {
    uint64_t start; /* mask index of the first element */
    size_t rows, n;
    const double *p;
    int64_t x, y; /* offsets in bytes */
} fd_patch;

typedef struct fd_patches {
    const fd_layout *layout;
    const double *p_values;
    fd_axis outer[FD_MAX_NDIM], rows, row;
    int num_outer, near;
    uint64_t groups, group_rows, segments, segment;
    uint64_t count; /* of patches */
} fd_patches;

/* fd_patches_make cuts a layout into patches of at most `most` elements, fd_patches_get finds one. */
FD_HIDDEN void fd_patches_make(fd_patches *patches, const fd_layout *layout, const double *p_values, uint64_t most);
FD_HIDDEN fd_patch fd_patches_get(const fd_patches *patches, uint64_t number);

/* fd_patch_bits writes the decisions of a patch under a key: with mask->p, or with p[j] for each of its elements where p is
 * not NULL, which are at most FD_VARIED then. */
FD_HIDDEN void fd_patch_bits(const fd_patches *patches, const fd_patch *patch, const fd_mask_desc *mask, fd_key key,
                             const double *p, uint8_t *bits);

/* Sums over samples are made of patches of so many elements, or half as many of 16 bytes, as real numbers in the type that
 * products are made in; complex ones are pairs. */
enum { FD_PATCH = 4096 };
typedef union fd_numbers {
    float f[FD_PATCH];
    double d[FD_PATCH];
} fd_numbers;

FD_INLINE int fd_is_wide(fd_dtype dtype) { return dtype == FD_F64 || dtype == FD_C128; }
FD_INLINE int fd_is_half(fd_dtype dtype) { return dtype == FD_F16 || dtype == FD_BF16; }

/* fd_patch_gather brings rows of evenly spaced elements into one row of numbers; fd_patch_scatter takes them back, rounded
 * to the type of the elements. */
FD_HIDDEN void fd_patch_gather(fd_dtype dtype, size_t rows, size_t n, const char *x, int64_t row_step, int64_t step,
                               fd_numbers *to);
FD_HIDDEN void fd_patch_scatter(fd_dtype dtype, size_t rows, size_t n, const fd_numbers *from, char *y, int64_t row_step,
                                int64_t step);

/* A call that adds up samples, and how it is run: fn on ranges of patches. */
typedef struct fd_sums {
    const fd_kernels *kernels;
    const fd_mask_desc *mask;
    const fd_samples *samples;
    const fd_patches *patches;
    fd_dtype dtype;
    const char *x;
    char *y, *variance;
    int64_t x_step;
} fd_sums;
FD_HIDDEN fd_status fd_sums_run(fd_sums *sums, const fd_layout *layout, fd_range_fn *fn, const fd_exec *exec);

#endif
