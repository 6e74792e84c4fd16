/* fastdrop_rows.h: rows chosen by number: embeddings, tokens. Part of fastdrop.h, whose conventions hold: include that. */
#ifndef FASTDROP_ROWS_H
#define FASTDROP_ROWS_H

/* fd_keep_at writes keep[j] = 1 if the element of index start + numbers[j] is kept, else 0, for n numbers in any order. Each
 * thread makes the decisions of 2,048 neighbouring indices at once and remembers 128 such runs: about a nanosecond a
 * number where these suffice, a page of random bits where they do not. Memory: 34 KiB of stack. */
fd_status fd_keep_at(fd_key key, double p, uint64_t start, const int64_t *numbers, size_t n, uint8_t *keep,
                     const fd_exec *exec);

/* fd_smallest writes, for each of `rows` rows of n elements, the positions of its k elements of the smallest noise words
 * (fd_noise_words; ties by position), ascending: k numbers a row. Row i has the indices start + i * n and up. Takes time
 * in proportion to n and no memory but 20 KiB of stack. */
fd_status fd_smallest(fd_key key, uint64_t start, uint64_t rows, uint64_t n, uint64_t k, int64_t *positions,
                      const fd_exec *exec);

/* Rows of `bytes` bytes each, in samples: steps in bytes. */
typedef struct fd_rows {
    char *data;
    int64_t sample_step, row_step;
} fd_rows;

/* fd_take_rows copies to the k rows of each of `samples` samples of y the rows of x that `positions` (k a sample, below n)
 * says; fd_put_rows writes the n rows of each sample of y: row positions[j] is row j of x, the others are 0; there
 * positions ascend. Neither array overlaps the other. */
fd_status fd_take_rows(uint64_t samples, uint64_t k, uint64_t n, const int64_t *positions, size_t bytes, const fd_rows *x,
                       const fd_rows *y, const fd_exec *exec);
fd_status fd_put_rows(uint64_t samples, uint64_t k, uint64_t n, const int64_t *positions, size_t bytes, const fd_rows *x,
                      const fd_rows *y, const fd_exec *exec);

/* fd_look_up writes row j of y, `width` elements, for j < n: row ids[j] of `rows` of them times scale if keep[j], else +0.
 * The rows of table and y lie table_step and y_step bytes apart; they do not overlap. */
fd_status fd_look_up(const int64_t *ids, const uint8_t *keep, size_t n, fd_dtype dtype, double scale, size_t width,
                     const void *table, uint64_t rows, int64_t table_step, void *y, int64_t y_step, const fd_exec *exec);

/* fd_sum_rows writes row i of y for i < sums: the sum of the rows order[j] of x, begin[i] <= j < begin[i + 1], added in this
 * order, times scale; +0 where keep[i] is 0. Float16 and bfloat16 are added in float and rounded once at the end. No sum
 * is empty, and order holds numbers below `rows`. The result depends neither on threads nor on the instruction set. */
fd_status fd_sum_rows(const int64_t *order, const int64_t *begin, const uint8_t *keep, size_t sums, fd_dtype dtype,
                      double scale, size_t width, const void *x, uint64_t rows, int64_t x_step, void *y, int64_t y_step,
                      const fd_exec *exec);

#endif
