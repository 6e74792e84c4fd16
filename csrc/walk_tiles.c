/* walk_tiles.c: Fortran-ordered, transposed and channels-last arrays. The mask is numbered along one axis, memory runs
 * along another: a tile of bits is made row by row in the mask's order, transposed by 64 x 64 bits, and applied in
 * memory's order. */
#include "dropout.h"

#include "bits.h"

enum {
    TILE_BYTES = 1 << 16, /* packed bits of one tile: the second-level cache holds it many times over */
    WIDEST = 2048,        /* columns of a tile: a page where each element takes a byte of it */
    HIGHEST = 1024,       /* rows: runs in memory of a few kilobytes, which it needs to be quick */
    STRIP = 64            /* columns that are transposed and applied at a time */
};

struct tiles {
    const fd_job *job;
    fd_axis outer[FD_MAX_NDIM], column, row; /* column: numbered along; row: memory runs along it */
    int num_outer;
    int64_t width, height;                   /* columns and rows of a tile */
    uint64_t across, down;                   /* tiles */
    int near, varied;
};

/* A tile: where it begins, and its size. */
struct tile {
    int64_t rows, columns;
    uint64_t start;
    const double *p;
    const char *x;
    char *y;
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

/* The bits of row i, from bit 0 of line on. */
static void make_row(const struct tiles *t, fd_source *src, const struct tile *a, int64_t i, uint8_t *line)
{
    const uint64_t start = a->start + (uint64_t)(i * t->row.index);
    if (!t->varied) {
        fd_source_bits(src, start, t->column.index, (size_t)a->columns, line);
        return;
    }
    for (int64_t j = 0; j < a->columns; j += FD_VARIED) {
        double copy[FD_VARIED];
        const size_t n = (size_t)(a->columns - j < FD_VARIED ? a->columns - j : FD_VARIED);
        const double *p = fd_gather_p(copy, a->p + i * t->row.p + j * t->column.p, 0, 1, t->column.p, n);
        fd_source_varied(src, start + (uint64_t)(j * t->column.index), t->column.index, n, p, line + j / 8);
    }
}

/* Columns [c, c + n) of the tile, n <= STRIP, whose bits are in turned, one column in `pitch` bytes. */
static void apply_strip(const struct tiles *t, const fd_elements *e, const struct tile *a, int64_t c, size_t n,
                        const uint8_t *turned, size_t pitch, double scale)
{
    const size_t rows = (size_t)a->rows;
    const char *x = a->x + c * t->column.x;
    char *y = a->y + c * t->column.y;
    uint8_t bits[STRIP * HIGHEST / 8];
    fd_bit_writer to = {bits, 0, 0};
    if (rows % 64) { /* one column after the other without gaps */
        for (size_t k = 0; k < n; k++) fd_put_bits(&to, turned + k * pitch, 0, rows);
        fd_put_end(&to);
        turned = bits;
    }
    if (!t->varied || !t->job->own_scales) {
        fd_apply_patch(e, turned, n, rows, x, y, NULL, scale);
        return;
    }
    const size_t some = rows < FD_VARIED ? FD_VARIED / rows : 1;
    for (size_t k = 0; k < n; k += some) {
        double copy[FD_VARIED];
        uint8_t own[FD_VARIED / 8];
        const size_t m = n - k < some ? n - k : some;
        const double *p = fd_gather_p(copy, a->p + (c + (int64_t)k) * t->column.p, t->column.p, m, t->row.p, rows);
        fd_copy_bits(own, turned, k * rows, m * rows);
        fd_apply_patch(e, own, m, rows, x + (int64_t)k * t->column.x, y + (int64_t)k * t->column.y, p, scale);
    }
}

static void one_tile(const struct tiles *t, fd_source *src, const struct tile *a)
{
    const fd_job *job = t->job;
    const fd_elements e = {src->kernels, job->dtype, t->row.x, t->row.y, t->column.x, t->column.y};
    const size_t pitch = (size_t)(a->columns + 63) / 64 * 8, turned_pitch = (size_t)(a->rows + 63) / 64 * 8;
    double scale = job->scale;
    if (a->p && !t->varied) { /* one p for the whole tile */
        fd_source_set_p(src, *a->p);
        scale = job->own_scales ? fd_scale(*a->p) : scale;
    }
    uint8_t made[TILE_BYTES], turned[STRIP * HIGHEST / 8];
    for (int64_t i = 0; i < a->rows; i++) {
        uint8_t *line = made + (size_t)i * pitch;
        fd_store64(line + pitch - 8, 0);
        make_row(t, src, a, i, line);
    }
    for (int64_t c = 0; c < a->columns; c += STRIP) {
        for (int64_t i = 0; i < a->rows; i += 64) {
            uint64_t w[64] = {0};
            for (int64_t k = 0; k < 64 && i + k < a->rows; k++)
                w[k] = fd_load64(made + (size_t)(i + k) * pitch + c / 8);
            transpose_64(w);
            for (size_t k = 0; k < 64; k++) fd_store64(turned + k * turned_pitch + (size_t)i / 8, w[k]);
        }
        apply_strip(t, &e, a, c, (size_t)(a->columns - c < STRIP ? a->columns - c : STRIP), turned, turned_pitch, scale);
    }
}

static void tiles_range(void *context, uint64_t begin, uint64_t end)
{
    const struct tiles *t = context;
    const fd_job *job = t->job;
    const uint64_t each = t->across * t->down;
    fd_source src;
    fd_position pos;
    fd_source_open(&src, job->mask, job->layout->stop);
    src.near = t->near;
    fd_position_set(&pos, t->outer, t->num_outer, job->start, begin / each);
    for (uint64_t unit = begin; unit < end; unit++) {
        const uint64_t inside = unit % each;
        const int64_t i = (int64_t)(inside / t->across) * t->height, j = (int64_t)(inside % t->across) * t->width;
        struct tile tile;
        tile.rows = t->row.n - i < t->height ? t->row.n - i : t->height;
        tile.columns = t->column.n - j < t->width ? t->column.n - j : t->width;
        tile.start = pos.index + (uint64_t)(i * t->row.index + j * t->column.index);
        tile.p = job->p_values ? job->p_values + pos.p + i * t->row.p + j * t->column.p : NULL;
        tile.x = job->x + pos.x + i * t->row.x + j * t->column.x;
        tile.y = job->y + pos.y + i * t->row.y + j * t->column.y;
        one_tile(t, &src, &tile);
        if (inside + 1 == each) fd_position_next(&pos, t->outer, t->num_outer);
    }
}

fd_status fd_walk_tiles(const fd_job *job, int along, const fd_exec *exec)
{
    struct tiles t;
    t.job = job;
    fd_copy_axes(t.outer, &t.num_outer, job->layout);
    fd_take_axis(t.outer, &t.num_outer, t.num_outer - 1, &t.row);
    fd_take_axis(t.outer, &t.num_outer, along, &t.column);

    t.varied = job->p_values && (t.row.p || t.column.p);
    t.width = t.column.n < WIDEST ? t.column.n : WIDEST;
    t.height = TILE_BYTES / ((t.width + 63) / 64 * 8) / 64 * 64;
    t.height = t.height < HIGHEST ? t.height : HIGHEST;
    t.height = t.height < t.row.n ? t.height : t.row.n;
    t.across = (uint64_t)((t.column.n + t.width - 1) / t.width);
    t.down = (uint64_t)((t.row.n + t.height - 1) / t.height);
    const uint64_t others = fd_count_positions(t.outer, t.num_outer) * t.across;
    const uint64_t enough = exec && exec->threads > 1 ? 4 * (uint64_t)exec->threads : 1; /* for shares of like size */
    while (others * t.down < enough && t.height > 64) {
        t.height = (t.height / 2 + 63) / 64 * 64;
        t.down = (uint64_t)((t.row.n + t.height - 1) / t.height);
    }
    t.near = fd_near(&t.row, 1, &(fd_axis){.n = t.width, .index = t.column.index});
    return fd_run(exec, others * t.down, (uint64_t)(t.width * t.height), tiles_range, &t);
}
