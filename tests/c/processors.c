/* processors.c: which instruction sets are taken up on which processor. csrc/cpu.c is compiled once more here and given answers
 * for cpuid and xgetbv: every set of the features that it might ask for, of registers that the system saves, with leaf 7
 * and without. The bits are those of Intel's manual (volume 2A, CPUID; volume 1, 13.3), written out here.
 * Ends with the instruction sets that the core itself takes up on this processor. */
#include <fastdrop.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

#if defined(__x86_64__)
#include <cpuid.h>

static struct {
    unsigned leaf1_ecx, leaf7_ebx, leaves;
    uint64_t xcr0;
    int crashes; /* xgetbv where the system has not switched it on */
} answer;

static int answered(unsigned leaf, unsigned part, unsigned *a, unsigned *b, unsigned *c, unsigned *d)
{
    if (leaf > answer.leaves) return 0;
    *a = *b = *c = *d = 0;
    if (leaf == 1) *c = answer.leaf1_ecx;
    if (leaf == 7 && part == 0) *b = answer.leaf7_ebx;
    return 1;
}

static uint32_t xgetbv_half(int high)
{
    answer.crashes |= !(answer.leaf1_ecx >> 27 & 1);
    return (uint32_t)(answer.xcr0 >> (high ? 32 : 0));
}

#define __get_cpuid(leaf, a, b, c, d) answered(leaf, 0, a, b, c, d)
#define __get_cpuid_count answered
#define FD_XGETBV(low, high) (low = xgetbv_half(0), high = xgetbv_half(1))
#define fd_cpu_avx2 answered_avx2
#define fd_cpu_avx512 answered_avx512
#include <cpu.c> /* a copy may have a planted fault */

enum { FMA, F16C, AVX, OSXSAVE, BMI1, AVX2, BMI2, F, DQ, BW, VL, LEAF7, XMM, YMM, OPMASK, ZMM_HI256, HI16_ZMM, FLAGS };

/* What the processor answers for a set of FLAGS. Everything else says yes, so that nothing else can make up for a flag. */
static void answer_as(unsigned set)
{
    static const unsigned char place[FLAGS] = {12, 29, 28, 27, 3, 5, 8, 16, 17, 30, 31, 0, 1, 2, 5, 6, 7};
    answer.leaf1_ecx = answer.leaf7_ebx = ~0u;
    answer.xcr0 = ~(uint64_t)0;
    answer.leaves = set >> LEAF7 & 1 ? 7 : 6;
    answer.crashes = 0;
    for (int flag = 0; flag < FLAGS; flag++) {
        if (set >> flag & 1) continue;
        if (flag <= OSXSAVE) answer.leaf1_ecx &= ~(1u << place[flag]);
        else if (flag <= VL) answer.leaf7_ebx &= ~(1u << place[flag]);
        else if (flag >= XMM) answer.xcr0 &= ~((uint64_t)1 << place[flag]);
    }
}

static void every_processor(void)
{
    const unsigned avx2 = 1u << AVX | 1u << F16C | 1u << OSXSAVE | 1u << BMI1 | 1u << AVX2 | 1u << LEAF7 | 1u << XMM | 1u << YMM;
    const unsigned avx512 = avx2 | 1u << F | 1u << DQ | 1u << BW | 1u << VL | 1u << OPMASK | 1u << ZMM_HI256 | 1u << HI16_ZMM;
    for (unsigned set = 0; set < 1u << FLAGS; set++) {
        answer_as(set);
        CHECK(!answered_avx2() == ((set & avx2) != avx2), "AVX2 with the flags %#x", set);
        CHECK(!answered_avx512() == ((set & avx512) != avx512), "AVX-512 with the flags %#x", set);
        CHECK(!answer.crashes, "xgetbv with the flags %#x", set);
    }
}
#else
static void every_processor(void) {}
#endif

int main(void)
{
    int best = 0;
    every_processor();
    printf("taken up:");
    for (int i = 0; fd_isa_name(i); i++) {
        if (!fd_isa_runnable(fd_isa_name(i))) continue;
        printf(" %s", fd_isa_name(i));
        best = i;
    }
    puts("");
    CHECK(fd_isa_select("") == FD_OK && strcmp(fd_isa_active(), fd_isa_name(best)) == 0, "%s is in use", fd_isa_active());
    for (int i = 0; fd_isa_name(i); i++) {
        const fd_status status = fd_isa_runnable(fd_isa_name(i)) ? FD_OK : FD_BAD_ISA;
        CHECK(fd_isa_select(fd_isa_name(i)) == status, "%s", fd_isa_name(i));
    }
    return check_end();
}
