/* tpl_mix.h: several arrays under one mask, for one element type. Included for each by tpl_mix_all.h.
 *
 * Parameters
 *   FD_TYPE   f16, bf16, f32, f64
 *   FD_ELEM   unsigned integer of the same size
 *   FD_R      f32 or f64: what is computed in
 *   k_T       the decisions of one vector, in mix_<name>.h:
 *     k_word_T(uint64_t w, int j)   those of the elements j, j + 1, ... of 64 whose bits w has
 *     k_le_T(a, b)                  a <= b, false with a NaN
 *     k_pick_T(k, a, b)             k ? a : b
 *   R(gelu_of) and its kin of tpl_gelu.h
 *   and r_*, x_load_*, x_store_*, NOISE_SOME as for tpl_perturb.h
 *
 * To add an activation: a number in fastdrop_mix.h, a case in each of the two functions below, a row in tpl_mix_all.h.
 */

/* f(h), and g f'(h). The activation is a constant wherever these are called. */
FD_INLINE REALS FD_FN(activated)(int act, REALS h)
{
    const REALS zero = R(r_set)(0);
    switch (act) {
    case FD_ACT_RELU: return R(k_pick)(R(k_le)(h, zero), zero, h);
    case FD_ACT_GELU: return R(gelu_of)(h);
    case FD_ACT_GELU_TANH: return R(gelu_tanh_of)(h);
    default: return h;
    }
}

FD_INLINE REALS FD_FN(sloped)(int act, REALS g, REALS h)
{
    const REALS zero = R(r_set)(0);
    switch (act) {
    case FD_ACT_RELU: return R(k_pick)(R(k_le)(h, zero), zero, g);
    case FD_ACT_GELU: return R(r_mul)(g, R(gelu_slope_of)(h));
    case FD_ACT_GELU_TANH: return R(r_mul)(g, R(gelu_tanh_slope_of)(h));
    default: return g;
    }
}

/* One vector of each array. `op`, `act` and `has`, bit i of which says that there is an input i, are constants. Zero is
 * loaded as well, lest a compiler make two instructions of a pick where it knows one side. */
FD_INLINE void FD_FN(mix_vector)(int op, int act, int has, R(k_type) k, const REALS *v, REALS *w, const REALS *c)
{
    const REALS zero = c[2];
    REALS h;
    switch (op) {
    case MIX_AFFINE: w[0] = R(k_pick)(k, R(r_add)(R(r_mul)(c[0], v[0]), c[1]), c[2]); break;
    case MIX_CHOOSE: w[0] = R(k_pick)(k, v[0], v[1]); break;
    case MIX_PART:
        w[0] = R(k_pick)(k, v[0], zero);
        w[1] = R(k_pick)(k, zero, v[0]);
        break;
    case MIX_BLEND: w[0] = R(r_add)(R(r_mul)(c[0], v[0]), R(r_mul)(c[1], v[1])); break;
    case MIX_FORWARD:
        h = has & 2 ? R(r_add)(v[0], v[1]) : v[0];
        w[0] = R(k_pick)(k, R(r_mul)(FD_FN(activated)(act, h), c[0]), zero);
        if (has & 4) w[0] = R(r_add)(v[2], w[0]);
        break;
    default: /* MIX_BACKWARD */
        h = has & 4 ? R(r_add)(v[1], v[2]) : v[1];
        w[0] = R(k_pick)(k, FD_FN(sloped)(act, R(r_mul)(v[0], c[0]), h), zero);
    }
}

FD_INLINE void FD_FN(mix_vectors)(int op, int act, int has, uint64_t word, int from, int count, const FD_ELEM *const *in,
                                  FD_ELEM *const *out, const REALS *c)
{
    for (int j = 0; j < count; j += R(R_LANES)) {
        REALS v[FD_MIX_IN], w[FD_MIX_OUT];
        for (int i = 0; i < FD_MIX_IN; i++)
            if (has >> i & 1) v[i] = FD_FN(x_load)(in[i] + j);
        FD_FN(mix_vector)(op, act, has, R(k_word)(word, from + j), v, w, c);
        FD_FN(x_store)(out[0] + j, w[0]);
        if (op == MIX_PART) FD_FN(x_store)(out[1] + j, w[1]);
    }
}

