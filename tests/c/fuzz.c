/* fuzz.c: every public function of the C core with arguments that a fuzzer chose.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -Icsrc tests/c/fuzz.c csrc/[a-z]*.c -lm -o fuzz
 *     ./fuzz -max_len=400 -timeout=20 corpus tests/data/fuzz-corpus
 *
 * Wrong arguments have to be refused with a status that names what is wrong, before anything is written; right ones have to
 * succeed and write nothing but the output's elements; and plain C and the best instruction set have to agree in all. */
#include "fuzz_arrays.h"
#include "fuzz_rows.h"
#include "fuzz_runs.h"
#include "fuzz_samples.h"
#include "fuzz_xla.h"

static void (*const calls[])(void) = {
    call_source, call_fold_in, call_pages,   call_words,   call_fill,    call_run,   call_map,
    call_fill_nd, call_array,  call_mix,     call_fused,   call_softmax, call_samples, call_connect,
    call_picks,  call_copy_rows, call_embedding, call_blocks, call_plain,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *best = "scalar";
    uint64_t plain = 0;
    for (int i = 0; fd_isa_name(i); i++)
        if (fd_isa_runnable(fd_isa_name(i))) best = fd_isa_name(i);
    for (int twice = 0; twice < 2; twice++) {
        next_byte = data;
        last_byte = data + size;
        digest = 0;
        REQUIRE(fd_isa_select(twice ? best : "scalar") == FD_OK, "%s", best);
        const unsigned which = byte();
        if (which == 255) call_xla();
        else if (which == 254) call_scale();
        else calls[which % (sizeof calls / sizeof *calls)]();
        forget();
        if (twice) REQUIRE(digest == plain, "%s and plain C differ", best);
        plain = digest;
    }
    return 0;
}
