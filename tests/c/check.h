/* check.h: count checks, print the first failures with their input, end with one line. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static unsigned long checks, failures;

#define CHECK(condition, ...)                                             \
    do {                                                                  \
        checks++;                                                         \
        if (!(condition) && failures++ < 10) {                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__);                                 \
            fputc('\n', stderr);                                          \
        }                                                                 \
    } while (0)

static int check_end(void)
{
    printf("%lu checks, %lu failed\n", checks, failures);
    return failures != 0 || checks == 0;
}

#endif
