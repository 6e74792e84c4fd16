# Arrays that are told by their addresses, as frameworks without NumPy's arrays have them. Included by _core.pyx.


def dropout_at(size_t x, size_t y, size_t n, int dtype, double p, int64_t seed, int64_t stream, int threads):
    """Write dropout of the n elements at x to y, which is x or does not overlap it. The caller answers for the memory.

    The key's two numbers are signed here: 64-bit integers of other frameworks are.
    """
    cdef fd_exec how = run_with(threads)
    cdef fd_key key = raw(<uint64_t>seed, <uint64_t>stream)
    cdef int status
    if n < KEEP_GIL:
        status = fd_dropout(key, p, 0, n, dtype, <const void *>x, <void *>y, &how)
    else:
        with nogil:
            status = fd_dropout(key, p, 0, n, dtype, <const void *>x, <void *>y, &how)
    check(status)
