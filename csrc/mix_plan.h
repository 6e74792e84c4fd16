/* mix_plan.h: how arrays of one shape are met in pieces; see mix_walk.c. */
#ifndef FD_MIX_PLAN_H
#define FD_MIX_PLAN_H

#include "layout.h"
#include "mix_walk.h"

enum {
    FD_MIX_PIECE = 2048,                              /* most elements of a piece, */
    FD_MIX_COPIED = 512,                              /* ... and of one that passes through copies */
    FD_MIX_TILE = FD_MIX_COPIED + FD_MIX_PIECE / 2    /* elements of a tile: a row, and the piece that begins in it */
};

/* Where a piece of an array is: nowhere; in one run of memory; in a tile, which holds what repeats itself; in rows. */
typedef enum fd_mix_way { FD_MIX_ABSENT, FD_MIX_RUN, FD_MIX_TILED, FD_MIX_ROWS } fd_mix_way;

typedef struct fd_mix_plan {
    const fd_mix_job *job;
    const fd_mask_desc *mask;
    fd_axis axis[FD_MAX_NDIM + 1];                 /* lengths and mask indices; the last one is the row */
    int64_t step[FD_MAX_NDIM + 1][FD_MIX_ARRAYS];  /* bytes along them */
    int outer, numbered, near;                     /* axes above the row; whether indices are one run; see fd_source */
    int by_row;                                    /* whether a piece ends where its row does: rows are long */
    size_t size, piece;                            /* bytes of an element, most elements of a piece */
    uint64_t elements, start, stop;                /* mask indices begin at start; see fd_source for stop */
    fd_mix_way way[FD_MIX_ARRAYS];
    int64_t period;                                /* elements after which a tile repeats itself: a row of them, or one */
} fd_mix_plan;

/* fd_mix_plan_make checks mask, shape and pointers. *empty tells whether there is nothing to do. */
FD_HIDDEN fd_status fd_mix_plan_make(fd_mix_plan *w, const fd_mix_job *job, const fd_mask_desc *mask, int ndim,
                                     const int64_t *shape, int *empty);

#endif
