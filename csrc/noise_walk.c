/* noise_walk.c: arrays of any layout met by numbers that are made of noise words. */
#include "noise_walk.h"

#include <string.h>

#include "elements.h"
#include "layout.h"
#include "parallel.h"

enum {
    PAGE = FD_PAGE_WORDS, /* elements that a page of words serves */
    WORK = 16             /* a number takes as long as so many decisions: what fd_run reckons with */
};

/* Numbers of complex elements serve both parts. In place, from the end. */
static void twice_f32(float *z, size_t n)
{
    while (n--) z[2 * n] = z[2 * n + 1] = z[n];
}

static void twice_f64(double *z, size_t n)
{
    while (n--) z[2 * n] = z[2 * n + 1] = z[n];
}

typedef union numbers {
    float f[2 * PAGE];
    double d[2 * PAGE];
} numbers;

/* n elements in a row of which z has the numbers; z is not what it was afterwards. */
static void bring(const fd_noise_job *job, numbers *z, size_t n, const void *x, void *y)
{
    const int is_complex = fd_is_complex(job->dtype);
    if (is_complex && job->wide) twice_f64(z->d, n);
    else if (is_complex) twice_f32(z->f, n);
    job->bring(z, is_complex ? 2 * n : n, x, y, job->parameter);
}

struct run {
    const fd_noise_job *job;
    uint64_t start;
    size_t n;
    const char *x;
    char *y;
};

/* Units are pages. */
static void run_range(void *context, uint64_t begin, uint64_t end)
{
    const struct run *r = context;
    const size_t size = fd_dtype_size(r->job->dtype);
    const uint64_t stop = r->start + r->n;
    for (uint64_t page = r->start / PAGE + begin; begin < end; begin++, page++) {
        const uint64_t base = page * PAGE, from = r->start > base ? r->start : base;
        const uint64_t to = stop - base < PAGE ? stop : base + PAGE;
        uint32_t words[PAGE];
        numbers z;
        r->job->kernels->pages(r->job->key, FD_DOMAIN_NOISE, page, 1, words);
        r->job->make(r->job, words + (from - base), (size_t)(to - from), &z);
        bring(r->job, &z, (size_t)(to - from), r->x + (from - r->start) * size, r->y + (from - r->start) * size);
    }
}

fd_status fd_noise_run(const fd_noise_job *job, uint64_t start, size_t n, const void *x, void *y, const fd_exec *exec)
{
    if (n > FD_INDEX_LIMIT) return FD_BAD_SHAPE;
    if (start > FD_INDEX_LIMIT || n > FD_INDEX_LIMIT - start) return FD_BAD_INDEX;
    if (n && (!x || !y)) return FD_BAD_POINTER;
    const fd_status status = fd_check_exec(exec);
    if (status != FD_OK || !n) return status;
    struct run r = {job, start, n, x, y};
    return fd_run(exec, (start + n - 1) / PAGE - start / PAGE + 1, WORK * PAGE, run_range, &r);
}

/* The latest page made, whole: short rows of one page follow each other. */
struct pages {
    const fd_noise_job *job;
    int made;
    uint64_t number;
    numbers z;
};

static void make_page(struct pages *p, uint64_t number)
{
    uint32_t words[PAGE];
    p->job->kernels->pages(p->job->key, FD_DOMAIN_NOISE, number, 1, words);
    p->job->make(p->job, words, PAGE, &p->z);
    p->made = 1;
    p->number = number;
}

static void gather(struct pages *p, uint64_t start, int64_t step, size_t n, numbers *z)
{
    const size_t size = p->job->wide ? sizeof(double) : sizeof(float);
    for (size_t j = 0, m; j < n; j += m) {
        const uint64_t i = start + (uint64_t)((int64_t)j * step), page = i / PAGE;
        const size_t left = (size_t)(PAGE - i % PAGE);
        if (!p->made || p->number != page) make_page(p, page);
        m = step == 1 ? left < n - j ? left : n - j : 1;
        memcpy((char *)z + j * size, (const char *)&p->z + (size_t)(i % PAGE) * size, m * size);
    }
}

struct array {
    const fd_noise_job *job;
    const fd_layout *layout;
    const char *x;
    char *y;
};

/* Units are PAGE elements in logical order, which is that of the numbers, and pass through a contiguous copy. */
static void array_range(void *context, uint64_t begin, uint64_t end)
{
    const struct array *a = context;
    const fd_layout *l = a->layout;
    const fd_axis row = l->ndim ? l->axis[l->ndim - 1] : (fd_axis){.n = 1};
    const int outer = l->ndim ? l->ndim - 1 : 0;
    const size_t size = fd_dtype_size(a->job->dtype);
    const uint64_t first = begin * PAGE, last = end * PAGE < l->size ? end * PAGE : l->size;
    int64_t at = (int64_t)(first % (uint64_t)row.n);
    fd_position pos;
    struct pages pages;
    pages.job = a->job;
    pages.made = 0;
    fd_position_set(&pos, l->axis, outer, l->start, first / (uint64_t)row.n);
    for (uint64_t done = first; done < last;) {
        char copy[16 * PAGE];
        numbers z;
        uint64_t n = (uint64_t)(row.n - at);
        n = n < PAGE ? n : PAGE;
        n = n < last - done ? n : last - done;
        const char *x = a->x + pos.x + at * row.x;
        char *y = a->y + pos.y + at * row.y;
        gather(&pages, pos.index + (uint64_t)(at * row.index), row.index, (size_t)n, &z);
        fd_copy_elements(size, (size_t)n, copy, (int64_t)size, x, row.x);
        bring(a->job, &z, (size_t)n, copy, copy);
        fd_copy_elements(size, (size_t)n, y, row.y, copy, (int64_t)size);
        done += n;
        at += (int64_t)n;
        if (at == row.n) {
            at = 0;
            fd_position_next(&pos, l->axis, outer);
        }
    }
}

fd_status fd_noise_array(const fd_noise_job *job, const fd_mask_desc *where, int ndim, const int64_t *shape, const void *x,
                         const int64_t *x_strides, void *y, const int64_t *y_strides, const fd_exec *exec)
{
    fd_layout l;
    if (!where) return FD_BAD_POINTER;
    const fd_mask_desc mask = {.key = where->key, .start = where->start, .strides = where->strides};
    fd_status status = fd_layout_make(&l, &mask, ndim, shape, x_strides, y_strides);
    if (status == FD_OK) status = fd_check_exec(exec);
    if (status != FD_OK || l.empty) return status;
    if (!x || !y || (ndim && (!x_strides || !y_strides))) return FD_BAD_POINTER;
    fd_layout_merge(&l);
    const int64_t size = (int64_t)fd_dtype_size(job->dtype);
    const fd_axis *row = &l.axis[0];
    if (l.ndim == 1 && row->index == 1 && row->x == size && row->y == size)
        return fd_noise_run(job, l.start, (size_t)l.size, x, y, exec);
    struct array a = {job, &l, x, y};
    return fd_run(exec, (l.size + PAGE - 1) / PAGE, WORK * PAGE, array_range, &a);
}
