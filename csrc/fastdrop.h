/* fastdrop.h: the public interface of the fastdrop C core.
 *
 * Dropout on the CPU by one law: whether element i is kept is a pure function of (key, p, i). It does not depend on
 * threads, instruction set, element type, memory layout or on which part of an array is computed (contract 1, written
 * out in docs/contract.md).
 *
 * Conventions. Functions that can fail return an fd_status and check every argument before the first write: on any
 * status but FD_OK and FD_INTERRUPTED the output is untouched. Nothing here allocates, prints, exits or keeps state,
 * apart from the instruction set in use (one atomic pointer) and the threads of the process. All functions may be called
 * from any number of threads at once, on outputs that do not overlap. Lengths are in elements, array strides in bytes,
 * mask strides in mask indices. A mask is packed one bit an element, 1 = kept, element j at bit j % 8 of byte j / 8.
 */
#ifndef FASTDROP_H
#define FASTDROP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FD_CONTRACT 1
#define FD_VERSION "0.1.0"
#define FD_VERSION_NUMBER 100 /* major * 10000 + minor * 100 + patch: for the preprocessor */
/* What is compiled against this header runs with each later library of the same FD_ABI, which is also the number in the
 * shared library's soname: functions and constants are added, and none is changed or taken away; structures never change
 * at all, a call that needs more takes a structure of another name. */
#define FD_ABI 1
#define FD_MAX_NDIM 64
#define FD_INDEX_LIMIT (UINT64_C(1) << 62) /* mask indices are below this */
#define FD_PAGE_WORDS 512                  /* 32-bit words of a page */

typedef enum fd_status {
    FD_OK = 0,
    FD_BAD_POINTER,     /* a required pointer is NULL */
    FD_BAD_PROBABILITY, /* p is NaN, negative or above 1 */
    FD_BAD_DTYPE,       /* not an fd_dtype */
    FD_BAD_NDIM,        /* ndim is negative or above FD_MAX_NDIM */
    FD_BAD_SHAPE,       /* a negative length, or more than 2^62 elements */
    FD_BAD_INDEX,       /* a mask index would be negative, or not below 2^62 */
    FD_BAD_THREADS,     /* threads is below 1 */
    FD_BAD_ROLE,        /* fold_in: role is above 6 or number not below 2^56 */
    FD_BAD_DOMAIN,      /* domain is above 15, or a block or page number is out of range */
    FD_BAD_ISA,         /* an instruction set that is unknown, not built in, or not runnable here */
    FD_BAD_KIND,        /* not one of the kinds that a function knows */
    FD_INTERRUPTED      /* the poll function asked to stop; the output is unspecified */
} fd_status;

/* fd_status_string returns a static English text for a status, never NULL. */
const char *fd_status_string(fd_status status);

typedef enum fd_dtype { FD_F16, FD_BF16, FD_F32, FD_F64, FD_C64, FD_C128, FD_NUM_DTYPES } fd_dtype;

/* fd_dtype_size returns the bytes of one element, 0 for what is not an fd_dtype. */
size_t fd_dtype_size(fd_dtype dtype);

/* A key is all the randomness there is: two unsigned 64-bit numbers. */
typedef struct fd_key {
    uint64_t seed, stream;
} fd_key;

/* Domains of the random source: what a block or page decides. */
enum { FD_DOMAIN_COIN = 0, FD_DOMAIN_BYTE = 1, FD_DOMAIN_REFINE = 2, FD_DOMAIN_NOISE = 3, FD_DOMAIN_DERIVE = 4 };

/* Roles of derived keys. */
enum { FD_ROLE_USER, FD_ROLE_CHILD, FD_ROLE_CALL, FD_ROLE_PART, FD_ROLE_STEP, FD_ROLE_SAMPLE, FD_ROLE_REPLICA };

/* fd_philox4x32 is Philox4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw, SC'11). */
void fd_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* fd_block writes block(domain, number), number < 2^60. */
fd_status fd_block(fd_key key, unsigned domain, uint64_t number, uint32_t out[4]);

/* fd_pages writes `count` pages of FD_PAGE_WORDS words, from page `first` on, made by the instruction set in use.
 * Pages are numbered below 2^56. */
fd_status fd_pages(fd_key key, unsigned domain, uint64_t first, size_t count, uint32_t *words);

/* fd_words writes the words [start, start + n) of the NOISE domain: word i is word i % 512 of page i / 512. */
fd_status fd_noise_words(fd_key key, uint64_t start, size_t n, uint32_t *words);

/* fd_fold_in derives a key: number < 2^56 counts what the role names. */
fd_status fd_fold_in(fd_key key, unsigned role, uint64_t number, fd_key *out);

/* fd_threshold returns T = p * 2^40 rounded to nearest, ties to even. p must be in [0, 1]. */
uint64_t fd_threshold(double p);

/* fd_scale returns 1 / (1 - p) in binary64: infinity for p = 1, where nothing is kept. */
double fd_scale(double p);

/* How to run a call. NULL stands for {1, NULL, NULL}. */
typedef struct fd_exec {
    int threads;               /* at most so many; outside limits (OMP_NUM_THREADS, affinity, threadpoolctl) still bind */
    int (*poll)(void *context); /* called now and then by the calling thread; non-zero stops. May be NULL */
    void *context;
} fd_exec;

/* ---- one contiguous run of elements ------------------------------------------------------------------------- */

/* fd_fill writes the packed mask of elements [start, start + n): (n + 7) / 8 bytes, unused high bits 0. */
fd_status fd_fill(fd_key key, double p, uint64_t start, size_t n, uint8_t *bits, const fd_exec *exec);

/* fd_dropout writes y[j] = kept(start + j) ? x[j] * fd_scale(p) : +0 for j < n. y is x, or does not overlap it. The
 * same call with dy in the place of x is the backward pass. */
