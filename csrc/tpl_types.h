/* tpl_types.h: the template FD_TEMPLATE for each element type, what it is computed in being FD_R. Included by the headers
 * that have such a template. */
#define FD_TYPE f16
#define FD_ELEM uint16_t
#define FD_R f32
#include FD_TEMPLATE
#undef FD_TYPE
#define FD_TYPE bf16
#include FD_TEMPLATE
#undef FD_TYPE
#undef FD_ELEM
#define FD_TYPE f32
#define FD_ELEM uint32_t
#include FD_TEMPLATE
#undef FD_TYPE
#undef FD_ELEM
#undef FD_R
#define FD_TYPE f64
#define FD_ELEM uint64_t
#define FD_R f64
#include FD_TEMPLATE
#undef FD_TYPE
#undef FD_ELEM
#undef FD_R
#undef FD_TEMPLATE
