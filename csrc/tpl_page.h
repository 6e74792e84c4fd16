/* tpl_page.h: blocks and pages, once for every instruction set. Included by isa_<name>.c after its primitives.
 *
 * Parameters, defined by the including file
 *   vec, V_PARTS     a register of 16 / V_PARTS lanes of 32 bits: v_add, v_xor, v_shl(a, n), v_rotl(a, n)
 *   wide, W_LANES    a register of 2, 4 or 8 lanes of 64 bits whose low halves count: w_set(u32) in every lane, w_xor,
 *                    w_mul(a, m) low half times m, w_high(a) upper half down, w_load(const uint64_t *), w_store
 *   w_counter(c, g)  c plus the lane numbers that group g stands for
 *   w_merge(const wide *, part)  the low halves of the groups as part `part` of the 16 lanes
 */

/* One word of each of the 16 lanes: 64 bytes. */
typedef struct lanes {
    vec part[V_PARTS];
} lanes;

enum { W_GROUPS = 16 / W_LANES };

typedef struct page_state {
    lanes s0, s1, s2, s3;
} page_state;

/* Philox4x32-10 on `groups` vectors at a time. Upper halves hold rubbish throughout: products read low halves only. */
FD_INLINE void philox_wide(wide c[][4], int groups, fd_key key)
{
    uint32_t k0 = (uint32_t)key.seed, k1 = (uint32_t)(key.seed >> 32);
    for (int round = 0; round < FD_PHILOX_ROUNDS; round++) {
        wide key0 = w_set(k0), key1 = w_set(k1);
        for (int g = 0; g < groups; g++) {
            wide a = w_mul(c[g][0], FD_PHILOX_M0), b = w_mul(c[g][2], FD_PHILOX_M1);
            c[g][0] = w_xor(w_xor(w_high(b), c[g][1]), key0);
            c[g][1] = b;
            c[g][2] = w_xor(w_xor(w_high(a), c[g][3]), key1);
            c[g][3] = a;
        }
        k0 += FD_PHILOX_W0;
        k1 += FD_PHILOX_W1;
    }
}

/* The 16 lanes of a page start as 16 blocks in a row; two groups at a time fill the registers of AVX2. */
FD_INLINE page_state page_seed(fd_key key, unsigned domain, uint64_t page)
{
    enum { BATCH = W_GROUPS < 2 ? W_GROUPS : 2 };
    uint64_t block = 16 * page;
    wide out[4][W_GROUPS];
    for (int g = 0; g < W_GROUPS; g += BATCH) {
        wide c[BATCH][4];
        for (int i = 0; i < BATCH; i++) {
            c[i][0] = w_counter((uint32_t)block, g + i);
            c[i][1] = w_set((uint32_t)(block >> 32) | (uint32_t)domain << 28);
            c[i][2] = w_set((uint32_t)key.stream);
            c[i][3] = w_set((uint32_t)(key.stream >> 32));
        }
        philox_wide(c, BATCH, key);
        for (int i = 0; i < BATCH; i++)
            for (int word = 0; word < 4; word++) out[word][g + i] = c[i][word];
    }
    page_state s;
    for (int i = 0; i < V_PARTS; i++) {
        s.s0.part[i] = w_merge(out[0], i);
        s.s1.part[i] = w_merge(out[1], i);
        s.s2.part[i] = w_merge(out[2], i);
        s.s3.part[i] = w_merge(out[3], i);
    }
    return s;
}

/* One step of xoshiro128++ 1.0 (Blackman, Vigna, ACM TOMS 2021) in every lane: 64 bytes of the page. Part by part,
 * so that few registers are live. */
FD_INLINE lanes page_step(page_state *s)
{
    lanes out;
    for (int i = 0; i < V_PARTS; i++) {
        vec s0 = s->s0.part[i], s1 = s->s1.part[i], s2 = s->s2.part[i], s3 = s->s3.part[i];
        out.part[i] = v_add(v_rotl(v_add(s0, s3), 7), s0);
        s2 = v_xor(s2, s0);
        s3 = v_xor(s3, s1);
        s->s2.part[i] = v_xor(s2, v_shl(s1, 9));
        s->s1.part[i] = v_xor(s1, s2);
        s->s0.part[i] = v_xor(s0, s3);
        s->s3.part[i] = v_rotl(s3, 11);
    }
    return out;
}

FD_INLINE void page_skip(page_state *s, unsigned steps)
{
    while (steps--) (void)page_step(s);
}

/* The refinement words of eight elements base + offset[0..7], which must not lie on both sides of a multiple of 2^34:
 * their 2^32 blocks share the upper word of the counter. */
FD_INLINE void refine8(fd_key key, uint64_t base, const uint16_t *offset, uint32_t *r)
{
    enum { GROUPS = 8 / W_LANES };
    uint64_t low[8], out[4][8];
    for (int j = 0; j < 8; j++) low[j] = (base + offset[j]) >> 2;
    uint32_t high = (uint32_t)(low[0] >> 32) | (uint32_t)FD_DOMAIN_REFINE << 28;
    wide c[GROUPS][4];
    for (int g = 0; g < GROUPS; g++) {
        c[g][0] = w_load(low + g * W_LANES);
        c[g][1] = w_set(high);
        c[g][2] = w_set((uint32_t)key.stream);
        c[g][3] = w_set((uint32_t)(key.stream >> 32));
    }
    philox_wide(c, GROUPS, key);
    for (int word = 0; word < 4; word++)
        for (int g = 0; g < GROUPS; g++) w_store(out[word] + g * W_LANES, c[g][word]);
    for (int j = 0; j < 8; j++) r[j] = (uint32_t)out[offset[j] & 3][j];
}
