/* layouts.c: arrays of random shapes and strides against the reference, element by element; threads, fork, interrupts and
 * every error. Usage: layouts [--quick]. */
#define _DEFAULT_SOURCE
#include <fastdrop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "reference.h"

static uint64_t state = 88172645463325252ull;
static uint64_t next(void) /* xorshift64: which cases are tried, nothing else */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
static int64_t below(int64_t n) { return (int64_t)(next() % (uint64_t)n); }

enum { MOST = 1 << 21 };
static float x[4 * MOST], y[4 * MOST], untouched[4 * MOST];
static double p_values[MOST];
static uint8_t bits[MOST], filled[MOST / 8 + 16];

struct array {
    int64_t strides[5], offset; /* bytes */
};

/* Strides of an array of any axis order, some axes reversed or with gaps, and where its first element is. */
static struct array lay_out(int ndim, const int64_t *shape, int broadcast)
{
    struct array a = {{0}, 0};
    int order[5];
    int64_t step = 4;
    for (int d = 0; d < ndim; d++) order[d] = d;
    for (int d = ndim - 1; d > 0; d--) {
        int other = below(3) ? d : (int)below(d + 1), kept = order[d];
        order[d] = order[other];
        order[other] = kept;
    }
    for (int k = ndim - 1; k >= 0; k--) {
        int d = order[k];
        if (broadcast && below(6) == 0) continue;
        if (below(8) == 0 && step * shape[d] < MOST) step *= 2;
        a.strides[d] = step;
        step *= shape[d];
        if (below(6) == 0) {
            a.offset += a.strides[d] * (shape[d] - 1);
            a.strides[d] = -a.strides[d];
        }
    }
    return a;
}

static void one_layout(void)
{
    static const double some_p[] = {0.5, 0.1, 0.25, 0.999, 0.0, 1.0};
    static const int64_t longest[] = {0, 40000, 300, 40, 14, 8};
    int ndim = 1 + (int)below(5);
    int64_t shape[5], index[5], p_strides[5] = {0}, numbered = 1, p_count = 1;
    uint64_t size = 1, start = 0;
    for (int d = 0; d < ndim; d++) shape[d] = 1 + below(longest[ndim]);
    if (ndim == 2 && below(8) == 0) shape[1] = 4000 + below(1500);
    for (int d = ndim - 1; d >= 0; d--) {
        int64_t gap = below(2) ? 0 : below(5), origin = gap ? below(gap + 1) : 0;
        index[d] = below(5) == 0 ? 0 : numbered;
        start += (uint64_t)(index[d] * origin);
        if (index[d]) numbered *= shape[d] + gap;
        size *= (uint64_t)shape[d];
    }
    if (size > MOST / 4 || numbered > MOST) return;
    fd_mask_desc mask = {.key = {next(), next()}, .start = start, .strides = index, .p = some_p[below(6)]};
    int kind = (int)below(4);
    if (kind == 0) { /* a probability for some axes */
        for (int d = ndim - 1; d >= 0; d--) {
            p_strides[d] = (index[d] || below(3) == 0) && below(2) ? p_count : 0; /* also where a decision is shared */
            p_count *= p_strides[d] ? shape[d] : 1;
        }
        for (int64_t i = 0; i < p_count; i++) p_values[i] = some_p[below(6)];
        mask.p_values = p_values;
        mask.p_strides = p_strides;
    } else if (kind == 1) { /* stored bits */
        for (int64_t i = 0; i < numbered / 8 + 1; i++) bits[i] = (uint8_t)next();
        mask.bits = bits;
        mask.p = 0.5;
    }
    struct array from = lay_out(ndim, shape, 1), to = lay_out(ndim, shape, 0);
    int in_place = below(2) == 0;
    if (in_place) from = to;
    memcpy(y, untouched, sizeof y);
    const float *source = in_place ? y : x;
    double fixed = 0.75;
    const double *scale = below(3) ? NULL : &fixed;
    CHECK(fd_dropout_nd(&mask, ndim, shape, FD_F32, (const char *)source + from.offset, from.strides, (char *)y + to.offset,
                        to.strides, scale, NULL) == FD_OK, "call");
    CHECK(fd_fill_nd(&mask, ndim, shape, filled, NULL) == FD_OK, "fill");
    int64_t at[5] = {0};
    for (uint64_t j = 0; j < size; j++) {
        int64_t i = (int64_t)start, px = 0, in = from.offset, out = to.offset;
        for (int d = 0; d < ndim; d++) {
            i += at[d] * index[d];
            px += at[d] * p_strides[d];
            in += at[d] * from.strides[d];
            out += at[d] * to.strides[d];
        }
        double p = mask.p_values ? p_values[px] : mask.p;
        int keep = mask.bits ? bits[i / 8] >> i % 8 & 1 : ref_keep(mask.key.seed, mask.key.stream, p, (uint64_t)i);
        float before = in_place ? untouched[in / 4] : x[in / 4];
        float wanted = keep ? before * (float)(scale ? fixed : 1.0 / (1.0 - p)) : 0.0f;
        CHECK(y[out / 4] == wanted, "ndim %d kind %d element %llu: %g for %g", ndim, kind, (unsigned long long)j, y[out / 4], wanted);
        CHECK((filled[j / 8] >> j % 8 & 1) == keep, "fill ndim %d kind %d element %llu", ndim, kind, (unsigned long long)j);
        y[out / 4] = untouched[out / 4];
        for (int d = ndim - 1; d >= 0 && ++at[d] == shape[d]; d--) at[d] = 0;
    }
    CHECK(memcmp(y, untouched, sizeof y) == 0, "ndim %d: something beside the array was written", ndim);
}

