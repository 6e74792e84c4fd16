/* tpl_connect.h: products under masks for one element type. Included for float32 and float64 by tpl_connect_all.h.
 *
 * Parameters, defined by the including files
 *   FD_TYPE   f32 or f64
 *   FD_REAL   float or double
 *   line_T                    64 bytes of elements in registers: line_load_T, line_store_T, line_set_T(f); for n of them,
 *                             no byte beyond being touched, line_load_part_T(p, n), line_store_part_T(p, a, n)
 *   keep_T_t line_keep_T(w)   64 decisions in the form that is liked best
 *   line_add_kept_T(sum, keep, k, a, b)   sum + a * b where lane j's decision, bit k * lanes + j, says so, else sum or
 *                             sum + 0, which are the same here: two roundings
 *
 * The order of additions is the same for every instruction set, and so are the results.
 */
#define LINE FD_FN2(line, FD_TYPE)
#define KEEP FD_FN_KEEP(FD_TYPE)
enum { FD_FN(LANES) = 64 / sizeof(FD_REAL), FD_FN(LINES) = sizeof(FD_REAL) };
#define LANES FD_FN(LANES)
#define LINES FD_FN(LINES) /* in 64 elements: as many as an element has bytes */
#define ANYWHERE FD_FN2(anywhere, FD_TYPE) /* what is not loaded by lines */

/* The sum of the lanes, half by half. */
FD_INLINE FD_REAL FD_FN(total)(LINE a)
{
    FD_REAL t[LANES];
    FD_FN(line_store)(t, a);
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++) t[i] += t[i + width];
    return t[0];
}

/* `rows` is a constant wherever this is called: x is loaded once for all of them, and their sums are independent chains. */
FD_INLINE void FD_FN(dot_rows)(const uint8_t *bits, const uint64_t *at, const int rows, size_t n, const FD_REAL *v,
                               size_t step, const FD_REAL *x, ANYWHERE *y)
{
    LINE sum[FD_CONNECT_TOGETHER];
    size_t j = 0;
    for (int r = 0; r < rows; r++) sum[r] = FD_FN(line_set)(0);
    for (; j + 64 <= n; j += 64) {
        KEEP keep[FD_CONNECT_TOGETHER];
        for (int r = 0; r < rows; r++) keep[r] = FD_FN(line_keep)(fd_get_bits(bits, at[r] + j, 64));
        for (int k = 0; k < LINES; k++) {
            const LINE f = FD_FN(line_load)(x + j + k * LANES);
            for (int r = 0; r < rows; r++)
                sum[r] = FD_FN(line_add_kept)(sum[r], keep[r], k, FD_FN(line_load)(v + (size_t)r * step + j + k * LANES), f);
        }
    }
    if (j < n) {
        uint64_t w[FD_CONNECT_TOGETHER];
        for (int r = 0; r < rows; r++) w[r] = fd_get_bits(bits, at[r] + j, (unsigned)(n - j));
        for (; j < n; j += LANES) {
            const unsigned m = n - j < LANES ? (unsigned)(n - j) : LANES;
            const LINE f = FD_FN(line_load_part)(x + j, m);
            for (int r = 0; r < rows; r++) {
                const LINE a = FD_FN(line_load_part)(v + (size_t)r * step + j, m);
                sum[r] = FD_FN(line_add_kept)(sum[r], FD_FN(line_keep)(w[r]), 0, a, f);
                w[r] >>= LANES;
            }
        }
    }
    for (int r = 0; r < rows; r++) y[r] += FD_FN(total)(sum[r]);
}

static void FD_FN(dot) FD_DOT_ARGS
{
    const FD_REAL *from = v, *f = x;
    ANYWHERE *to = y;
    size_t r = 0;
    for (; r + FD_CONNECT_TOGETHER <= rows; r += FD_CONNECT_TOGETHER)
        FD_FN(dot_rows)(bits, at + r, FD_CONNECT_TOGETHER, n, from + r * step, step, f, to + r);
    for (; r < rows; r++) FD_FN(dot_rows)(bits, at + r, 1, n, from + r * step, step, f, to + r);
}

/* A line of y is loaded and stored once for all of the rows. */
FD_INLINE void FD_FN(sum_rows)(const uint8_t *bits, const uint64_t *at, const int rows, size_t n, const FD_REAL *v,
                               size_t step, const ANYWHERE *g, size_t g_step, FD_REAL *y)
{
    LINE factor[FD_CONNECT_TOGETHER];
    size_t j = 0;
    for (int r = 0; r < rows; r++) factor[r] = FD_FN(line_set)(g[(size_t)r * g_step]);
    for (; j + 64 <= n; j += 64) {
        KEEP keep[FD_CONNECT_TOGETHER];
        for (int r = 0; r < rows; r++) keep[r] = FD_FN(line_keep)(fd_get_bits(bits, at[r] + j, 64));
        for (int k = 0; k < LINES; k++) {
            FD_REAL *to = y + j + k * LANES;
            LINE sum = FD_FN(line_load)(to);
            for (int r = 0; r < rows; r++)
                sum = FD_FN(line_add_kept)(sum, keep[r], k, factor[r], FD_FN(line_load)(v + (size_t)r * step + j + k * LANES));
            FD_FN(line_store)(to, sum);
        }
    }
    if (j < n) {
        uint64_t w[FD_CONNECT_TOGETHER];
        for (int r = 0; r < rows; r++) w[r] = fd_get_bits(bits, at[r] + j, (unsigned)(n - j));
        for (; j < n; j += LANES) {
            const unsigned m = n - j < LANES ? (unsigned)(n - j) : LANES;
            LINE sum = FD_FN(line_load_part)(y + j, m);
            for (int r = 0; r < rows; r++) {
                const LINE a = FD_FN(line_load_part)(v + (size_t)r * step + j, m);
                sum = FD_FN(line_add_kept)(sum, FD_FN(line_keep)(w[r]), 0, factor[r], a);
                w[r] >>= LANES;
            }
            FD_FN(line_store_part)(y + j, sum, m);
        }
    }
}

static void FD_FN(sum) FD_SUM_ARGS
{
    const FD_REAL *from = v;
    const ANYWHERE *factor = g;
    FD_REAL *to = y;
    size_t r = 0;
    for (; r + FD_CONNECT_TOGETHER <= rows; r += FD_CONNECT_TOGETHER)
        FD_FN(sum_rows)(bits, at + r, FD_CONNECT_TOGETHER, n, from + r * step, step, factor + r * g_step, g_step, to);
    for (; r < rows; r++) FD_FN(sum_rows)(bits, at + r, 1, n, from + r * step, step, factor + r * g_step, g_step, to);
}

#undef ANYWHERE
#undef LINE
#undef KEEP
#undef LANES
#undef LINES
