/* walk_tiles.c: Fortran-ordered, transposed and channels-last arrays. The mask is numbered along one axis, memory runs
 * along another: a tile of bits is made row by row in the mask's order, transposed by 64 x 64 bits, and applied in
 * memory order. */
#include "dropout.h"

#include "bits.h"

enum {
    TILE_BYTES = 1 << 15, /* packed bits of one tile; twice that fits the second-level cache many times over */
    LONGEST = 4096        /* most columns of a tile: several pages, so that a page is seldom cut */
};

struct tiles {
    const fd_job *job;
    fd_axis outer[FD_MAX_NDIM], column, row; /* column: numbered along; row: memory runs along it */
    int num_outer;
    int64_t width, height;                   /* columns and rows of a tile */
    uint64_t across, down;                   /* tiles */
    int reuse;
};

/* Transposes 64 words of 64 bits: word i bit j becomes word j bit i (Warren, Hacker's Delight, 7-3, on 64 bits). */
static void transpose_64(uint64_t w[64])
{
    uint64_t mask = UINT64_C(0x00000000FFFFFFFF);
    for (unsigned half = 32; half; half >>= 1, mask ^= mask << half)
        for (unsigned k = 0; k < 64; k = ((k | half) + 1) & ~half) {
            uint64_t t = ((w[k] >> half) ^ w[k | half]) & mask;
            w[k] ^= t << half;
            w[k | half] ^= t;
        }
}

static void one_tile(const struct tiles *t, fd_source *src, const fd_position *pos, int64_t row0, int64_t column0)
{
    const fd_job *job = t->job;
    const fd_elements e = {src->kernels, job->dtype, t->row.x, t->row.y};
    const int64_t rows = t->row.n - row0 < t->height ? t->row.n - row0 : t->height;
    const int64_t columns = t->column.n - column0 < t->width ? t->column.n - column0 : t->width;
    const size_t pitch = (size_t)(columns + 63) / 64 * 8, turned_pitch = (size_t)(rows + 63) / 64 * 8;
    const uint64_t start = pos->index + (uint64_t)(row0 * t->row.index + column0 * t->column.index);
    double scale = job->scale;
    if (job->mask->p_values) { /* one p for the whole tile */
        const double p = job->mask->p_values[pos->p];
        fd_source_set_p(src, p);
        scale = job->own_scales ? fd_scale(p) : scale;
    }
    uint8_t made[TILE_BYTES], turned[64 * (TILE_BYTES / 8 / 64 + 1) * 8];

    for (int64_t i = 0; i < rows; i++) {
        uint8_t *line = made + (size_t)i * pitch;
        fd_store64(line + pitch - 8, 0);
        fd_source_bits(src, start + (uint64_t)(i * t->row.index), t->column.index, (size_t)columns, line);
    }
    const char *x = job->x + pos->x + row0 * t->row.x + column0 * t->column.x;
    char *y = job->y + pos->y + row0 * t->row.y + column0 * t->column.y;
    for (int64_t c = 0; c < columns; c += 64) {
        for (int64_t i = 0; i < rows; i += 64) {
            uint64_t w[64] = {0};
            for (int64_t k = 0; k < 64 && i + k < rows; k++) w[k] = fd_load64(made + (size_t)(i + k) * pitch + c / 8);
            transpose_64(w);
            for (size_t k = 0; k < 64; k++) fd_store64(turned + k * turned_pitch + (size_t)i / 8, w[k]);
        }
        for (int64_t k = 0; k < 64 && c + k < columns; k++)
            fd_apply_run(&e, turned + (size_t)k * turned_pitch, (size_t)rows, x + (c + k) * t->column.x,
                         y + (c + k) * t->column.y, scale);
    }
}

static void tiles_range(void *context, uint64_t begin, uint64_t end)
{
    const struct tiles *t = context;
    const uint64_t each = t->across * t->down;
    fd_source src;
    fd_position pos;
    fd_source_open(&src, t->job->mask, t->job->layout->stop);
    src.reuse = t->reuse;
    fd_position_set(&pos, t->outer, t->num_outer, t->job->mask->start, begin / each);
    uint64_t inside = begin % each;
    for (uint64_t unit = begin; unit < end; unit++) {
        one_tile(t, &src, &pos, (int64_t)(inside / t->across) * t->height, (int64_t)(inside % t->across) * t->width);
        if (++inside == each) {
            inside = 0;
            fd_position_next(&pos, t->outer, t->num_outer);
        }
    }
}

fd_status fd_walk_tiles(const fd_job *job, int along, const fd_exec *exec)
{
    struct tiles t;
    t.job = job;
    fd_copy_axes(t.outer, &t.num_outer, job->layout);
    fd_take_axis(t.outer, &t.num_outer, t.num_outer - 1, &t.row);
    fd_take_axis(t.outer, &t.num_outer, along, &t.column);

    t.width = t.column.n < LONGEST ? t.column.n : LONGEST;
    t.height = TILE_BYTES / ((t.width + 63) / 64 * 8) / 64 * 64;
    t.height = t.height < t.row.n ? t.height : t.row.n;
    t.across = (uint64_t)((t.column.n + t.width - 1) / t.width);
    t.down = (uint64_t)((t.row.n + t.height - 1) / t.height);
    t.reuse = t.column.index == 1 && t.width < LONGEST && t.row.index > 0 && t.row.index <= 4 * t.width;
    return fd_run(exec, fd_count_positions(t.outer, t.num_outer) * t.across * t.down,
                  (uint64_t)(t.width * t.height), tiles_range, &t);
}
