/* rows.c: blocks and chosen rows of every runnable instruction set against loops over single elements. All memory is of
 * exactly the size that is asked for and ends where an unreadable page begins.
 * Usage: rows [--quick] [--expect NAME]; prints what ran. */
#define _DEFAULT_SOURCE
#include <fastdrop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "reference.h"

static const fd_key key = {71, 72};
static uint32_t state = 1;

static uint32_t next(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

/* The k-th piece of memory, of n bytes, between unreadable pages. */
enum { PIECES = 8, LARGEST = 1 << 20 };
static unsigned char *memory(int k, size_t n)
{
    static unsigned char *ends[PIECES];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (LARGEST + page - 1) / page * page;
    if (!ends[k]) {
        unsigned char *p = mmap(NULL, inside + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) || mprotect(p + page + inside, page, PROT_NONE)) exit(3);
        ends[k] = p + page + inside;
    }
    if (n > LARGEST) exit(3);
    return ends[k] - n;
}

static int bit(const uint8_t *bits, uint64_t at) { return bits[at / 8] >> at % 8 & 1; }

/* ---- blocks ---------------------------------------------------------------------------------------------------- */

static void grow(uint64_t maps, int dims, const int64_t *shape, int64_t block, unsigned one_in, int threads)
{
    int64_t whole[3];
    uint64_t seeds_each = 1, bits_each = 1, left = 0;
    for (int d = 0; d < dims; d++) {
        whole[d] = shape[d] + block - 1;
        seeds_each *= (uint64_t)shape[d];
        bits_each *= (uint64_t)whole[d];
    }
    const uint64_t n = maps * bits_each, num_seeds = maps * seeds_each;
    uint8_t *seeds = memory(0, (size_t)(num_seeds + 7) / 8), *bits = memory(1, (size_t)(n + 7) / 8);
    unsigned char *keep = memory(2, (size_t)n);
    memset(seeds, 0, (size_t)(num_seeds + 7) / 8);
    memset(bits, 0xA5, (size_t)(n + 7) / 8);
    memset(keep, 1, (size_t)n);
    for (uint64_t i = 0; i < num_seeds; i++) {
        if (next(one_in)) {
            seeds[i / 8] |= (uint8_t)(1u << i % 8);
            continue;
        }
        int64_t at[3] = {0}, rest = (int64_t)(i % seeds_each), b[3];
        for (int d = dims - 1; d >= 0; d--) {
            at[d] = rest % shape[d];
            rest /= shape[d];
        }
        for (b[0] = 0; b[0] < block; b[0]++)
            for (b[1] = 0; b[1] < (dims > 1 ? block : 1); b[1]++)
                for (b[2] = 0; b[2] < (dims > 2 ? block : 1); b[2]++) {
                    uint64_t place = 0;
                    for (int d = 0; d < dims; d++) place = place * (uint64_t)whole[d] + (uint64_t)(at[d] + b[d]);
                    keep[i / seeds_each * bits_each + place] = 0;
                }
    }
    for (uint64_t i = 0; i < n; i++) left += keep[i];
    uint64_t kept = 99;
    const fd_exec exec = {threads, NULL, NULL};
    const fd_status status = fd_grow_blocks(seeds, maps, dims, shape, block, bits, &kept, &exec);
    CHECK(status == FD_OK && kept == left, "%s, %d kept of %d, not %d", fd_status_string(status), (int)kept, (int)n, (int)left);
    for (uint64_t i = 0; i < n; i++)
        CHECK(bit(bits, i) == keep[i], "bit %d, %d maps of last axis %d, dims %d, block %d", (int)i, (int)maps,
              (int)shape[dims - 1], dims, (int)block);
    for (uint64_t i = n; i < (n + 7) / 8 * 8; i++) CHECK(!bit(bits, i), "high bit %d", (int)i);
}

