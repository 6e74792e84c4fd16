# Several arrays under one mask. Included by _core.pyx. Arrays arrive checked and broadcast by the modules above.

from fastdrop._capi_mix cimport *


cdef struct Strided:
    fd_input source
    fd_output target
    int64_t strides[FD_MAX_NDIM]


cdef int take(Strided *s, MaskArguments mask, cnp.ndarray a) except -1:
    """Take an array apart, None as no data, as what is read and as what is written."""
    cdef int d
    s.source.data = s.target.data = NULL
    s.source.strides = s.target.strides = s.strides
    if a is None:
        return 0
    if not mask.fits(a):
        raise ValueError("arrays have to have the shape that they tell")
    s.source.data = s.target.data = cnp.PyArray_DATA(a)
    for d in range(mask.ndim):
        s.strides[d] = cnp.PyArray_STRIDE(a, d)
    return 0


def affine(MaskArguments mask not None, double a, double b, double c, int dtype, cnp.ndarray x not None,
           cnp.ndarray y not None, int threads):
    """Write y = kept ? a x + b : c."""
    cdef Strided s, t
    cdef int status
    cdef fd_exec how = run_with(threads)
    take(&s, mask, x)
    take(&t, mask, y)
    with nogil:
        status = fd_affine_nd(&mask.desc, a, b, c, mask.ndim, mask.shape, dtype, s.source, t.target, &how)
    check(status)


def choose(MaskArguments mask not None, int dtype, cnp.ndarray x not None, cnp.ndarray other not None,
           cnp.ndarray y not None, int threads):
    """Write y = kept ? x : other."""
    cdef Strided s, o, t
    cdef int status
    cdef fd_exec how = run_with(threads)
    take(&s, mask, x)
    take(&o, mask, other)
    take(&t, mask, y)
    with nogil:
        status = fd_choose_nd(&mask.desc, mask.ndim, mask.shape, dtype, s.source, o.source, t.target, &how)
    check(status)


def part(MaskArguments mask not None, int dtype, cnp.ndarray dy not None, cnp.ndarray dx not None,
         cnp.ndarray d_other not None, int threads):
    """Write dx = kept ? dy : 0 and d_other = kept ? 0 : dy."""
    cdef Strided s, t, o
    cdef int status
    cdef fd_exec how = run_with(threads)
    take(&s, mask, dy)
    take(&t, mask, dx)
    take(&o, mask, d_other)
    with nogil:
        status = fd_part_nd(&mask.desc, mask.ndim, mask.shape, dtype, s.source, t.target, o.target, &how)
    check(status)


def blend(MaskArguments mask not None, double a, double b, int dtype, cnp.ndarray x not None, cnp.ndarray other not None,
          cnp.ndarray y not None, int threads):
    """Write y = a x + b other; of the mask only the shape counts."""
    cdef Strided s, o, t
    cdef int status
    cdef fd_exec how = run_with(threads)
    take(&s, mask, x)
    take(&o, mask, other)
    take(&t, mask, y)
    with nogil:
        status = fd_blend_nd(a, b, mask.ndim, mask.shape, dtype, s.source, o.source, t.target, &how)
    check(status)


def fused(MaskArguments mask not None, int activation, int dtype, cnp.ndarray x not None, cnp.ndarray bias,
          cnp.ndarray residual, cnp.ndarray y not None, int threads):
    """Write y = residual + (kept ? f(x + bias) / (1 - p) : 0); bias and residual may be None."""
    cdef Strided s, b, r, t
    cdef int status
    cdef fd_exec how = run_with(threads)
    take(&s, mask, x)
    take(&b, mask, bias)
    take(&r, mask, residual)
    take(&t, mask, y)
    with nogil:
        status = fd_fused_nd(&mask.desc, activation, mask.ndim, mask.shape, dtype, s.source, b.source, r.source, t.target,
                             &how)
    check(status)


def fused_backward(MaskArguments mask not None, int activation, int dtype, cnp.ndarray dy not None, cnp.ndarray x not None,
                   cnp.ndarray bias, cnp.ndarray dx not None, int threads):
    """Write dx = kept ? dy / (1 - p) f'(x + bias) : 0; bias may be None."""
    cdef Strided g, s, b, t
    cdef int status
    cdef fd_exec how = run_with(threads)
    take(&g, mask, dy)
    take(&s, mask, x)
    take(&b, mask, bias)
    take(&t, mask, dx)
    with nogil:
        status = fd_fused_backward_nd(&mask.desc, activation, mask.ndim, mask.shape, dtype, g.source, s.source, b.source,
                                      t.target, &how)
    check(status)
