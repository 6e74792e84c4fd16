/* tpl_each.h: apply with a scale for each element, 1/(1-p) of its own p, for one element type. Included once for each
 * type by tpl_table.h, after tpl_varied.h.
 *
 * Parameters
 *   FD_TYPE   f16, bf16, f32 or f64
 *   FD_ELEM   unsigned integer of the same size
 *   FD_REAL   the type of the product: float, or double for f64
 */
/* All work is on local arrays, one simple loop after another: x may be y. */
FD_INLINE void FD_FN(each_step)(uint64_t word, const double *p, const FD_ELEM *x, FD_ELEM *y)
{
    uint8_t keep[FD_STEP];
    FD_ELEM u[FD_STEP];
    FD_REAL f[FD_STEP];
    spread_bits(word, keep);
    memcpy(u, x, sizeof u);
    for (int j = 0; j < FD_STEP; j++) {
        const double q = 1.0 - p[j];
        f[j] = (FD_REAL)(1.0 / q);
    }
    for (int j = 0; j < FD_STEP; j++) f[j] *= FD_FN(widen)(u[j]);
    for (int j = 0; j < FD_STEP; j++) u[j] = FD_FN(narrow)(f[j]);
    for (int j = 0; j < FD_STEP; j++) u[j] &= (FD_ELEM)((FD_ELEM)0 - (FD_ELEM)keep[j]);
    memcpy(y, u, sizeof u);
}

static void FD_FN(apply_each) FD_APPLY_EACH_ARGS
{
    const FD_ELEM *in = x;
    FD_ELEM *out = y;
    size_t j = 0;
    for (; j + FD_STEP <= n; j += FD_STEP) FD_FN(each_step)(fd_load64(bits + j / 8), p + j, in + j, out + j);
    if (j == n) return;
    FD_ELEM last[FD_STEP] = {0};
    double last_p[FD_STEP] = {0};
    memcpy(last, in + j, (n - j) * sizeof *in);
    memcpy(last_p, p + j, (n - j) * sizeof *p);
    FD_FN(each_step)(fd_load_bits(bits + j / 8, (unsigned)(n - j)), last_p, last, last);
    memcpy(out + j, last, (n - j) * sizeof *out);
}

#undef FD_REAL
