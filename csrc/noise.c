/* noise.c: entry points of continuous noise. */
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
