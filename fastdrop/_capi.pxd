"""The C core as Cython sees it: csrc/fastdrop.h says what each function promises."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

# Enumerations are ints to Cython, which would ask for a cast at each use, and themselves to the C or C++ compiler.
cdef extern from "fastdrop.h" nogil:
    ctypedef int fd_status
    ctypedef int fd_dtype
    const char *FD_VERSION
    const uint64_t FD_INDEX_LIMIT
    enum:
        FD_CONTRACT, FD_ABI, FD_VERSION_NUMBER, FD_MAX_NDIM, FD_PAGE_WORDS
        FD_OK, FD_BAD_POINTER, FD_BAD_PROBABILITY, FD_BAD_DTYPE, FD_BAD_NDIM, FD_BAD_SHAPE, FD_BAD_INDEX, FD_BAD_THREADS
        FD_BAD_ROLE, FD_BAD_DOMAIN, FD_BAD_ISA, FD_BAD_KIND, FD_INTERRUPTED
        FD_F16, FD_BF16, FD_F32, FD_F64, FD_C64, FD_C128, FD_NUM_DTYPES
        FD_DOMAIN_COIN, FD_DOMAIN_BYTE, FD_DOMAIN_REFINE, FD_DOMAIN_NOISE, FD_DOMAIN_DERIVE
        FD_ROLE_USER, FD_ROLE_CHILD, FD_ROLE_CALL, FD_ROLE_PART, FD_ROLE_STEP, FD_ROLE_SAMPLE, FD_ROLE_REPLICA
    ctypedef struct fd_key:
        uint64_t seed
        uint64_t stream
    ctypedef struct fd_exec:
        int threads
        int (*poll)(void *) noexcept nogil
        void *context
    ctypedef struct fd_mask_desc:
        fd_key key
        const uint8_t *bits
        uint64_t start
        const int64_t *strides
        double p
        const double *p_values
        const int64_t *p_strides
    const char *fd_status_string(fd_status status)
    void fd_philox4x32(const uint32_t *counter, const uint32_t *key, uint32_t *out)
    fd_status fd_block(fd_key key, unsigned domain, uint64_t number, uint32_t *out)
    fd_status fd_pages(fd_key key, unsigned domain, uint64_t first, size_t count, uint32_t *words)
    fd_status fd_noise_words(fd_key key, uint64_t start, size_t n, uint32_t *words)
    fd_status fd_fold_in(fd_key key, unsigned role, uint64_t number, fd_key *out)
    size_t fd_dtype_size(fd_dtype dtype)
    uint64_t fd_threshold(double p)
    double fd_scale(double p)
    fd_status fd_dropout(fd_key key, double p, uint64_t start, size_t n, fd_dtype dtype, const void *x, void *y,
                         const fd_exec *how)
    fd_status fd_fill(fd_key key, double p, uint64_t start, size_t n, uint8_t *bits, const fd_exec *how)
    fd_status fd_apply(const uint8_t *bits, size_t n, fd_dtype dtype, double scale, const void *x, void *y,
                       const fd_exec *how)
    uint64_t fd_count(const uint8_t *bits, uint64_t n)
    fd_status fd_fill_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, uint8_t *bits, const fd_exec *how)
    fd_status fd_dropout_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, const void *x,
                            const int64_t *x_strides, void *y, const int64_t *y_strides, const double *scale,
                            const fd_exec *how)
    const char *fd_isa_name(int i)
    int fd_isa_built(const char *name)
    int fd_isa_runnable(const char *name)
    fd_status fd_isa_select(const char *name)
    const char *fd_isa_active()
    const char *fd_version()
    int fd_abi()
    int fd_openmp()
    int fd_max_threads()
    int fd_last_team()
    const char *fd_compiler()
    void fd_scale_f32(float *x, size_t n, float s)
