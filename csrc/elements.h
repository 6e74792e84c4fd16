/* elements.h: apply to a run of elements of any spacing. */
#ifndef FD_ELEMENTS_H
#define FD_ELEMENTS_H

#include "kernels.h"

typedef struct fd_elements {
    const fd_kernels *kernels;
    fd_dtype dtype;
    int64_t x_stride, y_stride; /* bytes */
} fd_elements;

/* fd_apply_run writes n elements of y from those of x and bits (from bit 0 on) with one scale. */
FD_HIDDEN void fd_apply_run(const fd_elements *e, const uint8_t *bits, size_t n, const char *x, char *y, double scale);

/* fd_apply_varied does the same with a scale for each. */
FD_HIDDEN void fd_apply_varied(const fd_elements *e, const uint8_t *bits, size_t n, const char *x, char *y,
                               const double *scales);

/* fd_scale_run keeps (scales) or drops (zeroes) a whole run. */
FD_HIDDEN void fd_scale_run(const fd_elements *e, int keep, size_t n, const char *x, char *y, double scale);

FD_INLINE int fd_is_complex(fd_dtype dtype) { return dtype == FD_C64 || dtype == FD_C128; }
FD_INLINE fd_dtype fd_real_part(fd_dtype dtype)
{
    return dtype == FD_C64 ? FD_F32 : dtype == FD_C128 ? FD_F64 : dtype;
}
FD_INLINE int fd_is_contiguous(const fd_elements *e)
{
    const int64_t size = (int64_t)fd_dtype_size(e->dtype);
    return e->x_stride == size && e->y_stride == size;
}

#endif