/* One decision for each row of n, of which long ones are met in pieces; one p, one for each row of a plane (`each` is 1),
 * or one for each element of a row (2); of float or (`parts` is 2) of complex elements. */
static void whole_rows(int64_t rows, int64_t n, int each, int64_t parts)
{
    const int64_t shape[] = {3, rows, n}, index[] = {rows, 1, 0}, p_strides[] = {0, each == 1, each == 2};
    const int64_t size = 4 * parts, bytes[] = {size * rows * n, size * n, size}, reals = parts * n;
    const fd_dtype dtype = parts == 1 ? FD_F32 : FD_C64;
    fd_mask_desc mask = {.key = {1, 2}, .start = 3, .strides = index, .p = 0.5};
    for (int64_t k = 0; k < rows + n; k++) p_values[k] = k % 2 ? 0.1 : 0.5;
    if (each) {
        mask.p_values = p_values;
        mask.p_strides = p_strides;
    }
    y[3 * rows * reals] = 5;
    CHECK(fd_dropout_nd(&mask, 3, shape, dtype, x, bytes, y, bytes, NULL, NULL) == FD_OK, "whole rows");
    CHECK(y[3 * rows * reals] == 5, "%d rows of %d: something behind the array was written", (int)rows, (int)n);
    float scale = 0;
    for (int64_t i = 0; i < 3 * rows * reals; i++) {
        const int64_t r = i / reals, column = i % reals / parts;
        const double p = each == 2 ? p_values[column] : each ? p_values[r % rows] : 0.5;
        if (each == 2 || i % reals == 0) scale = (float)(1.0 / (1.0 - p)) * (float)ref_keep(1, 2, p, 3 + (uint64_t)r);
        CHECK(y[i] == x[i] * scale, "row %d of %d, each %d, column %d", (int)r, (int)n, each, (int)column);
    }
}

/* A probability for each complex element. */
static void complex_elements(int64_t n)
{
    const int64_t shape[] = {n}, step[] = {1}, bytes[] = {8};
    const fd_mask_desc mask = {.key = {1, 2}, .start = 3, .strides = step, .p_values = p_values, .p_strides = step};
    for (int64_t i = 0; i < n; i++) p_values[i] = (double)(i % 7) / 8;
    CHECK(fd_dropout_nd(&mask, 1, shape, FD_C64, x, bytes, y, bytes, NULL, NULL) == FD_OK, "complex");
    for (int64_t i = 0; i < 2 * n; i++) {
        const double p = p_values[i / 2];
        const float scale = (float)(1.0 / (1.0 - p)) * (float)ref_keep(1, 2, p, 3 + (uint64_t)(i / 2));
        CHECK(y[i] == x[i] * scale, "complex element %d of %d", (int)(i / 2), (int)n);
    }
}

static int stop_at_once(void *count) { return ++*(int *)count; }

static void threads_and_fork(void)
{
    const fd_key key = {5, 6};
    static float alone[MOST];
    fd_dropout(key, 0.1, 7, MOST, FD_F32, x, alone, NULL);
    for (int team = 1; team <= 4; team++) {
        fd_exec how = {team, NULL, NULL};
        memset(y, 0, sizeof y);
        CHECK(fd_dropout(key, 0.1, 7, MOST, FD_F32, x, y, &how) == FD_OK, "team %d", team);
        CHECK(memcmp(y, alone, sizeof alone) == 0, "team %d", team);
        int limit = fd_max_threads();
        CHECK(fd_last_team() == (team < limit ? team : limit), "team %d: %d ran", team, fd_last_team());
    }
    pid_t child = fork();
    if (child == 0) { /* a hang ends by the alarm */
        alarm(20);
        fd_exec how = {4, NULL, NULL};
        fd_dropout(key, 0.1, 7, MOST, FD_F32, x, y, &how);
        _exit(memcmp(y, alone, sizeof alone) != 0);
    }
    int status = 1;
    waitpid(child, &status, 0);
    CHECK(status == 0, "the child of a fork ended with %d", status);
    int64_t shape[] = {1 << 13, 1 << 13}, steps[] = {1 << 13, 1}, zero[] = {0, 0};
    int calls = 0;
    fd_exec how = {1, stop_at_once, &calls};
    fd_mask_desc mask = {.key = key, .strides = steps, .p = 0.5};
    static uint8_t many[1 << 23];
    CHECK(fd_fill_nd(&mask, 2, shape, many, &how) == FD_INTERRUPTED && calls == 1, "calls %d", calls);
    (void)zero;
}

