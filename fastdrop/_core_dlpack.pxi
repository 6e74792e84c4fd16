# Arrays of other packages by DLPack, the exchange format of https://dmlc.github.io/dlpack (versions 0 and 1): memory of the
# CPU as a NumPy array on it, without a copy. NumPy's own import takes no bfloat16, and does not say which device it refuses.

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_SetName

cdef extern from "numpy/arrayobject.h":
    object PyArray_New(type subtype, int ndim, cnp.npy_intp *shape, int type_number, cnp.npy_intp *strides, void *data,
                       int itemsize, int flags, void *nothing)

cdef struct Device:
    int32_t kind
    int32_t number

cdef struct ElementType:
    uint8_t code
    uint8_t bits
    uint16_t lanes

cdef struct Tensor:
    void *data
    Device device
    int32_t ndim
    ElementType dtype
    int64_t *shape
    int64_t *strides
    uint64_t byte_offset

cdef struct Managed:
    Tensor tensor
    void *context
    void (*deleter)(Managed *) noexcept

cdef struct Versioned:
    uint32_t major
    uint32_t minor
    void *context
    void (*deleter)(Versioned *) noexcept
    uint64_t flags
    Tensor tensor

cdef enum:
    READ_ONLY = 1
    IS_COPIED = 2

cdef const char *PLAIN = "dltensor"
cdef const char *VERSIONED = "dltensor_versioned"

#: NumPy's types by DLPack's code and bits. bfloat16 arrives as its bits.
cdef dict TYPE_NUMBERS = {
    (0, 8): cnp.NPY_INT8, (0, 16): cnp.NPY_INT16, (0, 32): cnp.NPY_INT32, (0, 64): cnp.NPY_INT64,
    (1, 8): cnp.NPY_UINT8, (1, 16): cnp.NPY_UINT16, (1, 32): cnp.NPY_UINT32, (1, 64): cnp.NPY_UINT64,
    (2, 16): cnp.NPY_FLOAT16, (2, 32): cnp.NPY_FLOAT32, (2, 64): cnp.NPY_FLOAT64,
    (4, 16): cnp.NPY_UINT16,
    (5, 64): cnp.NPY_COMPLEX64, (5, 128): cnp.NPY_COMPLEX128,
    (6, 8): cnp.NPY_BOOL,
}


cdef class Loan:
    """What another package has lent: given back when the last array on it is gone."""

    cdef Managed *plain
    cdef Versioned *versioned

    def __dealloc__(self):
        if self.plain != NULL and self.plain.deleter != NULL:
            self.plain.deleter(self.plain)
        if self.versioned != NULL and self.versioned.deleter != NULL:
            self.versioned.deleter(self.versioned)


def from_capsule(capsule):
    """Take over a capsule that ``__dlpack__`` returned.

    Returns an array on its memory, DLPack's code of the element type (4: the array holds the bits of bfloat16), and whether the
    producer has made a copy. The array is writeable only if the capsule says that it may be. BufferError for what can't be taken.
    """
    cdef Loan loan = Loan.__new__(Loan)
    cdef Tensor *tensor
    cdef uint64_t flags = READ_ONLY
    cdef cnp.npy_intp shape[FD_MAX_NDIM]
    cdef cnp.npy_intp strides[FD_MAX_NDIM]
    cdef cnp.npy_intp step
    cdef int d
    if PyCapsule_IsValid(capsule, VERSIONED):
        loan.versioned = <Versioned *>PyCapsule_GetPointer(capsule, VERSIONED)
        PyCapsule_SetName(capsule, "used_dltensor_versioned")
        if loan.versioned.major != 1:
            raise BufferError(f"it exports DLPack of version {loan.versioned.major}, where 1 is understood")
        tensor, flags = &loan.versioned.tensor, loan.versioned.flags
    elif PyCapsule_IsValid(capsule, PLAIN):
        loan.plain = <Managed *>PyCapsule_GetPointer(capsule, PLAIN)
        PyCapsule_SetName(capsule, "used_dltensor")
        tensor = &loan.plain.tensor
    else:
        raise BufferError("its __dlpack__ returns no capsule of DLPack that has not been used")
    element = (tensor.dtype.code, tensor.dtype.bits)
    if tensor.dtype.lanes != 1 or element not in TYPE_NUMBERS:
        raise BufferError(f"its elements are of DLPack's type code {element[0]} with {element[1]} bits and "
                          f"{tensor.dtype.lanes} lanes")
    if not 0 <= tensor.ndim <= FD_MAX_NDIM:
        raise BufferError(f"it has {tensor.ndim} axes, where {FD_MAX_NDIM} are supported")
    step = tensor.dtype.bits // 8
    for d in range(tensor.ndim - 1, -1, -1):
        shape[d] = tensor.shape[d]
        strides[d] = step if tensor.strides == NULL else tensor.strides[d] * (tensor.dtype.bits // 8)
        step *= tensor.shape[d]
    cdef int type_number = TYPE_NUMBERS[element]
    cdef char *data = NULL if tensor.data == NULL else <char *>tensor.data + tensor.byte_offset
    if data == NULL and step != 0:
        raise BufferError("it has elements, but a null pointer")
    cdef int access = 0 if flags & READ_ONLY else cnp.NPY_ARRAY_WRITEABLE
    array = PyArray_New(<type>np_ndarray, tensor.ndim, shape, type_number, strides, data, 0, access, NULL)
    cnp.set_array_base(array, loan)
    return array, tensor.dtype.code, bool(flags & IS_COPIED)
