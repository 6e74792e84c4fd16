/* fuzz.c: every public function of the C core with arguments that a fuzzer chose.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -Icsrc tests/c/fuzz.c csrc/[a-z]*.c -lm -o fuzz
 *     ./fuzz -max_len=400 -timeout=20 corpus tests/data/fuzz-corpus
 *
 * Wrong arguments have to be refused with a status that names what is wrong, before anything is written; right ones have to
 * succeed and write nothing but the output's elements; and plain C and the best instruction set have to agree in all. */
#include "fuzz_mask.h"

/* ---- runs ------------------------------------------------------------------------------------------------------ */

static void *flat(uint64_t n, size_t size) { return or_null(block(n && n <= MOST ? n * size : 1)); }

static void call_source(void)
{
    const fd_key key = make_key();
    uint32_t *out = or_null(put_flat(4, 4, 0)), counter[4] = {byte(), byte(), byte(), byte()}, two[2] = {byte(), byte()}, four[4];
    const unsigned domain = seldom(8) ? (unsigned)hostile() : below(17);
    const uint64_t number = seldom(3) ? (uint64_t)hostile() : bytes(8) >> 3;
    if (domain > 15 || number >> 60) fault(FD_BAD_DOMAIN);
    fd_philox4x32(counter, two, four);
    check(fd_block(key, domain, number, out));
}

static void call_fold_in(void)
{
    const fd_key key = make_key();
    const unsigned role = seldom(8) ? (unsigned)hostile() : below(8);
    const uint64_t number = seldom(3) ? (uint64_t)hostile() : bytes(7);
    fd_key *out = or_null(put_flat(2, 8, 0));
    if (role > FD_ROLE_REPLICA || number >> 56) fault(FD_BAD_ROLE);
    check(fd_fold_in(key, role, number, out));
}

static void call_pages(void)
{
    const fd_key key = make_key();
    const unsigned domain = seldom(8) ? (unsigned)hostile() : below(17);
    const uint64_t count = seldom(16) ? (uint64_t)hostile() : below(6), limit = UINT64_C(1) << 56;
    const uint64_t first = seldom(4) ? limit - count + below(3) - 1 : seldom(16) ? (uint64_t)hostile() : bytes(2);
    nothing = count == 0;
    huge = count > 5;
    if (domain > 15 || first > limit || count > limit - first) fault(FD_BAD_DOMAIN);
    uint32_t *words = or_null(put_flat(huge ? 0 : count * FD_PAGE_WORDS, 4, 0));
    if (ready()) check(fd_pages(key, domain, first, count, words));
}

static void call_words(void)
{
    const fd_key key = make_key();
    const uint64_t n = any_length(), start = any_start(n);
    uint32_t *words = or_null(put_flat(n, 4, 0));
    if (ready()) check(fd_noise_words(key, start, n, words));
}

static void call_fill(void)
{
    const fd_key key = make_key();
    const uint64_t n = any_length();
    const uint64_t start = any_start(n);
    const double p = any_p();
    if (n > FD_INDEX_LIMIT) fault(FD_BAD_SHAPE);
    uint8_t *bits = or_null(put_flat(n <= MOST ? (n + 7) / 8 : 0, 1, 0));
    if (!ready()) return;
    check(fd_fill(key, p, start, n, bits, make_exec()));
    if (bits && n <= MOST) (void)fd_count(bits, n);
}

static void call_run(void)
{
    const fd_key key = make_key();
    const fd_dtype dtype = any_dtype();
    const uint64_t n = any_length();
    const int kind = (int)below(3);
    const uint64_t start = kind == 1 ? 0 : any_start(n);
    const double p = kind == 0 ? any_p() : 0.5, number = any_number();
    fd_noise_kind noise = below(2) ? FD_NOISE_ADD : FD_NOISE_MULTIPLY;
    if (n > FD_INDEX_LIMIT) fault(FD_BAD_SHAPE);
    if (kind == 2 && seldom(24)) {
        noise = (fd_noise_kind)(2 + below(9));
        fault(FD_BAD_KIND);
    }
    void *y = or_null(put_flat(n, size_of(dtype), real_of(dtype)));
    const void *x = seldom(3) ? y : flat(n, size_of(dtype));
    const uint8_t *bits = kind == 1 ? flat((n <= MOST ? n + 7 : 0) / 8, 1) : NULL;
    const fd_exec *exec = make_exec();
    if (!ready()) return;
    if (kind == 0) check(fd_dropout(key, p, start, n, dtype, x, y, exec));
    else if (kind == 1) check(fd_apply(bits, n, dtype, number, x, y, exec));
    else check(fd_noise(key, noise, number, start, n, dtype, x, y, exec));
}

