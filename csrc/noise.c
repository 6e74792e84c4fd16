/* noise.c: entry points of continuous noise. */
#include <float.h>

#include "elements.h"
#include "noise_walk.h"

static int is_wide(fd_dtype dtype) { return dtype == FD_F64 || dtype == FD_C128; }

static void make_normals(const fd_noise_job *job, const uint32_t *words, size_t n, void *z)
{
    job->kernels->noise->normals[job->wide](words, n, z);
}

static fd_status make_job(fd_noise_job *job, fd_key key, fd_noise_kind kind, double sigma, fd_dtype dtype)
{
    if (!fd_dtype_size(dtype)) return FD_BAD_DTYPE;
    if (kind != FD_NOISE_MULTIPLY && kind != FD_NOISE_ADD) return FD_BAD_KIND;
    const fd_kernels *k = fd_kernels_active();
    *job = (fd_noise_job){.kernels = k, .key = key, .dtype = dtype, .wide = is_wide(dtype), .make = make_normals};
    job->bring = (kind == FD_NOISE_ADD ? k->noise->add : k->noise->multiply)[fd_real_part(dtype)];
    job->parameter = sigma;
    return FD_OK;
}

fd_status fd_noise(fd_key key, fd_noise_kind kind, double sigma, uint64_t start, size_t n, fd_dtype dtype, const void *x,
                   void *y, const fd_exec *exec)
{
    fd_noise_job job;
    const fd_status status = make_job(&job, key, kind, sigma, dtype);
    return status == FD_OK ? fd_noise_run(&job, start, n, x, y, exec) : status;
}

fd_status fd_noise_nd(const fd_mask_desc *where, fd_noise_kind kind, double sigma, int ndim, const int64_t *shape,
                      fd_dtype dtype, const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                      const fd_exec *exec)
{
    fd_noise_job job;
    if (!where) return FD_BAD_POINTER;
    const fd_status status = make_job(&job, where->key, kind, sigma, dtype);
    return status == FD_OK ? fd_noise_array(&job, where, ndim, shape, x, x_strides, y, y_strides, exec) : status;
}

fd_status fd_normal(const uint32_t *words, size_t n, fd_dtype dtype, void *z)
{
    if (dtype != FD_F32 && dtype != FD_F64) return FD_BAD_DTYPE;
    if (n && (!words || !z)) return FD_BAD_POINTER;
    fd_kernels_active()->noise->normals[is_wide(dtype)](words, n, z);
    return FD_OK;
}

struct concrete {
    fd_concrete_rule rule;
    int slope;
};

static void make_factors(const fd_noise_job *job, const uint32_t *words, size_t n, void *z)
{
    const struct concrete *c = job->details;
    job->kernels->concrete[job->wide](&c->rule, c->slope, words, n, z);
}

fd_status fd_concrete_nd(const fd_mask_desc *where, double p, double temperature, int slope, int ndim, const int64_t *shape,
                         fd_dtype dtype, const void *x, const int64_t *x_strides, void *y, const int64_t *y_strides,
                         const fd_exec *exec)
{
    fd_noise_job job;
    const double least = p < DBL_MIN ? DBL_MIN : p; /* a logarithm takes a number apart, and a subnormal one has other parts */
    const struct concrete concrete = {{least, fd_scale(p), 1.0 / temperature}, slope};
    if (!where) return FD_BAD_POINTER;
    if (!(p > 0.0 && p < 1.0)) return FD_BAD_PROBABILITY;
    if (!(temperature > 0.0 && temperature <= DBL_MAX && concrete.rule.steepness <= DBL_MAX)) return FD_BAD_KIND;
    const fd_status status = make_job(&job, where->key, FD_NOISE_MULTIPLY, 0, dtype);
    if (status != FD_OK) return status;
    job.make = make_factors;
    job.bring = job.kernels->noise->times[fd_real_part(dtype)];
    job.details = &concrete;
    return fd_noise_array(&job, where, ndim, shape, x, x_strides, y, y_strides, exec);
}
