/* channels.c: whole channels dropped from a batch of images, in two halves, on several threads.
 *
 *     cc channels.c $(pkg-config --cflags --libs fastdrop) -o channels
 *
 * The images lie as N x H x W x C, and one decision holds for a whole channel of an image: the mask is numbered as N x 1 x 1
 * x C, so that its strides along H and W are 0. Python gets it from
 * fastdrop.Mask((4, 3, 5, 8), 0.25, rng=fastdrop.Key(7), share_axes=(1, 2)). Each half of the batch is told where it begins in
 * the whole, which is all that a shard needs.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fastdrop.h"

enum { N = 4, H = 3, W = 5, C = 8, AXES = 4, HALVES = 2 };

static const int64_t bytes[AXES] = {H * W * C * sizeof(float), W * C * sizeof(float), C * sizeof(float), sizeof(float)};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* Long calls ask now and then whether to go on: here Ctrl-C ends them with FD_INTERRUPTED. */
static int stop(void *flag)
{
    return *(volatile sig_atomic_t *)flag;
}

static fd_status drop_half(float (*images)[H][W][C], int first)
{
    const int64_t shape[AXES] = {N / HALVES, H, W, C}, steps[AXES] = {C, 0, 0, 1};
    fd_mask_desc mask = {.key = {7, 0}, .start = (uint64_t)first * C, .strides = steps, .p = 0.25};
    fd_exec how = {.threads = 2, .poll = stop, .context = (void *)&interrupted};
    return fd_dropout_nd(&mask, AXES, shape, FD_F32, images[first], bytes, images[first], bytes, NULL, &how);
}

int main(void)
{
    static float images[N][H][W][C];
    if (fd_abi() != FD_ABI) {
        fprintf(stderr, "compiled for ABI %d, run with %d\n", FD_ABI, fd_abi());
        return 1;
    }
    signal(SIGINT, interrupt);
    for (size_t i = 0; i < sizeof images / sizeof(float); i++) (&images[0][0][0][0])[i] = 1.0f;
    for (int half = 0; half < HALVES; half++) {
        fd_status status = drop_half(images, half * (N / HALVES));
        if (status != FD_OK) {
            fprintf(stderr, "fastdrop: %s\n", fd_status_string(status));
            return 1;
        }
    }
    for (int n = 0; n < N; n++) {
        printf("image %d ", n);
        for (int c = 0; c < C; c++) {
            float first = images[n][0][0][c];
            for (int place = 0; place < H * W; place++) {
                if (memcmp(&images[n][place / W][place % W][c], &first, sizeof first) != 0) return 1;
            }
            putchar(first != 0.0f ? '1' : '0');
        }
        putchar('\n');
    }
    return 0;
}
