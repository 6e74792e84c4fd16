/* parallel.c: the only file that knows OpenMP. Built without it, everything runs on the calling thread. */
#include "parallel.h"

#include <stdatomic.h>

#include "pool.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

static atomic_int last_team = 1;

void fd_alone(void) { atomic_store_explicit(&last_team, 1, memory_order_relaxed); }

int fd_last_team(void) { return atomic_load_explicit(&last_team, memory_order_relaxed); }

#if defined(_OPENMP)

int fd_openmp(void) { return _OPENMP; }

/* Limits from outside, of the calling thread and now. */
static int allowed(void)
{
    if (omp_in_parallel()) return 1;
    int limit = omp_get_thread_limit(), n = omp_get_max_threads();
    return n < limit ? n : limit;
}

#if defined(FD_POOL)

int fd_max_threads(void) { return allowed(); }

static void run_team(int team, uint64_t elements, uint64_t begin, uint64_t end, fd_range_fn *fn, void *context)
{
    atomic_store_explicit(&last_team, fd_pool_run(team, elements, begin, end, fn, context), memory_order_relaxed);
}

#else

/* GNU OpenMP's threads do not survive fork(), and its next parallel region in the child waits for them for ever.
 * So a child of a process that has run a region stays on one thread. */
static atomic_int forked_after_region, region_has_run;

#if !defined(_WIN32)
#include <pthread.h>

static void in_child(void)
{
    if (atomic_load(&region_has_run)) atomic_store(&forked_after_region, 1);
}

static void watch_forks(void)
{
    int none = 0;
    if (atomic_compare_exchange_strong(&region_has_run, &none, 1)) pthread_atfork(NULL, NULL, in_child);
}
#else
static void watch_forks(void) {}
#endif

int fd_max_threads(void)
{
    return atomic_load_explicit(&forked_after_region, memory_order_relaxed) ? 1 : allowed();
}

static void run_team(int team, uint64_t elements, uint64_t begin, uint64_t end, fd_range_fn *fn, void *context)
{
    (void)elements;
    watch_forks();
#pragma omp parallel for schedule(static) num_threads(team)
    for (int i = 0; i < team; i++) {
        uint64_t n = end - begin, share = n / (unsigned)team, more = n % (unsigned)team, k = (unsigned)i;
        uint64_t first = begin + k * share + (k < more ? k : more);
        if (i == 0) atomic_store_explicit(&last_team, omp_get_num_threads(), memory_order_relaxed);
        fn(context, first, first + share + (k < more));
    }
}

#endif

#else

int fd_openmp(void) { return 0; }
int fd_max_threads(void) { return 1; }
static void run_team(int team, uint64_t elements, uint64_t begin, uint64_t end, fd_range_fn *fn, void *context)
{
    (void)team;
    (void)elements;
    fn(context, begin, end);
}

#endif

static int team_size(int asked, uint64_t units, uint64_t elements)
{
    if (asked <= 1 || elements < FD_SERIAL_ELEMENTS) return 1;
    int outside = fd_max_threads();
    uint64_t team = (uint64_t)(asked < outside ? asked : outside);
    return (int)(team < units ? team : units);
}

fd_status fd_run(const fd_exec *exec, uint64_t units, uint64_t unit_elements, fd_range_fn *fn, void *context)
{
    uint64_t slab = units;
    if (exec && exec->poll && units > FD_POLL_ELEMENTS / unit_elements) {
        slab = FD_POLL_ELEMENTS / unit_elements;
        slab = slab ? slab : 1;
    }
    for (uint64_t begin = 0; begin < units;) {
        uint64_t end = units - begin > slab ? begin + slab : units;
        const uint64_t elements = (end - begin) * unit_elements;
        const int team = team_size(exec ? exec->threads : 1, end - begin, elements);
        if (team > 1) {
            run_team(team, elements, begin, end, fn, context);
        } else {
            fd_alone();
            fn(context, begin, end);
        }
        begin = end;
        if (begin < units && exec->poll(exec->context)) return FD_INTERRUPTED;
    }
    return FD_OK;
}
