/* layout.h: the axes of a call, checked and brought into the fewest and best ordered ones. */
#ifndef FD_LAYOUT_H
#define FD_LAYOUT_H

#include "target.h"

#include "fastdrop.h"

typedef struct fd_axis {
    int64_t n;     /* length, above 1 */
    int64_t index; /* mask indices a step */
    int64_t p;     /* doubles a step in p_values */
    int64_t x, y;  /* bytes a step */
} fd_axis;

typedef struct fd_layout {
    int ndim;
    int empty;      /* some axis has length 0 */
    uint64_t size;  /* elements */
    uint64_t start; /* mask index, */
    int64_t p, x, y; /* and offsets in doubles and bytes, of the position that all axes begin at */
    uint64_t stop;  /* all mask indices are below */
    fd_axis axis[FD_MAX_NDIM];
} fd_layout;

/* fd_layout_make checks ndim, shape, mask indices and probabilities, and drops axes of length 1. x and y strides may
 * be NULL (taken as 0). */
FD_HIDDEN fd_status fd_layout_make(fd_layout *layout, const fd_mask_desc *mask, int ndim, const int64_t *shape,
                                   const int64_t *x_strides, const int64_t *y_strides);

/* fd_layout_sort turns axes that run backwards in y around, and orders them by their steps in y, largest first. */
FD_HIDDEN void fd_layout_sort(fd_layout *layout);

/* fd_layout_merge joins neighbouring axes that are one run in index, p, x and y. */
FD_HIDDEN void fd_layout_merge(fd_layout *layout);

/* fd_follows says whether a step along an axis is n steps of the one below: together they are one run. */
FD_INLINE int fd_follows(int64_t outer, int64_t inner, int64_t n)
{
    return (uint64_t)outer == (uint64_t)inner * (uint64_t)n; /* unsigned: a stride's product may wrap, and then differs */
}

/* fd_near says whether rows of `row` follow each other closely in index when the `ndim` axes above it are walked: 1 upwards,
 * -1 downwards, 0 if they do not. */
FD_HIDDEN int fd_near(const fd_axis *axis, int ndim, const fd_axis *row);

/* A position that counts through axes like an odometer, the last one fastest. */
typedef struct fd_position {
    int64_t at[FD_MAX_NDIM];
    uint64_t index;
    int64_t p, x, y; /* offsets */
} fd_position;

/* fd_position_set goes to the `number`-th combination of the first `ndim` axes; fd_position_next to the next one. */
FD_HIDDEN void fd_position_set(fd_position *pos, const fd_axis *axis, int ndim, uint64_t start, uint64_t number);
FD_HIDDEN void fd_position_next(fd_position *pos, const fd_axis *axis, int ndim);

#endif
