# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True, freethreading_compatible=True
"""The C core as Python sees it: checked arrays in, raw pointers and the GIL released, a status out.

No element loop and no policy here: arguments arrive checked by the modules above, apart from the one shortcut that
makes small calls fast, `dropout_run`.
"""

cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastdrop._capi cimport *

import numpy as np

cnp.import_array()

cdef extern from "Python.h":
    int PyErr_CheckSignals()  # not by Cython's declaration: the exception has to stay set until C has returned
    void *PyErr_Occurred()
    unsigned long PyThread_get_thread_ident() nogil

__version__ = FD_VERSION.decode()
CONTRACT = FD_CONTRACT
MAX_NDIM = FD_MAX_NDIM

cdef object np_ndarray = np.ndarray
cdef int default_threads = 1
cdef unsigned long main_thread = 0
# Releasing and taking the GIL costs about as much as dropout on so many elements.
cdef size_t KEEP_GIL = 4096


cdef int poll(void *context) noexcept nogil:
    """Called by long loops: 1 if a signal handler (Ctrl-C) has raised.

    Handlers run in the main thread. Any other one may outlive the interpreter, and would crash if it asked for the lock.
    """
    if PyThread_get_thread_ident() != main_thread:
        return 0
    with gil:
        return PyErr_CheckSignals() != 0


cdef int check(int status) except -1:
    """Turn a status into an exception: what gets here has passed all checks above, or is an interrupt."""
    if status == FD_OK:
        return 0
    if status == FD_INTERRUPTED and PyErr_Occurred() != NULL:
        return -1  # what the signal's handler raised, KeyboardInterrupt as a rule
    raise ValueError(fd_status_string(status).decode())


cdef class KeyBase:
    """Two immutable unsigned 64-bit numbers, quick to reach from C. Base of `fastdrop.Key`, which checks and documents."""

    cdef fd_key key

    def __cinit__(self, uint64_t seed, uint64_t stream=0):
        self.key.seed = seed
        self.key.stream = stream

    @property
    def seed(self):
        """int: the first number."""
        return self.key.seed

    @property
    def stream(self):
        """int: the second number."""
        return self.key.stream


cdef inline fd_key raw(uint64_t seed, uint64_t stream) noexcept nogil:
    cdef fd_key key
    key.seed = seed
    key.stream = stream
    return key


def fold_in(uint64_t seed, uint64_t stream, unsigned role, uint64_t number):
    """Return (seed, stream) of the derived key."""
    cdef fd_key out
    check(fd_fold_in(raw(seed, stream), role, number, &out))
    return out.seed, out.stream


def threshold(double p):
    """Return T of the contract: p * 2**40, rounded to nearest, ties to even."""
    return fd_threshold(p)


# ---- arrays ----------------------------------------------------------------------------------------------------

def set_main_thread(unsigned long ident):
    """Set which thread handles signals."""
    global main_thread
    main_thread = ident


def set_default_threads(int n):
    """Set how many threads a call may use where it is not said."""
    global default_threads
    default_threads = n


def get_default_threads():
    """Return how many threads a call may use where it is not said."""
    return default_threads


cdef int fast_dtype(int type_num) noexcept:
    if type_num == cnp.NPY_FLOAT32:
        return FD_F32
    if type_num == cnp.NPY_FLOAT64:
        return FD_F64
    if type_num == cnp.NPY_FLOAT16:
        return FD_F16
    if type_num == cnp.NPY_COMPLEX64:
        return FD_C64
    if type_num == cnp.NPY_COMPLEX128:
        return FD_C128
    return -1


