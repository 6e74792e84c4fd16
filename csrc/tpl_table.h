/* tpl_table.h: the templates above tpl_page.h in order, and the table they make. Included last by isa_<name>.c.
 * Parameter: FD_ISA, the name of the instruction set without quotes. */
#include "tpl_fill.h"

#define FD_TYPE f16
#define FD_ELEM uint16_t
#include "tpl_real.h"

#define FD_TYPE bf16
#define FD_ELEM uint16_t
#include "tpl_real.h"

#define FD_TYPE f32
#define FD_ELEM uint32_t
#include "tpl_real.h"

#define FD_TYPE f64
#define FD_ELEM uint64_t
#include "tpl_real.h"

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
    {drop_coin_f16, drop_coin_bf16, drop_coin_f32, drop_coin_f64},
    {drop_byte_f16, drop_byte_bf16, drop_byte_f32, drop_byte_f64},
    {apply_f16, apply_bf16, apply_f32, apply_f64},
    {scale_all_f16, scale_all_bf16, scale_all_f32, scale_all_f64},
};
