/* tpl_page.h: blocks and pages, once for every instruction set. Included by isa_<name>.c after its primitives.
 *
 * Parameters, defined by the including file
 *   vec, V_PARTS     a register of 16 / V_PARTS lanes of 32 bits: v_add, v_xor, v_xor3, v_shl(a, n), v_rotl(a, n)
 *   wide, W_LANES    a register of 2, 4 or 8 lanes of 64 bits whose low halves count: w_set(u32) in every lane, w_add
 *                    (of low halves), w_xor3, w_mul(a, m) low half times m, w_high(a) upper half down
 *   REFINE_CHAINS    registers of ties refined side by side
 *   w_counter(c, g)  c plus the block numbers that group g stands for, in any order
 *   w_merge(wide (*)[4], word, part)  the low halves of a word of the groups as part `part` of the 16 lanes
 * The order of the 16 lanes in registers is the including file's choice; memory has that of the contract.
 */

/* One word of each of the 16 lanes: 64 bytes. */
typedef struct lanes {
    vec part[V_PARTS];
} lanes;

enum { W_GROUPS = 16 / W_LANES };

/* Pages whose bytes decide are done in batches. Batches begin at multiples of BATCH pages, so that none crosses a
 * multiple of 2^34 elements, where the upper counter word of the refinement blocks changes. */
enum { BATCH = 2, BATCH_BYTES = BATCH * FD_PAGE_BYTES };

typedef struct page_state {
    lanes s0, s1, s2, s3;
} page_state;

/* What blocks of a key share: the keys of the round to come, and the stream's two counter words. */
typedef struct cipher {
    wide k0, k1, c2, c3;
} cipher;

FD_INLINE cipher make_cipher(fd_key key)
{
    const uint32_t seed = (uint32_t)key.seed, stream = (uint32_t)key.stream;
    return (cipher){w_set(seed), w_set((uint32_t)(key.seed >> 32)), w_set(stream), w_set((uint32_t)(key.stream >> 32))};
}

/* A round of Philox4x32 for `chains` times as many blocks as a register has lanes. Upper halves hold rubbish throughout:
 * products read low halves only. A round is a chain of product, shift and xor, what is ready early being xored first,
 * and processors do not look far ahead: several chains side by side keep them busy. */
FD_INLINE void philox_round(cipher *e, wide c[][4], int chains)
{
    for (int i = 0; i < chains; i++) {
        wide a = w_mul(c[i][0], FD_PHILOX_M0), b = w_mul(c[i][2], FD_PHILOX_M1);
        c[i][0] = w_xor3(c[i][1], e->k0, w_high(b));
        c[i][2] = w_xor3(c[i][3], e->k1, w_high(a));
        c[i][1] = b;
        c[i][3] = a;
    }
    e->k0 = w_add(e->k0, w_set(FD_PHILOX_W0));
    e->k1 = w_add(e->k1, w_set(FD_PHILOX_W1));
}

FD_INLINE void philox_rounds(const cipher *key, wide c[][4], int chains)
{
    cipher e = *key;
    FD_UNROLL_ROUNDS
    for (int round = 0; round < FD_PHILOX_ROUNDS; round++) philox_round(&e, c, chains);
}

/* The 16 lanes of a page start as 16 blocks in a row. */
FD_INLINE void set_counters(wide c[][4], const cipher *e, unsigned domain, uint64_t page)
{
    const uint64_t block = 16 * page;
    for (int g = 0; g < W_GROUPS; g++) {
        c[g][0] = w_counter((uint32_t)block, g);
        c[g][1] = w_set((uint32_t)(block >> 32) | (uint32_t)domain << 28);
        c[g][2] = e->c2;
        c[g][3] = e->c3;
    }
}

FD_INLINE void set_state(page_state *s, wide c[][4])
{
    for (int i = 0; i < V_PARTS; i++) {
        s->s0.part[i] = w_merge(c, 0, i);
        s->s1.part[i] = w_merge(c, 1, i);
        s->s2.part[i] = w_merge(c, 2, i);
        s->s3.part[i] = w_merge(c, 3, i);
    }
}

/* The states of `count` pages in a row, 1 or BATCH. Chains side by side are as many as registers hold. */
FD_INLINE void pages_seed(page_state *s, const cipher *e, unsigned domain, uint64_t first, int count)
{
    const int groups = count * W_GROUPS, chains = W_GROUPS <= 2 ? groups : 2;
    wide c[BATCH * W_GROUPS][4];
    for (int g = 0; g < groups; g += W_GROUPS) set_counters(c + g, e, domain, first + (unsigned)(g / W_GROUPS));
    for (int g = 0; g < groups; g += chains) philox_rounds(e, c + g, chains);
    for (int g = 0; g < groups; g += W_GROUPS) set_state(s++, c + g);
}

/* One page, by a call and from the key: twenty round keys kept over the page that follows would only be spilled and
 * loaded, which is dearer than making them again, and twice as dear as the rounds where that page is cut short. */
FD_NOINLINE void seed_page(page_state *s, fd_key key, unsigned domain, uint64_t page)
{
    const cipher e = make_cipher(key);
    pages_seed(s, &e, domain, page, 1);
}

/* Up to BATCH pages, by a call: the loops that follow are better off with registers of their own. */
FD_NOINLINE void batch_seed(page_state *s, fd_key key, unsigned domain, uint64_t first, unsigned count)
{
    const cipher e = make_cipher(key);
    if (count == BATCH && W_GROUPS <= 2) pages_seed(s, &e, domain, first, BATCH);
    else for (unsigned g = 0; g < count; g++) pages_seed(s + g, &e, domain, first + g, 1);
}

/* One step of xoshiro128++ 1.0 (Blackman, Vigna, ACM TOMS 2021) in every lane: 64 bytes of the page. Part by part,
 * so that few registers are live. */
FD_INLINE lanes page_step(page_state *s)
{
    lanes out;
    for (int i = 0; i < V_PARTS; i++) {
        vec s0 = s->s0.part[i], s1 = s->s1.part[i], s2 = s->s2.part[i], s3 = s->s3.part[i];
        out.part[i] = v_add(v_rotl(v_add(s0, s3), 7), s0);
        s->s2.part[i] = v_xor3(s2, s0, v_shl(s1, 9));
        s->s1.part[i] = v_xor3(s2, s0, s1);
        s->s0.part[i] = v_xor3(s3, s1, s0);
        s->s3.part[i] = v_rotl(v_xor(s3, s1), 11);
    }
    return out;
}

FD_INLINE void page_skip(page_state *s, unsigned steps)
{
    while (steps--) (void)page_step(s);
}
