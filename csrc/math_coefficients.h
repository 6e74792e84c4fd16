/* math_coefficients.h: the numbers of exp and of both halves of GELU. tests/math_coefficients.py derives and
 * prints them and says what they are; tpl_math.h uses them.
 */
#ifndef FD_MATH_COEFFICIENTS_H
#define FD_MATH_COEFFICIENTS_H

/* exp, 3.1e-9 at most, relative; log 2 in two parts, 1 / log 2. */
#define FD_EXP_P_F32 \
    {0x1.fffffcp-2f, \
     0x1.555492p-3f, \
     0x1.5558f2p-5f, \
     0x1.1239d4p-7f, \
     0x1.6a245ap-10f}
#define FD_LN2_UPPER_F32 0x1.62e4p-1f
#define FD_LN2_LOWER_F32 0x1.7f7d1cp-20f
#define FD_LOG2E_F32 0x1.715476p0f

/* tail, 6.3e-9 at most, relative. */
#define FD_TAIL_N_F32 \
    {0x1p-1f, \
     0x1.c1d2acp-2f, \
     0x1.78c38p-3f, \
     0x1.4ee41ap-5f, \
     0x1.102d4cp-8f}
#define FD_TAIL_D_F32 \
    {0x1p0f, \
     0x1.ad2b88p0f, \
     0x1.349e26p0f, \
     0x1.e2b738p-2f, \
     0x1.a3bfaap-4f, \
     0x1.551e9ap-7f}

/* slope, 8.4e-9 at most, relative. */
#define FD_SLOPE_N_F32 \
    {0x1.54851ap-1f, \
     0x1.822546p-1f, \
     0x1.83948ep-2f, \
     0x1.88b99ap-4f, \
     0x1.571cd8p-7f}
#define FD_SLOPE_D_F32 \
    {0x1p0f, \
     0x1.664c3ep0f, \
     0x1.969cccp-1f, \
     0x1.c3cf9ep-3f, \
     0x1.ae068ep-6f}

/* Zero of GELU's derivative, sign changed; 2 sqrt(2/pi), and that times 0.044715: in two parts each. */
#define FD_TANH_3B_F32 0x1.b6676cp-3f
#define FD_ZERO_UPPER_F32 0x1.80ead2p-1f
#define FD_ZERO_LOWER_F32 -0x1.a03fd4p-27f
#define FD_TANH_A_UPPER_F32 0x1.988454p0f
#define FD_TANH_A_LOWER_F32 -0x1.857936p-25f
#define FD_TANH_B_UPPER_F32 0x1.244p-4f
#define FD_TANH_B_LOWER_F32 0x1.3ca936p-18f

/* exp, 3.6e-18 at most, relative; log 2 in two parts, 1 / log 2. */
#define FD_EXP_P_F64 \
    {0x1.000000000000ap-1, \
     0x1.55555555554fap-3, \
     0x1.5555555550894p-5, \
     0x1.1111111127c3dp-7, \
     0x1.6c16c18425a6bp-10, \
     0x1.a01a012a42cbp-13, \
     0x1.a0199a176cff9p-16, \
     0x1.71df25740f025p-19, \
     0x1.28ad690c58341p-22, \
     0x1.ad7f437be349dp-26}
#define FD_LN2_UPPER_F64 0x1.62e42fefa38p-1
#define FD_LN2_LOWER_F64 0x1.ef35793c7673p-45
#define FD_LOG2E_F64 0x1.71547652b82fep0

/* tail, 5.1e-17 at most, relative. */
#define FD_TAIL_N_F64 \
    {0x1p-1, \
     0x1.8cbe32554efc3p-1, \
     0x1.3029a8d30075p-1, \
     0x1.284ae8c0f4c32p-2, \
     0x1.9034a545716f5p-4, \
     0x1.8310dc6dda142p-6, \
     0x1.0c073d59e39bp-8, \
     0x1.012803d159b5ep-11, \
     0x1.3890697236626p-15, \
     0x1.740c8385384f9p-20}
#define FD_TAIL_D_F64 \
    {0x1p0, \
     0x1.2c802df9f855fp1, \
     0x1.47d8a2f349061p1, \
     0x1.b6e60e477c6f9p0, \
     0x1.906d258efa0dep-1, \
     0x1.051917c9e9794p-2, \
     0x1.ef2147dbe809fp-5, \
     0x1.52fbee8c84b7cp-7, \
     0x1.43355790d506bp-10, \
     0x1.87bdb34373987p-14, \
     0x1.d24b4bab94f3ap-19}

/* slope, 5.9e-19 at most, relative. */
#define FD_SLOPE_N_F64 \
    {0x1.54851a5cc1ec8p-1, \
     0x1.548a03c73926ap0, \
     0x1.47c99c387a76fp0, \
     0x1.8ae09a0ad6f2ep-1, \
     0x1.47e72ed7869dfp-2, \
     0x1.87966055ebfd2p-4, \
     0x1.54c87acf07ef1p-6, \
     0x1.abe4c27bd0e0bp-9, \
     0x1.749159ecf54dfp-12, \
     0x1.98fbf9fda1d0ap-16, \
     0x1.b23df6c5c5ec1p-21}
#define FD_SLOPE_D_F64 \
    {0x1p0, \
     0x1.22034dc0ca8d7p1, \
     0x1.30aeb2a26dfddp1, \
     0x1.87c4e93342b43p0, \
     0x1.56454870fc5e9p-1, \
     0x1.a9e5444325a43p-3, \
     0x1.7fa1940b7aecdp-5, \
     0x1.f04f254344245p-8, \
     0x1.bbec2e636c1e4p-11, \
     0x1.f3ccb5dcd367p-15, \
     0x1.101eefe639e8ap-19}

/* Zero of GELU's derivative, sign changed; 2 sqrt(2/pi), and that times 0.044715: in two parts each. */
#define FD_TANH_3B_F64 0x1.b6676bf7450fp-3
#define FD_ZERO_UPPER_F64 0x1.80ead197f00b4p-1
#define FD_ZERO_LOWER_F64 -0x1.13e74c58cada8p-56
#define FD_TANH_A_UPPER_F64 0x1.9884533d43651p0
#define FD_TANH_A_LOWER_F64 -0x1.cbc0d30ebfd15p-54
#define FD_TANH_B_UPPER_F64 0x1.2444f28p-4
#define FD_TANH_B_LOWER_F64 0x1.26c5a57a4def1p-31

#endif
