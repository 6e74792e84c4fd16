/* cpu.h: what this processor and operating system can run. */
#ifndef FD_CPU_H
#define FD_CPU_H

#include "target.h"

FD_HIDDEN int fd_cpu_avx2(void);   /* AVX2, F16C, BMI1, and the OS saves ymm registers */
FD_HIDDEN int fd_cpu_avx512(void); /* the above, AVX-512 F, BW, DQ, VL, and the OS saves zmm and mask registers */

#endif