static void all_blocks(int rounds)
{
    static const struct {
        uint64_t maps;
        int dims;
        int64_t shape[3], block;
    } some[] = {{9, 2, {8, 8}, 7},   {7, 1, {1}, 1},       {3, 1, {57}, 1},    {5, 1, {58}, 3},    {2, 1, {400}, 300},
                {1, 1, {5000}, 64},  {3, 2, {60, 1}, 65},  {2, 3, {3, 4, 5}, 4}, {1, 2, {90, 70}, 33}, {300, 2, {5, 5}, 3},
                {40, 2, {70, 70}, 2}};
    for (size_t k = 0; k < sizeof some / sizeof *some; k++)
        for (int threads = 1; threads < 4; threads += 2)
            grow(some[k].maps, some[k].dims, some[k].shape, some[k].block, k % 2 ? 3 : 50, threads);
    for (int round = 0; round < rounds; round++) {
        const int dims = 1 + (int)next(3);
        const int64_t block = 1 + next(dims == 1 ? 200 : 9);
        int64_t shape[3];
        for (int d = 0; d < dims; d++) shape[d] = 1 + next(dims == 1 ? 300 : 12);
        grow(1 + next(20), dims, shape, block, 2 + next(60), 1);
    }
}

/* ---- chosen elements ------------------------------------------------------------------------------------------- */

static void decisions(double p, size_t n, int threads)
{
    int64_t *numbers = (int64_t *)memory(0, 8 * n);
    uint8_t *keep = memory(1, n);
    const fd_exec exec = {threads, NULL, NULL};
    for (size_t j = 0; j < n; j++) numbers[j] = j % 3 ? (int64_t)next(40000) : (int64_t)((uint64_t)next(1 << 24) << 36);
    CHECK(fd_keep_at(key, p, 777, numbers, n, keep, &exec) == FD_OK, "keep_at");
    for (size_t j = 0; j < n; j++)
        CHECK(keep[j] == ref_keep(key.seed, key.stream, p, 777 + (uint64_t)numbers[j]), "p %g number %d", p, (int)j);
}

static int earlier(const uint32_t *words, uint64_t a, uint64_t b) { return words[a] < words[b] || (words[a] == words[b] && a < b); }

