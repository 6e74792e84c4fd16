/* dispatch.c: which kernel table is in use. The only reader of FASTDROP_ISA. */
#include "kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

static int always(void) { return 1; }

/* One line for each instruction set, best last. */
static const struct entry {
    const char *name;
    const fd_kernels *kernels; /* NULL: not built in */
    int (*runnable)(void);
} entries[] = {
    {"scalar", &fd_kernels_scalar, always},
#if FD_BUILT_NEON
    {"neon", &fd_kernels_neon, always},
#else
    {"neon", NULL, NULL},
#endif
#if FD_BUILT_AVX2
    {"avx2", &fd_kernels_avx2, fd_cpu_avx2},
#else
    {"avx2", NULL, NULL},
#endif
#if FD_BUILT_AVX512
    {"avx512", &fd_kernels_avx512, fd_cpu_avx512},
#else
    {"avx512", NULL, NULL},
#endif
};

enum { NUM_ENTRIES = sizeof entries / sizeof entries[0] };

static _Atomic(const fd_kernels *) active;

static const struct entry *find(const char *name)
{
    for (int i = 0; name && i < NUM_ENTRIES; i++)
        if (strcmp(entries[i].name, name) == 0) return &entries[i];
    return NULL;
}

static int can_run(const struct entry *e) { return e && e->kernels && e->runnable(); }

const char *fd_isa_name(int i) { return i >= 0 && i < NUM_ENTRIES ? entries[i].name : NULL; }

int fd_isa_built(const char *name)
{
    const struct entry *e = find(name);
    return e && e->kernels;
}

int fd_isa_runnable(const char *name) { return can_run(find(name)); }

fd_status fd_isa_select(const char *name)
{
    const struct entry *e = NULL;
    if (!name) name = getenv("FASTDROP_ISA");
    if (name && *name) {
        e = find(name);
        if (!can_run(e)) return FD_BAD_ISA;
    } else {
        for (int i = NUM_ENTRIES - 1; !can_run(e); i--) e = &entries[i]; /* ends at scalar */
    }
    atomic_store_explicit(&active, e->kernels, memory_order_release);
    return FD_OK;
}

const fd_kernels *fd_kernels_active(void)
{
    const fd_kernels *k = atomic_load_explicit(&active, memory_order_acquire);
    if (k) return k;
    if (fd_isa_select(NULL) != FD_OK) fd_isa_select("");
    return atomic_load_explicit(&active, memory_order_acquire);
}

const char *fd_isa_active(void) { return fd_kernels_active()->name; }
