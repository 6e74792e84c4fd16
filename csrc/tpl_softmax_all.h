/* tpl_softmax_all.h: softmax for all types. Included by tpl_table.h after tpl_math_all.h. */
#include "softmax_kernels.h"

typedef uint32_t word_f32;
typedef uint64_t word_f64;

#define LEAST_f32 (-INFINITE_f32)
#define INFINITE_f32 (1e30f * 1e30f)
#define LEAST_f64 (-INFINITE_f64)
#define INFINITE_f64 (1e300 * 1e300)

#define FD_R f32
#include "tpl_softmax_real.h"
#undef FD_R
#define FD_R f64
#include "tpl_softmax_real.h"
#undef FD_R

#define FD_TEMPLATE "tpl_softmax.h"
#include "tpl_types.h"

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
