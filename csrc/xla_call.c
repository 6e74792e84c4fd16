/* xla_call.c: pieces of a call on XLA's own threads. */
#include "xla_call.h"

#include <stdatomic.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#define LET_OTHERS_RUN() SwitchToThread()
#else
#include <sched.h>
#define LET_OTHERS_RUN() sched_yield()
#endif

/* Elements that are worth a thread, and pieces for each thread, so that one that comes late leaves its share. */
#define PIECE_ELEMENTS (INT64_C(1) << 17)
#define MOST_PIECES 64
#define JOBS 16

typedef struct job {
    fd_xla_call call;
    int axis, pieces; /* pieces are cut along the first axis that is longer than 1 */
    atomic_int next, done, owners, status;
} job;

/* A task that XLA has put off may look at its job after the call is over: jobs live here, and are taken again when nobody
 * has a share in them. With all of them taken a call is run by itself. */
static job jobs[JOBS];

static job *take_job(void)
{
    for (int i = 0; i < JOBS; i++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&jobs[i].owners, &none, 1)) return &jobs[i];
    }
    return NULL;
}

static fd_status run_part(const fd_xla_call *c, int axis, int64_t begin, int64_t n)
{
    int64_t shape[FD_MAX_NDIM];
    memcpy(shape, c->shape, sizeof shape);
    fd_mask_desc mask = c->mask;
    mask.strides = c->steps;
    const char *x = c->x;
    char *y = c->y;
    if (c->ndim) {
        shape[axis] = n;
        mask.start += (uint64_t)begin * (uint64_t)c->steps[axis];
        x += begin * c->bytes[axis];
        y += begin * c->bytes[axis];
    }
    const fd_input from = {x, c->bytes};
    const fd_output to = {y, c->bytes};
    const double *const k = c->constants;
    switch (c->operation) {
    case FD_XLA_DROPOUT: return fd_dropout_nd(&mask, c->ndim, shape, c->dtype, x, c->bytes, y, c->bytes, NULL, NULL);
    case FD_XLA_SCALED: return fd_dropout_nd(&mask, c->ndim, shape, c->dtype, x, c->bytes, y, c->bytes, k, NULL);
    case FD_XLA_AFFINE: return fd_affine_nd(&mask, k[0], k[1], k[2], c->ndim, shape, c->dtype, from, to, NULL);
    case FD_XLA_MULTIPLY:
    case FD_XLA_ADD: break;
    }
    const fd_noise_kind kind = c->operation == FD_XLA_ADD ? FD_NOISE_ADD : FD_NOISE_MULTIPLY;
    return fd_noise_nd(&mask, kind, k[0], c->ndim, shape, c->dtype, x, c->bytes, y, c->bytes, NULL);
}

static fd_status run_whole(const fd_xla_call *c)
{
    return run_part(c, 0, 0, c->ndim ? c->shape[0] : 1);
}

static fd_status run_piece(const job *j, int piece)
{
    const int64_t n = j->call.shape[j->axis], share = n / j->pieces, rest = n % j->pieces;
    return run_part(&j->call, j->axis, piece * share + (piece < rest ? piece : rest), share + (piece < rest));
}

/* Does pieces until none is left, and gives its share of the job back. */
static void work(void *data)
{
    job *j = data;
    for (int piece; (piece = atomic_fetch_add(&j->next, 1)) < j->pieces; atomic_fetch_add(&j->done, 1)) {
        const fd_status status = run_piece(j, piece);
        if (status) atomic_store(&j->status, (int)status);
    }
    atomic_fetch_sub(&j->owners, 1);
}

static void delete_error(const xla_frame *frame, xla_error *error)
{
    xla_error_ref mine = {sizeof mine, NULL, error};
    frame->api->delete_error(&mine);
}

/* Offers pieces to XLA's threads, takes part, and waits for those pieces only that somebody has begun: a pool that is
 * busy, or has one thread, costs nothing but its help. */
static fd_status run_pieces(const xla_frame *frame, const fd_xla_call *call, int threads)
{
    job *j = take_job(); /* this function's share, and below one for each task */
    if (!j) return run_whole(call);
    j->call = *call;
    j->axis = 0;
    while (j->axis + 1 < call->ndim && call->shape[j->axis] <= 1) j->axis++;
    j->pieces = threads * 4 < MOST_PIECES ? threads * 4 : MOST_PIECES;
    if (j->pieces > call->shape[j->axis]) j->pieces = (int)call->shape[j->axis];
    atomic_store(&j->next, 0);
    atomic_store(&j->done, 0);
    atomic_store(&j->status, (int)FD_OK);
    for (int i = 1; i < threads; i++) {
        xla_schedule task = {sizeof task, NULL, frame->context, work, j};
        atomic_fetch_add(&j->owners, 1);
        xla_error *error = frame->api->schedule(&task);
        if (error) {
            delete_error(frame, error);
            atomic_fetch_sub(&j->owners, 1);
            break;
        }
    }
    atomic_fetch_add(&j->owners, 1);
    work(j);
    while (atomic_load(&j->done) < j->pieces) LET_OTHERS_RUN();
    const fd_status status = (fd_status)atomic_load(&j->status);
    atomic_fetch_sub(&j->owners, 1);
    return status;
}

static int threads_for(const xla_frame *frame, int64_t elements)
{
    if (elements < 2 * PIECE_ELEMENTS) return 1;
    int64_t threads = 1;
    xla_num_threads ask = {sizeof ask, NULL, frame->context, &threads};
    xla_error *error = frame->api->num_threads(&ask);
    if (error) {
        delete_error(frame, error);
        return 1;
    }
    if (threads > elements / PIECE_ELEMENTS) threads = elements / PIECE_ELEMENTS;
    return threads < 1 ? 1 : threads > MOST_PIECES ? MOST_PIECES : (int)threads;
}

fd_status fd_xla_run(const xla_frame *frame, const fd_xla_call *call, int64_t elements)
{
    const int threads = threads_for(frame, elements);
    return threads > 1 ? run_pieces(frame, call, threads) : run_whole(call);
}
