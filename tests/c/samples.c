/* samples.c: many keys of one law by every runnable instruction set, element by element against the decisions of
 * reference.h: samples, their sum, their moments, in arrays of random layouts whose memory ends where they do. Usage:
 * samples [--quick] [--expect NAME]; prints what ran. */
#include <fastdrop.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "reference.h"

static uint64_t state = 88172645463325252ull;
static int64_t below(int64_t n) /* xorshift64: which cases are tried, nothing else */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (int64_t)(state % (uint64_t)n);
}

/* An array of up to three axes in any order of memory, with a sample axis in front or (no samples) without. */
struct array {
    char *memory;
    int64_t strides[3], step, offset;
    size_t bytes;
};

static struct array lay_out(int ndim, const int64_t *shape, int64_t samples, int64_t size)
{
    struct array a = {NULL, {0}, 0, 0, 0};
    int order[3] = {0, 1, 2};
    int64_t step = size;
    for (int d = ndim - 1; d > 0; d--) {
        const int other = (int)below(d + 1), kept = order[d];
        order[d] = order[other];
        order[other] = kept;
    }
    for (int k = ndim - 1; k >= 0; k--) {
        const int d = order[k];
        a.strides[d] = step;
        step *= shape[d];
        if (below(5) == 0) {
            a.offset += a.strides[d] * (shape[d] - 1);
            a.strides[d] = -a.strides[d];
        }
        if (below(6) == 0) step += 3 * size;
    }
    if (samples) {
        a.step = step;
        step *= samples;
    }
    a.bytes = (size_t)step;
    a.memory = malloc(a.bytes ? a.bytes : 1);
    if (!a.memory) exit(3);
    return a;
}

static void put(struct array a, int64_t at, int wide, double v)
{
    const float f = (float)v;
    memcpy(a.memory + a.offset + at, wide ? (const void *)&v : (const void *)&f, wide ? 8 : 4);
}

static double get(struct array a, int64_t at, int wide)
{
    double v;
    float f;
    memcpy(wide ? (void *)&v : (void *)&f, a.memory + a.offset + at, wide ? 8 : 4);
    return wide ? v : (double)f;
}

/* One operation, rounded to the type: memory between them keeps a compiler from fusing. */
static double rounded(int wide, double v)
{
    volatile float f = (float)v;
    volatile double d = v;
    return wide ? d : (double)f;
}

static void one_case(int team)
{
    static const double rates[] = {0.5, 0.1, 0.3, 0.0, 1.0};
    enum { MOST = 40 };
    const int ndim = (int)below(4), wide = (int)below(2), shared = (int)below(2);
    const int64_t size = wide ? 8 : 4, count = 1 + below(below(4) ? 6 : MOST), longest[] = {1, 9000, 90, 20};
    const double p = rates[below(5)], scale = rounded(wide, 1.0 / (1.0 - p));
    int64_t shape[3] = {1, 1, 1}, index[3], n = 1;
    uint64_t numbers[MOST];
    fd_key keys[MOST];
    const fd_key key = {(uint64_t)below(1000), (uint64_t)below(1000)};
    for (int d = ndim - 1; d >= 0; d--) {
        shape[d] = 1 + below(longest[ndim]);
        index[d] = n;
        n *= shape[d];
    }
    for (int d = 0; d < ndim; d++)
        if (below(8) == 0) index[d] = 0;
    const fd_mask_desc mask = {.key = key, .start = (uint64_t)below(5000), .strides = index, .p = p};
    const fd_samples samples = {(uint64_t)count, FD_ROLE_SAMPLE, below(2) ? numbers : NULL, 0};
    for (int64_t s = 0; s < count; s++) {
        numbers[s] = (uint64_t)below(1 << 20);
        fd_fold_in(key, FD_ROLE_SAMPLE, samples.numbers ? numbers[s] : (uint64_t)s, &keys[s]);
    }
    struct array x = lay_out(ndim, shape, shared ? 0 : count, size), y = lay_out(ndim, shape, count, size);
    struct array sum = lay_out(ndim, shape, 0, size);
    memset(y.memory, 0xA5, y.bytes);
    memset(sum.memory, 0xA5, sum.bytes);
    char *mean = malloc((size_t)(n * size)), *variance = malloc((size_t)(n * size));
    if (!mean || !variance) exit(3);
    for (int64_t s = 0; s < (shared ? 1 : count); s++)
        for (int64_t i = 0; i < n; i++) {
            const int64_t b = i / shape[2] % shape[1], at[3] = {i / shape[2] / shape[1], b, i % shape[2]};
            int64_t place = s * x.step;
            for (int d = 0; d < ndim; d++) place += at[d] * x.strides[d];
            put(x, place, wide, (double)(s * 31 + i % 997) + 1.0);
        }
    const fd_exec how = {team, NULL, NULL};
    const fd_dtype dtype = wide ? FD_F64 : FD_F32;
    char *from = x.memory + x.offset, *to = y.memory + y.offset, *all = sum.memory + sum.offset;
    fd_status status =
        fd_samples_nd(&mask, &samples, ndim, shape, dtype, from, x.strides, x.step, to, y.strides, y.step, &how);
    CHECK(status == FD_OK, "samples: %s", fd_status_string(status));
    status = fd_samples_sum(&mask, &samples, ndim, shape, dtype, to, y.strides, y.step, all, sum.strides, &how);
    CHECK(status == FD_OK, "sum: %s", fd_status_string(status));
    status = fd_samples_moments(&mask, &samples, ndim, shape, dtype, from, x.strides, mean, variance, &how);
    CHECK(status == FD_OK, "moments: %s", fd_status_string(status));
    for (int64_t i = 0; i < n; i++) {
        const int64_t at[3] = {i / shape[2] / shape[1], i / shape[2] % shape[1], i % shape[2]};
        int64_t mask_index = (int64_t)mask.start, in = 0, out = 0, total = 0, kept = 0;
        double added = 0;
        for (int d = 0; d < ndim; d++) {
            mask_index += at[d] * index[d];
            in += at[d] * x.strides[d];
            out += at[d] * y.strides[d];
            total += at[d] * sum.strides[d];
        }
        for (int64_t s = 0; s < count; s++) {
            const int keep = ref_keep(keys[s].seed, keys[s].stream, p, (uint64_t)mask_index);
            const double v = get(x, in + s * x.step, wide), wanted = keep ? rounded(wide, v * scale) : 0.0;
            const double got = get(y, out + s * y.step, wide), term = keep ? rounded(wide, wanted * scale) : 0.0;
            CHECK(got == wanted, "ndim %d p %g sample %d element %d: %g for %g", ndim, p, (int)s, (int)i, got, wanted);
            added = s ? rounded(wide, added + term) : term;
            kept += keep;
        }
        CHECK(get(sum, total, wide) == added, "ndim %d p %g element %d: sum %g", ndim, p, (int)i, added);
        const double f = rounded(wide, (double)kept / (double)count), v = rounded(wide, get(x, in, wide) * scale);
        const double first = rounded(wide, v * f), square = rounded(wide, v * v);
        const double second = rounded(wide, square * rounded(wide, f * rounded(wide, 1 - f)));
        const struct array m = {mean, {0}, 0, 0, 0}, w = {variance, {0}, 0, 0, 0};
        CHECK(get(m, i * size, wide) == (kept ? first : 0), "ndim %d p %g element %d: mean", ndim, p, (int)i);
        CHECK(get(w, i * size, wide) == (kept ? second : 0), "ndim %d p %g element %d: variance", ndim, p, (int)i);
    }
    free(x.memory);
    free(y.memory);
    free(sum.memory);
    free(mean);
    free(variance);
}

