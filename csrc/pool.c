/* pool.c: threads of our own that join a loop when they come to it.
 *
 * OpenMP's teams wait for each other twice, at the start and at the end, and GNU OpenMP's threads spin for milliseconds
 * in between. Next to another library that spins (OpenBLAS, another OpenMP) on as many cores, each region then
 * waits for the end of somebody's time slice: 4 ms in place of 20 us (bench/alternate.py). Here the caller never waits
 * for a thread to begin, and a thread without work gives its core to whoever wants it. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* which CPU this is, and another one */
#elif !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* -std=c11 hides POSIX */
#endif

#include "pool.h"

#if defined(FD_POOL)
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum {
    MOST = 128,      /* threads of a team */
    PART = 1 << 18,  /* elements that a thread takes at a time at most: others may wait for them at the end */
    PAUSES = 64,     /* looks at the state before the first sched_yield */
    LINE = 64,       /* bytes that cores fight for */
    AWAKE = 200000   /* nanoseconds that a thread without work stays awake: waking it takes 5 us of the caller's time,
                      * and it arrives 50 us later */
};

/* The state of the pool: number of the job << 32 | threads inside it * INSIDE | OPEN while threads may join. */
#define OPEN UINT64_C(1)
#define INSIDE UINT64_C(2)
#define NUMBER (UINT64_C(1) << 32)

/* A thread's share of a job: units from `next` to `end` are left. Its owner takes from there, and so does who has none
 * left of his own. */
struct share {
    _Alignas(LINE) atomic_uint_least64_t next;
    uint64_t end;
};

