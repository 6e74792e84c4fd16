/* noise_coefficients.h: the numbers of normal noise. tests/noise_coefficients.py derives and prints them,
 * docs/noise.md says how they are used. They are part of the contract and never change.
 */
#ifndef FD_NOISE_COEFFICIENTS_H
#define FD_NOISE_COEFFICIENTS_H

/* N / D differs by 9.6e-9 at most, relative. N has the factor 2^-31 of x. */
#define FD_N_F32 \
    {0x1.40d932p-31f, \
     0x1.3d9324p-33f, \
     0x1.6621ccp-36f, \
     0x1.11417ep-39f, \
     0x1.135908p-43f, \
     0x1.3e389p-48f, \
     0x1.6bb72cp-57f}
#define FD_D_F32 \
    {0x1p0f, \
     0x1.0e44bep-4f, \
     0x1.10be5cp-6f, \
     0x1.937b58p-11f, \
     0x1.e0ceap-15f, \
     0x1.40c5ap-21f}
#define FD_Q_F32 \
    {0x1.71547ap1f, \
     0x1.ec5562p-1f, \
     0x1.310768p-1f}

/* N / D differs by 5.9e-16 at most, relative. N has the factor 2^-31 of x. */
#define FD_N_F64 \
    {0x1.40d931ff62709p-31, \
     0x1.781890c7da426p-33, \
     0x1.280fcf48a6e89p-35, \
     0x1.525e134f3b915p-38, \
     0x1.25b9bcef8d145p-41, \
     0x1.9149ed305faeep-45, \
     0x1.b15cfcf61ed4cp-49, \
     0x1.6ec9a7f4aaf19p-53, \
     0x1.e247cbfdf8a4bp-58, \
     0x1.e825593ee3a11p-63, \
     0x1.627ae7b417237p-68, \
     0x1.8938c1ee9d9d4p-76}
#define FD_D_F64 \
    {0x1p0, \
     0x1.c90abb238096bp-4, \
     0x1.fe8ee6cdf7184p-6, \
     0x1.6a29ad90b7bc2p-9, \
     0x1.58b911c434d41p-12, \
     0x1.71985a0b3a96p-16, \
     0x1.6f56f2a8fb174p-20, \
     0x1.1434e6b9ac26cp-24, \
     0x1.2a016689c445ep-29, \
     0x1.22b0599a18f74p-34, \
     0x1.a371795d3bbd7p-41, \
     0x1.d0e17f31ebe4ep-51}
#define FD_Q_F64 \
    {0x1.71547652b82ffp1, \
     0x1.ec709dc39ca4p-1, \
     0x1.2776c516a083cp-1, \
     0x1.a61756810b0f8p-2, \
     0x1.484fa9965bc9cp-2, \
     0x1.0bb80a92c80ccp-2, \
     0x1.f17dfd13ae0efp-3}

#endif
