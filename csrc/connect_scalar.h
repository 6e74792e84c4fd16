/* connect_scalar.h: lines of 64 bytes for masked products in plain C. Included by isa_scalar.c alone. */

typedef struct line_f32 {
    float v[16];
} line_f32;
typedef struct line_f64 {
    double v[8];
} line_f64;
typedef uint64_t keep_f32_t, keep_f64_t;

#define FD_SCALAR_LINE(type, real, word)                                                                       \
    FD_INLINE line_##type line_load_##type(const real *p)                                                      \
    {                                                                                                          \
        line_##type a;                                                                                         \
        memcpy(a.v, p, sizeof a.v);                                                                            \
        return a;                                                                                              \
    }                                                                                                          \
    FD_INLINE line_##type line_load_part_##type(const real *p, unsigned n)                                     \
    {                                                                                                          \
        line_##type a = {{0}};                                                                                 \
        memcpy(a.v, p, n * sizeof *p);                                                                         \
        return a;                                                                                              \
    }                                                                                                          \
    FD_INLINE void line_store_##type(real *p, line_##type a) { memcpy(p, a.v, sizeof a.v); }                   \
    FD_INLINE void line_store_part_##type(real *p, line_##type a, unsigned n) { memcpy(p, a.v, n * sizeof *p); } \
    FD_INLINE line_##type line_set_##type(real f)                                                              \
    {                                                                                                          \
        line_##type a;                                                                                         \
        for (int j = 0; j < 64 / (int)sizeof(real); j++) a.v[j] = f;                                           \
        return a;                                                                                              \
    }                                                                                                          \
    FD_INLINE keep_##type##_t line_keep_##type(uint64_t bits) { return bits; }                                 \
    FD_INLINE line_##type line_add_kept_##type(line_##type sum, uint64_t keep, int k, line_##type a, line_##type b) \
    {                                                                                                          \
        enum { LANES = 64 / sizeof(real) };                                                                    \
        const word w = (word)(keep >> LANES * k);                                                              \
        word u[LANES];                                                                                         \
        for (int j = 0; j < LANES; j++) a.v[j] *= b.v[j];                                                      \
        memcpy(u, a.v, sizeof u);                                                                              \
        for (int j = 0; j < LANES; j++) u[j] &= (w & (word)1 << j) ? (word)~(word)0 : 0;                       \
        memcpy(a.v, u, sizeof u);                                                                              \
        for (int j = 0; j < LANES; j++) sum.v[j] += a.v[j];                                                    \
        return sum;                                                                                            \
    }
FD_SCALAR_LINE(f32, float, uint32_t)
FD_SCALAR_LINE(f64, double, uint64_t)
