/* fuzz_xla.h: the handler for XLA, in frames that XLA would not make. */
#ifndef FUZZ_XLA_H
#define FUZZ_XLA_H

#include "fuzz_mask.h"
#include "xla_abi.h"

static int errors_made;

static xla_error *make_error(xla_new_error *error)
{
    REQUIRE(error->size == sizeof *error && !strncmp(error->message, "fastdrop: ", 10), "%s", error->message);
    errors_made++;
    return (xla_error *)(void *)&errors_made;
}

static void drop_error(xla_error_ref *error) { REQUIRE(!error->error, "an error that was not made"); }

static xla_error *run_now(xla_schedule *task)
{
    task->task(task->data);
    return NULL;
}

static xla_error *two_threads(xla_num_threads *ask)
{
    *ask->num_threads = 2;
    return NULL;
}

/* The bytes of an operand, or of an attribute, exactly. */
static void *exactly(const void *data, size_t size) { return copied(data, size); }

static xla_buffer operand(int dtype, void *data, int64_t rank, int64_t length)
{
    xla_buffer b = {sizeof b, NULL, dtype, data, rank, exactly(&length, rank ? sizeof length : 0)};
    if (!seldom(50)) return b;
    fault(FD_BAD_KIND);
    if (seldom(2)) b.dtype = 99;
    else b.rank = rank ? 0 : 3;
    if (b.rank == 3) b.shape = exactly((int64_t[]){1, 1, 1}, 24);
    return b;
}

static int number_of_axes(const shape *s) { return s->ndim >= 0 && s->ndim <= FD_MAX_NDIM ? s->ndim : 0; }

