/* tpl_connect_all.h: tpl_connect.h for both types, and the table they make. Included by tpl_table.h. */
#include "connect_kernels.h"

enum { FD_CONNECT_TOGETHER = 4 }; /* rows that share a load, or a store */
#define FD_FN_KEEP_(type) keep_##type##_t
#define FD_FN_KEEP(type) FD_FN_KEEP_(type)

#define FD_TYPE f32
#define FD_REAL float
#include "tpl_connect.h"
#undef FD_TYPE
#undef FD_REAL

#define FD_TYPE f64
#define FD_REAL double
#include "tpl_connect.h"
#undef FD_TYPE
#undef FD_REAL

static const fd_connect_kernels connect_kernels = {{dot_f32, dot_f64}, {sum_f32, sum_f64}};
