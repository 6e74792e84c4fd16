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

/* For float32 in float64: exp, tail and slope. */
#define FD_EXP_P_F32_WIDE \
    {0x1.fffffb9af1aa1p-2f, \
     0x1.55549168249a3p-3f, \
     0x1.5558f118a3ec4p-5f, \
     0x1.1239d39530923p-7f, \
     0x1.6a2459ec27afbp-10f}

/* tail, 6.3e-9 at most, relative. */
#define FD_TAIL_N_F32_WIDE \
    {0x1.0000001b0a7b4p-1f, \
     0x1.c1d2ac547a839p-2f, \
     0x1.78c37fd674481p-3f, \
     0x1.4ee41905592cap-5f, \
     0x1.102d4b27b2bb9p-8f}
#define FD_TAIL_D_F32_WIDE \
    {0x1p0f, \
     0x1.ad2b874448008p0f, \
     0x1.349e25e9b8829p0f, \
     0x1.e2b738f3c46b5p-2f, \
     0x1.a3bfaa0dc7c02p-4f, \
     0x1.551e99acf09e4p-7f}

/* slope, 8.4e-9 at most, relative. */
#define FD_SLOPE_N_F32_WIDE \
    {0x1.54851a2c9f76ep-1f, \
     0x1.8225468c5b9c4p-1f, \
     0x1.83948d8a4aa28p-2f, \
     0x1.88b99a934ba91p-4f, \
     0x1.571cd8e998d25p-7f}
#define FD_SLOPE_D_F32_WIDE \
    {0x1p0f, \
     0x1.664c3e332b623p0f, \
     0x1.969ccb364d1f5p-1f, \
     0x1.c3cf9e4020acep-3f, \
     0x1.ae068d9a0b97ap-6f}

/* For float64, in u = (a - 5) / (a + 5): tail (a + TAIL_FLAT), and slope. */
#define FD_TAIL_U_F64 \
    {0x1.c8ac29cbd6bb7p-2, \
     -0x1.003c14058ef3dp-4, \
     0x1.f02d780bebbc8p-8, \
     0x1.afb8e2fd3805dp-6, \
     -0x1.27834b839a305p-5, \
     0x1.df8c3badb874cp-6, \
     -0x1.16539ef2611cdp-6, \
     0x1.caef84d517e49p-8, \
     -0x1.c3013d6977b71p-10, \
     -0x1.4499e0476def5p-16, \
     0x1.97fee8e22bda1p-13, \
     -0x1.c353a1533fc95p-15, \
     -0x1.7921c98a8b564p-17, \
     0x1.38a837d363c06p-17, \
     0x1.21da7b5ad19p-24, \
     -0x1.6cdb0fd8cab9ep-20, \
     0x1.d4b56c59564fp-24, \
     0x1.bc453de839fe6p-23, \
     -0x1.530e4d433ff0ap-26, \
     -0x1.1d7fa2513bfb2p-25, \
     -0x1.2361e8d7c754p-36, \
     0x1.1d65d32cff002p-28, \
     0x1.c23c6b50a6512p-31}
#define FD_SLOPE_U_F64 \
    {0x1.ce451b41a3bap-2, \
     -0x1.6fce89f8d2b8fp-4, \
     0x1.ef8423a0a74adp-5, \
     -0x1.231a8d12389dap-5, \
     0x1.23c37589913a2p-6, \
     -0x1.e0a9519425ceep-8, \
     0x1.2dc0779abccb9p-9, \
     -0x1.cdee0a0e2c4c8p-12, \
     -0x1.fde2b6859d8e7p-17, \
     0x1.54f8c2009d8b8p-15, \
     -0x1.34bd589aad039p-17, \
     -0x1.0b790bfe14a28p-19, \
     0x1.6d1af8e9a8362p-20, \
     0x1.739f26deb6dcfp-26, \
     -0x1.6a38d5c40465dp-23, \
     0x1.a0bc9557d5ed2p-27, \
     0x1.73f6b133b6c03p-26, \
     -0x1.29445bb0b06dp-29, \
     -0x1.7602ca10a6e18p-29, \
     0x1.658c661279fa3p-33, \
     0x1.e392a641f3352p-33}
#define FD_TAIL_FLAT_F64 0x1.9884533d43651p-1

/* Zero of GELU's derivative, sign changed; 2 sqrt(2/pi), and that times 0.044715: in two parts. */
#define FD_TANH_3B_F64 0x1.b6676bf7450fp-3
#define FD_ZERO_UPPER_F64 0x1.80ead197f00b4p-1
#define FD_ZERO_LOWER_F64 -0x1.13e74c58cada8p-56
#define FD_TANH_A_UPPER_F64 0x1.9884533d43651p0
#define FD_TANH_A_LOWER_F64 -0x1.cbc0d30ebfd15p-54
#define FD_TANH_B_UPPER_F64 0x1.2444f28p-4
#define FD_TANH_B_LOWER_F64 0x1.26c5a57a4def1p-31

#endif
