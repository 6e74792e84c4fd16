/* quantile.c: normal noise against the exact quantile. By symmetry the words below 2^31 are walked; that ~word gives exactly
 * the other sign is checked for each of them. Usage:
 *   quantile [--stride N] [--from WORD] [--to WORD] [--isa NAME]   prints the largest errors and where they are
 *   quantile --print WORD...                                       prints the reference for words, to be checked itself
 *
 * The reference is z in long double, one Newton step from the double under test: with erfl in the middle and erfcl outside,
 * where they are well conditioned, so that it is as accurate as these, a few times 2^-64 with x87 or quadruple numbers. */
#include <fastdrop.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { BLOCK = 4096 };

static long double quantile(uint32_t word, double near)
{
    const long double root = sqrtl(2.0L), x = ((long double)word + 0.5L - 0x1p31L) * 0x1p-31L, z = near;
    const long double density = expl(-z * z / 2) / sqrtl(2 * acosl(-1.0L)); /* half as much once more for both tails */
    if (fabsl(x) < 0.5L) return z - (erfl(z / root) - x) / (2 * density);
    const long double tail = erfcl(-z / root) / 2, wanted = ((long double)word + 0.5L) * 0x1p-32L;
    return z - (tail - wanted) / density;
}

struct worst {
    long double error;
    uint32_t word;
};

static void note(struct worst *w, long double error, uint32_t word)
{
    if (!(error <= w->error)) *w = (struct worst){error, word};
}

static long double unit(float at) { return (long double)nextafterf(fabsf(at), INFINITY) - fabsf(at); }

static void block(const uint32_t *words, size_t n, struct worst *single, struct worst *twice)
{
    static uint32_t other[BLOCK];
    static float f[BLOCK], g[BLOCK];
    static double d[BLOCK], e[BLOCK];
    for (size_t j = 0; j < n; j++) other[j] = ~words[j];
    fd_normal(words, n, FD_F32, f);
    fd_normal(other, n, FD_F32, g);
    fd_normal(words, n, FD_F64, d);
    fd_normal(other, n, FD_F64, e);
    for (size_t j = 0; j < n; j++) {
        const long double z = quantile(words[j], d[j]);
        float below = (float)z; /* the binade of the exact value, whichever way it was rounded */
        if (fabsl(z) < fabsl((long double)below)) below = nextafterf(below, 0);
        note(single, fabsl((long double)f[j] - z) / unit(below), words[j]);
        note(twice, fabsl(((long double)d[j] - z) / z), words[j]);
        CHECK(g[j] == -f[j] && e[j] == -d[j] && f[j] < 0 && d[j] < 0, "word %08" PRIx32, words[j]);
    }
}

int main(int argc, char **argv)
{
    static uint32_t words[BLOCK];
    uint64_t stride = 1, from = 0, to = UINT64_C(1) << 31;
    struct worst single = {0, 0}, twice = {0, 0};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--print") == 0) {
            for (i++; i < argc; i++) {
                const uint32_t word = (uint32_t)strtoull(argv[i], NULL, 0);
                double d;
                fd_normal(&word, 1, FD_F64, &d);
                printf("%.22Lg\n", quantile(word, d));
            }
            return 0;
        }
        if (strcmp(argv[i], "--stride") == 0) stride = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--from") == 0) from = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--to") == 0) to = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--isa") == 0 && fd_isa_select(argv[i + 1]) != FD_OK) return 2;
    }
    if (stride == 0 || to > UINT64_C(1) << 31) return 2;
    for (uint64_t word = from; word < to;) {
        size_t n = 0;
        for (; n < BLOCK && word < to; n++, word += stride) words[n] = (uint32_t)word;
        block(words, n, &single, &twice);
    }
    printf("float32: %.4Lf ulp at %08" PRIx32 "\n", single.error, single.word);
    printf("float64: %.4Lg relative at %08" PRIx32 "\n", twice.error, twice.word);
    CHECK(single.error <= 6, "float32");
    CHECK(twice.error <= 1e-14L, "float64");
    return check_end();
}
