"""The custom call of XLA as Cython sees it: csrc/fastdrop_xla.h says what it promises."""

cdef extern from "fastdrop.h" nogil:
    enum:
        FD_XLA_DROPOUT, FD_XLA_SCALED, FD_XLA_AFFINE, FD_XLA_MULTIPLY, FD_XLA_ADD
    void *fd_xla_dropout(void *call_frame)
