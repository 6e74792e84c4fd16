/* mix_plan.c: axes joined as far as all arrays allow, and the way each array is met. */
#include "mix_plan.h"

#include <string.h>

#include "source.h"

/* Axes longer than 1, neighbours joined where they are one run in all arrays and in the numbering. */
static void set_axes(fd_mix_plan *w, int ndim, const int64_t *shape)
{
    const fd_mix_job *job = w->job;
    int last = -1;
    for (int d = 0; d < ndim; d++) {
        fd_axis axis = {.n = shape[d], .index = w->mask->strides[d]};
        int64_t step[FD_MIX_ARRAYS];
        if (shape[d] == 1) continue;
        int join = last >= 0 && fd_follows(w->axis[last].index, axis.index, axis.n);
        for (int i = 0; i < FD_MIX_ARRAYS; i++) {
            step[i] = job->data[i] ? job->strides[i][d] : 0;
            join = join && fd_follows(w->step[last][i], step[i], axis.n);
        }
        if (join) axis.n *= w->axis[last].n;
        else last++;
        w->axis[last] = axis;
        memcpy(w->step[last], step, sizeof step);
    }
    if (last < 0) {
        last = 0;
        w->axis[0] = (fd_axis){.n = 1, .index = 1};
        for (int i = 0; i < FD_MIX_ARRAYS; i++) w->step[0][i] = (int64_t)w->size;
    }
    w->outer = last;
}

/* Whether steps along the axes are those of one run of elements `each` apart. */
static int is_run(const fd_mix_plan *w, int array, int64_t each)
{
    for (int d = w->outer; d >= 0; d--) {
        if ((array < 0 ? w->axis[d].index : w->step[d][array]) != each) return 0;
        each *= w->axis[d].n;
    }
    return 1;
}

static void set_ways(fd_mix_plan *w)
{
    const int64_t row = w->axis[w->outer].n;
    const int short_row = row <= FD_MIX_COPIED;
    int tiles = 0;
    w->piece = FD_MIX_PIECE;
    for (int i = 0; i < FD_MIX_ARRAYS; i++) {
        const int constant = w->step[w->outer][i] == 0;
        int repeats = i < FD_MIX_IN && (short_row || constant) && !tiles;
        for (int d = 0; d < w->outer; d++) repeats = repeats && w->step[d][i] == 0;
        if (!w->job->data[i]) w->way[i] = FD_MIX_ABSENT;
        else if (is_run(w, i, (int64_t)w->size)) w->way[i] = FD_MIX_RUN;
        else if (repeats) {
            w->way[i] = FD_MIX_TILED;
            w->period = constant ? 1 : row;
            tiles++;
        }
        else w->way[i] = FD_MIX_ROWS;
        const size_t most = w->way[i] == FD_MIX_TILED                                                     ? FD_MIX_PIECE / 2
                            : w->way[i] == FD_MIX_ROWS && (short_row || w->step[w->outer][i] != (int64_t)w->size) ? FD_MIX_COPIED
                                                                                                   : FD_MIX_PIECE;
        w->piece = most < w->piece ? most : w->piece;
    }
}

fd_status fd_mix_plan_make(fd_mix_plan *w, const fd_mix_job *job, const fd_mask_desc *mask, int ndim, const int64_t *shape,
                           int *empty)
{
    fd_layout l;
    if (mask && mask->p_values) return FD_BAD_PROBABILITY;
    const fd_status status = fd_layout_make(&l, mask, ndim, shape, NULL, NULL);
    if (status != FD_OK) return status;
    *empty = l.empty;
    if (l.empty) return FD_OK;
    for (int i = 0; i < FD_MIX_ARRAYS; i++)
        if (ndim && job->data[i] && !job->strides[i]) return FD_BAD_POINTER;
    w->job = job;
    w->mask = mask;
    w->size = fd_dtype_size(job->dtype);
    w->elements = l.size;
    w->start = l.start;
    w->stop = l.stop;
    set_axes(w, ndim, shape);
    set_ways(w);
    w->numbered = is_run(w, -1, 1);
    w->near = w->numbered ? 0 : fd_near(w->axis, w->outer, &w->axis[w->outer]);
    w->by_row = w->axis[w->outer].n > FD_MIX_COPIED;
    return FD_OK;
}