def dropout_run(x, p, KeyBase key not None, out, threads):
    """Do the common call at once: a C-ordered native array, p in (0, 1), out None or x. None for anything else."""
    if type(x) is not np_ndarray or type(p) is not float or (out is not None and out is not x):
        return None
    cdef int team = default_threads
    if threads is not None:
        if type(threads) is not int or not 0 < threads < 1 << 31:
            return None
        team = threads
    cdef cnp.ndarray a = x, y
    cdef double q = p
    cdef int dtype = fast_dtype(cnp.PyArray_TYPE(a)), status
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(a)
    cdef fd_exec how
    if not (0.0 < q < 1.0) or dtype < 0 or n == 0 or not cnp.PyArray_ISCARRAY_RO(a):
        return None
    if out is None:
        y = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(a), cnp.PyArray_DIMS(a), cnp.PyArray_TYPE(a), 0)
    elif cnp.PyArray_ISWRITEABLE(a):
        y = a
    else:
        return None
    how = run_with(team)
    cdef const void *source = cnp.PyArray_DATA(a)
    cdef void *target = cnp.PyArray_DATA(y)
    if <size_t>n < KEEP_GIL:
        status = fd_dropout(key.key, q, 0, n, dtype, source, target, &how)
    else:
        with nogil:
            status = fd_dropout(key.key, q, 0, n, dtype, source, target, &how)
    check(status)
    return y


cdef inline fd_exec run_with(int threads) noexcept:
    """How to run a call: Ctrl-C is seen between its parts."""
    cdef fd_exec how
    how.threads = threads
    how.poll = poll
    how.context = NULL
    return how


cdef class MaskArguments:
    """What C needs to know of a mask over an array: made once by a Mask, used by each call."""

    cdef fd_mask_desc desc
    cdef int ndim
    cdef int64_t shape[FD_MAX_NDIM]
    cdef int64_t index_strides[FD_MAX_NDIM]
    cdef int64_t p_strides[FD_MAX_NDIM]
    cdef object keep_alive

    def __init__(self, tuple shape, uint64_t start, tuple index_strides, seed, stream, p, cnp.ndarray bits):
        cdef cnp.ndarray values
        self.ndim = len(shape)
        for d in range(self.ndim):
            self.shape[d] = shape[d]
            self.index_strides[d] = index_strides[d]
        self.desc.key = raw(seed or 0, stream or 0)
        self.desc.start = start
        self.desc.bits = NULL if bits is None else <uint8_t *>cnp.PyArray_DATA(bits)
        self.desc.p_values = NULL
        if isinstance(p, np_ndarray):  # float64, broadcast to shape
            values = p
            self.desc.p_values = <const double *>cnp.PyArray_DATA(values)
            for d in range(self.ndim):
                self.p_strides[d] = values.strides[d] // 8
        else:
            self.desc.p = p
        self.desc.strides = self.index_strides
        self.desc.p_strides = self.p_strides
        self.keep_alive = (p, bits)

    cdef bint fits(self, cnp.ndarray a) noexcept:
        """Whether this is really the array's shape: a subclass can tell Python another one than NumPy's."""
        cdef int d
        if cnp.PyArray_NDIM(a) != self.ndim:
            return False
        for d in range(self.ndim):
            if cnp.PyArray_DIM(a, d) != self.shape[d]:
                return False
        return True

    def fill(self, cnp.ndarray bits not None, int threads):
        """Write the packed decisions, in C order of the shape."""
        cdef int status
        cdef fd_exec how = run_with(threads)
        cdef uint8_t *target = <uint8_t *>cnp.PyArray_DATA(bits)
        with nogil:
            status = fd_fill_nd(&self.desc, self.ndim, self.shape, target, &how)
        check(status)

    def apply(self, int dtype, cnp.ndarray x not None, cnp.ndarray y not None, scale, int threads):
        """Write y = kept ? x * scale : +0; a scale of None stands for 1 / (1 - p)."""
        cdef int status, d
        cdef fd_exec how = run_with(threads)
        cdef double s = 0.0 if scale is None else scale
        cdef const double *s_pointer = NULL if scale is None else &s
        cdef int64_t x_strides[FD_MAX_NDIM]
        cdef int64_t y_strides[FD_MAX_NDIM]
        cdef const void *source = cnp.PyArray_DATA(x)
        cdef void *target = cnp.PyArray_DATA(y)
        if not self.fits(x) or not self.fits(y):
            raise ValueError("x and out have to have the shape that they tell")
        for d in range(self.ndim):
            x_strides[d] = cnp.PyArray_STRIDE(x, d)
            y_strides[d] = cnp.PyArray_STRIDE(y, d)
        with nogil:
            status = fd_dropout_nd(&self.desc, self.ndim, self.shape, dtype, source, x_strides, target, y_strides,
                                   s_pointer, &how)
        check(status)


