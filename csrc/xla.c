/* xla.c: dropout as a custom call of XLA: operands and attributes checked, and errors in its words. */
#include "target.h"

#include "xla_call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { X, KEY, P, ORIGIN, OPERANDS };

static xla_error *failure(const xla_frame *frame, int code, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    xla_new_error error = {sizeof error, NULL, text, code};
    return frame->api->new_error(&error);
}

#define BAD(...) failure(frame, XLA_INVALID_ARGUMENT, "fastdrop: " __VA_ARGS__)

static fd_dtype dtype_of(int dtype)
{
    switch (dtype) {
    case XLA_F16: return FD_F16;
    case XLA_BF16: return FD_BF16;
    case XLA_F32: return FD_F32;
    case XLA_F64: return FD_F64;
    case XLA_C64: return FD_C64;
    case XLA_C128: return FD_C128;
    }
    return FD_NUM_DTYPES;
}

static const void *attribute(const xla_frame *frame, const char *name, int dtype, int64_t count)
{
    const xla_attributes *all = &frame->attributes;
    for (int64_t i = 0; i < all->count; i++) {
        const xla_text *text = all->names[i];
        if (text->length != strlen(name) || memcmp(text->start, name, text->length)) continue;
        const xla_array *array = all->items[i];
        const int fits = all->kinds[i] == XLA_ARRAY && array->dtype == dtype && array->count == (size_t)count;
        static const int64_t none[1];
        return !fits ? NULL : count ? array->data : none;
    }
    return NULL;
}

static uint64_t joined(const uint32_t *words)
{
    return words[0] | (uint64_t)words[1] << 32;
}

static int is(const xla_buffer *b, int dtype, int64_t rank, int64_t length)
{
    return b->dtype == dtype && b->rank == rank && (rank == 0 || b->shape[0] == length);
}

static xla_error *read_p(const xla_frame *frame, const xla_buffer *b, double *p)
{
    if (is(b, XLA_U32, 1, 2)) {
        const uint64_t bits = joined(b->data);
        memcpy(p, &bits, sizeof bits);
    } else if (is(b, XLA_F32, 0, 0)) {
        *p = *(const float *)b->data;
    } else if (is(b, XLA_F64, 0, 0)) {
        *p = *(const double *)b->data;
    } else {
        return BAD("p has to be uint32[2], float32[] or float64[], but has type %d and %" PRId64 " axes", b->dtype, b->rank);
    }
    if (!(*p >= 0 && *p <= 1)) return BAD("dropout probability has to be between 0 and 1, but got %g", *p);
    return NULL;
}

/* Numbers the first element: the sum of origin times step, below FD_INDEX_LIMIT with all that follow. */
static xla_error *read_place(const xla_frame *frame, const xla_buffer *origin, fd_xla_call *c)
{
    const int64_t *whole = attribute(frame, "shape", XLA_S64, c->ndim), *steps = attribute(frame, "steps", XLA_S64, c->ndim);
    if (!whole || !steps) return BAD("attributes shape and steps have to be int64[%d], as x has axes", c->ndim);
    if (!is(origin, XLA_S32, 1, c->ndim) && !is(origin, XLA_S64, 1, c->ndim))
        return BAD("origin has to be int32[%d] or int64[%d], as x has axes", c->ndim, c->ndim);
    uint64_t room = FD_INDEX_LIMIT - 1;
    c->mask.start = 0;
    for (int d = 0; d < c->ndim; d++) {
        const int64_t at = origin->dtype == XLA_S32 ? ((const int32_t *)origin->data)[d] : ((const int64_t *)origin->data)[d];
        if (at < 0 || c->shape[d] > whole[d] || at > whole[d] - c->shape[d])
            return BAD("x of length %" PRId64 " from %" PRId64 " on does not lie in axis %d of the whole array, of length "
                       "%" PRId64, c->shape[d], at, d, whole[d]);
        if (steps[d] < 0) return BAD("steps has to be 0 or more, but is %" PRId64 " in axis %d", steps[d], d);
        const uint64_t step = (uint64_t)steps[d], last = (uint64_t)whole[d] - (whole[d] > 0);
        if (step && last > room / step) return BAD("mask indices have to be below 2^62");
        room -= step * last;
        c->steps[d] = steps[d];
        c->mask.start += step * (uint64_t)at;
    }
    return NULL;
}

