/* fuzz_samples.h: calls on arrays that have a key each. */
#ifndef FUZZ_SAMPLES_H
#define FUZZ_SAMPLES_H

#include "fuzz_mask.h"

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
    y_strides = kind == MOMENTS ? NULL : numbers_of(&s, y_strides);
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

#endif
