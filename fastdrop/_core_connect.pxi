# DropConnect: included by _core.pyx. Matrices arrive as 2-d arrays of one dtype whose rows are contiguous, in their order.

from fastdrop._capi_connect cimport *


cdef int matrix(cnp.ndarray a, int64_t rows, int64_t columns, void **data, int64_t *step) except -1:
    """Take a matrix apart: a subclass can tell Python another shape than NumPy's."""
    cdef bint fits = cnp.PyArray_NDIM(a) == 2 and cnp.PyArray_DIM(a, 0) == rows and cnp.PyArray_DIM(a, 1) == columns
    if not fits or (rows > 0 and columns > 1 and cnp.PyArray_STRIDE(a, 1) != cnp.PyArray_ITEMSIZE(a)):
        raise ValueError(f"the matrix has to be of shape {(rows, columns)} with contiguous rows")
    data[0] = cnp.PyArray_DATA(a)
    step[0] = cnp.PyArray_STRIDE(a, 0) // cnp.PyArray_ITEMSIZE(a) if rows > 1 else columns
    return 0


cdef int check_axes(MaskArguments mask) except -1:
    if mask.ndim != 3:
        raise ValueError(f"the mask has to have three axes, but has {mask.ndim}")
    return 0


def connect(MaskArguments mask not None, int dtype, cnp.ndarray x not None, cnp.ndarray w not None, cnp.ndarray bias,
            cnp.ndarray y not None, int threads):
    """Write y = s (m o w) x + bias for the mask's (samples, rows, columns)."""
    cdef int status
    cdef fd_exec how = run_with(threads)
    cdef void *xs
    cdef void *ws
    cdef void *ys
    cdef const void *b = NULL if bias is None else cnp.PyArray_DATA(bias)
    cdef int64_t x_step, w_step, y_step
    check_axes(mask)
    matrix(x, mask.shape[0], mask.shape[2], &xs, &x_step)
    matrix(w, mask.shape[1], mask.shape[2], &ws, &w_step)
    matrix(y, mask.shape[0], mask.shape[1], &ys, &y_step)
    with nogil:
        status = fd_connect(&mask.desc, mask.shape, dtype, xs, x_step, ws, w_step, b, ys, y_step, &how)
    check(status)


def connect_backward(MaskArguments mask not None, int dtype, cnp.ndarray dy not None, cnp.ndarray x not None,
                     cnp.ndarray w not None, cnp.ndarray dx not None, cnp.ndarray dw not None, int threads):
    """Write the gradients for x and w."""
    cdef int status
    cdef fd_exec how = run_with(threads)
    cdef void *data[5]
    cdef int64_t step[5]
    check_axes(mask)
    matrix(dy, mask.shape[0], mask.shape[1], &data[0], &step[0])
    matrix(x, mask.shape[0], mask.shape[2], &data[1], &step[1])
    matrix(w, mask.shape[1], mask.shape[2], &data[2], &step[2])
    matrix(dx, mask.shape[0], mask.shape[2], &data[3], &step[3])
    matrix(dw, mask.shape[1], mask.shape[2], &data[4], &step[4])
    with nogil:
        status = fd_connect_backward(&mask.desc, mask.shape, dtype, data[0], step[0], data[1], step[1], data[2], step[2],
                                     data[3], step[3], data[4], step[4], &how)
    check(status)