static void call_map(void)
{
    const fd_dtype dtype = wide_dtype();
    const uint64_t n = any_length();
    const int normal = seldom(2);
    fd_function f = (fd_function)below(FD_NUM_FUNCTIONS);
    if (!normal && seldom(24)) {
        f = (fd_function)(seldom(2) ? -1 : FD_NUM_FUNCTIONS + (int)below(9));
        fault(FD_BAD_KIND);
    }
    void *y = or_null(put_flat(n, size_of(dtype), real_of(dtype)));
    const void *x = flat(n, normal ? 4 : size_of(dtype));
    if (ready()) check(normal ? fd_normal(x, n, dtype, y) : fd_map(f, n, dtype, x, y));
}

/* ---- one array to another -------------------------------------------------------------------------------------- */

static void call_fill_nd(void)
{
    const shape s = make_shape(0, 9);
    const fd_mask_desc *mask = make_mask(&s, 0);
    uint8_t *bits = or_null(put_flat(s.usable ? (s.elements + 7) / 8 : 0, 1, 0));
    const fd_exec *exec = make_exec();
    if (ready()) check(fd_fill_nd(mask, s.ndim, numbers_of(&s, s.n), bits, exec));
}

/* x and y of a shape; y is x now and then. */
static void make_pair(const shape *s, fd_dtype dtype, array *x, array *y)
{
    *y = make_array(s, size_of(dtype), 1, 0);
    put_output(s, y, real_of(dtype));
    *x = seldom(3) ? *y : make_array(s, size_of(dtype), 1, 1);
    y->data = or_null(y->data);
    x->data = or_null(x->data);
}

static void call_array(void)
{
    const shape s = make_shape(0, 9);
    const fd_dtype dtype = any_dtype();
    const int kind = (int)below(3);
    const fd_mask_desc *mask = make_mask(&s, kind ? NO_LAW : 0);
    const double p = kind == 2 ? any_p() : 0.5, scale = any_number();
    double heat = seldom(4) ? any_number() : 0.1;
    fd_noise_kind noise = below(2) ? FD_NOISE_ADD : FD_NOISE_MULTIPLY;
    array x, y;
    make_pair(&s, dtype, &x, &y);
    const fd_exec *exec = make_exec();
    const int64_t *shape = numbers_of(&s, s.n);
    if (kind == 1 && seldom(24)) {
        noise = (fd_noise_kind)(2 + below(9));
        fault(FD_BAD_KIND);
    }
    if (kind == 2 && !(p > 0 && p < 1)) fault(FD_BAD_PROBABILITY);
    if (kind == 2 && !(heat > 0 && heat < INFINITY)) fault(FD_BAD_KIND);
    if (!ready()) return;
    if (kind == 0)
        check(fd_dropout_nd(mask, s.ndim, shape, dtype, x.data, x.given, y.data, y.given, seldom(2) ? &scale : NULL, exec));
    else if (kind == 1)
        check(fd_noise_nd(mask, noise, scale, s.ndim, shape, dtype, x.data, x.given, y.data, y.given, exec));
    else
        check(fd_concrete_nd(mask, p, heat, below(2), s.ndim, shape, dtype, x.data, x.given, y.data, y.given, exec));
}

/* ---- several arrays -------------------------------------------------------------------------------------------- */

static fd_input in_of(const array *a) { return (fd_input){a->data, a->given}; }

static fd_output out_of(const array *a) { return (fd_output){a->data, a->given}; }

/* An array that a call can do without. */
static array optional(const shape *s, fd_dtype dtype)
{
    array a = lay_out(s, size_of(dtype), 1, 1);
    a.given = copied(a.strides, sizeof a.strides);
    if (seldom(2)) a.data = NULL;
    return a;
}

static fd_activation any_activation(fd_dtype dtype)
{
    fd_activation f = (fd_activation)below(FD_NUM_ACTIVATIONS);
    if (seldom(24)) {
        f = (fd_activation)(seldom(2) ? -1 : FD_NUM_ACTIVATIONS + (int)below(9));
        fault(FD_BAD_KIND);
    } else if (f != FD_ACT_NONE && (dtype == FD_C64 || dtype == FD_C128)) {
        fault(FD_BAD_DTYPE);
    }
    return f;
}

