/* parallel.h: the one way to use more than one thread. */
#ifndef FD_PARALLEL_H
#define FD_PARALLEL_H

#include "target.h"

#include "fastdrop.h"

/* Below so many elements a call stays on one thread: waking a second one costs more than it brings
 * (measured by bench/threads.py). */
#define FD_SERIAL_ELEMENTS (UINT64_C(1) << 17)
/* The calling thread asks whether to go on each time about so many elements are done. */
#define FD_POLL_ELEMENTS (UINT64_C(1) << 25)

typedef void fd_range_fn(void *context, uint64_t begin, uint64_t end);

/* fd_run calls fn on ranges that together are [0, units), each unit once, where one unit stands for about
 * `unit_elements` elements of work. Ranges may run at the same time. Returns FD_OK or FD_INTERRUPTED. */
FD_HIDDEN fd_status fd_run(const fd_exec *exec, uint64_t units, uint64_t unit_elements, fd_range_fn *fn, void *context);

/* fd_alone notes a call that did not need fd_run: its team was one thread. */
FD_HIDDEN void fd_alone(void);

/* fd_check_exec says whether exec can be used. */
FD_INLINE fd_status fd_check_exec(const fd_exec *exec) { return exec && exec->threads < 1 ? FD_BAD_THREADS : FD_OK; }

#endif
