/* fuzz_rows.h: matrices, rows by number, picks, blocks. */
#ifndef FUZZ_ROWS_H
#define FUZZ_ROWS_H

#include "fuzz_mask.h"

/* Rows some elements apart. */
static array make_matrix(int64_t rows, int64_t columns, size_t size, int usable, int64_t *step, int output)
{
    const int64_t far = usable ? columns + (seldom(3) ? below(9) : 0) : 1;
    array a = {.size = size, .strides = {far * (int64_t)size, (int64_t)size}};
    a.data = block(usable && rows && columns ? ((size_t)(far * (rows - 1) + columns)) * size : 1);
    *step = rows == 1 && seldom(2) ? hostile() : far;
    const shape s = {2, {rows, columns}, usable ? (uint64_t)(rows * columns) : 0, usable && rows && columns};
    if (output) put_output(&s, &a, (int)size);
    return a;
}

/* A matrix that may be given memory, if it needs any. */
static int few(int64_t rows, int64_t columns)
{
    return rows >= 0 && columns >= 0 && rows <= MOST && columns <= MOST && rows * columns <= MOST;
}

static void call_connect(void)
{
    shape s = make_shape(3, 3);
    const fd_dtype dtype = wide_dtype();
    const size_t size = size_of(dtype);
    const fd_mask_desc *mask = make_mask(&s, NO_P_VALUES | UNIT_ROWS);
    const int64_t samples = s.n[0], rows = s.n[1], columns = s.n[2];
    /* One of the three matrices may have elements where no product is to be made. */
    const int backward = seldom(2), ok = s.usable || (nothing && few(samples, rows) && few(samples, columns) && few(rows, columns));
    int64_t x_step, w_step, y_step, dx_step = 0, dw_step = 0;
    const array x = make_matrix(samples, columns, size, ok, &x_step, 0), w = make_matrix(rows, columns, size, ok, &w_step, 0);
    const array y = make_matrix(samples, rows, size, ok, &y_step, !backward);
    const fd_exec *exec = make_exec();
    const int64_t *shape = numbers_of(&s, s.n);
    if (!ok && !(nothing ? faults >> FD_BAD_SHAPE & 1 : faults)) return;
    if (!backward) {
        const void *bias = seldom(2) ? block(ok ? (size_t)rows * size : 1) : NULL;
        void *to = or_null(y.data);
        if (ready()) check(fd_connect(mask, shape, dtype, x.data, x_step, w.data, w_step, bias, to, y_step, exec));
        return;
    }
    const array dx = make_matrix(samples, columns, size, ok, &dx_step, 1), dw = make_matrix(rows, columns, size, ok, &dw_step, 1);
    void *to_x = seldom(4) ? NULL : dx.data, *to_w = seldom(4) ? NULL : dw.data;
    if (!to_x || !to_w) num_outputs -= 1 + (!to_x && !to_w); /* not compared */
    if (ready())
        check(fd_connect_backward(mask, shape, dtype, y.data, y_step, x.data, x_step, w.data, w_step, to_x, dx_step, to_w, dw_step,
                                  exec));
}

/* n numbers from 0 to `limit`, each too high for once. */
static int64_t *below_limit(uint64_t n, uint64_t limit, int ascending)
{
    int64_t *numbers = block(n * sizeof *numbers);
    for (uint64_t i = 0; i < n; i++) {
        numbers[i] = ascending ? (int64_t)(i % (limit ? limit : 1)) : limit ? (int64_t)(bytes(2) % limit) : 0;
        if (seldom(200)) numbers[i] = hostile();
        if (numbers[i] < 0 || (uint64_t)numbers[i] >= limit) fault(FD_BAD_INDEX);
    }
    keep_block(numbers);
    return numbers;
}

