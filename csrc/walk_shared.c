/* walk_shared.c: one decision for each row of the innermost axis (spatial dropout, DropPath): rows are scaled or
 * zeroed whole, at the speed of a multiply by a broadcast scale. */
#include "dropout.h"

#include "bits.h"

enum { ROWS = FD_VARIED, PIECE = 1 << 16 }; /* rows in a unit; elements of a row, or of all rows of a unit */

struct shared {
    const fd_job *job;
    fd_axis outer[FD_MAX_NDIM], along, row; /* `along`: the axis the decisions are numbered along */
    int num_outer;
    uint64_t groups, group_rows, pieces;    /* groups of rows, rows in a group, pieces of a row */
};

static void one_unit(const struct shared *s, fd_source *src, const fd_position *pos, uint64_t group, uint64_t piece)
{
    const fd_job *job = s->job;
    const fd_elements e = {src->kernels, job->dtype, s->row.x, s->row.y, 0, 0};
    const int64_t first = (int64_t)(group * s->group_rows), at = (int64_t)(piece * PIECE);
    const int64_t left = s->along.n - first, rest = s->row.n - at;
    const size_t rows = (size_t)(left < (int64_t)s->group_rows ? left : (int64_t)s->group_rows);
    const size_t n = (size_t)(rest < PIECE ? rest : PIECE);
    const uint64_t start = pos->index + (uint64_t)(first * s->along.index);
    const double *p = job->p_values;
    uint8_t bits[ROWS / 8];
    double copy[ROWS];
    if (p) {
        p = fd_gather_p(copy, p + pos->p + first * s->along.p, 0, 1, s->along.p, rows);
        fd_source_varied(src, start, s->along.index, rows, p, bits);
    } else {
        fd_source_bits(src, start, s->along.index, rows, bits);
    }

    const char *x = job->x + pos->x + first * s->along.x + at * s->row.x;
    char *y = job->y + pos->y + first * s->along.y + at * s->row.y;
    for (size_t j = 0; j < rows; j++, x += s->along.x, y += s->along.y)
        fd_scale_run(&e, (int)fd_get_bit(bits, j), n, x, y, job->own_scales ? fd_scale(p[j]) : job->scale);
}

static void shared_range(void *context, uint64_t begin, uint64_t end)
{
    const struct shared *s = context;
    const uint64_t each = s->groups * s->pieces;
    fd_source src;
    fd_position pos;
    fd_source_open(&src, s->job->mask, s->job->layout->stop);
    fd_position_set(&pos, s->outer, s->num_outer, s->job->start, begin / each);
    uint64_t inside = begin % each;
    for (uint64_t unit = begin; unit < end; unit++) {
        one_unit(s, &src, &pos, inside / s->pieces, inside % s->pieces);
        if (++inside == each) {
            inside = 0;
            fd_position_next(&pos, s->outer, s->num_outer);
        }
    }
}

fd_status fd_walk_shared(const fd_job *job, int along, const fd_exec *exec)
{
    struct shared s;
    s.job = job;
    s.along = (fd_axis){.n = 1};
    fd_copy_axes(s.outer, &s.num_outer, job->layout);
    fd_take_axis(s.outer, &s.num_outer, s.num_outer - 1, &s.row);
    if (along >= 0) fd_take_axis(s.outer, &s.num_outer, along, &s.along);

    const uint64_t n = (uint64_t)s.row.n, rows = (uint64_t)s.along.n;
    s.pieces = (n + PIECE - 1) / PIECE;
    s.group_rows = n >= PIECE ? 1 : PIECE / n < ROWS ? PIECE / n : ROWS;
    s.group_rows = s.group_rows < rows ? s.group_rows : rows;
    s.groups = (rows + s.group_rows - 1) / s.group_rows;
    return fd_run(exec, fd_count_positions(s.outer, s.num_outer) * s.groups * s.pieces,
                  s.group_rows * (n < PIECE ? n : PIECE), shared_range, &s);
}
