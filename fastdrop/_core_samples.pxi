# One law under many keys: included by _core.pyx. Arrays arrive with an axis of samples in front, which may have a stride of
# 0 in x; the mask is that of one sample.

from fastdrop._capi_samples cimport *


cdef int take_sample(MaskArguments mask, cnp.ndarray a, bint front, int64_t *strides, int64_t *step) except -1:
    """Take the strides of one sample, and the step to the next: a subclass can tell Python another shape than NumPy's."""
    cdef int d, first = 1 if front else 0
    cdef bint fits = cnp.PyArray_NDIM(a) == mask.ndim + first
    for d in range(mask.ndim):
        if not fits or cnp.PyArray_DIM(a, d + first) != mask.shape[d]:
            fits = False
            break
        strides[d] = cnp.PyArray_STRIDE(a, d + first)
    if not fits:
        raise ValueError("arrays have to have the shape that they tell")
    if front:
        step[0] = cnp.PyArray_STRIDE(a, 0)
    return 0


cdef int set_samples(fd_samples *samples, uint64_t count, unsigned role, cnp.ndarray numbers, p_step) except -1:
    samples.count = count
    samples.role = role
    samples.numbers = NULL
    samples.p_step = p_step
    if numbers is not None:  # uint64, contiguous
        if <uint64_t>cnp.PyArray_SIZE(numbers) != count:
            raise ValueError(f"there have to be {count} numbers, but got {cnp.PyArray_SIZE(numbers)}")
        samples.numbers = <const uint64_t *>cnp.PyArray_DATA(numbers)
    return 0


def samples_apply(MaskArguments mask not None, unsigned role, cnp.ndarray numbers, p_step, int dtype,
                  cnp.ndarray x not None, cnp.ndarray y not None, int threads):
    """Write y[s] = kept_s ? x[s] / (1 - p) : +0; numbers of None are 0, 1, 2, ..."""
    cdef int status
    cdef fd_exec how = run_with(threads)
    cdef fd_samples samples
    cdef int64_t x_strides[FD_MAX_NDIM]
    cdef int64_t y_strides[FD_MAX_NDIM]
    cdef int64_t x_step, y_step
    cdef const void *source = cnp.PyArray_DATA(x)
    cdef void *target = cnp.PyArray_DATA(y)
    take_sample(mask, x, True, x_strides, &x_step)
    take_sample(mask, y, True, y_strides, &y_step)
    if cnp.PyArray_DIM(x, 0) != cnp.PyArray_DIM(y, 0):
        raise ValueError("arrays have to have the shape that they tell")
    set_samples(&samples, cnp.PyArray_DIM(y, 0), role, numbers, p_step)
    with nogil:
        status = fd_samples_nd(&mask.desc, &samples, mask.ndim, mask.shape, dtype, source, x_strides, x_step, target,
                               y_strides, y_step, &how)
    check(status)


def samples_sum(MaskArguments mask not None, unsigned role, cnp.ndarray numbers, int dtype, cnp.ndarray dy not None,
                cnp.ndarray dx not None, int threads):
    """Write dx = the sum over s of kept_s ? dy[s] / (1 - p) : +0."""
    cdef int status
    cdef fd_exec how = run_with(threads)
    cdef fd_samples samples
    cdef int64_t dy_strides[FD_MAX_NDIM]
    cdef int64_t dx_strides[FD_MAX_NDIM]
    cdef int64_t dy_step = 0
    cdef const void *source = cnp.PyArray_DATA(dy)
    cdef void *target = cnp.PyArray_DATA(dx)
    take_sample(mask, dy, True, dy_strides, &dy_step)
    take_sample(mask, dx, False, dx_strides, NULL)
    set_samples(&samples, cnp.PyArray_DIM(dy, 0), role, numbers, 0)
    with nogil:
        status = fd_samples_sum(&mask.desc, &samples, mask.ndim, mask.shape, dtype, source, dy_strides, dy_step, target,
                                dx_strides, &how)
    check(status)


def samples_moments(MaskArguments mask not None, unsigned role, cnp.ndarray numbers, uint64_t count, int dtype,
                    cnp.ndarray x not None, cnp.ndarray mean not None, cnp.ndarray variance not None, int threads):
    """Write mean and variance over the samples, C-ordered arrays of the wide type."""
    cdef int status
    cdef fd_exec how = run_with(threads)
    cdef fd_samples samples
    cdef int64_t x_strides[FD_MAX_NDIM]
    cdef const void *source = cnp.PyArray_DATA(x)
    cdef void *first = cnp.PyArray_DATA(mean)
    cdef void *second = cnp.PyArray_DATA(variance)
    take_sample(mask, x, False, x_strides, NULL)
    if not mask.fits(mean) or not mask.fits(variance):
        raise ValueError("arrays have to have the shape that they tell")
    set_samples(&samples, count, role, numbers, 0)
    with nogil:
        status = fd_samples_moments(&mask.desc, &samples, mask.ndim, mask.shape, dtype, source, x_strides, first, second,
                                    &how)
    check(status)
