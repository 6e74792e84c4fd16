# Blocks and chosen rows. Included by _core.pyx. Arguments arrive checked by the modules above: contiguous uint8 and int64.

from fastdrop._capi_blocks cimport *


def grow_blocks(cnp.ndarray seeds not None, uint64_t maps, tuple shape, int64_t block, cnp.ndarray bits not None,
                int threads):
    """Write the packed mask of maps that the packed mask of their seeds makes, and return how many elements are kept."""
    cdef int64_t lengths[FD_MAX_NDIM]
    cdef int status, dims = len(shape)
    cdef fd_exec how = run_with(threads)
    cdef uint64_t kept = 0
    cdef const uint8_t *source = <const uint8_t *>cnp.PyArray_DATA(seeds)
    cdef uint8_t *target = <uint8_t *>cnp.PyArray_DATA(bits)
    for d in range(dims):
        lengths[d] = shape[d]
    with nogil:
        status = fd_grow_blocks(source, maps, dims, lengths, block, target, &kept, &how)
    check(status)
    return kept


def keep_at(KeyBase key not None, double p, uint64_t start, cnp.ndarray numbers not None, int threads):
    """Return, as uint8, whether the element of index start + number is kept, for each of some int64 numbers."""
    cdef cnp.ndarray keep = np.empty(cnp.PyArray_SIZE(numbers), np.uint8)
    cdef const int64_t *source = <const int64_t *>cnp.PyArray_DATA(numbers)
    cdef uint8_t *target = <uint8_t *>cnp.PyArray_DATA(keep)
    cdef size_t n = cnp.PyArray_SIZE(numbers)
    cdef fd_exec how = run_with(threads)
    cdef int status
    with nogil:
        status = fd_keep_at(key.key, p, start, source, n, target, &how)
    check(status)
    return keep


def smallest(KeyBase key not None, uint64_t start, uint64_t rows, uint64_t n, uint64_t k, int threads):
    """Return the positions of the k smallest noise words of each of `rows` rows of n, ascending: int64 (rows, k)."""
    cdef cnp.ndarray positions = np.empty((rows, k), np.int64)
    cdef int64_t *target = <int64_t *>cnp.PyArray_DATA(positions)
    cdef fd_exec how = run_with(threads)
    cdef int status
    with nogil:
        status = fd_smallest(key.key, start, rows, n, k, target, &how)
    check(status)
    return positions


cdef int set_rows(fd_rows *rows, cnp.ndarray a) except -1:
    if cnp.PyArray_NDIM(a) < 2:
        raise ValueError("the array has to have samples and rows")
    rows.data = <char *>cnp.PyArray_DATA(a)
    rows.sample_step = cnp.PyArray_STRIDE(a, 0)
    rows.row_step = cnp.PyArray_STRIDE(a, 1)
    return 0


def move_rows(bint put, cnp.ndarray positions not None, size_t size, cnp.ndarray x not None, cnp.ndarray y not None,
              int threads):
    """Take rows of `size` bytes from x (samples, n, ...) to y (samples, k, ...), or put those of x there into y."""
    cdef fd_rows source
    cdef fd_rows target
    cdef uint64_t samples = cnp.PyArray_DIM(positions, 0), k = cnp.PyArray_DIM(positions, 1)
    cdef uint64_t n = cnp.PyArray_DIM(y if put else x, 1)
    cdef const int64_t *p = <const int64_t *>cnp.PyArray_DATA(positions)
    cdef fd_exec how = run_with(threads)
    cdef int status
    set_rows(&source, x)
    set_rows(&target, y)
    with nogil:
        if put:
            status = fd_put_rows(samples, k, n, p, size, &source, &target, &how)
        else:
            status = fd_take_rows(samples, k, n, p, size, &source, &target, &how)
    check(status)


def look_up(cnp.ndarray ids not None, cnp.ndarray keep not None, int dtype, double scale, cnp.ndarray table not None,
            cnp.ndarray y not None, int threads):
    """Write y[j] = table[ids[j]] * scale where keep[j], else +0; the rows of both are contiguous."""
    cdef const int64_t *numbers = <const int64_t *>cnp.PyArray_DATA(ids)
    cdef const uint8_t *kept = <const uint8_t *>cnp.PyArray_DATA(keep)
    cdef size_t n = cnp.PyArray_SIZE(ids), width = cnp.PyArray_DIM(table, 1)
    cdef const void *source = cnp.PyArray_DATA(table)
    cdef void *target = cnp.PyArray_DATA(y)
    cdef uint64_t rows = cnp.PyArray_DIM(table, 0)
    cdef int64_t step = cnp.PyArray_STRIDE(table, 0), y_step = cnp.PyArray_STRIDE(y, 0)
    cdef fd_exec how = run_with(threads)
    cdef int status
    with nogil:
        status = fd_look_up(numbers, kept, n, dtype, scale, width, source, rows, step, target, y_step, &how)
    check(status)


def sum_rows(cnp.ndarray order not None, cnp.ndarray begin not None, cnp.ndarray keep not None, int dtype, double scale,
             cnp.ndarray x not None, cnp.ndarray y not None, int threads):
    """Write y[i] = scale times the sum of x[order[j]], begin[i] <= j < begin[i + 1], where keep[i], else +0."""
    cdef const int64_t *numbers = <const int64_t *>cnp.PyArray_DATA(order)
    cdef const int64_t *first = <const int64_t *>cnp.PyArray_DATA(begin)
    cdef const uint8_t *kept = <const uint8_t *>cnp.PyArray_DATA(keep)
    cdef size_t sums = cnp.PyArray_SIZE(keep), width = cnp.PyArray_DIM(x, 1)
    cdef const void *source = cnp.PyArray_DATA(x)
    cdef void *target = cnp.PyArray_DATA(y)
    cdef uint64_t rows = cnp.PyArray_DIM(x, 0)
    cdef int64_t step = cnp.PyArray_STRIDE(x, 0), y_step = cnp.PyArray_STRIDE(y, 0)
    cdef fd_exec how = run_with(threads)
    cdef int status
    with nogil:
        status = fd_sum_rows(numbers, first, kept, sums, dtype, scale, width, source, rows, step, target, y_step, &how)
    check(status)
