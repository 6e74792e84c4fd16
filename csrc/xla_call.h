/* xla_call.h: a call of XLA's, checked, and run in pieces. */
#ifndef FD_XLA_CALL_H
#define FD_XLA_CALL_H

#include "target.h"

#include "fastdrop.h"
#include "xla_abi.h"

typedef struct fd_xla_call {
    fd_mask_desc mask;
    fd_xla_operation operation;
    double constants[3];
    fd_dtype dtype;
    int ndim;
    int64_t shape[FD_MAX_NDIM], steps[FD_MAX_NDIM], bytes[FD_MAX_NDIM];
    const char *x;
    char *y;
} fd_xla_call;

/* fd_xla_run runs a call of so many elements, large ones on the frame's threads too. */
FD_HIDDEN fd_status fd_xla_run(const xla_frame *frame, const fd_xla_call *call, int64_t elements);

#endif
