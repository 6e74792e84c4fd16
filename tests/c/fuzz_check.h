/* fuzz_check.h: which bytes a call may write, and whether it has kept to that. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include "fuzz.h"

static struct output {
    shape shape;
    array array;
    int real; /* bytes of its floating-point numbers, 0 if it has none; 1: those of bfloat16 */
} outputs[OUTPUTS];
static int num_outputs, real_size;
static uint64_t digest;

static void own(void *element, size_t size)
{
    struct block *b = block_of(element);
    if (!b->owned) b->owned = calloc(b->size, 1);
    memset(b->owned + ((uint8_t *)element - b->data), 1, size);
}

static void put_output(const shape *s, const array *a, int real)
{
    if (!a->data) return;
    outputs[num_outputs++] = (struct output){*s, *a, real};
    for_each(s, a, own);
}

/* n elements side by side. */
static void *put_flat(uint64_t n, size_t size, int real)
{
    shape s = {1, {(int64_t)n}, n, n > 0 && n <= 2 * MOST}; /* complex means are two numbers each */
    array a = {.size = size, .strides = {(int64_t)size}, .data = block(s.usable ? n * size : 1)};
    put_output(&s, &a, real);
    return a.data;
}

/* The bits of a number, which are the same for every NaN: nothing is promised of those. */
static void digest_element(void *element, size_t size)
{
    static const uint64_t infinities[] = {0, 0x7F80, 0x7C00, 0, 0x7F800000, 0, 0, 0, UINT64_C(0x7FF) << 52};
    const uint64_t infinity = infinities[real_size];
    const size_t each = real_size == 0 ? 1 : real_size == 1 ? 2 : (size_t)real_size;
    for (size_t i = 0; i < size; i += each) {
        uint64_t w = 0;
        memcpy(&w, (char *)element + i, each);
        if (real_size && (w & (UINT64_MAX >> (65 - 8 * each))) > infinity) w = 1 + infinity;
        digest = (digest ^ w) * UINT64_C(0x9E3779B97F4A7C15);
        digest ^= digest >> 29;
    }
}

/* The call has returned this. */
static void check(fd_status status)
{
    const int failed = status != FD_OK;
    REQUIRE(status >= FD_OK && status <= FD_INTERRUPTED, "status %d", (int)status);
    REQUIRE(failed ? (int)(faults >> status & 1) : nothing || !faults, "%s, but the faults are %x", fd_status_string(status),
            faults);
    digest = (digest ^ (uint64_t)status) * UINT64_C(0x9E3779B97F4A7C15);
    for (int i = 0; i < num_blocks; i++) {
        const struct block *b = &blocks[i];
        for (size_t j = 0; j < b->size; j++)
            REQUIRE(b->data[j] == b->before[j] || (!failed && b->owned && b->owned[j]), "block %d, byte %zu of %zu, status %d",
                    i, j, b->size, (int)status);
    }
    for (int i = 0; i < num_outputs && !failed; i++) {
        real_size = outputs[i].real;
        for_each(&outputs[i].shape, &outputs[i].array, digest_element);
    }
}

static void forget(void)
{
    for (int i = 0; i < num_blocks; i++) {
        free(blocks[i].data);
        free(blocks[i].before);
        free(blocks[i].owned);
    }
    num_blocks = num_outputs = nothing = huge = 0;
    faults = 0;
}

/* Whether a call can be made: one that is wrong has to be found out before anything is done, whatever its size. */
static int ready(void) { return faults || nothing || !huge; }

#endif
