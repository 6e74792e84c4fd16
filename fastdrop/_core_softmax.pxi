# Softmax with dropout, and the functions in it. Included by _core.pyx after _core_noise.pxi, whose Place it uses. Arguments
# arrive checked by the modules above.

from fastdrop._capi_softmax cimport *


def map_function(int f, cnp.ndarray x not None, cnp.ndarray y not None):
    """Write y = f(x) for C-ordered float32 or float64: 0 exp, 1 GELU, 2 its derivative, 3 and 4 those of the tanh form."""
    cdef const void *source = cnp.PyArray_DATA(x)
    cdef void *target = cnp.PyArray_DATA(y)
    cdef size_t n = cnp.PyArray_SIZE(x)
    cdef int dtype = fast_dtype(cnp.PyArray_TYPE(x)), status
    with nogil:
        status = fd_map(f, n, dtype, source, target)
    check(status)


cdef int get_strides(int64_t *strides, cnp.ndarray a, cnp.ndarray like) except -1:
    """Read the strides of an array that has the shape of another one."""
    cdef int d
    if cnp.PyArray_NDIM(a) != cnp.PyArray_NDIM(like):
        raise ValueError("all arrays have to have the shape that they tell")
    for d in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_DIM(a, d) != cnp.PyArray_DIM(like, d):
            raise ValueError("all arrays have to have the shape that they tell")
        strides[d] = cnp.PyArray_STRIDE(a, d)
    return 0


cdef int set_scores(fd_scores *scores, int64_t *strides, double scale, cnp.ndarray mask, bint causal, int64_t first_query,
                    cnp.ndarray x) except -1:
    """Describe the scores. The mask is None, or of bool, or of the type that is computed in, broadcast to x's shape."""
    scores.scale = scale
    scores.mask_kind = 0
    scores.mask = NULL
    scores.mask_strides = strides
    scores.causal = causal
    scores.first_query = first_query
    if mask is not None:
        get_strides(strides, mask, x)
        scores.mask_kind = 1 if cnp.PyArray_TYPE(mask) == cnp.NPY_BOOL else 2
        scores.mask = cnp.PyArray_DATA(mask)
    return 0


def softmax_dropout(KeyBase key not None, double p, start, tuple index_strides, double scale, cnp.ndarray mask, bint causal,
                    int64_t first_query, int dtype, cnp.ndarray x not None, cnp.ndarray y not None, cnp.ndarray row_max,
                    cnp.ndarray row_sum, int threads):
    """Write y, and the rows' maxima and sums where there are arrays for them."""
    cdef Place place
    cdef fd_scores scores
    cdef int64_t mask_strides[FD_MAX_NDIM]
    cdef fd_exec how = run_with(threads)
    cdef int status
    cdef const void *source = cnp.PyArray_DATA(x)
    cdef void *target = cnp.PyArray_DATA(y)
    cdef void *maxima = NULL if row_max is None else cnp.PyArray_DATA(row_max)
    cdef void *sums = NULL if row_sum is None else cnp.PyArray_DATA(row_sum)
    set_place(&place, key, start, index_strides, x, y)
    place.desc.p = p
    set_scores(&scores, mask_strides, scale, mask, causal, first_query, x)
    with nogil:
        status = fd_softmax_dropout(&place.desc, &scores, place.ndim, place.shape, dtype, source, place.x_strides, target,
                                    place.y_strides, maxima, sums, &how)
    check(status)


def softmax_dropout_backward(KeyBase key not None, double p, start, tuple index_strides, double scale, cnp.ndarray mask,
                             bint causal, int64_t first_query, int dtype, cnp.ndarray x not None,
                             cnp.ndarray row_max not None, cnp.ndarray row_sum not None, cnp.ndarray dy not None,
                             cnp.ndarray dx not None, int threads):
    """Write dx from dy, x and the rows' maxima and sums."""
    cdef Place place
    cdef fd_scores scores
    cdef int64_t mask_strides[FD_MAX_NDIM]
    cdef int64_t dy_strides[FD_MAX_NDIM]
    cdef fd_exec how = run_with(threads)
    cdef int status
    cdef const void *source = cnp.PyArray_DATA(x)
    cdef const void *maxima = cnp.PyArray_DATA(row_max)
    cdef const void *sums = cnp.PyArray_DATA(row_sum)
    cdef const void *gradient = cnp.PyArray_DATA(dy)
    cdef void *target = cnp.PyArray_DATA(dx)
    set_place(&place, key, start, index_strides, x, dx)
    place.desc.p = p
    get_strides(dy_strides, dy, x)
    set_scores(&scores, mask_strides, scale, mask, causal, first_query, x)
    with nogil:
        status = fd_softmax_dropout_backward(&place.desc, &scores, place.ndim, place.shape, dtype, source, place.x_strides,
                                             maxima, sums, gradient, dy_strides, target, place.y_strides, &how)
    check(status)
