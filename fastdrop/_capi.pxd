"""The C core as Cython sees it: csrc/fastdrop.h says what each function promises."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "fastdrop.h" nogil:
    const char *FD_VERSION
    enum:
        FD_CONTRACT
        FD_MAX_NDIM
        FD_PAGE_WORDS
        FD_F16, FD_F32, FD_F64, FD_C64, FD_C128
        FD_OK, FD_BAD_ISA, FD_INTERRUPTED
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
    const char *fd_status_string(int status)
    void fd_philox4x32(const uint32_t *counter, const uint32_t *key, uint32_t *out)
    int fd_block(fd_key key, unsigned domain, uint64_t number, uint32_t *out)
    int fd_pages(fd_key key, unsigned domain, uint64_t first, size_t count, uint32_t *words)
    int fd_noise_words(fd_key key, uint64_t start, size_t n, uint32_t *words)
    int fd_fold_in(fd_key key, unsigned role, uint64_t number, fd_key *out)
    uint64_t fd_threshold(double p)
    int fd_dropout(fd_key key, double p, uint64_t start, size_t n, int dtype, const void *x, void *y, const fd_exec *how)
    int fd_fill(fd_key key, double p, uint64_t start, size_t n, uint8_t *bits, const fd_exec *how)
    int fd_apply(const uint8_t *bits, size_t n, int dtype, double scale, const void *x, void *y, const fd_exec *how)
    uint64_t fd_count(const uint8_t *bits, uint64_t n)
    int fd_fill_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, uint8_t *bits, const fd_exec *how)
    int fd_dropout_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, int dtype, const void *x,
                      const int64_t *x_strides, void *y, const int64_t *y_strides, const double *scale, const fd_exec *how)
    const char *fd_isa_name(int i)
    int fd_isa_built(const char *name)
    int fd_isa_runnable(const char *name)
    int fd_isa_select(const char *name)
    const char *fd_isa_active()
    int fd_openmp()
    int fd_max_threads()
    int fd_last_team()
    const char *fd_compiler()
    void fd_scale_f32(float *x, size_t n, float s)
