/* fuzz_arrays.h: calls on arrays of any layout. */
#ifndef FUZZ_ARRAYS_H
#define FUZZ_ARRAYS_H

#include "fuzz_mask.h"

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
    array x, y, other = lay_out(&s, size_of(dtype), 1, kind != 2);
    other.given = kind ? numbers_of(&s, other.strides) : NULL;
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
    const array z = optional(&s, dtype); /* the scores again, of the backward pass */
    if (backward && !z.data) fault(FD_BAD_POINTER);
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

#endif