/* 64 elements; by way of local arrays where NOISE_SOME says so. */
FD_INLINE void FD_FN(mix_step)(int op, int act, int has, uint64_t word, const FD_ELEM *const *in, FD_ELEM *const *out,
                               const REALS *c)
{
    enum { UNIT = NOISE_SOME ? NOISE_SOME : 64, OUTS = FD_MIX_OUT };
    if (!NOISE_SOME) {
        FD_FN(mix_vectors)(op, act, has, word, 0, FD_STEP, in, out, c);
        return;
    }
    for (int j = 0; j < FD_STEP; j += UNIT) {
        FD_ELEM some[FD_MIX_IN][UNIT], made[FD_MIX_OUT][UNIT];
        const FD_ELEM *const own[FD_MIX_IN] = {some[0], some[1], some[2]};
        FD_ELEM *const result[FD_MIX_OUT] = {made[0], made[1]};
        for (int i = 0; i < FD_MIX_IN; i++)
            if (has >> i & 1) memcpy(some[i], in[i] + j, sizeof some[i]);
        FD_FN(mix_vectors)(op, act, has, word >> j, 0, UNIT, own, result, c);
        for (int i = 0; i < (op == MIX_PART ? OUTS : 1); i++) memcpy(out[i] + j, made[i], sizeof made[i]);
    }
}

/* The last elements pass through padded copies and the same arithmetic. Inputs that `still` says are 64 elements, again and
 * again. */
FD_INLINE void FD_FN(mix_run)(int op, int act, int has, int still, const uint8_t *bits, size_t n, const void *const *from,
                              void *const *to, const double *constants)
{
    enum { OUTS = FD_MIX_OUT };
    const FD_ELEM *in[FD_MIX_IN] = {from[0], from[1], from[2]};
    FD_ELEM *out[FD_MIX_OUT] = {to[0], to[1]};
    const int outs = op == MIX_PART ? OUTS : 1, rest = (int)(n % FD_STEP);
    const int biases = op == MIX_FORWARD ? 2 : op == MIX_BACKWARD ? 4 : 0; /* in the cache, as a rule */
    REALS c[FD_MIX_CONSTANTS];
    for (int i = 0; i < FD_MIX_CONSTANTS; i++) c[i] = R(r_set)((R(real))constants[i]);
    for (; n >= FD_STEP; n -= FD_STEP) {
        for (int i = 0; i < FD_MIX_IN; i++) /* memory is asked for ahead of time: pieces are too short for it to look on */
            if ((has & ~biases) >> i & 1)
                for (unsigned j = 0; j < FD_STEP * sizeof(FD_ELEM); j += FD_LINE_BYTES)
                    FD_PREFETCH((uintptr_t)in[i] + FD_AHEAD_BYTES + j);
        FD_FN(mix_step)(op, act, has, op == MIX_BLEND ? 0 : fd_load64(bits), in, out, c);
        if (op != MIX_BLEND) bits += FD_STEP / 8;
        for (int i = 0; i < FD_MIX_IN; i++)
            if ((has & ~still) >> i & 1) in[i] += FD_STEP;
        for (int i = 0; i < outs; i++) out[i] += FD_STEP;
    }
    if (!rest) return;
    FD_ELEM some[FD_MIX_IN][FD_STEP] = {{0}}, made[FD_MIX_OUT][FD_STEP];
    const FD_ELEM *const own[FD_MIX_IN] = {some[0], some[1], some[2]};
    FD_ELEM *const result[FD_MIX_OUT] = {made[0], made[1]};
    for (int i = 0; i < FD_MIX_IN; i++)
        if (has >> i & 1) memcpy(some[i], in[i], (size_t)rest * sizeof(FD_ELEM));
    FD_FN(mix_step)(op, act, has, op == MIX_BLEND ? 0 : fd_load_bits(bits, (unsigned)rest), own, result, c);
    for (int i = 0; i < outs; i++) memcpy(out[i], made[i], (size_t)rest * sizeof(FD_ELEM));
}