struct helper {
    _Alignas(LINE) atomic_int asleep;
    int id; /* from 1; the caller is 0 */
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static struct {
    _Alignas(LINE) atomic_uint_least64_t state;
    _Alignas(LINE) atomic_flag taken; /* by a caller; all below is then its own until the state is OPEN */
    int watched, started;
    int64_t ended; /* when the last job was done */
    atomic_int cpu; /* where the caller of the latest job was when it began */
    /* the job: written while the state is 0 but for its number, read by threads inside it */
    int team, rouse;
    uint64_t part; /* units that are taken at a time, at most */
    fd_range_fn *fn;
    void *context;
    struct share share[MOST];
    struct helper helper[MOST];
} pool = {.taken = ATOMIC_FLAG_INIT};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* In virtual machines many pauses in a row leave the guest; a yield lets others run, whose spinning would cost us. */
static void relax(int turn)
{
    if (turn >= PAUSES) {
        sched_yield();
        return;
    }
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#if defined(__linux__)
static int this_cpu(void) { return sched_getcpu(); }

/* When all CPUs are busy, be it with somebody's spinning, Linux wakes a thread where it was woken from: there it can only
 * take the caller's time. So it goes to another one and is free to move from then on. */
static void leave(int cpu)
{
    cpu_set_t allowed, others;
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed)) return;
    others = allowed;
    CPU_CLR((unsigned)cpu, &others);
    if (CPU_COUNT(&others) && !sched_setaffinity(0, sizeof others, &others)) sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
static int this_cpu(void) { return -1; }
static void leave(int cpu) { (void)cpu; }
#endif

static void wake(int id)
{
    struct helper *h = &pool.helper[id];
    if (!atomic_load(&h->asleep)) return;
    pthread_mutex_lock(&h->lock);
    atomic_store(&h->asleep, 0);
    pthread_mutex_unlock(&h->lock);
    pthread_cond_signal(&h->wake);
}

/* A tree: on many cores the caller would do nothing but wake. */
static void wake_next(int id)
{
    for (int next = 2 * id + 1; next <= 2 * id + 2; next++)
        if (next < pool.team && next <= pool.started) wake(next);
}

/* Takes units of a share: half of what is left, so that a thread that is alone makes few calls and one that comes late
 * finds something. Returns how many. */
static uint64_t take(struct share *s, uint64_t *first)
{
    *first = atomic_load_explicit(&s->next, memory_order_relaxed);
    for (;;) {
        if (*first >= s->end) return 0;
        uint64_t n = (s->end - *first + 1) / 2;
        n = n < pool.part ? n : pool.part;
        if (atomic_compare_exchange_weak_explicit(&s->next, first, *first + n, memory_order_relaxed, memory_order_relaxed))
            return n;
    }
}

static void work(int id)
{
    if (pool.rouse) wake_next(id);
    for (int i = 0; i < pool.team; i++) {
        struct share *s = &pool.share[(id + i) % pool.team];
        uint64_t first, n;
        while ((n = take(s, &first)) != 0) pool.fn(pool.context, first, first + n);
    }
}

static int is_new(uint64_t state, uint64_t seen) { return (state & OPEN) && state / NUMBER != seen; }

static void doze(struct helper *h, uint64_t seen)
{
    atomic_store(&h->asleep, 1); /* before the last look: either it sees the job or the caller sees it asleep */
    if (is_new(atomic_load(&pool.state), seen)) {
        atomic_store(&h->asleep, 0);
        return;
    }
    pthread_mutex_lock(&h->lock);
    while (atomic_load(&h->asleep)) pthread_cond_wait(&h->wake, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

static void *help(void *argument)
{
    struct helper *h = argument;
    uint64_t seen = 0;
    int64_t since = now();
    for (int turn = 0;; turn += turn < PAUSES) {
        uint64_t state = atomic_load(&pool.state);
        if (is_new(state, seen)) {
            const int cpu = this_cpu();
            if (cpu >= 0 && cpu == atomic_load_explicit(&pool.cpu, memory_order_relaxed)) {
                leave(cpu);
                state = atomic_load(&pool.state);
                if (!is_new(state, seen)) continue;
            }
            if (!atomic_compare_exchange_weak(&pool.state, &state, state + INSIDE)) continue;
            seen = state / NUMBER;
            if (h->id < pool.team) work(h->id);
            atomic_fetch_sub(&pool.state, INSIDE);
        } else if (turn < PAUSES || now() - since < AWAKE) {
            relax(turn);
            continue;
        } else {
            doze(h, seen);
        }
        turn = 0;
        since = now();
    }
    return NULL;
}

/* The threads stay behind in the parent: a child starts anew, whatever another thread was doing at the fork. */
static void in_child(void)
{
    atomic_store(&pool.state, 0);
    pool.started = 0;
    atomic_flag_clear(&pool.taken);
}

/* Fewer threads than wished for are no error. They take no signals: those are for the program's own threads. */
static void start_helpers(int most)
{
    sigset_t all, before;
    if (!pool.watched) pool.watched = !pthread_atfork(NULL, NULL, in_child);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.watched && pool.started < most) {
        struct helper *h = &pool.helper[pool.started + 1];
        pthread_t thread;
        h->id = pool.started + 1;
        atomic_store(&h->asleep, 0);
        if (pthread_mutex_init(&h->lock, NULL) || pthread_cond_init(&h->wake, NULL)) break;
        if (pthread_create(&thread, NULL, help, h)) break;
        pthread_detach(thread);
        pool.started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int fd_pool_run(int team, uint64_t elements, uint64_t begin, uint64_t end, fd_range_fn *fn, void *context)
{
    if (team > MOST) team = MOST;
    if (atomic_flag_test_and_set(&pool.taken)) { /* another caller's threads are at work: one more would be too many */
        fn(context, begin, end);
        return 1;
    }
    if (pool.started < team - 1) start_helpers(team - 1);
    atomic_store_explicit(&pool.cpu, this_cpu(), memory_order_relaxed);
    pool.team = team;
    pool.fn = fn;
    pool.context = context;
    pool.rouse = elements >= FD_WAKE_ELEMENTS || now() - pool.ended < AWAKE;
    const uint64_t n = end - begin, each = n / (unsigned)team, more = n % (unsigned)team;
    pool.part = elements / n < PART ? PART / (elements / n) : 1;
    uint64_t first = begin;
    for (int k = 0; k < team; k++) {
        atomic_store_explicit(&pool.share[k].next, first, memory_order_relaxed);
        pool.share[k].end = first += each + ((unsigned)k < more);
    }
    atomic_store(&pool.state, (atomic_load(&pool.state) & ~(NUMBER - 1)) + NUMBER + OPEN);
    work(0);
    atomic_fetch_and(&pool.state, ~OPEN);
    for (int turn = 0; atomic_load(&pool.state) & (NUMBER - 1); turn += turn < PAUSES) relax(turn);
    pool.ended = now();
    atomic_flag_clear(&pool.taken);
    return team;
}

#else
typedef int fd_no_pool; /* ISO C wants something in every file */
#endif
