/* target.h: what every C file of the library includes first.
 *
 * Contraction is switched off here, in the source, so that no build flag can bring it back: results are bit for bit
 * the same everywhere only without fused multiply-add. gcc ignores the standard's pragma and clang the other one.
 * FD_TARGET_BEGIN(...) and FD_TARGET_END enclose code for one instruction set, in place of per-file compiler flags;
 * the intrinsics header comes before the region for clang and may come anywhere for gcc.
 */
#ifndef FD_TARGET_H
#define FD_TARGET_H

#define FD_PRAGMA_(text) _Pragma(#text)
#define FD_PRAGMA(text) FD_PRAGMA_(text)

#if defined(FD_SOFT_X86)
#define FD_TARGET_BEGIN(features)
#define FD_TARGET_END
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#else
#pragma STDC FP_CONTRACT OFF
#endif

/* Nor with excess precision: a float sum that is kept in double is another sum (s390x with -std=c11, x87). */
#if defined(__GNUC__)
#include <float.h>
_Static_assert(FLT_EVAL_METHOD == 0, "float has to be computed in float: -fexcess-precision=fast, -std=gnu11 or -msse2");
#endif

#if defined(FD_TARGET_BEGIN)
#elif defined(__clang__)
#define FD_TARGET_BEGIN(features) \
    FD_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define FD_TARGET_END FD_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
#define FD_TARGET_BEGIN(features) FD_PRAGMA(GCC push_options) FD_PRAGMA(GCC target(features))
#define FD_TARGET_END FD_PRAGMA(GCC pop_options)
#endif

#if defined(__GNUC__)
#define FD_INLINE static inline __attribute__((always_inline))
#define FD_NOINLINE static __attribute__((noinline))
#define FD_HIDDEN __attribute__((visibility("hidden")))
#define FD_UNUSED __attribute__((unused))
#else
#define FD_INLINE static inline
#define FD_NOINLINE static
#define FD_HIDDEN
#define FD_UNUSED
#endif

/* Of types whose elements may lie at any address, as callers' may. They leave compilers more freedom than memcpy does, which
 * hides that float and words are not the same memory. */
#if defined(__GNUC__)
#define FD_ANYWHERE __attribute__((aligned(1)))
#else
#define FD_ANYWHERE
#endif
typedef float FD_ANYWHERE anywhere_f32;
typedef double FD_ANYWHERE anywhere_f64;

/* Keeps a compiler from splitting or reordering a loop whose passes are meant as they stand. */
#if defined(__GNUC__)
#define FD_ONE_BY_ONE() __asm__ volatile("" ::: "memory")
#else
#define FD_ONE_BY_ONE() ((void)0)
#endif

/* Asks for the line of memory at an address, which need not be one of the program's. */
#if defined(__GNUC__)
#define FD_PREFETCH(address) __builtin_prefetch((const void *)(address))
#else
#define FD_PREFETCH(address) ((void)(address))
#endif

/* Before a loop of ten rounds: no loop at all. */
#if defined(__clang__)
#define FD_UNROLL_ROUNDS _Pragma("unroll")
#elif defined(__GNUC__)
#define FD_UNROLL_ROUNDS _Pragma("GCC unroll 10")
#else
#define FD_UNROLL_ROUNDS
#endif

/* FD_SOFT_X86 builds the x86 kernels for another machine, on top of a portable implementation of the intrinsics. */
#if defined(__GNUC__) && (defined(__x86_64__) || defined(FD_SOFT_X86))
#define FD_BUILT_AVX2 1
#define FD_BUILT_AVX512 1
#else
#define FD_BUILT_AVX2 0
#define FD_BUILT_AVX512 0
#endif

/* The header of the intrinsics, which only isa_<name>.c includes; another one stands in with -DFD_X86_INTRINSICS=... */
#if !defined(FD_X86_INTRINSICS)
#define FD_X86_INTRINSICS <immintrin.h>
#endif

#if defined(__GNUC__) && defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#define FD_BUILT_NEON 1
#else
#define FD_BUILT_NEON 0
#endif

#endif
