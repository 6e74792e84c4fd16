/* elements.h: apply to elements of any spacing. */
#ifndef FD_ELEMENTS_H
#define FD_ELEMENTS_H

#include "half.h"
#include "kernels.h"

/* Rows of evenly spaced elements, at even distances: steps in bytes, of either sign. */
typedef struct fd_elements {
    const fd_kernels *kernels;
    fd_dtype dtype;
    int64_t x_step, y_step;         /* from one element of a row to the next */
    int64_t x_row_step, y_row_step; /* from one row to the next */
} fd_elements;

/* fd_apply_patch writes rows * n elements of y from those of x and as many bits, row after row from bit 0 on, with one
 * scale, or with 1/(1-p) of each element's own p[j] where p is not NULL. */
FD_HIDDEN void fd_apply_patch(const fd_elements *e, const uint8_t *bits, size_t rows, size_t n, const char *x, char *y,
                              const double *p, double scale);

/* fd_scale_run keeps (scales) or drops (zeroes) n elements of a row. */
FD_HIDDEN void fd_scale_run(const fd_elements *e, int keep, size_t n, const char *x, char *y, double scale);

/* fd_fetch_bytes and fd_fetch ask memory for what will be needed soon: some bytes, and a patch. */
FD_INLINE void fd_fetch_bytes(const void *from, size_t bytes)
{
#if defined(__GNUC__)
    for (size_t b = 0; b < bytes; b += 64) __builtin_prefetch((const char *)from + b);
#else
    (void)from;
    (void)bytes;
#endif
}
FD_HIDDEN void fd_fetch(const fd_elements *e, size_t rows, size_t n, const char *x, const char *y);

/* fd_copy_elements copies n elements of 1, 2, 4, 8 or 16 bytes that do not overlap; steps in bytes, that of `from` may be 0. */
FD_HIDDEN void fd_copy_elements(size_t size, size_t n, char *to, int64_t to_step, const char *from, int64_t from_step);

/* A narrow type's bits as float, and back with one rounding. */
FD_INLINE float fd_widen(fd_dtype dtype, uint16_t h) { return dtype == FD_F16 ? fd_f16_to_float(h) : fd_bf16_to_float(h); }
FD_INLINE uint16_t fd_narrow(fd_dtype dtype, float f)
{
    return dtype == FD_F16 ? fd_float_to_f16(f) : fd_float_to_bf16(f);
}

FD_INLINE int fd_is_complex(fd_dtype dtype) { return dtype == FD_C64 || dtype == FD_C128; }
FD_INLINE fd_dtype fd_real_part(fd_dtype dtype)
{
    return dtype == FD_C64 ? FD_F32 : dtype == FD_C128 ? FD_F64 : dtype;
}
/* Whether the elements of a row lie side by side. */
FD_INLINE int fd_is_contiguous(const fd_elements *e)
{
    const int64_t size = (int64_t)fd_dtype_size(e->dtype);
    return e->x_step == size && e->y_step == size;
}

#endif
