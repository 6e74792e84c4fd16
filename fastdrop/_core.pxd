"""What the benchmark's extension calls of the core: through here, so that there is one core with one state."""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

from fastdrop._capi cimport fd_exec, fd_key

cdef int c_dropout(fd_key key, double p, size_t n, int dtype, const void *x, void *y, const fd_exec *how) noexcept nogil
cdef int c_apply(const uint8_t *bits, size_t n, int dtype, double scale, const void *x, void *y,
                 const fd_exec *how) noexcept nogil
cdef int c_fill(fd_key key, double p, size_t n, uint8_t *bits, const fd_exec *how) noexcept nogil
cdef void c_scale(float *x, size_t n, float s) noexcept nogil