/* kept[i] += how many of the samples keep element i of n in a row. */
static void count_kept(const fd_mask_desc *mask, uint64_t samples, int n, int *kept)
{
    for (uint64_t s = 0; s < samples; s++) {
        fd_key key;
        fd_fold_in(mask->key, FD_ROLE_SAMPLE, s, &key);
        for (int i = 0; i < n; i++) kept[i] += ref_keep(key.seed, key.stream, mask->p, mask->start + (uint64_t)i);
    }
}

/* So many samples, nearly all of which keep an element, that counts overflow wherever they are kept for one too long: columns
 * of 15 and bytes of 255 come together after 15 * 256. */
static void many_samples(void)
{
    enum { N = 100, COUNT = 4000 };
    const int64_t shape[] = {N}, index[] = {1}, bytes[] = {4};
    const fd_samples samples = {COUNT, FD_ROLE_SAMPLE, NULL, 0};
    float x[N], mean[N], variance[N];
    for (int i = 0; i < N; i++) x[i] = (float)(i + 1);
    for (int turn = 0; turn < 2; turn++) {
        const double p = turn ? 0x1p-12 : 0.0, scale = rounded(0, 1 / (1 - p));
        const fd_mask_desc mask = {.key = {3, 4}, .strides = index, .p = p};
        int kept[N] = {0};
        count_kept(&mask, COUNT, N, kept);
        CHECK(fd_samples_moments(&mask, &samples, 1, shape, FD_F32, x, bytes, mean, variance, NULL) == FD_OK, "moments");
        for (int i = 0; i < N; i++) {
            const double f = rounded(0, (double)kept[i] / COUNT), v = rounded(0, (double)x[i] * scale);
            CHECK((double)mean[i] == rounded(0, v * f), "p %g: %d of %d kept, mean %g", p, kept[i], (int)COUNT, (double)mean[i]);
        }
    }
}

