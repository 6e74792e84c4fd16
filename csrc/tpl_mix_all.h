/* tpl_mix_all.h: tpl_mix.h for all types, and the table they make. Included by tpl_table.h, after tpl_math_all.h. */
#include "mix_kernels.h"

enum { MIX_AFFINE, MIX_CHOOSE, MIX_PART, MIX_BLEND, MIX_FORWARD, MIX_BACKWARD };

#define FD_TYPE f16
#define FD_ELEM uint16_t
#define FD_R f32
#include "tpl_mix.h"
#undef FD_TYPE
#undef FD_ELEM
#define FD_TYPE bf16
#define FD_ELEM uint16_t
#include "tpl_mix.h"
#undef FD_TYPE
#undef FD_ELEM
#define FD_TYPE f32
#define FD_ELEM uint32_t
#include "tpl_mix.h"
#undef FD_TYPE
#undef FD_ELEM
#undef FD_R
#define FD_TYPE f64
#define FD_ELEM uint64_t
#define FD_R f64
#include "tpl_mix.h"
#undef FD_TYPE
#undef FD_ELEM
#undef FD_R

#define FD_MIX_ROW(name) {name##_f16, name##_bf16, name##_f32, name##_f64}
static const fd_mix_kernels mix_kernels = {
    FD_MIX_ROW(affine),
    FD_MIX_ROW(choose),
    FD_MIX_ROW(part_in_two),
    FD_MIX_ROW(blend),
    {FD_MIX_ROW(forward_none), FD_MIX_ROW(forward_relu), FD_MIX_ROW(forward_gelu), FD_MIX_ROW(forward_gelu_tanh)},
    {{0}, FD_MIX_ROW(backward_relu), FD_MIX_ROW(backward_gelu), FD_MIX_ROW(backward_gelu_tanh)},
};
