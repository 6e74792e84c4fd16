/* fuzz_runs.h: calls on runs of elements, and of the random source. */
#ifndef FUZZ_RUNS_H
#define FUZZ_RUNS_H

#include "fuzz_mask.h"

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

static void call_scale(void)
{
    const uint64_t n = byte();
    float *x = put_flat(n, sizeof *x, (int)sizeof *x);
    fd_scale_f32(x, n, (float)byte() / 16);
    check(FD_OK);
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

#endif