static void FD_FN(affine) FD_MIX_ARGS { FD_FN(mix_run)(MIX_AFFINE, 0, 1, 0, bits, n, in, out, c); }
static void FD_FN(choose) FD_MIX_ARGS { FD_FN(mix_run)(MIX_CHOOSE, 0, 3, 0, bits, n, in, out, c); }
static void FD_FN(part_in_two) FD_MIX_ARGS { FD_FN(mix_run)(MIX_PART, 0, 1, 0, bits, n, in, out, c); }
static void FD_FN(blend) FD_MIX_ARGS { FD_FN(mix_run)(MIX_BLEND, 0, 3, 0, bits, n, in, out, c); }

/* What may be left out is, without a branch within the loop. */
#define FD_FUSED(name, act)                                                                                        \
    static void FD_FN(forward_##name) FD_MIX_ARGS                                                                  \
    {                                                                                                              \
        if (in[1] && in[2]) FD_FN(mix_run)(MIX_FORWARD, act, 7, 0, bits, n, in, out, c);                           \
        else if (in[2]) FD_FN(mix_run)(MIX_FORWARD, act, 5, 0, bits, n, in, out, c);                               \
        else if (in[1]) FD_FN(mix_run)(MIX_FORWARD, act, 3, 0, bits, n, in, out, c);                               \
        else FD_FN(mix_run)(MIX_FORWARD, act, 1, 0, bits, n, in, out, c);                                          \
    }
#define FD_FUSED_BACKWARD(name, act)                                                                               \
    static void FD_FN(backward_##name) FD_MIX_ARGS                                                                 \
    {                                                                                                              \
        if (in[2]) FD_FN(mix_run)(MIX_BACKWARD, act, 7, 0, bits, n, in, out, c);                                   \
        else FD_FN(mix_run)(MIX_BACKWARD, act, 3, 0, bits, n, in, out, c);                                         \
    }
FD_FUSED(none, FD_ACT_NONE)
FD_FUSED(relu, FD_ACT_RELU)
FD_FUSED_BACKWARD(relu, FD_ACT_RELU)

/* Arithmetic outweighs memory here, and code would be six times as long: what is left out is -0, which adds nothing. */
#define FD_FUSED_LONG(name, op, act)                                                                               \
    static void FD_FN(name) FD_MIX_ARGS                                                                            \
    {                                                                                                              \
        FD_ELEM nothing[FD_STEP];                                                                                  \
        const void *own[FD_MIX_IN];                                                                                \
        int still = 0;                                                                                             \
        for (int j = 0; j < FD_STEP; j++) nothing[j] = (FD_ELEM)((FD_ELEM)1 << (8 * sizeof(FD_ELEM) - 1));         \
        for (int i = 0; i < FD_MIX_IN; i++) {                                                                      \
            own[i] = in[i] ? in[i] : nothing;                                                                      \
            still |= (in[i] == NULL) << i;                                                                         \
        }                                                                                                          \
        FD_FN(mix_run)(op, act, 7, still, bits, n, own, out, c);                                                   \
    }
FD_FUSED_LONG(forward_gelu, MIX_FORWARD, FD_ACT_GELU)
FD_FUSED_LONG(forward_gelu_tanh, MIX_FORWARD, FD_ACT_GELU_TANH)
FD_FUSED_LONG(backward_gelu, MIX_BACKWARD, FD_ACT_GELU)
FD_FUSED_LONG(backward_gelu_tanh, MIX_BACKWARD, FD_ACT_GELU_TANH)
#undef FD_FUSED_LONG
#undef FD_FUSED
#undef FD_FUSED_BACKWARD
