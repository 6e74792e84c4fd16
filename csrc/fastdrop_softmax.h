/* fastdrop_softmax.h: dropout on the softmax of scores, as in attention, and the functions that it is made of. Part of
 * fastdrop.h, whose conventions hold: include that.
 */
#ifndef FASTDROP_SOFTMAX_H
#define FASTDROP_SOFTMAX_H

/* Functions of one real number: exp; GELU x Phi(x) and its derivative; its approximation by tanh and the derivative of that. */
typedef enum fd_function {
    FD_EXP,
    FD_GELU,
    FD_GELU_SLOPE,
    FD_GELU_TANH,
    FD_GELU_TANH_SLOPE,
    FD_NUM_FUNCTIONS
} fd_function;

/* fd_map writes y[j] = f(x[j]) for FD_F32 or FD_F64: within 4 units in the last place of the exact value where that is not
 * subnormal (docs/numerics.md has the exception), and the same bits on every instruction set. y and x do not overlap. */
fd_status fd_map(fd_function f, size_t n, fd_dtype dtype, const void *x, void *y);

typedef enum fd_score_mask {
    FD_NO_MASK,
    FD_BOOL_MASK, /* bytes; 0: the key is not seen */
    FD_ADD_MASK   /* float, double for FD_F64, added to the score */
} fd_score_mask;

/* What the softmax is of: t = scale x + mask, where the mask allows; -Inf elsewhere. */
typedef struct fd_scores {
    double scale;                /* rounded once to the type that is computed in */
    fd_score_mask mask_kind;
    const void *mask;            /* where there is one, with strides in bytes, 0 where it is the same */
    const int64_t *mask_strides;
    int causal;                  /* the query at i of the last axis but one sees the keys up to first_query + i */
    int64_t first_query;
} fd_scores;

/* fd_softmax_dropout writes y = kept ? exp(t - max) / sum * s : +0 with max and sum taken along the last axis, s =
 * 1/(1-p) of `drop`, whose mask is that of any array of this shape. float16 and bfloat16 are computed in float and rounded
 * once. A row that sees no key is 0. In row_max and row_sum (float, double for FD_F64; in C order, one for each row; both or
 * neither may be NULL) the backward pass finds what it needs: 0 and 0 for a row that sees no key. Real types only,
 * of 1 axis or more (2 or more if causal), one p. Steps of mask indices along the last axis are 1. y is x or shares no memory
 * with anything else. Sums are in an order of their own, the same for every instruction set and number of threads. */
fd_status fd_softmax_dropout(const fd_mask_desc *drop, const fd_scores *scores, int ndim, const int64_t *shape,
                             fd_dtype dtype, const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                             void *row_max, void *row_sum, const fd_exec *exec);

/* fd_softmax_dropout_backward writes dx = scale P (g - sum of g P along the row), g = kept ? dy s : +0, with P made again from
 * x, row_max and row_sum. dx is dy or shares no memory with anything else. */
fd_status fd_softmax_dropout_backward(const fd_mask_desc *drop, const fd_scores *scores, int ndim, const int64_t *shape,
                                      fd_dtype dtype, const void *x, const int64_t *x_strides, const void *row_max,
                                      const void *row_sum, const void *dy, const int64_t *dy_strides, void *dx,
                                      const int64_t *dx_strides, const fd_exec *exec);

#endif
