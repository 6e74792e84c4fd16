/* fastdrop_xla.h: dropout as a custom call of XLA. Part of fastdrop.h, whose conventions hold: include that.
 *
 * fd_xla_dropout is a handler of XLA's foreign function interface (xla/ffi/api/c_api.h of version 0.3, its XLA_FFI_Handler),
 * to be registered for the platform "cpu"; fastdrop.jax does that. Operands, in this order, and the result:
 *
 *     x       float16, bfloat16, float32, float64, complex64 or complex128, of up to FD_MAX_NDIM axes
 *     key     uint32[4]: seed and stream, low words first
 *     p       uint32[2], the bits of a double, low word first; or a scalar of float32 or float64
 *     origin  int32 or int64, one for each axis: where x begins in the whole array
 *     y       like x, and may be x
 *
 * Attributes are arrays: `shape` and `steps`, int64, one for each axis: lengths of the whole array, and mask indices from one
 * element to the next, 0 where a decision is shared; `operation`, one int64, and its `constants`, three float64.
 *
 * Whatever does not fit is an error of the execution that names it, before anything is written. It runs on the calling
 * thread, and on others of XLA's own pool for large arrays; never on threads of this library.
 */
#ifndef FASTDROP_XLA_H
#define FASTDROP_XLA_H

typedef enum fd_xla_operation {
    FD_XLA_DROPOUT,  /* fd_dropout_nd */
    FD_XLA_SCALED,   /* the same with the first constant in the place of 1 / (1 - p) */
    FD_XLA_AFFINE,   /* fd_affine_nd with the constants a, b and c */
    FD_XLA_MULTIPLY, /* fd_noise_nd with the first constant for sigma; p does not count */
    FD_XLA_ADD
} fd_xla_operation;

void *fd_xla_dropout(void *call_frame);

#endif