static void call_picks(void)
{
    const fd_key key = make_key();
    if (below(2)) {
        const double p = any_p();
        const uint64_t n = below(200), start = any_start(0);
        nothing |= n == 0;
        int64_t *numbers = below_limit(n, start < FD_INDEX_LIMIT ? FD_INDEX_LIMIT - start : 0, 0);
        uint8_t *keep = or_null(put_flat(n, 1, 0));
        check(fd_keep_at(key, p, start, or_null(numbers), n, keep, make_exec()));
        return;
    }
    uint64_t rows = below(5), n = seldom(3) ? bytes(2) % 5000 : below(100);
    if (seldom(16)) rows = (uint64_t)hostile();
    if (seldom(16)) n = (uint64_t)hostile();
    uint64_t k = n ? bytes(2) % n + seldom(4) : seldom(9);
    if (seldom(16)) k = (uint64_t)hostile();
    const unsigned __int128 all = (unsigned __int128)rows * n;
    if (k > n || n > FD_INDEX_LIMIT || (n && rows > FD_INDEX_LIMIT / n)) fault(FD_BAD_SHAPE);
    nothing = rows == 0 || k == 0;
    huge = all > 20000 || rows > 5 || rows * k > MOST;
    const uint64_t start = any_start(all > FD_INDEX_LIMIT ? 0 : (uint64_t)all);
    int64_t *positions = or_null(put_flat(huge || nothing || k > n ? 0 : rows * k, 8, 0));
    const fd_exec *exec = make_exec();
    if (ready()) check(fd_smallest(key, start, rows, n, k, positions, exec));
}

/* Rows of bytes, in samples. */
static fd_rows make_rows(uint64_t samples, uint64_t rows, size_t size, int output)
{
    const uint64_t row = size + (seldom(3) ? below(9) : 0), sample = row * rows + (seldom(3) ? below(9) : 0);
    const shape s = {3, {(int64_t)samples, (int64_t)rows, (int64_t)size}, samples * rows * size, samples * rows * size > 0};
    array a = {.size = 1, .strides = {(int64_t)sample, (int64_t)row, 1}};
    a.data = block(s.usable ? (samples - 1) * sample + (rows - 1) * row + size : 1);
    if (output) put_output(&s, &a, 0);
    fd_rows r = {a.data, (int64_t)sample, (int64_t)row};
    if (samples == 1 && seldom(2)) r.sample_step = hostile();
    if (rows == 1 && seldom(2)) r.row_step = hostile();
    return r;
}

static void call_copy_rows(void)
{
    uint64_t samples = below(5), n = below(12), k = n ? below((unsigned)n + 1) : 0;
    size_t size = seldom(12) ? 0 : 1 + below(40);
    const int put = (int)below(2);
    const uint64_t honest_samples = samples, honest_n = n, honest_k = k, honest_size = size;
    int64_t *positions = below_limit(samples * k, n, put);
    fd_rows x = make_rows(samples, put ? k : n, size, 0), y = make_rows(samples, put ? n : k, size, 1);
    if (samples && k) positions = or_null(positions);
    nothing = !samples || !(put ? n : k) || !size;
    if (seldom(16)) samples = (uint64_t)hostile();
    if (seldom(16)) n = (uint64_t)hostile();
    if (seldom(16)) k = (uint64_t)hostile();
    if (seldom(16)) size = (size_t)hostile();
    if (k > n || n > FD_INDEX_LIMIT || (n && samples > FD_INDEX_LIMIT / n)) fault(FD_BAD_SHAPE);
    else if (n && samples && size > FD_INDEX_LIMIT / (n * samples)) fault(FD_BAD_SHAPE);
    const int honest = samples == honest_samples && n == honest_n && k == honest_k && size == honest_size;
    if (!honest && !(faults >> FD_BAD_SHAPE & 1)) return;
    if (samples && n) y.data = or_null(y.data);
    const fd_exec *exec = make_exec();
    const fd_rows *given_x = or_null(&x), *given_y = or_null(&y);
    check((put ? fd_put_rows : fd_take_rows)(samples, k, n, positions, size, given_x, given_y, exec));
}

