/* law.c: keys, thresholds and the random source by itself. */
#include "law.h"

#include "philox.h"

uint64_t fd_threshold(double p) { return fd_round_threshold(p); }

double fd_scale(double p) { return fd_make_scale(p); }

void fd_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    fd_philox_rounds(c, key[0], key[1]);
    for (int i = 0; i < 4; i++) out[i] = c[i];
}

fd_status fd_block(fd_key key, unsigned domain, uint64_t number, uint32_t out[4])
{
    if (!out) return FD_BAD_POINTER;
    if (domain > 15 || number >> 60) return FD_BAD_DOMAIN;
    fd_philox_block(key, domain, number, out);
    return FD_OK;
}

fd_status fd_pages(fd_key key, unsigned domain, uint64_t first, size_t count, uint32_t *words)
{
    const uint64_t limit = UINT64_C(1) << 56;
    if (!words && count) return FD_BAD_POINTER;
    if (domain > 15 || first > limit || count > limit - first) return FD_BAD_DOMAIN;
    fd_kernels_active()->pages(key, domain, first, count, words);
    return FD_OK;
}

fd_status fd_noise_words(fd_key key, uint64_t start, size_t n, uint32_t *words)
{
    if (!words && n) return FD_BAD_POINTER;
    if (start > FD_INDEX_LIMIT || n > FD_INDEX_LIMIT - start) return FD_BAD_INDEX;
    const fd_kernels *k = fd_kernels_active();
    while (n) {
        uint32_t page[FD_PAGE_WORDS];
        size_t at = start % FD_PAGE_WORDS, m = FD_PAGE_WORDS - at < n ? FD_PAGE_WORDS - at : n;
        k->pages(key, FD_DOMAIN_NOISE, start / FD_PAGE_WORDS, 1, page);
        for (size_t j = 0; j < m; j++) words[j] = page[at + j];
        words += m;
        start += m;
        n -= m;
    }
    return FD_OK;
}

fd_status fd_fold_in(fd_key key, unsigned role, uint64_t number, fd_key *out)
{
    uint32_t w[4];
    if (!out) return FD_BAD_POINTER;
    if (role > FD_ROLE_REPLICA || number >> 56) return FD_BAD_ROLE;
    fd_philox_block(key, FD_DOMAIN_DERIVE, (uint64_t)role << 56 | number, w);
    out->seed = w[0] | (uint64_t)w[1] << 32;
    out->stream = w[2] | (uint64_t)w[3] << 32;
    return FD_OK;
}

const char *fd_status_string(fd_status status)
{
    switch (status) {
    case FD_OK: return "no error";
    case FD_BAD_POINTER: return "a required pointer is NULL";
    case FD_BAD_PROBABILITY: return "dropout probability has to be between 0 and 1";
    case FD_BAD_DTYPE: return "dtype is not one of float16, bfloat16, float32, float64, complex64, complex128";
    case FD_BAD_NDIM: return "the number of dimensions has to be between 0 and 64";
    case FD_BAD_SHAPE: return "a length is negative, or there are more than 2^62 elements";
    case FD_BAD_INDEX: return "mask indices have to be between 0 and 2^62 - 1";
    case FD_BAD_THREADS: return "threads has to be at least 1";
    case FD_BAD_ROLE: return "role has to be at most 6 and number below 2^56";
    case FD_BAD_DOMAIN: return "domain has to be at most 15, and the number in its range";
    case FD_BAD_ISA: return "this instruction set is unknown, not built in, or does not run here";
    case FD_BAD_KIND: return "this kind of operation is unknown";
    case FD_INTERRUPTED: return "interrupted";
    }
    return "unknown status";
}

size_t fd_dtype_size(fd_dtype dtype)
{
    switch (dtype) {
    case FD_F16:
    case FD_BF16: return 2;
    case FD_F32: return 4;
    case FD_F64:
    case FD_C64: return 8;
    case FD_C128: return 16;
    case FD_NUM_DTYPES: break;
    }
    return 0;
}

const char *fd_version(void)
{
    return FD_VERSION;
}

int fd_abi(void)
{
    return FD_ABI;
}

const char *fd_compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}
