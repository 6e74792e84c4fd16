/* tpl_softmax_all.h: functions and softmax for all types. Included by tpl_table.h after tpl_noise.h. */
#include "math_coefficients.h"
#include "softmax_kernels.h"

typedef uint32_t word_f32;
typedef uint64_t word_f64;

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
#define SIGN_f32 0x80000000u
#define UPPER_HALF_f32 0xFFFFF000u
#define LEAST_f32 (-INFINITE_f32)
#define INFINITE_f32 (1e30f * 1e30f)
/* From these on the function's other side is 0. */
#define GELU_END_f32 15.0f
#define GELU_TANH_END_f32 12.0f
#define TAIL_N_f32 FD_TAIL_N_F32
#define TAIL_D_f32 FD_TAIL_D_F32
#define SLOPE_N_f32 FD_SLOPE_N_F32
#define SLOPE_D_f32 FD_SLOPE_D_F32
#define ZERO_UPPER_f32 FD_ZERO_UPPER_F32
#define ZERO_LOWER_f32 FD_ZERO_LOWER_F32
#define TANH_A_UPPER_f32 FD_TANH_A_UPPER_F32
#define TANH_A_LOWER_f32 FD_TANH_A_LOWER_F32
#define TANH_B_UPPER_f32 FD_TANH_B_UPPER_F32
#define TANH_B_LOWER_f32 FD_TANH_B_LOWER_F32
#define TANH_3B_f32 FD_TANH_3B_F32

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
#define LEAST_f64 (-INFINITE_f64)
#define INFINITE_f64 (1e300 * 1e300)
#define GELU_END_f64 39.0
#define GELU_TANH_END_f64 22.5
#define TAIL_N_f64 FD_TAIL_N_F64
#define TAIL_D_f64 FD_TAIL_D_F64
#define SLOPE_N_f64 FD_SLOPE_N_F64
#define SLOPE_D_f64 FD_SLOPE_D_F64
#define ZERO_UPPER_f64 FD_ZERO_UPPER_F64
#define ZERO_LOWER_f64 FD_ZERO_LOWER_F64
#define TANH_A_UPPER_f64 FD_TANH_A_UPPER_F64
#define TANH_A_LOWER_f64 FD_TANH_A_LOWER_F64
#define TANH_B_UPPER_f64 FD_TANH_B_UPPER_F64
#define TANH_B_LOWER_f64 FD_TANH_B_LOWER_F64
#define TANH_3B_f64 FD_TANH_3B_F64

#define FD_R f32
#include "tpl_math.h"
#include "tpl_softmax_real.h"
#define FD_TYPE f16
#define FD_ELEM uint16_t
#include "tpl_softmax.h"
#undef FD_TYPE
#undef FD_ELEM
#define FD_TYPE bf16
#define FD_ELEM uint16_t
#include "tpl_softmax.h"
#undef FD_TYPE
#undef FD_ELEM
#define FD_TYPE f32
#define FD_ELEM uint32_t
#include "tpl_softmax.h"
#undef FD_TYPE
#undef FD_ELEM
#undef FD_R
#define FD_R f64
#include "tpl_math.h"
#include "tpl_softmax_real.h"
#define FD_TYPE f64
#define FD_ELEM uint64_t
#include "tpl_softmax.h"
#undef FD_TYPE
#undef FD_ELEM
#undef FD_R

static const fd_softmax_kernels softmax_kernels = {
    {{map_exp_of_f32, map_exp_of_f64},
     {map_gelu_of_f32, map_gelu_of_f64},
     {map_gelu_slope_of_f32, map_gelu_slope_of_f64},
     {map_gelu_tanh_of_f32, map_gelu_tanh_of_f64},
     {map_gelu_tanh_slope_of_f32, map_gelu_tanh_slope_of_f64}},
    {softmax_score_f16, softmax_score_bf16, softmax_score_f32, softmax_score_f64},
    {softmax_exps_f32, softmax_exps_f64},
    {softmax_dots_f32, softmax_dots_f64},
    {softmax_slopes_f16, softmax_slopes_bf16, softmax_slopes_f32, softmax_slopes_f64},
    {softmax_widen_f16, softmax_widen_bf16, softmax_widen_f32, softmax_widen_f64},
    {softmax_narrow_f16, softmax_narrow_bf16, softmax_narrow_f32, softmax_narrow_f64},
};