static void call_embedding(void)
{
    const fd_dtype dtype = any_dtype();
    const size_t size = size_of(dtype);
    const int sum = (int)below(2);
    uint64_t n = below(20), rows = 1 + below(9);
    size_t width = seldom(4) ? bytes(2) % 700 : below(40);
    const double scale = any_number();
    int64_t x_step, y_step, *begin = NULL, *ids;
    uint8_t *keep = block(n);
    for (uint64_t i = 0; i < n; i++) keep[i] &= 1;
    keep_block(keep);
    uint64_t terms = n;
    if (sum) {
        begin = block((n + 1) * sizeof *begin);
        terms = 0;
        for (uint64_t i = 0; i <= n; i++) {
            begin[i] = (int64_t)terms;
            if (i < n) terms += 1 + below(4);
        }
        if (n && seldom(16)) {
            const uint64_t i = below((unsigned)n);
            begin[i] = hostile();
            if (begin[i] < 0 || begin[i + 1] <= begin[i] || (i && begin[i] <= begin[i - 1])) fault(FD_BAD_SHAPE);
        }
        keep_block(begin);
    }
    ids = below_limit(terms, rows, 0);
    array x = make_matrix((int64_t)rows, (int64_t)width, size, 1, &x_step, 0);
    array y = make_matrix((int64_t)n, (int64_t)width, size, 1, &y_step, 0);
    const shape s = {2, {(int64_t)n, (int64_t)width}, n * width, n * width > 0};
    put_output(&s, &y, real_of(dtype));
    x_step = x.strides[0];
    y_step = y.strides[0];
    nothing = !n || !width;
    if (seldom(24)) {
        width = (size_t)hostile();
        if (!n || width <= FD_INDEX_LIMIT / n) return;
        fault(FD_BAD_SHAPE);
    }
    x.data = or_null(x.data);
    y.data = or_null(y.data);
    const fd_exec *exec = make_exec();
    const int64_t *given = or_null(ids);
    if (sum) check(fd_sum_rows(given, begin, keep, n, dtype, scale, width, x.data, rows, x_step, y.data, y_step, exec));
    else check(fd_look_up(given, keep, n, dtype, scale, width, x.data, rows, x_step, y.data, y_step, exec));
}

static void call_blocks(void)
{
    shape s = {.ndim = 1 + (int)below(4)};
    int64_t side = 1 + below(6);
    uint64_t maps = below(9), seeds = 1, bits = 1, kept = 0;
    if (seldom(16)) maps = (uint64_t)hostile();
    if (seldom(16)) side = hostile();
    for (int d = 0; d < s.ndim; d++) s.n[d] = seldom(30) ? hostile() : 1 + below(seldom(4) ? 200 : 12);
    unsigned __int128 all = maps ? maps : 1;
    int bad = side < 1 || maps > FD_INDEX_LIMIT;
    for (int d = 0; d < s.ndim; d++) {
        bad |= s.n[d] < 1;
        if (!bad && all <= FD_INDEX_LIMIT) all *= (unsigned __int128)s.n[d] + (uint64_t)side - 1;
        seeds *= (uint64_t)s.n[d];
        bits *= (uint64_t)s.n[d] + (uint64_t)side - 1;
    }
    if (bad || all > FD_INDEX_LIMIT) fault(FD_BAD_SHAPE);
    nothing = maps == 0;
    huge = all > 200000;
    const int ok = !faults && !huge;
    const uint8_t *from = or_null(block(ok ? (maps * seeds + 7) / 8 : 1));
    const uint64_t n = ok ? (maps * bits + 7) / 8 : 0;
    uint8_t *to = block(n);
    if (n) {
        struct block *b = block_of(to);
        b->owned = malloc(n);
        memset(b->owned, 1, n);
    }
    const fd_exec *exec = make_exec();
    const int64_t *shape = numbers_of(&s, s.n);
    if (seldom(30)) {
        s.ndim = seldom(2) ? -1 : seldom(2) ? 0 : FD_MAX_NDIM + 1;
        fault(FD_BAD_NDIM);
    }
    if (!ready()) return;
    check(fd_grow_blocks(from, maps, s.ndim, shape, side, or_null(to), seldom(2) ? NULL : &kept, exec));
    for (uint64_t i = 0; i < n; i++) digest = (digest ^ to[i]) * UINT64_C(0x9E3779B97F4A7C15);
}

#endif
