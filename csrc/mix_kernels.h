/* mix_kernels.h: the part of an instruction set's table in which several arrays meet under one mask. */
#ifndef FD_MIX_KERNELS_H
#define FD_MIX_KERNELS_H

#include "target.h"

#include "fastdrop.h"

enum { FD_MIX_IN = 3, FD_MIX_OUT = 2, FD_MIX_CONSTANTS = 3 };

/* n elements in a row of up to three inputs and two outputs, by packed bits from bit 0 of `bits` on; c are constants, rounded
 * to the type that is computed in. An output is one of the inputs, or overlaps none of them.
 *   affine     out0 = kept ? c0 in0 + c1 : c2
 *   choose     out0 = kept ? in0 : in1
 *   part       out0 = kept ? in0 : 0, out1 = kept ? 0 : in0
 *   blend      out0 = c0 in0 + c1 in1; there are no bits
 *   forward    out0 = in2 + (kept ? f(in0 + in1) c0 : 0) for each activation f; in1 and in2 may be NULL: not added
 *   backward   out0 = kept ? in0 c0 f'(in1 + in2) : 0; in2 may be NULL */
#define FD_MIX_ARGS (const uint8_t *bits, size_t n, const void *const *in, void *const *out, const double *c)

typedef struct fd_mix_kernels {
    void(*affine[FD_F64 + 1]) FD_MIX_ARGS;
    void(*choose[FD_F64 + 1]) FD_MIX_ARGS;
    void(*part[FD_F64 + 1]) FD_MIX_ARGS;
    void(*blend[FD_F64 + 1]) FD_MIX_ARGS;
    void(*forward[FD_NUM_ACTIVATIONS][FD_F64 + 1]) FD_MIX_ARGS;
    void(*backward[FD_NUM_ACTIVATIONS][FD_F64 + 1]) FD_MIX_ARGS; /* that of FD_ACT_NONE is dropout: NULL */
} fd_mix_kernels;

#endif
