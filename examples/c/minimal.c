/* minimal.c: dropout on a buffer from C.
 *
 *     cc minimal.c $(pkg-config --cflags --libs fastdrop) -o minimal
 *
 * or, without anything installed, with the core's sources: cc -O3 -Icsrc minimal.c csrc/...c -o minimal (all .c files of csrc).
 * The mask is the one that Python gets from fastdrop.Mask(16, 0.1, rng=fastdrop.Key(42)).
 */
#include <stdio.h>

#include "fastdrop.h"

enum { N = 16 };

int main(void)
{
    const fd_key key = {42, 0};
    const double p = 0.1;
    float x[N], y[N], gradient[N];
    uint8_t bits[N / 8];

    for (int i = 0; i < N; i++) {
        x[i] = (float)(i + 1);
        gradient[i] = 1.0f;
    }

    fd_status status = fd_dropout(key, p, 0, N, FD_F32, x, y, NULL);
    /* backward, in place: the same key, so the same mask; nothing was stored */
    if (status == FD_OK) status = fd_dropout(key, p, 0, N, FD_F32, gradient, gradient, NULL);
    if (status == FD_OK) status = fd_fill(key, p, 0, N, bits, NULL);
    if (status != FD_OK) {
        fprintf(stderr, "fastdrop: %s\n", fd_status_string(status));
        return 1;
    }

    printf("fastdrop %s, contract %d, %s\n", FD_VERSION, FD_CONTRACT, fd_isa_active());
    printf("kept     ");
    for (int i = 0; i < N; i++) putchar('0' + (bits[i / 8] >> (i % 8) & 1));
    printf("\nforward ");
    for (int i = 0; i < N; i++) printf(" %.4g", (double)y[i]);
    printf("\nbackward");
    for (int i = 0; i < N; i++) printf(" %.4g", (double)gradient[i]);
    printf("\nrealised p: %.17g\n", (double)fd_threshold(p) / (double)(UINT64_C(1) << 40));
    return 0;
}
