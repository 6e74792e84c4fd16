/* pool.h: threads of our own that join a loop when they come to it. */
#ifndef FD_POOL_H
#define FD_POOL_H

#include "parallel.h"

/* POSIX threads share the work where there are any; OpenMP then only says how many may be used. Elsewhere, and with
 * -DFD_OPENMP_TEAMS, the teams are OpenMP's own. */
#if defined(_OPENMP) && !defined(_WIN32) && !defined(FD_OPENMP_TEAMS)
#define FD_POOL 1

/* Sleeping threads are not woken for a single loop of fewer elements (of coins; a byte law's count double): it is over before
 * they are there. They are when loops follow each other closely (measured by bench/threads.py). */
#define FD_WAKE_ELEMENTS (UINT64_C(1) << 21)

/* fd_pool_run calls fn on parts that together are [begin, end), each unit once, on the calling thread and on those of
 * team - 1 others that come in time, and returns when all is done. It waits for no thread to begin: a core that is
 * busy with something else costs its help, not its time. Returns how many threads the work was offered to, 1 while
 * another caller has the pool. */
FD_HIDDEN int fd_pool_run(int team, uint64_t elements, uint64_t begin, uint64_t end, fd_range_fn *fn, void *context);
#endif

#endif