static void call_mix(void)
{
    const shape s = make_shape(0, 9);
    const fd_dtype dtype = any_dtype();
    const int kind = (int)below(4);
    const fd_mask_desc *mask = kind == 3 ? NULL : make_mask(&s, NO_P_VALUES);
    const double a = any_number(), b = any_number(), c = any_number();
    array x, y, other = make_array(&s, size_of(dtype), 1, kind != 2);
    make_pair(&s, dtype, &x, &y);
    if (kind == 2) put_output(&s, &other, real_of(dtype));
    other.data = kind ? or_null(other.data) : other.data;
    const fd_exec *exec = make_exec();
    const int64_t *shape = numbers_of(&s, s.n);
    if (!ready()) return;
    if (kind == 0) check(fd_affine_nd(mask, a, b, c, s.ndim, shape, dtype, in_of(&x), out_of(&y), exec));
    if (kind == 1) check(fd_choose_nd(mask, s.ndim, shape, dtype, in_of(&x), in_of(&other), out_of(&y), exec));
    if (kind == 2) check(fd_part_nd(mask, s.ndim, shape, dtype, in_of(&x), out_of(&y), out_of(&other), exec));
    if (kind == 3) check(fd_blend_nd(a, b, s.ndim, shape, dtype, in_of(&x), in_of(&other), out_of(&y), exec));
}

static void call_fused(void)
{
    const shape s = make_shape(0, 9);
    const fd_dtype dtype = any_dtype();
    const fd_activation f = any_activation(dtype);
    const fd_mask_desc *mask = make_mask(&s, NO_P_VALUES);
    array x, y;
    make_pair(&s, dtype, &x, &y);
    array bias = optional(&s, dtype), third = optional(&s, dtype);
    const int backward = seldom(2);
    if (backward && f != FD_ACT_NONE && !third.data) fault(FD_BAD_POINTER);
    const fd_exec *exec = make_exec();
    const int64_t *shape = numbers_of(&s, s.n);
    if (!ready()) return;
    if (!backward)
        check(fd_fused_nd(mask, f, s.ndim, shape, dtype, in_of(&x), in_of(&bias), in_of(&third), out_of(&y), exec));
    else
        check(fd_fused_backward_nd(mask, f, s.ndim, shape, dtype, in_of(&x), in_of(&third), in_of(&bias), out_of(&y), exec));
}

static void call_softmax(void)
{
    const shape s = make_shape(0, 4);
    const fd_dtype dtype = any_dtype();
    const fd_mask_desc *mask = make_mask(&s, NO_P_VALUES | UNIT_ROWS);
    const size_t real = dtype == FD_F64 ? 8 : 4;
    fd_scores scores = {.scale = any_number(), .causal = seldom(3), .first_query = below(30)};
    const int backward = seldom(2), last = s.ndim - 1;
    if (dtype == FD_C64 || dtype == FD_C128) fault(FD_BAD_DTYPE);
    if (s.ndim < (scores.causal ? 2 : 1)) fault(FD_BAD_NDIM);
    if (seldom(24)) scores.first_query = hostile();
    if (scores.causal && (scores.first_query < 0 || scores.first_query >= (int64_t)FD_INDEX_LIMIT)) fault(FD_BAD_INDEX);
    if (seldom(2)) {
        scores.mask_kind = (fd_score_mask)(1 + (int)below(2));
        const array a = make_array(&s, scores.mask_kind == FD_BOOL_MASK ? 1 : real, 1, 1);
        scores.mask = or_null(a.data);
        scores.mask_strides = s.ndim ? a.given : NULL;
    }
    if (seldom(30)) {
        scores.mask_kind = (fd_score_mask)(seldom(2) ? -1 : 3);
        fault(FD_BAD_KIND);
    }
    const uint64_t rows = s.usable && s.ndim > 0 ? s.elements / (uint64_t)s.n[last] : 0;
    array x, y;
    make_pair(&s, dtype, &x, &y);
    const array z = make_array(&s, size_of(dtype), 1, 1);
    const int without = !backward && seldom(3);
    void *row_max = without ? NULL : or_null(backward ? block(rows * real) : put_flat(rows, real, (int)real));
    void *row_sum = without ? NULL : backward ? block(rows * real) : put_flat(rows, real, (int)real);
    const fd_exec *exec = make_exec();
    const int64_t *shape = numbers_of(&s, s.n);
    const fd_scores *given = or_null(&scores);
    if (!ready()) return;
    if (backward)
        check(fd_softmax_dropout_backward(mask, given, s.ndim, shape, dtype, z.data, z.given, row_max, row_sum, x.data, x.given,
                                          y.data, y.given, exec));
    else
        check(fd_softmax_dropout(mask, given, s.ndim, shape, dtype, x.data, x.given, y.data, y.given, row_max, row_sum, exec));
}

