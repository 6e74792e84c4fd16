# Continuous noise. Included by _core.pyx. Arguments arrive checked by the modules above.

from fastdrop._capi_noise cimport *


cdef struct Place:  # of an array's elements among the noise words
    fd_mask_desc desc
    int ndim
    int64_t shape[FD_MAX_NDIM]
    int64_t index_strides[FD_MAX_NDIM]
    int64_t x_strides[FD_MAX_NDIM]
    int64_t y_strides[FD_MAX_NDIM]


cdef int set_place(Place *place, KeyBase key, start, tuple index_strides, cnp.ndarray x, cnp.ndarray y) except -1:
    """Fill in what C needs to know, from the arrays themselves: a subclass can tell Python another shape than NumPy's."""
    cdef int d
    place.ndim = cnp.PyArray_NDIM(x)
    if place.ndim != len(index_strides) or place.ndim != cnp.PyArray_NDIM(y):
        raise ValueError("x and out have to have the shape that they tell")
    for d in range(place.ndim):
        if cnp.PyArray_DIM(x, d) != cnp.PyArray_DIM(y, d):
            raise ValueError("x and out have to have the shape that they tell")
        place.shape[d] = cnp.PyArray_DIM(x, d)
        place.index_strides[d] = index_strides[d]
        place.x_strides[d] = cnp.PyArray_STRIDE(x, d)
        place.y_strides[d] = cnp.PyArray_STRIDE(y, d)
    place.desc.key = key.key
    place.desc.bits = NULL
    place.desc.p = 0
    place.desc.p_values = NULL
    place.desc.start = start
    place.desc.strides = place.index_strides
    return 0


def normal(cnp.ndarray words not None, cnp.ndarray z not None):
    """Write the standard normal numbers that a run of words stands for, as float32 or float64."""
    cdef const uint32_t *source = <const uint32_t *>cnp.PyArray_DATA(words)
    cdef void *target = cnp.PyArray_DATA(z)
    cdef size_t n = cnp.PyArray_SIZE(words)
    cdef int dtype = fast_dtype(cnp.PyArray_TYPE(z)), status
    with nogil:
        status = fd_normal(source, n, dtype, target)
    check(status)


def noise(KeyBase key not None, int kind, double sigma, start, tuple index_strides, int dtype, cnp.ndarray x not None,
          cnp.ndarray y not None, int threads):
    """Write y = x (1 + sigma z) for kind 0, y = x + sigma z for kind 1."""
    cdef Place place
    cdef fd_exec how = run_with(threads)
    cdef int status
    cdef const void *source = cnp.PyArray_DATA(x)
    cdef void *target = cnp.PyArray_DATA(y)
    set_place(&place, key, start, index_strides, x, y)
    with nogil:
        status = fd_noise_nd(&place.desc, kind, sigma, place.ndim, place.shape, dtype, source, place.x_strides, target,
                             place.y_strides, &how)
    check(status)


def concrete(KeyBase key not None, double p, double temperature, int slope, start, tuple index_strides, int dtype,
             cnp.ndarray x not None, cnp.ndarray y not None, int threads):
    """Write y = x times the factor of concrete dropout, or its derivative for the logit of p."""
    cdef Place place
    cdef fd_exec how = run_with(threads)
    cdef int status
    cdef const void *source = cnp.PyArray_DATA(x)
    cdef void *target = cnp.PyArray_DATA(y)
    set_place(&place, key, start, index_strides, x, y)
    with nogil:
        status = fd_concrete_nd(&place.desc, p, temperature, slope, place.ndim, place.shape, dtype, source, place.x_strides,
                                target, place.y_strides, &how)
    check(status)