static xla_error *read_operation(const xla_frame *frame, fd_xla_call *c)
{
    const int64_t *operation = attribute(frame, "operation", XLA_S64, 1);
    const double *constants = attribute(frame, "constants", XLA_F64, 3);
    if (!operation || !constants) return BAD("attributes operation and constants have to be int64[1] and float64[3]");
    if (*operation < FD_XLA_DROPOUT || *operation > FD_XLA_ADD) return BAD("operation %" PRId64 " is unknown", *operation);
    c->operation = (fd_xla_operation)*operation;
    memcpy(c->constants, constants, sizeof c->constants);
    return NULL;
}

static xla_error *execute(const xla_frame *frame)
{
    if (frame->operands.count != OPERANDS || frame->results.count != 1)
        return BAD("there have to be 4 operands and 1 result, but there are %" PRId64 " and %" PRId64, frame->operands.count,
                   frame->results.count);
    const xla_buffer *const *operands = (const xla_buffer *const *)frame->operands.items;
    const xla_buffer *x = operands[X], *y = frame->results.items[0];
    fd_xla_call c;
    memset(&c, 0, sizeof c);
    if ((c.dtype = dtype_of(x->dtype)) == FD_NUM_DTYPES)
        return BAD("x has to be of float16, bfloat16, float32, float64, complex64 or complex128, but has type %d", x->dtype);
    if (x->rank < 0 || x->rank > FD_MAX_NDIM) return BAD("x has to have up to %d axes, but has %" PRId64, FD_MAX_NDIM, x->rank);
    c.ndim = (int)x->rank;
    if (y->dtype != x->dtype || y->rank != x->rank || (c.ndim && memcmp(y->shape, x->shape, sizeof *x->shape * (size_t)c.ndim)))
        return BAD("the result has to be of x's shape and type");
    if (!is(operands[KEY], XLA_U32, 1, 4)) return BAD("key has to be uint32[4]: seed and stream, low words first");
    int64_t size = (int64_t)fd_dtype_size(c.dtype), elements = 1;
    for (int d = 0; d < c.ndim; d++) {
        if (x->shape[d] < 0) return BAD("x has a length of %" PRId64 " in axis %d", x->shape[d], d);
        if (!x->shape[d]) elements = 0;
    }
    for (int d = c.ndim; d-- > 0;) {
        c.shape[d] = x->shape[d];
        c.bytes[d] = size;
        if (!elements) continue;
        if (c.shape[d] > (int64_t)FD_INDEX_LIMIT / size) return BAD("x has to be of less than 2^62 bytes");
        size *= c.shape[d];
        elements *= c.shape[d];
    }
    xla_error *error = read_operation(frame, &c);
    if (!error) error = read_p(frame, operands[P], &c.mask.p);
    if (!error) error = read_place(frame, operands[ORIGIN], &c);
    if (error) return error;
    c.mask.key.seed = joined(operands[KEY]->data);
    c.mask.key.stream = joined((const uint32_t *)operands[KEY]->data + 2);
    c.x = x->data;
    c.y = y->data;
    const fd_status status = fd_xla_run(frame, &c, elements);
    return status ? failure(frame, XLA_INTERNAL, "fastdrop: %s", fd_status_string(status)) : NULL;
}

void *fd_xla_dropout(void *call_frame)
{
    xla_frame *frame = call_frame;
    for (xla_extension *e = frame->extensions; e; e = e->next) {
        if (e->kind != XLA_METADATA) continue;
        xla_metadata *metadata = ((xla_metadata_extension *)e)->metadata;
        metadata->version.major = XLA_MAJOR;
        metadata->version.minor = XLA_MINOR;
        metadata->traits = 0;
        return NULL;
    }
    if (frame->stage != XLA_EXECUTE) return NULL;
    if (frame->api->version.major != XLA_MAJOR)
        return failure(frame, XLA_UNIMPLEMENTED,
                       "fastdrop: built for XLA's foreign function interface %d.%d, but this is %d.%d", XLA_MAJOR,
                       XLA_MINOR, frame->api->version.major, frame->api->version.minor);
    return execute(frame);
}
