/* threads.c: teams of threads from several callers at once, in a parent and in its children, against one thread. */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fastdrop.h"

enum { MOST = 1 << 19, CALLERS = 3, CALLS = 40 };

static float x[MOST], alone[2][MOST];

static const double probability[2] = {0.5, 0.1};
static const fd_key key = {3, 4};

static int calls(int caller, float *y)
{
    int wrong = 0;
    for (int i = 0; i < CALLS; i++) {
        const size_t n = MOST - (size_t)(i * 997);
        const fd_exec how = {1 + (caller + i) % 4, NULL, NULL};
        memset(y, 0xff, n * sizeof *y);
        wrong += fd_dropout(key, probability[i % 2], 0, n, FD_F32, x, y, &how) != FD_OK;
        wrong += memcmp(y, alone[i % 2], n * sizeof *y) != 0;
        if (i % 10 == 0) usleep(1000); /* long enough to fall asleep */
    }
    return wrong;
}

static float y[CALLERS][MOST];
static int wrong[CALLERS];

static void *caller(void *number)
{
    const int c = *(int *)number;
    wrong[c] = calls(c, y[c]);
    return NULL;
}

int main(int argc, char **argv)
{
    const int forks = argc > 1 ? atoi(argv[1]) : 0;
    int failed = 0, number[CALLERS];
    pthread_t threads[CALLERS];
    for (int i = 0; i < MOST; i++) x[i] = 1.0f + (float)i;
    for (int k = 0; k < 2; k++) fd_dropout(key, probability[k], 0, MOST, FD_F32, x, alone[k], NULL);
    for (int c = 0; c < CALLERS; c++) {
        number[c] = c;
        failed += pthread_create(&threads[c], NULL, caller, &number[c]) != 0;
    }
    for (int i = 0; i < forks; i++) {
        static float z[MOST];
        const pid_t child = fork();
        if (child == 0) _exit(calls(i, z) != 0);
        int status = 1;
        failed += waitpid(child, &status, 0) != child || status != 0;
    }
    for (int c = 0; c < CALLERS; c++) {
        failed += pthread_join(threads[c], NULL) != 0;
        failed += wrong[c];
    }
    const fd_exec how = {4, NULL, NULL};
    failed += fd_dropout(key, 0.5, 0, MOST, FD_F32, x, y[0], &how) != FD_OK;
    return failed ? 1 : 10 + fd_last_team();
}