fd_status fd_dropout(fd_key key, double p, uint64_t start, size_t n, fd_dtype dtype, const void *x, void *y,
                     const fd_exec *exec);

/* fd_apply writes y[j] = bit j of bits ? x[j] * scale : +0. The scale is rounded once to the type of the product. */
fd_status fd_apply(const uint8_t *bits, size_t n, fd_dtype dtype, double scale, const void *x, void *y,
                   const fd_exec *exec);

/* fd_count returns the number of kept among the first n bits. */
uint64_t fd_count(const uint8_t *bits, uint64_t n);

/* ---- arrays of any layout ----------------------------------------------------------------------------------- */

/* A mask over an array of `ndim` axes. Element (a, b, ...) has the mask index start + a*strides[0] + b*strides[1] + ...;
 * a stride of 0 shares one decision along that axis, and a shard's strides are those of the global mask shape. */
typedef struct fd_mask_desc {
    fd_key key;               /* the law, where bits is NULL */
    const uint8_t *bits;      /* or packed bits, addressed by the mask index */
    uint64_t start;           /* mask index of element (0, 0, ...) */
    const int64_t *strides;   /* mask indices, one for each axis */
    double p;                 /* where p_values is NULL */
    const double *p_values;   /* or a probability for each element, */
    const int64_t *p_strides; /* with strides counted in doubles */
} fd_mask_desc;

/* fd_fill_nd writes the packed mask of all elements of `shape` in C order. Strides may be negative. */
fd_status fd_fill_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, uint8_t *bits, const fd_exec *exec);

/* fd_dropout_nd writes y = kept ? x * s : +0 for arrays of any strides (bytes, of either sign, 0 allowed in x only).
 * s is *scale, or 1/(1-p) of each element where scale is NULL. y is exactly x or shares no memory with x, p_values or
 * bits, and no two elements of y overlap: this the caller answers for. */
fd_status fd_dropout_nd(const fd_mask_desc *mask, int ndim, const int64_t *shape, fd_dtype dtype, const void *x,
                        const int64_t *x_strides, void *y, const int64_t *y_strides, const double *scale,
                        const fd_exec *exec);

/* ---- DropConnect: a matrix of which each sample keeps other elements ------------------------------------------ */

/* fd_connect writes y[b][o] = s * (sum over i of kept(b, o, i) ? w[o][i] * x[b][i] : 0) + bias[o] for a mask of three axes,
 * shape = {samples, rows, columns}, s = fd_scale(p). FD_F32 and FD_F64 only; rows of each matrix lie `step` elements apart,
 * their elements side by side, and so must be the mask's last indices; one p. bias may be NULL; y shares no memory with
 * the others. Decisions are made and forgotten tile by tile: no memory but the stack, some 70 KiB, is used. Sums are
 * in an order of their own, the same for every instruction set and number of threads. */
fd_status fd_connect(const fd_mask_desc *mask, const int64_t *shape, fd_dtype dtype, const void *x, int64_t x_step,
                     const void *w, int64_t w_step, const void *bias, void *y, int64_t y_step, const fd_exec *exec);

/* fd_connect_backward writes dx[b][i] = s * sum over o of kept ? dy[b][o] * w[o][i] : 0 and dw[o][i] = s * sum over b of
 * kept ? dy[b][o] * x[b][i] : 0, both sums upwards. dx or dw may be NULL: it is left out. */
fd_status fd_connect_backward(const fd_mask_desc *mask, const int64_t *shape, fd_dtype dtype, const void *dy,
                              int64_t dy_step, const void *x, int64_t x_step, const void *w, int64_t w_step, void *dx,
                              int64_t dx_step, void *dw, int64_t dw_step, const fd_exec *exec);
#include "fastdrop_noise.h"
#include "fastdrop_blocks.h"
#include "fastdrop_rows.h"

/* ---- one law under many keys ---------------------------------------------------------------------------------- */

#include "fastdrop_samples.h"
#include "fastdrop_softmax.h"
#include "fastdrop_mix.h"
#include "fastdrop_xla.h"

/* ---- instruction sets, threads, build ----------------------------------------------------------------------- */

/* fd_isa_name returns the name of the i-th instruction set this source knows, best last, or NULL past the end. */
const char *fd_isa_name(int i);
/* fd_isa_built and fd_isa_runnable say whether the named one is compiled in, and whether this CPU and OS run it. */
int fd_isa_built(const char *name);
int fd_isa_runnable(const char *name);
/* fd_isa_select puts the named instruction set in use, for the whole process; NULL stands for the environment variable
 * FASTDROP_ISA or, where that is unset or empty, the best one that runs. Without a call the first use does that,
 * and an unusable FASTDROP_ISA then falls back to the best. */
fd_status fd_isa_select(const char *name);
const char *fd_isa_active(void);

/* fd_version and fd_abi return FD_VERSION and FD_ABI of the library that runs, which may be later than this header. */
const char *fd_version(void);
int fd_abi(void);
/* fd_openmp returns the _OPENMP date of the build, 0 for a single-threaded one. */
int fd_openmp(void);
/* fd_max_threads returns how many threads outside limits (OMP_NUM_THREADS and its kin) allow this thread now. */
int fd_max_threads(void);
/* fd_last_team returns how many threads the latest loop of this process was offered to: for tests of threading. */
int fd_last_team(void);
/* fd_compiler returns the compiler's name and version. */
const char *fd_compiler(void);

/* fd_scale_f32 multiplies n floats by s in place with the instruction set in use: the roofline that benchmarks use. */
void fd_scale_f32(float *x, size_t n, float s);

#ifdef __cplusplus
}
#endif
#endif