/* The mean is complex, the variance that of the distance from it: of both parts together. */
static void complex_elements(int wide)
{
    enum { N = 300, COUNT = 5 };
    const int64_t shape[] = {N}, index[] = {1}, size = wide ? 8 : 4, bytes[] = {2 * size};
    const fd_samples samples = {COUNT, FD_ROLE_SAMPLE, NULL, 0};
    const fd_mask_desc mask = {.key = {5, 6}, .start = 7, .strides = index, .p = 0.3};
    const double scale = rounded(wide, 1 / (1 - mask.p));
    char x[16 * N], mean[16 * N], variance[8 * N];
    const struct array from = {x, {0}, 0, 0, 0}, m = {mean, {0}, 0, 0, 0}, w = {variance, {0}, 0, 0, 0};
    for (int i = 0; i < 2 * N; i++) put(from, i * size, wide, (double)(i % 37) - 11.5);
    const fd_dtype dtype = wide ? FD_C128 : FD_C64;
    const fd_status status = fd_samples_moments(&mask, &samples, 1, shape, dtype, x, bytes, mean, variance, NULL);
    CHECK(status == FD_OK, "moments: %s", fd_status_string(status));
    int kept[N] = {0};
    count_kept(&mask, COUNT, N, kept);
    for (int i = 0; i < N; i++) {
        const double f = rounded(wide, (double)kept[i] / COUNT), a = rounded(wide, get(from, 2 * i * size, wide) * scale);
        const double b = rounded(wide, get(from, (2 * i + 1) * size, wide) * scale), rest = rounded(wide, 1 - f);
        const double square = rounded(wide, rounded(wide, a * a) + rounded(wide, b * b));
        CHECK(get(m, 2 * i * size, wide) == (kept[i] ? rounded(wide, a * f) : 0), "element %d: mean", i);
        CHECK(get(m, (2 * i + 1) * size, wide) == (kept[i] ? rounded(wide, b * f) : 0), "element %d: mean", i);
        const double spread = kept[i] ? rounded(wide, square * rounded(wide, f * rest)) : 0;
        CHECK(get(w, i * size, wide) == spread, "element %d: variance %g, not %g", i, get(w, i * size, wide), spread);
    }
}

static void errors(void)
{
    float v[4] = {1, 2, 3, 4}, w[4] = {1, 2, 3, 4};
    const int64_t shape[] = {2}, step[] = {1}, bytes[] = {4};
    const uint64_t large[] = {1, UINT64_C(1) << 56};
    const uint8_t bits[1] = {1};
    const fd_mask_desc mask = {.key = {1, 2}, .strides = step, .p = 0.5}, bad_p = {.strides = step, .p = 2};
    const fd_mask_desc stored = {.bits = bits, .strides = step, .p = 0.5};
    const fd_samples two = {2, FD_ROLE_SAMPLE, NULL, 0}, role = {2, 7, NULL, 0}, number = {2, 0, large, 0};
    const fd_samples none = {0, FD_ROLE_SAMPLE, NULL, 0}, many = {FD_MOMENTS_LIMIT + 1, FD_ROLE_SAMPLE, NULL, 0};
    const fd_exec no_threads = {0, NULL, NULL};
#define DRAW(m, s, type, how) fd_samples_nd(m, s, 1, shape, type, v, bytes, 0, v, bytes, 8, how)
#define SUM(m, s, type, how) fd_samples_sum(m, s, 1, shape, type, v, bytes, 8, v, bytes, how)
#define MOMENTS(m, s, type, how) fd_samples_moments(m, s, 1, shape, type, v, bytes, v, v, how)
#define EACH(call)                                                                                                    \
    CHECK(call(NULL, &two, FD_F32, NULL) == FD_BAD_POINTER, #call);                                                   \
    CHECK(call(&mask, NULL, FD_F32, NULL) == FD_BAD_POINTER, #call);                                                  \
    CHECK(call(&stored, &two, FD_F32, NULL) == FD_BAD_POINTER, #call);                                                \
    CHECK(call(&bad_p, &two, FD_F32, NULL) == FD_BAD_PROBABILITY, #call);                                             \
    CHECK(call(&mask, &role, FD_F32, NULL) == FD_BAD_ROLE, #call);                                                    \
    CHECK(call(&mask, &number, FD_F32, NULL) == FD_BAD_ROLE, #call);                                                  \
    CHECK(call(&mask, &two, FD_NUM_DTYPES, NULL) == FD_BAD_DTYPE, #call);                                             \
    CHECK(call(&mask, &two, FD_F32, &no_threads) == FD_BAD_THREADS, #call);
    EACH(DRAW)
    EACH(SUM)
    EACH(MOMENTS)
    CHECK(DRAW(&mask, &none, FD_F32, NULL) == FD_OK, "no samples");
    CHECK(MOMENTS(&mask, &none, FD_F32, NULL) == FD_BAD_SHAPE, "too few");
    CHECK(MOMENTS(&mask, &many, FD_F32, NULL) == FD_BAD_SHAPE, "too many");
    CHECK(memcmp(v, w, sizeof v) == 0, "an error wrote something");
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *name;
    int ran = 0, cases = 200;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) cases = 40;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
    }
    for (int k = 0; (name = fd_isa_name(k)) != NULL; k++) {
        if (fd_isa_select(name) != FD_OK) continue;
        const unsigned long before = checks;
        for (int i = 0; i < cases; i++) one_case(1 + i % 3);
        many_samples();
        complex_elements(0);
        complex_elements(1);
        errors();
        printf("%s: %lu checks\n", name, checks - before);
        ran |= expect && strcmp(expect, name) == 0;
    }
    CHECK(!expect || ran, "%s was expected to run", expect);
    return check_end();
}
