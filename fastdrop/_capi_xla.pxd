"""The custom call of XLA as Cython sees it: csrc/fastdrop_xla.h says what it promises."""

cdef extern from "fastdrop.h" nogil:
    void *fd_xla_dropout(void *call_frame)