def count(cnp.ndarray bits not None, uint64_t n):
    """Return the number of ones among the first n packed bits."""
    cdef uint64_t kept
    cdef const uint8_t *source = <const uint8_t *>cnp.PyArray_DATA(bits)
    with nogil:
        kept = fd_count(source, n)
    return kept


# ---- the random source, instruction sets, build: for tests, benchmarks and nn -------------------------------------

def philox4x32(counter, key):
    """Return the four words of Philox4x32-10 for a counter of four and a key of two words."""
    cdef uint32_t c[4]
    cdef uint32_t k[2]
    cdef uint32_t out[4]
    for i in range(4):
        c[i] = counter[i]
    for i in range(2):
        k[i] = key[i]
    fd_philox4x32(c, k, out)
    return np.array([out[0], out[1], out[2], out[3]], np.uint32)


def block(uint64_t seed, uint64_t stream, unsigned domain, uint64_t number):
    """Return block(domain, number): four words."""
    cdef uint32_t out[4]
    check(fd_block(raw(seed, stream), domain, number, out))
    return np.array([out[0], out[1], out[2], out[3]], np.uint32)


def page(uint64_t seed, uint64_t stream, unsigned domain, uint64_t number):
    """Return page(domain, number): 512 words."""
    cdef cnp.ndarray words = np.empty(FD_PAGE_WORDS, np.uint32)
    check(fd_pages(raw(seed, stream), domain, number, 1, <uint32_t *>cnp.PyArray_DATA(words)))
    return words


def noise_words(uint64_t seed, uint64_t stream, uint64_t start, size_t n):
    """Return the noise words of the elements start to start + n - 1."""
    cdef cnp.ndarray words = np.empty(n, np.uint32)
    check(fd_noise_words(raw(seed, stream), start, n, <uint32_t *>cnp.PyArray_DATA(words)))
    return words


def _names(bint runnable):
    names, i = [], 0
    while fd_isa_name(i) != NULL:
        name = fd_isa_name(i)
        if fd_isa_runnable(name) if runnable else fd_isa_built(name):
            names.append(name.decode())
        i += 1
    return names


def isas():
    """Return the names of the instruction sets that run here, best last."""
    return _names(True)


def isas_built():
    """Return the names of the instruction sets that are compiled in."""
    return _names(False)


def isa():
    """Return the name of the instruction set in use."""
    return fd_isa_active().decode()


def set_isa(str name not None):
    """Put an instruction set in use, for the whole process. For tests and benchmarks."""
    if not name or fd_isa_select(name.encode()) != FD_OK:
        raise ValueError(f"instruction set {name!r} does not run here; these do: {', '.join(isas())}")


def select_isa_from_environment():
    """Return whether FASTDROP_ISA is unset or names an instruction set that runs here; it is then in use."""
    return fd_isa_select(NULL) == FD_OK


def openmp():
    """Return the OpenMP date of the build (201511 for 4.5), 0 without OpenMP."""
    return fd_openmp()


def max_threads():
    """Return how many threads OpenMP allows this thread now."""
    return fd_max_threads()


def last_team():
    """Return how many threads ran the latest parallel loop."""
    return fd_last_team()


def compiler():
    """Return the name and version of the C compiler."""
    return fd_compiler().decode()

include "_core_bench.pxi"
include "_core_connect.pxi"
include "_core_noise.pxi"
include "_core_blocks.pxi"
include "_core_samples.pxi"
include "_core_softmax.pxi"
include "_core_mix.pxi"
include "_core_dlpack.pxi"
include "_core_xla.pxi"
include "_core_address.pxi"
