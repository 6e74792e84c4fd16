"""Blocks and chosen rows of the C core as Cython sees them: csrc/fastdrop_blocks.h and fastdrop_rows.h say what each
function promises."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint64_t

from fastdrop._capi cimport fd_dtype, fd_exec, fd_key, fd_status

cdef extern from "fastdrop.h" nogil:
    fd_status fd_grow_blocks(const uint8_t *seeds, uint64_t maps, int dims, const int64_t *shape, int64_t block,
                             uint8_t *bits, uint64_t *kept, const fd_exec *how)
    ctypedef struct fd_rows:
        char *data
        int64_t sample_step
        int64_t row_step
    fd_status fd_keep_at(fd_key key, double p, uint64_t start, const int64_t *numbers, size_t n, uint8_t *keep,
                         const fd_exec *how)
    fd_status fd_smallest(fd_key key, uint64_t start, uint64_t rows, uint64_t n, uint64_t k, int64_t *positions,
                          const fd_exec *how)
    fd_status fd_take_rows(uint64_t samples, uint64_t k, uint64_t n, const int64_t *positions, size_t size,
                           const fd_rows *x, const fd_rows *y, const fd_exec *how)
    fd_status fd_put_rows(uint64_t samples, uint64_t k, uint64_t n, const int64_t *positions, size_t size,
                          const fd_rows *x, const fd_rows *y, const fd_exec *how)
    fd_status fd_look_up(const int64_t *ids, const uint8_t *keep, size_t n, fd_dtype dtype, double scale, size_t width,
                         const void *table, uint64_t rows, int64_t table_step, void *y, int64_t y_step,
                         const fd_exec *how)
    fd_status fd_sum_rows(const int64_t *order, const int64_t *begin, const uint8_t *keep, size_t sums, fd_dtype dtype,
                          double scale, size_t width, const void *x, uint64_t rows, int64_t x_step, void *y,
                          int64_t y_step, const fd_exec *how)
