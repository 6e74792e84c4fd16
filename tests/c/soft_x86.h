/* soft_x86.h: the x86 intrinsics of the kernels by SIMDe's portable implementation, on any machine. */
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/f16c.h>
#include <simde/x86/avx512.h>
#ifndef _tzcnt_u64
#define _tzcnt_u64(w) ((w) ? (uint64_t)__builtin_ctzll(w) : 64)
#endif