/* ---- samples --------------------------------------------------------------------------------------------------- */

enum { EACH, SUM, MOMENTS };

static void call_samples(void)
{
    shape s = make_shape(0, 5), all = {.ndim = s.ndim < 0 || s.ndim > FD_MAX_NDIM - 1 ? 0 : s.ndim + 1};
    const fd_dtype dtype = any_dtype();
    const int kind = (int)below(3);
    fd_samples samples = {.count = 1 + below(6), .role = below(7)};
    if (seldom(16)) samples.count = 0;
    if (seldom(24)) samples.count = (uint64_t)hostile();
    if (seldom(24)) samples.role = 7 + below(200);
    if (samples.role > FD_ROLE_REPLICA) fault(FD_BAD_ROLE);
    const uint64_t count = samples.count;
    if (count > FD_INDEX_LIMIT || (s.elements && s.elements <= FD_INDEX_LIMIT && count > FD_INDEX_LIMIT / s.elements)) {
        if (kind == EACH || count > FD_INDEX_LIMIT) fault(FD_BAD_SHAPE);
        else huge = 1;
    }
    if (kind == MOMENTS && (count < 1 || count > FD_MOMENTS_LIMIT)) fault(FD_BAD_SHAPE);
    if (count < 100 && seldom(2)) {
        uint64_t *numbers = block(count * sizeof *numbers);
        for (uint64_t i = 0; i < count; i++) {
            numbers[i] = seldom(60) ? (uint64_t)hostile() : bytes(1);
            if (numbers[i] >> 56) fault(FD_BAD_ROLE);
        }
        keep_block(numbers);
        samples.numbers = numbers;
    } else if (count >> 56) {
        fault(FD_BAD_ROLE);
    }
    nothing |= count == 0 && kind == EACH;
    huge |= s.elements && (count > MOST || count * s.elements > MOST);
    s.usable = s.usable && !huge;
    all.n[0] = count ? (int64_t)count : 1;
    for (int d = 1; d < all.ndim; d++) all.n[d] = s.n[d - 1];
    all.elements = s.elements * (count ? count : 1);
    all.usable = s.usable;

    p_step = 0;
    const fd_mask_desc *mask = make_masks(&s, kind ? &s : &all, NO_BITS);
    if (mask && mask->p_values && kind == EACH) samples.p_step = p_step;
    array y = lay_out(kind ? &s : &all, size_of(dtype), 1, 0);
    array x = lay_out(kind == MOMENTS ? &s : &all, size_of(dtype), 1, 1);
    const int own_x = kind != MOMENTS, many = kind == EACH;
    if (kind == EACH && seldom(3)) x = y;
    int64_t *x_strides = x.strides + own_x, *y_strides = y.strides + many;
    x_strides = numbers_of(&s, x_strides);
    y_strides = numbers_of(&s, y_strides);
    const int64_t x_step = x.strides[0], y_step = y.strides[0];
    const fd_exec *exec = make_exec();
    const int64_t *shape = numbers_of(&s, s.n);
    const fd_samples *given = or_null(&samples);
    if (kind != MOMENTS) {
        if (count || kind) put_output(many ? &all : &s, &y, real_of(dtype));
        x.data = or_null(x.data);
        y.data = or_null(y.data);
        if (!ready()) return;
        if (kind == EACH)
            check(fd_samples_nd(mask, given, s.ndim, shape, dtype, x.data, x_strides, x_step, y.data, y_strides, y_step, exec));
        else
            check(fd_samples_sum(mask, given, s.ndim, shape, dtype, x.data, x_strides, x_step, y.data, y_strides, exec));
        return;
    }
    const size_t real = dtype == FD_F64 || dtype == FD_C128 ? 8 : 4, parts = dtype == FD_C64 || dtype == FD_C128 ? 2 : 1;
    void *mean = or_null(put_flat(s.usable ? s.elements * parts : 0, real, (int)real));
    void *variance = or_null(put_flat(s.usable ? s.elements : 0, real, (int)real));
    x.data = or_null(x.data);
    if (ready()) check(fd_samples_moments(mask, given, s.ndim, shape, dtype, x.data, x_strides, mean, variance, exec));
}

