/* cpu.c: the only place that asks the processor. */
#include "cpu.h"

#if defined(FD_SOFT_X86)

int fd_cpu_avx2(void) { return 1; }
int fd_cpu_avx512(void) { return 1; }

#elif defined(__GNUC__) && defined(__x86_64__)

#include <cpuid.h>
#include <stdint.h>

#ifndef FD_XGETBV /* tests/c/processors.c answers in the processor's place */
#define FD_XGETBV(low, high) __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0))
#endif

/* A CPU feature counts only if the operating system saves its registers: XCR0 says which. */
static uint64_t saved_registers(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    uint32_t low, high;
    FD_XGETBV(low, high);
    return (uint64_t)high << 32 | low;
}

static int leaf7(unsigned *b)
{
    unsigned a, c, d;
    return __get_cpuid_count(7, 0, &a, b, &c, &d);
}

int fd_cpu_avx2(void)
{
    enum { XMM_YMM = 0x06 };
    unsigned a, b, c, d, b7;
    if ((saved_registers() & XMM_YMM) != XMM_YMM) return 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !leaf7(&b7)) return 0;
    return (c & bit_AVX) && (c & bit_F16C) && (b7 & bit_AVX2) && (b7 & bit_BMI);
}

int fd_cpu_avx512(void)
{
    enum { XMM_YMM_ZMM_MASKS = 0xE6 };
    const unsigned needed = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    unsigned b7;
    if ((saved_registers() & XMM_YMM_ZMM_MASKS) != XMM_YMM_ZMM_MASKS) return 0;
    return fd_cpu_avx2() && leaf7(&b7) && (b7 & needed) == needed;
}

#else

int fd_cpu_avx2(void) { return 0; }
int fd_cpu_avx512(void) { return 0; }

#endif
