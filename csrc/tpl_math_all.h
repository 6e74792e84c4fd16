/* tpl_math_all.h: functions of real numbers, for float and double. Included by tpl_table.h after tpl_noise.h. */
#include "math_coefficients.h"
#include "softmax_kernels.h"

/* Below EXP_LOWEST the result is 0, above EXP_HIGHEST infinite. Adding EXP_SHIFT rounds to an integer, which then is, with
 * twice the exponents' bias added, the number's bits less EXP_SHIFT_BITS. */
#define EXP_P_f32 FD_EXP_P_F32
#define EXP_LOWEST_f32 (-176.0f)
#define EXP_HIGHEST_f32 89.0f
#define EXP_SHIFT_f32 0x1.8p23f
#define EXP_SHIFT_BITS_f32 (0x4B400000u - 254u)
#define LOG2E_f32 FD_LOG2E_F32
#define LN2_UPPER_f32 FD_LN2_UPPER_F32
#define LN2_LOWER_f32 FD_LN2_LOWER_F32

#define EXP_P_f64 FD_EXP_P_F64
#define EXP_LOWEST_f64 (-1418.0)
#define EXP_HIGHEST_f64 710.0
#define EXP_SHIFT_f64 0x1.8p52
#define EXP_SHIFT_BITS_f64 (UINT64_C(0x4338000000000000) - 2046)
#define LOG2E_f64 FD_LOG2E_F64
#define LN2_UPPER_f64 FD_LN2_UPPER_F64
#define LN2_LOWER_f64 FD_LN2_LOWER_F64
#define SIGN_f64 (UINT64_C(1) << 63)
#define UPPER_HALF_f64 UINT64_C(0xFFFFFFFFF8000000)

#define FD_R f32
#include "tpl_math.h"
#undef FD_R
#define FD_R f64
#include "tpl_math.h"
#include "tpl_gelu.h"
#undef FD_R

/* n numbers that do not overlap what is written. */
#define MATH_MAP(name, type)                                                                                        \
    static void map_##name##_##type FD_MAP_ARGS                                                                     \
    {                                                                                                               \
        const real_##type *from = x;                                                                                \
        real_##type *to = y, copy[R_LANES_##type] = {0};                                                            \
        const size_t rest = n % R_LANES_##type, whole = n - rest;                                                   \
        for (size_t j = 0; j < whole; j += R_LANES_##type)                                                          \
            r_store_##type(to + j, name##_##type(r_load_##type(from + j)));                                         \
        if (!rest) return;                                                                                          \
        memcpy(copy, from + whole, rest * sizeof *copy);                                                            \
        r_store_##type(copy, name##_##type(r_load_##type(copy)));                                                   \
        memcpy(to + whole, copy, rest * sizeof *copy);                                                              \
    }
#define MATH_MAPS(name) MATH_MAP(name, f32) MATH_MAP(name, f64)
MATH_MAPS(exp_of)
MATH_MAPS(gelu_of)
MATH_MAPS(gelu_slope_of)
MATH_MAPS(gelu_tanh_of)
MATH_MAPS(gelu_tanh_slope_of)
