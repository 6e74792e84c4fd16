/* picks.c: decisions at any indices, and the elements of the smallest noise words. */
#include "bits.h"

#include <string.h>

#include "parallel.h"
#include "source.h"

enum {
    LINE = FD_PAGE_BYTES, /* decisions that are made at a time: a page of bytes, or an eighth of one of coins */
    LINES = 128,          /* lines remembered: all of a vocabulary of 2^18 */
    PIECE = 1 << 12,      /* numbers in a unit */
    STORED = 1 << 12,     /* words of a row that are kept while its smallest are sought */
    WORK = 16             /* an element costs so much more than a decision in a row */
};

struct keep_at {
    fd_rule rule;
    uint64_t start;
    const int64_t *numbers;
    size_t n;
    uint8_t *keep;
};

static void keep_range(void *context, uint64_t begin, uint64_t end)
{
    const struct keep_at *a = context;
    const fd_kernels *kernels = fd_kernels_active();
    const uint64_t last = end * PIECE < a->n ? end * PIECE : a->n;
    uint64_t tags[LINES];
    uint8_t lines[LINES][LINE / 8];
    memset(tags, 0xFF, sizeof tags);
    for (uint64_t j = begin * PIECE; j < last; j++) {
        const uint64_t index = a->start + (uint64_t)a->numbers[j], line = index / LINE, at = line % LINES;
        if (tags[at] != line) {
            fd_law_bits(kernels, &a->rule, line * LINE, LINE, lines[at]);
            tags[at] = line;
        }
        a->keep[j] = (uint8_t)fd_get_bit(lines[at], index % LINE);
    }
}

fd_status fd_keep_at(fd_key key, double p, uint64_t start, const int64_t *numbers, size_t n, uint8_t *keep,
                     const fd_exec *exec)
{
    if (!fd_valid_p(p)) return FD_BAD_PROBABILITY;
    if (n && (!numbers || !keep)) return FD_BAD_POINTER;
    if (start > FD_INDEX_LIMIT) return FD_BAD_INDEX;
    for (size_t j = 0; j < n; j++)
        if (numbers[j] < 0 || (uint64_t)numbers[j] >= FD_INDEX_LIMIT - start) return FD_BAD_INDEX;
    const fd_status status = fd_check_exec(exec);
    if (status != FD_OK || !n) return status;
    struct keep_at a = {fd_make_rule(key, p), start, numbers, n, keep};
    if (a.rule.kind == FD_KEEP_ALL || a.rule.kind == FD_DROP_ALL) {
        memset(keep, a.rule.kind == FD_KEEP_ALL, n);
        return FD_OK;
    }
    return fd_run(exec, (n + PIECE - 1) / PIECE, WORK * PIECE, keep_range, &a);
}

struct smallest {
    fd_key key;
    uint64_t start, n, k;
    int64_t *positions;
};

/* The words of a row, some at a time: those of a short row are made once. */
struct words {
    const struct smallest *s;
    uint64_t start, n;
    int made;
    uint32_t some[STORED];
};

static size_t some_words(struct words *w, uint64_t at)
{
    const size_t m = w->n - at < STORED ? (size_t)(w->n - at) : STORED;
    if (!w->made) fd_noise_words(w->s->key, w->start + at, m, w->some);
    w->made = w->n <= STORED;
    return m;
}

/* The k-th smallest word, eight bits a round, the highest first. *ties: how many of those that equal it are among the k. */
static uint32_t find_bound(struct words *w, uint64_t k, uint64_t *ties)
{
    uint64_t found = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        uint64_t count[256] = {0};
        unsigned digit = 0;
        for (uint64_t at = 0, m; at < w->n; at += m) {
            m = some_words(w, at);
            for (uint64_t j = 0; j < m; j++)
                if ((uint64_t)w->some[j] >> shift >> 8 == found) count[w->some[j] >> shift & 255]++;
        }
        while (k > count[digit]) k -= count[digit++];
        found = found << 8 | digit;
    }
    *ties = k;
    return (uint32_t)found;
}

static void smallest_range(void *context, uint64_t begin, uint64_t end)
{
    const struct smallest *s = context;
    struct words w;
    w.s = s;
    w.n = s->n;
    for (uint64_t row = begin; row < end; row++) {
        int64_t *to = s->positions + row * s->k;
        uint64_t ties;
        w.start = s->start + row * s->n;
        w.made = 0;
        const uint32_t bound = find_bound(&w, s->k, &ties);
        for (uint64_t at = 0, m; at < w.n; at += m) {
            m = some_words(&w, at);
            for (uint64_t j = 0; j < m; j++) {
                const int tied = w.some[j] == bound && ties;
                ties -= (uint64_t)tied;
                if (tied || w.some[j] < bound) *to++ = (int64_t)(at + j);
            }
        }
    }
}

fd_status fd_smallest(fd_key key, uint64_t start, uint64_t rows, uint64_t n, uint64_t k, int64_t *positions,
                      const fd_exec *exec)
{
    if (k > n || n > FD_INDEX_LIMIT || (n && rows > FD_INDEX_LIMIT / n)) return FD_BAD_SHAPE;
    if (start > FD_INDEX_LIMIT || rows * n > FD_INDEX_LIMIT - start) return FD_BAD_INDEX;
    if (rows && k && !positions) return FD_BAD_POINTER;
    const fd_status status = fd_check_exec(exec);
    if (status != FD_OK || !rows || !k) return status;
    struct smallest s = {key, start, n, k, positions};
    return fd_run(exec, rows, n > FD_INDEX_LIMIT / WORK ? n : WORK * n, smallest_range, &s);
}
