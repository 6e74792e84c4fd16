/* tpl_table.h: the templates above tpl_page.h in order, and the table they make. Included last by isa_<name>.c.
 * Parameter: FD_ISA, the name of the instruction set without quotes. */
#include "tpl_fill.h"
#include "tpl_varied.h"

#define FD_FN_(name, type) name##_##type
#define FD_FN2(name, type) FD_FN_(name, type)
#define FD_FN(name) FD_FN2(name, FD_TYPE)
#define FD_SCALE_T FD_FN2(scale_type, FD_TYPE)

#define FD_TYPE f16
#define FD_ELEM uint16_t
#define FD_REAL float
#include "tpl_apply.h"
#include "tpl_real.h"
#include "tpl_each.h"
#undef FD_TYPE
#undef FD_ELEM

#define FD_TYPE bf16
#define FD_ELEM uint16_t
#define FD_REAL float
#include "tpl_apply.h"
#include "tpl_real.h"
#include "tpl_each.h"
#undef FD_TYPE
#undef FD_ELEM

#define FD_TYPE f32
#define FD_ELEM uint32_t
#define FD_REAL float
#include "tpl_apply.h"
#include "tpl_real.h"
#include "tpl_each.h"
#undef FD_TYPE
#undef FD_ELEM

#define FD_TYPE f64
#define FD_ELEM uint64_t
#define FD_REAL double
#include "tpl_apply.h"
#include "tpl_real.h"
#include "tpl_each.h"
#undef FD_TYPE
#undef FD_ELEM

#define FD_TYPE f16_twice
#define FD_ELEM uint16_t
#include "tpl_apply.h"
#undef FD_TYPE
#undef FD_ELEM

#define FD_TYPE bf16_twice
#define FD_ELEM uint16_t
#include "tpl_apply.h"
#undef FD_TYPE
#undef FD_ELEM

/* A coin's scale is 2, and so is mostly that of its stored mask: for narrow types that takes integers alone. */
#define FD_BY_SCALE(type)                                                                                        \
    static void drop_coin_any_##type FD_DROP_ARGS                                                                \
    {                                                                                                            \
        (scale == 2.0 ? drop_coin_##type##_twice : drop_coin_##type)(law, start, n, x, y, scale, ahead);         \
    }                                                                                                            \
    static void apply_any_##type FD_APPLY_ARGS                                                                   \
    {                                                                                                            \
        (scale == 2.0 ? apply_##type##_twice : apply_##type)(bits, n, x, y, scale);                              \
    }
FD_BY_SCALE(f16)
FD_BY_SCALE(bf16)

#include "tpl_connect_all.h"
#include "tpl_noise.h"
#include "tpl_math_all.h"
#include "tpl_softmax_all.h"
#include "tpl_concrete.h"
#include "tpl_mix_all.h"

#define FD_TABLE_(isa) fd_kernels_##isa
#define FD_TABLE(isa) FD_TABLE_(isa)
#define FD_NAME_(isa) #isa
#define FD_NAME(isa) FD_NAME_(isa)

/* Rows in the order of fd_dtype. */
const fd_kernels FD_TABLE(FD_ISA) = {
    FD_NAME(FD_ISA),
    pages,
    fill_coin,
    fill_byte,
    {drop_coin_any_f16, drop_coin_any_bf16, drop_coin_f32, drop_coin_f64},
    {drop_byte_f16, drop_byte_bf16, drop_byte_f32, drop_byte_f64},
    {apply_any_f16, apply_any_bf16, apply_f32, apply_f64},
    {scale_all_f16, scale_all_bf16, scale_all_f32, scale_all_f64},
    compare,
    {apply_each_f16, apply_each_bf16, apply_each_f32, apply_each_f64},
    &connect_kernels,
    &noise_kernels,
    {concrete_f32, concrete_f64},
    &softmax_kernels,
    &mix_kernels,
};