static void call_xla(void)
{
    static const int types[] = {XLA_F16, XLA_BF16, XLA_F32, XLA_F64, XLA_C64, XLA_C128};
    static const char *const names[] = {"constants", "operation", "shape", "steps"};
    shape s = make_shape(0, 9);
    const int n = number_of_axes(&s), wide = seldom(2);
    const fd_dtype dtype = any_dtype();
    const size_t size = size_of(dtype);
    if (s.ndim < 0) { /* XLA counts axes: there are none then */
        s = (shape){.elements = 1, .usable = 1};
        faults &= ~(1u << FD_BAD_NDIM | 1u << FD_BAD_SHAPE);
        nothing = huge = 0;
    }
    int64_t whole[AXES], steps[AXES], origin[AXES];
    int32_t narrow[AXES];
    unsigned __int128 highest = 0, step = 1;
    for (int d = n - 1; d >= 0; d--) {
        whole[d] = s.n[d] > INT32_MAX - 9 ? s.n[d] : s.n[d] + below(3);
        origin[d] = whole[d] > s.n[d] ? below(2) : 0;
        steps[d] = seldom(4) ? 0 : step < INT64_MAX ? (int64_t)step : INT64_MAX;
        if (seldom(60)) steps[d] = hostile();
        if (seldom(60)) origin[d] = wide ? hostile() : (int32_t)hostile();
        if (s.n[d] >= 0 && (origin[d] < 0 || origin[d] > whole[d] - s.n[d])) fault(FD_BAD_SHAPE);
        if (steps[d] < 0) fault(FD_BAD_SHAPE);
        else highest += (unsigned __int128)steps[d] * (unsigned __int128)(whole[d] > 0 ? whole[d] - 1 : 0);
        if (highest >= FD_INDEX_LIMIT) fault(FD_BAD_INDEX);
        if (whole[d] > 0 && step < FD_INDEX_LIMIT) step *= (unsigned __int128)whole[d];
        narrow[d] = (int32_t)origin[d];
    }
    const double p = any_p();
    uint32_t p_words[2], key[4] = {byte(), 0, seldom(8) ? byte() : 0, 0};
    memcpy(p_words, &p, sizeof p);
    const unsigned how = below(3);
    const float small = (float)p;
    /* What rounds to a number in [0, 1] is one. */
    if (how == 1 && small >= 0 && small <= 1) faults &= ~(1u << FD_BAD_PROBABILITY);
    int64_t operation = below(5), count = n;
    if (seldom(50)) {
        operation = hostile();
        if (operation < 0 || operation > 4) fault(FD_BAD_KIND);
    }
    double constants[3] = {any_number(), any_number(), any_number()};
    if (seldom(60)) {
        count = n + 1;
        fault(FD_BAD_SHAPE);
    }
    whole[n] = steps[n] = 1;
    xla_array arrays[] = {{XLA_F64, 3, exactly(constants, sizeof constants)}, {XLA_S64, 1, exactly(&operation, 8)},
                          {XLA_S64, (size_t)count, exactly(whole, 8 * (size_t)count)},
                          {XLA_S64, (size_t)count, exactly(steps, 8 * (size_t)count)}};
    xla_text texts[4], *text[4];
    void *items[4];
    for (int i = 0; i < 4; i++) {
        texts[i] = (xla_text){exactly(names[i], strlen(names[i])), strlen(names[i])};
        text[i] = &texts[i];
        items[i] = &arrays[i];
    }
    const int64_t elements = s.usable ? (int64_t)s.elements : 0;
    if (s.ndim > FD_MAX_NDIM) {
        s.ndim = FD_MAX_NDIM + 1;
        s.n[FD_MAX_NDIM] = 1;
    }
    int64_t *shape_block = exactly(s.n, 8 * (size_t)s.ndim);
    array y = {.size = size, .data = put_flat((uint64_t)elements, size, real_of(dtype))};
    void *x = seldom(3) ? y.data : block(elements ? (size_t)elements * size : 1);
    const int type = dtype >= 0 && dtype < FD_NUM_DTYPES ? types[dtype] : 7;
    xla_buffer in = {sizeof in, NULL, type, x, s.ndim, shape_block}, out = {sizeof out, NULL, type, y.data, s.ndim, shape_block};
    xla_buffer k = operand(XLA_U32, exactly(key, sizeof key), 1, 4);
    xla_buffer q = how == 0 ? operand(XLA_U32, exactly(p_words, 8), 1, 2)
                 : how == 1 ? operand(XLA_F32, exactly(&small, 4), 0, 0) : operand(XLA_F64, exactly(&p, 8), 0, 0);
    xla_buffer o = wide ? operand(XLA_S64, exactly(origin, 8 * (size_t)n), 1, n) : operand(XLA_S32, exactly(narrow, 4 * (size_t)n), 1, n);
    void *operands[] = {&in, &k, &q, &o}, *results[] = {&out};
    int kinds[] = {XLA_BUFFER, XLA_BUFFER, XLA_BUFFER, XLA_BUFFER}, array_kinds[] = {XLA_ARRAY, XLA_ARRAY, XLA_ARRAY, XLA_ARRAY};
    int64_t num_operands = 4, num_attributes = 4;
    if (seldom(60)) num_operands = below(4), fault(FD_BAD_KIND);
    if (seldom(60)) num_attributes = below(4), fault(FD_BAD_KIND);
    xla_api api = {sizeof api, NULL, {sizeof(xla_version), NULL, XLA_MAJOR, XLA_MINOR}, NULL, make_error, NULL, drop_error, {0}, run_now,
                   two_threads};
    xla_frame frame = {sizeof frame, NULL, &api, NULL, XLA_EXECUTE, {sizeof(xla_list), NULL, num_operands, kinds, operands},
                       {sizeof(xla_list), NULL, 1, kinds, results},
                       {sizeof(xla_attributes), NULL, num_attributes, array_kinds, text, items}, NULL};
    if (!ready()) return;
    const int failed = fd_xla_dropout(&frame) != NULL;
    int status = FD_OK;
    while (failed && status < FD_INTERRUPTED && !(faults >> status & 1)) status++;
    check(failed ? (fd_status)status : FD_OK);
}

#endif
