/* kernels.h: the table that one instruction set fills, and what its kernels are given.
 *
 * Kernels know no p, no threads, no strides and no status: they get a law that is ready to compare with, an index and
 * pointers. They cannot fail. Every check is made above them, before the first write.
 */
#ifndef FD_KERNELS_H
#define FD_KERNELS_H

#include "target.h"

#include "fastdrop.h"
#include "noise_kernels.h"
#include "softmax_kernels.h"

enum {
    FD_STEP = 64,                   /* bytes that one step of a page makes */
    FD_STEPS = 32,                  /* steps of a page */
    FD_PAGE_BYTES = 2048,           /* elements a page decides at a byte each */
    FD_PAGE_BITS = 8 * 2048,        /* ... and at a bit each */
    FD_NUM_REAL = FD_F64 + 1,       /* f16, bf16, f32, f64: complex types are pairs of these */
    FD_LINE_BYTES = 64,             /* of memory */
    FD_AHEAD_BYTES = 2048,          /* how far ahead of the elements in work memory is asked for, */
    FD_NEAR = 1 << 20,              /* in calls of more bytes than this, which do not lie in the second-level cache, */
    FD_FAR_AHEAD_BYTES = 8192,      /* and in calls */
    FD_FAR = 1 << 23                /* of more bytes than this, of which the third level holds a part at best */
};

/* Drop where byte < hi, or byte == hi and refinement word < lo. A coin ignores both. */
typedef struct fd_law {
    fd_key key;
    uint8_t hi;
    uint32_t lo;
} fd_law;

/* One signature each for prototypes and tables. The scale is rounded to the type of the product inside.
 *   pages  whole pages of 32-bit words, in the order of the contract (little-endian bytes when read as bytes)
 *   fill   packed bits of [start, start + n); start is a multiple of 64; writes (n + 7) / 8 bytes, high bits 0
 *   drop   fill and apply in one; any start; y[j] for j < n; memory is asked for so many bytes ahead, 0: not at all
 *   apply  packed bits from bit 0 of `bits` on
 *   scale  everything kept
 *   compare     a probability for each: bytes f of the BYTE pages against the thresholds of p, 64 decisions a word; keep: f
 *               is not below the upper part of T (that of a coin means nothing), tied: f equals it and it is no coin, coin:
 *               T = 2^39
 *   apply_each  apply with the scale 1/(1-p) of each element's own p */
#define FD_PAGES_ARGS (fd_key key, unsigned domain, uint64_t first, size_t count, uint32_t *words)
#define FD_FILL_ARGS (const fd_law *law, uint64_t start, size_t n, uint8_t *bits)
#define FD_DROP_ARGS (const fd_law *law, uint64_t start, size_t n, const void *x, void *y, double scale, unsigned ahead)
#define FD_APPLY_ARGS (const uint8_t *bits, size_t n, const void *x, void *y, double scale)
#define FD_SCALE_ARGS (size_t n, const void *x, void *y, double scale)
#define FD_COMPARE_ARGS (const uint8_t *f, const double *p, size_t n, uint64_t *keep, uint64_t *tied, uint64_t *coin)
#define FD_APPLY_EACH_ARGS (const uint8_t *bits, size_t n, const double *p, const void *x, void *y)

typedef struct fd_kernels {
    const char *name;
    void(*pages) FD_PAGES_ARGS;
    void(*fill_coin) FD_FILL_ARGS;
    void(*fill_byte) FD_FILL_ARGS;
    void(*drop_coin[FD_NUM_REAL]) FD_DROP_ARGS;
    void(*drop_byte[FD_NUM_REAL]) FD_DROP_ARGS;
    void(*apply[FD_NUM_REAL]) FD_APPLY_ARGS;
    void(*scale[FD_NUM_REAL]) FD_SCALE_ARGS;
    void(*compare) FD_COMPARE_ARGS;
    void(*apply_each[FD_NUM_REAL]) FD_APPLY_EACH_ARGS;
    const struct fd_connect_kernels *connect; /* connect_kernels.h */
    const fd_noise_kernels *noise;
    void(*concrete[2]) FD_CONCRETE_ARGS; /* float, double */
    const fd_softmax_kernels *softmax;
    const struct fd_mix_kernels *mix; /* mix_kernels.h */
} fd_kernels;

FD_HIDDEN extern const fd_kernels fd_kernels_scalar, fd_kernels_avx2, fd_kernels_avx512, fd_kernels_neon;

/* fd_kernels_active returns the table in use, choosing one at the first call. */
FD_HIDDEN const fd_kernels *fd_kernels_active(void);

#endif
