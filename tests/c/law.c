/* law.c: the law by itself, for every runnable instruction set: random words, thresholds, derived keys and their limits;
 * elements whose 40 bits are exactly the threshold, or one below; calls that are shared out among threads, in all types.
 * Usage: law [--quick] [--expect NAME]; prints what ran. */
#include <fastdrop.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void random_words(void)
{
    static const struct { /* of Random123 */
        uint32_t counter[4], key[2], out[4];
    } known[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                 {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                 {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
                  {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
    static const uint64_t firsts[] = {0, 1, 7, (UINT64_C(1) << 28) - 1, UINT64_C(1) << 28, (UINT64_C(1) << 56) - 3};
    uint32_t out[4], ref[4], words[3 * FD_PAGE_WORDS];
    for (int k = 0; k < 3; k++) {
        fd_philox4x32(known[k].counter, known[k].key, out);
        CHECK(memcmp(out, known[k].out, sizeof out) == 0, "known answer %d", k);
    }
    for (int k = 0; k < 200; k++) {
        const fd_key key = {next(), next()};
        const unsigned domain = (unsigned)next() % 16;
        const uint64_t number = next() >> (4 + next() % 60);
        ref_block(key.seed, key.stream, domain, number, ref);
        CHECK(fd_block(key, domain, number, out) == FD_OK && memcmp(out, ref, sizeof out) == 0, "block %d", k);
        const uint64_t first = firsts[k % 6];
        CHECK(fd_pages(key, domain, first, 3, words) == FD_OK, "pages");
        for (unsigned w = 0; w < 3 * FD_PAGE_WORDS; w++)
            CHECK(words[w] == ref_word(key.seed, key.stream, domain, first + w / 512, w % 512), "%d word %u", k, w);
        const uint64_t start = (512 * first + next() % 600) % (FD_INDEX_LIMIT - 700), n = next() % 700;
        CHECK(fd_noise_words(key, start, n, words) == FD_OK, "noise words");
        for (uint64_t j = 0, i = start; j < n; j++, i++)
            CHECK(words[j] == ref_word(key.seed, key.stream, 3, i / 512, (unsigned)(i % 512)), "noise word %d", (int)j);
    }
}

static void limits_of_words(void)
{
    const fd_key key = {1, 2};
    const uint64_t block = UINT64_C(1) << 60, page = UINT64_C(1) << 56;
    uint32_t w[2 * FD_PAGE_WORDS] = {7};
    CHECK(fd_block(key, 16, 0, w) == FD_BAD_DOMAIN && fd_block(key, 15, block, w) == FD_BAD_DOMAIN, "block");
    CHECK(fd_block(key, 0, block + 5, w) == FD_BAD_DOMAIN && fd_block(key, 0, 0, NULL) == FD_BAD_POINTER, "block");
    CHECK(fd_pages(key, 16, 0, 1, w) == FD_BAD_DOMAIN && fd_pages(key, 0, page, 1, w) == FD_BAD_DOMAIN, "pages");
    CHECK(fd_pages(key, 0, page - 1, 2, w) == FD_BAD_DOMAIN && fd_pages(key, 0, 0, 1, NULL) == FD_BAD_POINTER, "pages");
    CHECK(fd_noise_words(key, FD_INDEX_LIMIT - 3, 4, w) == FD_BAD_INDEX, "noise");
    CHECK(fd_noise_words(key, FD_INDEX_LIMIT + 1, 0, w) == FD_BAD_INDEX, "noise");
    CHECK(fd_noise_words(key, 0, 1, NULL) == FD_BAD_POINTER, "noise");
    CHECK(w[0] == 7, "an error wrote something");
    CHECK(fd_block(key, 15, block - 1, w) == FD_OK && fd_pages(key, 15, page - 1, 1, w) == FD_OK, "the last ones");
    CHECK(fd_noise_words(key, FD_INDEX_LIMIT - 3, 3, w) == FD_OK, "the last ones");
    CHECK(fd_pages(key, 0, page, 0, NULL) == FD_OK, "the last ones");
}

static void thresholds(void)
{
    for (int k = 0; k < 20000; k++) {
        const uint64_t t = next() >> (24 + next() % 40);
        const double exact = (double)t * 0x1p-40, half = ((double)t + 0.5) * 0x1p-40;
        const double some[] = {exact, half, nextafter(half, 0), nextafter(half, 1), (double)(next() >> 11) * 0x1p-53};
        for (int i = 0; i < 5; i++) {
            volatile double q = 1.0 - some[i], s = 1.0 / q;
            if (!(some[i] <= 1)) continue;
            CHECK(fd_threshold(some[i]) == ref_threshold(some[i]), "threshold of %a", some[i]);
            CHECK(fd_scale(some[i]) == s, "scale of %a", some[i]);
        }
    }
    CHECK(fd_threshold(0) == 0 && fd_threshold(1) == UINT64_C(1) << 40, "ends");
}

static void derived_keys(void)
{
    const uint64_t most = (UINT64_C(1) << 56) - 1;
    fd_key out = {0, 0};
    for (int k = 0; k < 300; k++) {
        const fd_key key = {next(), next()};
        const unsigned role = (unsigned)next() % 7;
        const uint64_t number = k % 2 ? most - next() % 3 : next() % 1000;
        uint32_t w[4];
        ref_block(key.seed, key.stream, 4, (uint64_t)role << 56 | number, w);
        CHECK(fd_fold_in(key, role, number, &out) == FD_OK, "role %u", role);
        CHECK(out.seed == (w[0] | (uint64_t)w[1] << 32) && out.stream == (w[2] | (uint64_t)w[3] << 32), "role %u", role);
    }
    CHECK(fd_fold_in(out, 7, 0, &out) == FD_BAD_ROLE && fd_fold_in(out, 0, most + 1, &out) == FD_BAD_ROLE, "limits");
    CHECK(fd_fold_in(out, 0, 0, NULL) == FD_BAD_POINTER, "pointer");
}

/* A run around element i, by every way of deciding: bits, products, one p for each element, chosen elements. */
static void around(fd_key key, double p, uint64_t i)
{
    enum { N = 130 };
    const uint64_t start = i > 60 ? i - 60 : 0;
    const int64_t shape = N, step = 1;
    int64_t numbers[N];
    double each[N];
    float x[N], y[N];
    uint8_t bits[(N + 7) / 8], varied[(N + 7) / 8], chosen[N];
    const fd_mask_desc mask = {.key = key, .start = start, .strides = &step, .p_values = each, .p_strides = &step};
    for (int j = 0; j < N; j++) {
        numbers[j] = j;
        each[j] = p;
        x[j] = 1;
    }
    CHECK(fd_fill(key, p, start, N, bits, NULL) == FD_OK && fd_fill_nd(&mask, 1, &shape, varied, NULL) == FD_OK, "fill");
    CHECK(fd_dropout(key, p, start, N, FD_F32, x, y, NULL) == FD_OK, "dropout");
    CHECK(fd_keep_at(key, p, start, numbers, N, chosen, NULL) == FD_OK, "keep_at");
    for (int j = 0; j < N; j++) {
        const int keep = ref_keep(key.seed, key.stream, p, start + (uint64_t)j);
        CHECK((bits[j / 8] >> j % 8 & 1) == keep, "%s fill p %a element %d", fd_isa_active(), p, j);
        CHECK((varied[j / 8] >> j % 8 & 1) == keep, "%s varied p %a element %d", fd_isa_active(), p, j);
        CHECK((y[j] != 0) == keep && chosen[j] == keep, "%s dropout p %a element %d", fd_isa_active(), p, j);
    }
}

/* Kept where the 40 bits of an element are at least the threshold: p is chosen for the element. */
static void exact_ties(int quick)
{
    static const uint64_t bases[] = {0, 2040, 4096 - 7, (UINT64_C(1) << 34) - 9, (UINT64_C(1) << 50) + 1};
    for (int k = 0; k < (quick ? 60 : 600); k++) {
        const fd_key key = {next(), next()};
        const uint64_t i = bases[k % 5] + next() % 17;
        uint32_t r[4];
        ref_block(key.seed, key.stream, 2, i / 4, r);
        const uint64_t f = ref_word(key.seed, key.stream, 1, i / 2048, i % 2048 / 4) >> 8 * (i % 4) & 255;
        const uint64_t v = f << 32 | r[i % 4];
        if (v == 0 || v == UINT64_C(1) << 39 || v + 1 == UINT64_C(1) << 39) continue;
        CHECK(ref_keep(key.seed, key.stream, (double)v * 0x1p-40, i), "the reference");
        CHECK(!ref_keep(key.seed, key.stream, (double)(v + 1) * 0x1p-40, i), "the reference");
        around(key, (double)v * 0x1p-40, i);
        around(key, (double)(v + 1) * 0x1p-40, i);
        around(key, k % 2 ? 0.5 : 0.25, 16384 * (1 + next() % 3) + next() % 64); /* ends of pages */
    }
}

/* All types, in more elements than one thread does alone, and in the two ways of deciding. */
static void shared_out(void)
{
    enum { N = 300000 };
    static char x[16 * N], y[2][16 * N];
    static const double rates[] = {0.5, 0.1, 0.0};
    for (size_t j = 0; j < sizeof x; j++) x[j] = (char)(1 + j % 50);
    for (int d = 0; d < FD_NUM_DTYPES; d++)
        for (int k = 0; k < 3; k++) {
            const size_t size = fd_dtype_size((fd_dtype)d);
            const fd_exec how = {3, NULL, NULL};
            memset(y, 0xA5, sizeof y);
            CHECK(fd_dropout((fd_key){3, 4}, rates[k], 777, N, (fd_dtype)d, x, y[0], NULL) == FD_OK, "alone");
            CHECK(fd_dropout((fd_key){3, 4}, rates[k], 777, N, (fd_dtype)d, x, y[1], &how) == FD_OK, "together");
            CHECK(memcmp(y[0], y[1], size * N) == 0, "type %d p %g", d, rates[k]);
        }
}

/* A mask that is long enough for more threads than the core has room for. */
static void long_masks(void)
{
    enum { N = 1 << 22 };
    static uint8_t bits[2][N / 8];
    static const double rates[] = {0.5, 0.1, 0.0};
    const fd_exec many = {1000, NULL, NULL};
    for (int k = 0; k < 3; k++)
        for (uint64_t start = 0; start < 1000; start += 777) {
            memset(bits, 0xA5, sizeof bits);
            CHECK(fd_fill((fd_key){3, 4}, rates[k], start, N, bits[0], NULL) == FD_OK, "alone");
            CHECK(fd_fill((fd_key){3, 4}, rates[k], start, N, bits[1], &many) == FD_OK, "together");
            CHECK(memcmp(bits[0], bits[1], N / 8) == 0, "p %g start %d", rates[k], (int)start);
            const int64_t shape[] = {2000, 1500}, gaps[] = {1600, 1};
            const fd_mask_desc mask = {.key = {3, 4}, .start = start, .strides = gaps, .p = rates[k]};
            CHECK(fd_fill_nd(&mask, 2, shape, bits[0], NULL) == FD_OK, "rows alone");
            CHECK(fd_fill_nd(&mask, 2, shape, bits[1], &many) == FD_OK, "rows together");
            CHECK(memcmp(bits[0], bits[1], N / 8) == 0, "rows, p %g start %d", rates[k], (int)start);
        }
}

static void probabilities_are_checked(void)
{
    static const double bad[] = {-0.1, 1.5, -0x1p-60, INFINITY, NAN};
    const int64_t shape[2] = {3, 4}, index[2] = {4, 1}, ways[][2] = {{4, 1}, {8, 2}, {-4, -1}, {0, 1}, {1, 0}};
    for (int k = 0; k < 5; k++)
        for (int way = 0; way < 5; way++)
            for (int at = 0; at < 12; at++) {
                double p[24];
                uint8_t bits[2] = {5, 5};
                for (int j = 0; j < 24; j++) p[j] = 0.25;
                const int64_t *step = ways[way], first = step[0] < 0 ? 11 : 0;
                p[first + at / 4 * step[0] + at % 4 * step[1]] = bad[k];
                const fd_mask_desc mask = {.strides = index, .p_values = p + first, .p_strides = step};
                CHECK(fd_fill_nd(&mask, 2, shape, bits, NULL) == FD_BAD_PROBABILITY && bits[0] == 5, "%g at %d", bad[k], at);
            }
}

static void counts(void)
{
    uint8_t bits[40];
    for (size_t j = 0; j < sizeof bits; j++) bits[j] = (uint8_t)next();
    for (uint64_t n = 0; n <= 320; n++) {
        uint64_t count = 0;
        for (uint64_t j = 0; j < n; j++) count += bits[j / 8] >> j % 8 & 1;
        CHECK(fd_count(bits, n) == count, "n %d", (int)n);
    }
}

static void instruction_sets(void)
{
    const char *name, *best = "scalar";
    for (int i = 0; (name = fd_isa_name(i)); i++) {
        const int runs = fd_isa_runnable(name);
        CHECK(!runs || fd_isa_built(name), "%s", name);
        CHECK(fd_isa_select(name) == (runs ? FD_OK : FD_BAD_ISA), "%s", name);
        if (runs) best = name;
#if defined(__aarch64__) && !defined(FD_SOFT_X86) /* a build for the kernels of x86 may leave its own out */
        if (strcmp(name, "neon") == 0) CHECK(fd_isa_built(name), "%s", name);
#elif !defined(__aarch64__)
        if (strcmp(name, "neon") == 0) CHECK(!fd_isa_built(name), "%s", name);
#endif
    }
    CHECK(fd_isa_select("") == FD_OK && strcmp(fd_isa_active(), best) == 0, "best is %s, not %s", best, fd_isa_active());
    CHECK(!fd_isa_built("typo") && !fd_isa_runnable("typo") && !fd_isa_built(NULL) && !fd_isa_name(-1), "typo");
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *name;
    int ran = 0, quick = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) quick = 1;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
    }
    instruction_sets();
    thresholds();
    derived_keys();
    counts();
    for (int i = 0; (name = fd_isa_name(i)) != NULL; i++) {
        if (fd_isa_select(name) != FD_OK) continue;
        const unsigned long before = checks;
        random_words();
        limits_of_words();
        exact_ties(quick);
        probabilities_are_checked();
        shared_out();
        long_masks();
        printf("%s: %lu checks\n", name, checks - before);
        ran |= expect && strcmp(expect, name) == 0;
    }
    CHECK(!expect || ran, "%s was expected to run", expect);
    return check_end();
}