/* ---- matrices, rows, blocks ------------------------------------------------------------------------------------ */

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

static void call_connect(void)
{
    shape s = make_shape(3, 3);
    const fd_dtype dtype = wide_dtype();
    const size_t size = size_of(dtype);
    const fd_mask_desc *mask = make_mask(&s, NO_P_VALUES | UNIT_ROWS);
    const int64_t samples = s.n[0], rows = s.n[1], columns = s.n[2];
    const int backward = seldom(2), ok = s.usable;
    int64_t x_step, w_step, y_step, dx_step = 0, dw_step = 0;
    const array x = make_matrix(samples, columns, size, ok, &x_step, 0), w = make_matrix(rows, columns, size, ok, &w_step, 0);
    const array y = make_matrix(samples, rows, size, ok, &y_step, !backward);
    const fd_exec *exec = make_exec();
    const int64_t *shape = numbers_of(&s, s.n);
    if (!s.usable && !faults) return; /* what is empty may still have outputs */
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
    const uint64_t honest_samples = samples, honest_n = n, honest_k = k;
    int64_t *positions = below_limit(samples * k, n, put);
    fd_rows x = make_rows(samples, put ? k : n, size, 0), y = make_rows(samples, put ? n : k, size, 1);
    if (samples && k) positions = or_null(positions);
    nothing = !samples || !(put ? n : k) || !size;
    if (seldom(16)) samples = (uint64_t)hostile();
    if (seldom(16)) n = (uint64_t)hostile();
    if (seldom(16)) k = (uint64_t)hostile();
    if (seldom(16)) size = (size_t)hostile();
    if (k > n || n > FD_INDEX_LIMIT || (n && samples > FD_INDEX_LIMIT / n)) fault(FD_BAD_SHAPE);
    if (n && samples && n <= FD_INDEX_LIMIT && samples <= FD_INDEX_LIMIT / n && size > FD_INDEX_LIMIT / (n * samples)) fault(FD_BAD_SHAPE);
    if ((samples != honest_samples || n != honest_n || k != honest_k || size > 40) && !(faults >> FD_BAD_SHAPE & 1)) return;
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

static void call_plain(void)
{
    const int number = (int)hostile();
    const double p = any_p();
    char name[8];
    for (int i = 0; i < 7; i++) name[i] = (char)byte();
    name[7] = 0;
    REQUIRE(fd_status_string((fd_status)number) != NULL, "%d", number);
    if (!faults) REQUIRE(fd_threshold(p) <= UINT64_C(1) << 40 && fd_scale(p) >= 1, "%a", p);
    REQUIRE(fd_dtype_size((fd_dtype)number) <= 16, "%d", number);
    (void)fd_isa_name(number);
    (void)(fd_isa_built(name) + fd_isa_runnable(name) + fd_isa_built(NULL) + fd_isa_runnable(NULL));
    if (!fd_isa_runnable(name) && *name) REQUIRE(fd_isa_select(name) == FD_BAD_ISA, "%s", name);
}

static void (*const calls[])(void) = {call_source, call_fold_in,   call_pages,     call_words, call_fill,    call_run,
                                      call_map,    call_fill_nd,   call_array,     call_mix,   call_fused,   call_softmax,
                                      call_samples, call_connect,  call_picks,     call_copy_rows, call_embedding, call_blocks,
                                      call_plain};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *best = "scalar";
    uint64_t plain = 0;
    for (int i = 0; fd_isa_name(i); i++)
        if (fd_isa_runnable(fd_isa_name(i))) best = fd_isa_name(i);
    for (int twice = 0; twice < 2; twice++) {
        next_byte = data;
        last_byte = data + size;
        digest = 0;
        REQUIRE(fd_isa_select(twice ? best : "scalar") == FD_OK, "%s", best);
        calls[byte() % (sizeof calls / sizeof *calls)]();
        forget();
        if (twice) REQUIRE(digest == plain, "%s and plain C differ", best);
        plain = digest;
    }
    return 0;
}
