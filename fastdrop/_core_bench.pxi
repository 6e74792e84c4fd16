# For fastdrop._bench, which must not have a core of its own. Included by _core.pyx.


cdef int c_dropout(fd_key key, double p, size_t n, int dtype, const void *x, void *y, const fd_exec *how) noexcept nogil:
    return fd_dropout(key, p, 0, n, dtype, x, y, how)


cdef int c_apply(const uint8_t *bits, size_t n, int dtype, double scale, const void *x, void *y,
                 const fd_exec *how) noexcept nogil:
    return fd_apply(bits, n, dtype, scale, x, y, how)


cdef int c_fill(fd_key key, double p, size_t n, uint8_t *bits, const fd_exec *how) noexcept nogil:
    return fd_fill(key, p, 0, n, bits, how)


cdef void c_scale(float *x, size_t n, float s) noexcept nogil:
    fd_scale_f32(x, n, s)