static void errors(void)
{
    const fd_key key = {1, 2};
    int64_t shape[] = {4}, bad_shape[] = {-1}, huge[] = {INT64_MAX}, step[] = {1}, back[] = {-1}, bytes[] = {4};
    float v[4] = {1, 2, 3, 4}, w[4] = {1, 2, 3, 4};
    fd_exec none = {0, NULL, NULL};
    fd_mask_desc mask = {.key = key, .strides = step, .p = 0.5}, nan = mask, backwards = mask, far = mask;
    nan.p = 0.0 / (v[0] - 1.0f);
    backwards.strides = back;
    far.start = FD_INDEX_LIMIT - 3;
#define ND(m, dims, s, type, xs, how) fd_dropout_nd(m, dims, s, type, xs, bytes, v, bytes, NULL, how)
    CHECK(ND(&mask, 1, bad_shape, FD_F32, v, NULL) == FD_BAD_SHAPE, "shape");
    CHECK(ND(&mask, 1, huge, FD_F32, v, NULL) == FD_BAD_SHAPE || ND(&mask, 1, huge, FD_F32, v, NULL) == FD_BAD_INDEX, "huge");
    CHECK(ND(&mask, -1, shape, FD_F32, v, NULL) == FD_BAD_NDIM, "ndim");
    CHECK(ND(&mask, FD_MAX_NDIM + 1, shape, FD_F32, v, NULL) == FD_BAD_NDIM, "ndim");
    CHECK(ND(&nan, 1, shape, FD_F32, v, NULL) == FD_BAD_PROBABILITY, "p");
    CHECK(ND(&backwards, 1, shape, FD_F32, v, NULL) == FD_BAD_INDEX, "index below 0");
    CHECK(ND(&far, 1, shape, FD_F32, v, NULL) == FD_BAD_INDEX, "index past 2^62");
    CHECK(ND(&mask, 1, shape, FD_NUM_DTYPES, v, NULL) == FD_BAD_DTYPE, "dtype");
    CHECK(ND(&mask, 1, shape, FD_F32, NULL, NULL) == FD_BAD_POINTER, "x");
    CHECK(ND(NULL, 1, shape, FD_F32, v, NULL) == FD_BAD_POINTER, "mask");
    CHECK(ND(&mask, 1, shape, FD_F32, v, &none) == FD_BAD_THREADS, "threads");
    CHECK(fd_dropout(key, 1.5, 0, 4, FD_F32, v, v, NULL) == FD_BAD_PROBABILITY, "p");
    CHECK(fd_dropout(key, -0.5, 0, 4, FD_F32, v, v, NULL) == FD_BAD_PROBABILITY, "p");
    CHECK(fd_dropout(key, 0.5, FD_INDEX_LIMIT, 4, FD_F32, v, v, NULL) == FD_BAD_INDEX, "start");
    CHECK(fd_dropout(key, 0.5, 0, 4, (fd_dtype)77, v, v, NULL) == FD_BAD_DTYPE, "dtype");
    CHECK(fd_apply(NULL, 4, FD_F32, 1.0, v, v, NULL) == FD_BAD_POINTER, "bits");
    CHECK(fd_fill(key, 0.5, 0, 4, NULL, NULL) == FD_BAD_POINTER, "bits");
    fd_key out;
    CHECK(fd_fold_in(key, 7, 0, &out) == FD_BAD_ROLE && fd_fold_in(key, 0, UINT64_C(1) << 56, &out) == FD_BAD_ROLE, "role");
    CHECK(fd_isa_select("typo") == FD_BAD_ISA, "isa");
    CHECK(memcmp(v, w, sizeof v) == 0, "an error wrote something");
    for (int s = 0; s <= FD_INTERRUPTED + 1; s++) CHECK(*fd_status_string((fd_status)s), "status %d", s);
}

int main(int argc, char **argv)
{
    const char *expect = NULL;
    int cases = 600, ran = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) cases = 60;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
    }
    for (int i = 0; i < 4 * MOST; i++) {
        x[i] = (float)(i % 1009) + 1.0f;
        untouched[i] = (float)(i % 997) - 1200.0f;
    }
    const char *name;
    for (int i = 0; (name = fd_isa_name(i)) != NULL; i++) {
        if (fd_isa_select(name) != FD_OK) continue;
        ran |= expect && strcmp(expect, name) == 0;
        const unsigned long before = checks;
        for (int k = 0; k < cases; k++) one_layout();
        for (int each = 0; each < 3; each++) {
            for (int parts = 1; parts < 3; parts++) {
                whole_rows(7, 100, each, parts);
                whole_rows(1500, 64, each, parts);
                if (each < 2) whole_rows(2, 70000, each, parts);
            }
        }
        complex_elements(2500);
        printf("%s: %lu checks\n", name, checks - before);
    }
    threads_and_fork();
    errors();
    if (expect) CHECK(ran, "%s did not run", expect);
    return check_end();
}
