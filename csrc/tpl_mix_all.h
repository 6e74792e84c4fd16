/* tpl_mix_all.h: tpl_mix.h for all types, and the table they make. Included by tpl_table.h, after tpl_math_all.h. */
#include "mix_kernels.h"

enum { MIX_AFFINE, MIX_CHOOSE, MIX_PART, MIX_BLEND, MIX_FORWARD, MIX_BACKWARD };

#define FD_TEMPLATE "tpl_mix.h"
#include "tpl_types.h"

#define FD_MIX_ROW(name) {name##_f16, name##_bf16, name##_f32, name##_f64}
static const fd_mix_kernels mix_kernels = {
    FD_MIX_ROW(affine),
    FD_MIX_ROW(choose),
    FD_MIX_ROW(part_in_two),
    FD_MIX_ROW(blend),
    {FD_MIX_ROW(forward_none), FD_MIX_ROW(forward_relu), FD_MIX_ROW(forward_gelu), FD_MIX_ROW(forward_gelu_tanh)},
    {{0}, FD_MIX_ROW(backward_relu), FD_MIX_ROW(backward_gelu), FD_MIX_ROW(backward_gelu_tanh)},
};