static void ranks(uint64_t rows, uint64_t n, uint64_t k, int threads)
{
    int64_t *positions = (int64_t *)memory(0, (size_t)(8 * rows * k));
    uint32_t *words = (uint32_t *)memory(1, (size_t)(4 * n));
    const fd_exec exec = {threads, NULL, NULL};
    CHECK(fd_smallest(key, 333, rows, n, k, positions, &exec) == FD_OK, "smallest");
    for (uint64_t row = 0; row < rows; row++) {
        const int64_t *at = positions + row * k;
        for (uint64_t i = 0; i < n; i++)
            words[i] = ref_word(key.seed, key.stream, 3, (333 + row * n + i) / 512, (unsigned)((333 + row * n + i) % 512));
        for (uint64_t j = 0; j < k; j++) CHECK(at[j] >= 0 && (uint64_t)at[j] < n && (!j || at[j - 1] < at[j]), "order %d", (int)j);
        for (uint64_t i = 0, j = 0; i < n; i++) {
            uint64_t before = 0;
            for (uint64_t m = 0; m < n; m++) before += (uint64_t)earlier(words, m, i);
            const int chosen = j < k && (uint64_t)at[j] == i;
            j += (uint64_t)chosen;
            CHECK(chosen == (before < k), "n %d k %d row %d position %d", (int)n, (int)k, (int)row, (int)i);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    const uint32_t v = *(const uint32_t *)a, w = *(const uint32_t *)b;
    return (v > w) - (v < w);
}

/* Of two equal words the earlier one is the smaller. In a quarter of a million some are: k is such that one of two is taken. */
static void ties(void)
{
    enum { N = 1 << 18 };
    uint32_t *words = (uint32_t *)memory(0, 4 * N), *sorted = (uint32_t *)memory(1, 4 * N);
    uint64_t k = 1;
    for (uint64_t i = 0; i < N; i++) words[i] = ref_word(key.seed, key.stream, 3, i / 512, (unsigned)(i % 512));
    memcpy(sorted, words, 4 * N);
    qsort(sorted, N, 4, by_value);
    while (k < N / 2 && sorted[k - 1] != sorted[k]) k++;
    CHECK(sorted[k - 1] == sorted[k], "no tie");
    int64_t *positions = (int64_t *)memory(2, (size_t)(8 * k));
    CHECK(fd_smallest(key, 0, 1, N, k, positions, NULL) == FD_OK, "smallest");
    uint64_t j = 0, tied = 0;
    for (uint64_t i = 0; i < N; i++)
        if (words[i] < sorted[k] || (words[i] == sorted[k] && !tied++)) {
            CHECK(j < k && positions[j] == (int64_t)i, "tie: number %d", (int)j);
            j++;
        }
    CHECK(j == k && tied > 1, "%d chosen, %d tied", (int)j, (int)tied);
}

static int go_on(void *calls) { return ++*(int *)calls > 5; }

/* Rows that are longer than what is done between two questions whether to go on. */
static void long_rows(void)
{
    int64_t positions[2] = {-1, -1};
    int calls = 0;
    const fd_exec exec = {1, go_on, &calls};
    CHECK(fd_smallest(key, 0, 2, (1 << 21) + 1, 1, positions, &exec) == FD_OK && calls == 1, "asked %d times", calls);
    CHECK(positions[0] >= 0 && positions[1] >= 0, "not written");
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static void copies(uint64_t samples, uint64_t n, uint64_t k, size_t bytes, int threads)
{
    const size_t x_size = (size_t)(samples * n) * bytes, y_size = (size_t)(samples * k) * bytes;
    const fd_exec exec = {threads, NULL, NULL};
    const fd_rows x = {(char *)memory(0, x_size), (int64_t)(n * bytes), (int64_t)bytes};
    const fd_rows y = {(char *)memory(1, y_size), (int64_t)(k * bytes), (int64_t)bytes};
    const fd_rows back = {(char *)memory(2, x_size), x.sample_step, x.row_step};
    int64_t *positions = (int64_t *)memory(3, (size_t)(8 * samples * k));
    for (size_t i = 0; i < x_size; i++) x.data[i] = (char)(1 + next(255));
    memset(y.data, 0, y_size);
    memset(back.data, 77, x_size);
    CHECK(fd_smallest(key, 0, samples, n, k, positions, NULL) == FD_OK, "smallest");
    CHECK(fd_take_rows(samples, k, n, positions, bytes, &x, &y, &exec) == FD_OK, "take");
    CHECK(fd_put_rows(samples, k, n, positions, bytes, &y, &back, &exec) == FD_OK, "put");
    for (uint64_t s = 0; s < samples; s++) {
        uint64_t j = 0;
        for (uint64_t i = 0; i < n; i++) {
            const int chosen = j < k && (uint64_t)positions[s * k + j] == i;
            for (size_t b = 0; b < bytes; b++) {
                const char here = x.data[(s * n + i) * bytes + b];
                if (chosen) CHECK(y.data[(s * k + j) * bytes + b] == here, "taken row %d byte %d", (int)i, (int)b);
                CHECK(back.data[(s * n + i) * bytes + b] == (chosen ? here : 0), "put row %d byte %d", (int)i, (int)b);
            }
            j += (uint64_t)chosen;
        }
    }
    if (samples && k) {
        positions[samples * k - 1] = (int64_t)n;
        memset(y.data, 0, y_size);
        CHECK(fd_take_rows(samples, k, n, positions, bytes, &x, &y, NULL) == FD_BAD_INDEX && (!y_size || !y.data[0]), "too far");
    }
}

/* Small integers, so that every sum and product is exact: orders are checked in Python. */
static void tables(size_t rows, size_t width, size_t n, int threads)
{
    const fd_exec exec = {threads, NULL, NULL};
    float *table = (float *)memory(0, 4 * rows * width), *y = (float *)memory(1, 4 * n * width);
    float *sums = (float *)memory(2, 4 * rows * width);
    int64_t *ids = (int64_t *)memory(3, 8 * n), *order = (int64_t *)memory(4, 8 * n), *begin = (int64_t *)memory(5, 8 * (rows + 1));
    uint8_t *keep = memory(6, n), *keep_rows = memory(7, rows);
    for (size_t i = 0; i < rows * width; i++) table[i] = (float)next(1000) - 500;
    for (size_t j = 0; j < n; j++) ids[j] = j < rows ? (int64_t)j : (int64_t)next((uint32_t)rows);
    for (size_t j = 0; j < n; j++) keep[j] = (uint8_t)(next(3) != 0);
    for (size_t i = 0; i < rows; i++) keep_rows[i] = (uint8_t)(next(3) != 0);
    CHECK(fd_look_up(ids, keep, n, FD_F32, 4.0, width, table, rows, (int64_t)(4 * width), y, (int64_t)(4 * width), &exec) == FD_OK,
          "look up");
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < width; i++)
            CHECK(y[j * width + i] == (keep[j] ? 4 * table[(size_t)ids[j] * width + i] : 0), "row %d of %d", (int)j, (int)width);
    size_t at = 0;
    for (size_t i = 0; i < rows; i++) {
        begin[i] = (int64_t)at;
        for (size_t j = 0; j < n; j++)
            if (ids[j] == (int64_t)i) order[at++] = (int64_t)j;
    }
    begin[rows] = (int64_t)at;
    const fd_status status = fd_sum_rows(order, begin, keep_rows, rows, FD_F32, 2.0, width, y, n, (int64_t)(4 * width), sums,
                                         (int64_t)(4 * width), &exec);
    CHECK(status == FD_OK, "%s", fd_status_string(status));
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < width; c++) {
            float sum = 0;
            for (size_t j = 0; j < n; j++) sum += ids[j] == (int64_t)i ? y[j * width + c] : 0;
            CHECK(sums[i * width + c] == (keep_rows[i] ? 2 * sum : 0), "sum %d of width %d", (int)i, (int)width);
        }
}

static void bad_arguments(void)
{
    const int64_t shape[2] = {3, 0}, fine[2] = {3, 3}, huge[2] = {INT64_MAX / 2, INT64_MAX / 2}, one = 1, minus = -1;
    const fd_exec none = {0, NULL, NULL};
    uint8_t bits[16] = {7};
    int64_t positions[4] = {0};
    float x[4] = {0};
    CHECK(fd_grow_blocks(bits, 1, 2, shape, 2, bits + 8, NULL, NULL) == FD_BAD_SHAPE, "length 0");
    CHECK(fd_grow_blocks(bits, 1, 2, huge, 2, bits + 8, NULL, NULL) == FD_BAD_SHAPE, "huge");
    CHECK(fd_grow_blocks(bits, 1, 2, fine, INT64_MAX, bits + 8, NULL, NULL) == FD_BAD_SHAPE, "huge block");
    CHECK(fd_grow_blocks(bits, UINT64_MAX, 2, fine, 1, bits + 8, NULL, NULL) == FD_BAD_SHAPE, "many maps");
    CHECK(fd_grow_blocks(bits, 1, 2, fine, 0, bits + 8, NULL, NULL) == FD_BAD_SHAPE, "block");
    CHECK(fd_grow_blocks(bits, 1, 0, fine, 1, bits + 8, NULL, NULL) == FD_BAD_NDIM, "dims");
    CHECK(fd_grow_blocks(NULL, 1, 2, fine, 1, bits + 8, NULL, NULL) == FD_BAD_POINTER, "seeds");
    CHECK(fd_grow_blocks(bits, 1, 2, fine, 1, bits + 8, NULL, &none) == FD_BAD_THREADS, "threads");
    CHECK(fd_grow_blocks(NULL, 0, 2, fine, 1, NULL, NULL, NULL) == FD_OK, "no maps");
    CHECK(fd_keep_at(key, 1.5, 0, &one, 1, bits, NULL) == FD_BAD_PROBABILITY, "p");
    CHECK(fd_keep_at(key, 0.5, 0, &minus, 1, bits, NULL) == FD_BAD_INDEX, "minus");
    CHECK(fd_keep_at(key, 0.5, FD_INDEX_LIMIT - 1, &one, 1, bits, NULL) == FD_BAD_INDEX, "limit");
    CHECK(fd_keep_at(key, 0.5, 0, NULL, 1, bits, NULL) == FD_BAD_POINTER, "numbers");
    CHECK(fd_smallest(key, 0, 1, 2, 3, positions, NULL) == FD_BAD_SHAPE, "k");
    CHECK(fd_smallest(key, FD_INDEX_LIMIT, 1, 2, 1, positions, NULL) == FD_BAD_INDEX, "start");
    CHECK(fd_smallest(key, 0, 1, 2, 1, NULL, NULL) == FD_BAD_POINTER, "positions");
    CHECK(fd_look_up(&one, bits, 1, FD_F32, 1, 2, x, 1, 8, x + 2, 8, NULL) == FD_BAD_INDEX, "id");
    CHECK(fd_look_up(&one, bits, 1, FD_NUM_DTYPES, 1, 2, x, 2, 8, x + 2, 8, NULL) == FD_BAD_DTYPE, "dtype");
    CHECK(fd_sum_rows(&one, positions, bits, 1, FD_F32, 1, 2, x, 2, 8, x, 8, NULL) == FD_BAD_SHAPE, "empty sum");
    CHECK(fd_look_up(&one, bits, 1, FD_F32, 1, SIZE_MAX, x, 2, 8, x + 2, 8, NULL) == FD_BAD_SHAPE, "width");
    CHECK(fd_sum_rows(&one, positions, bits, 1, FD_F32, 1, SIZE_MAX, x, 2, 8, x, 8, NULL) == FD_BAD_SHAPE, "width");
    const fd_rows rows = {(char *)x, 8, 8};
    CHECK(fd_take_rows(1, 1, 2, &one, SIZE_MAX, &rows, &rows, NULL) == FD_BAD_SHAPE, "bytes");
    CHECK(fd_put_rows(1, 1, 2, &one, SIZE_MAX, &rows, &rows, NULL) == FD_BAD_SHAPE, "bytes");
    CHECK(bits[0] == 7 && bits[8] == 0 && x[2] == 0, "written");
}

int main(int argc, char **argv)
{
    const char *expect = NULL, *name;
    int ran = 0, quick = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) quick = 1;
        else if (strcmp(argv[i], "--expect") == 0 && i + 1 < argc) expect = argv[++i];
    }
    for (int i = 0; (name = fd_isa_name(i)); i++) {
        if (fd_isa_select(name) != FD_OK) continue;
        if (expect && strcmp(expect, name) == 0) ran = 1;
        const unsigned long before = checks;
        all_blocks(quick ? 30 : 300);
        const double rates[] = {0.5, 0.1, 0.0, 1.0, 0x1p-40};
        for (int k = 0; k < 5; k++) decisions(rates[k], quick ? 300 : 5000, 1 + k % 2);
        ranks(3, 196, 49, 2);
        ranks(2, 7, 7, 1);
        ranks(1, 1, 1, 1);
        ranks(2, 600, 1, 1);
        if (!quick) ranks(1, 5000, 1234, 1);
        copies(3, 11, 4, 12, 2);
        copies(2, 5, 5, 1, 1);
        copies(2, 5, 0, 3, 1);
        for (size_t width = 1; width < 300; width += 86) tables(7, width, 40, 1 + (int)(width % 3));
        if (!quick) tables(20, 300, 800, 2);
        ties();
        long_rows();
        bad_arguments();
        printf("%s: %lu checks\n", name, checks - before);
    }
    if (expect) CHECK(ran, "%s did not run", expect);
    return check_end();
}
