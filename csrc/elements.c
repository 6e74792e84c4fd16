/* elements.c: apply to a run of elements of any spacing. Kernels know contiguous runs of reals; a complex element is
 * two reals with one decision, and strided elements pass through a small contiguous copy. */
#include "elements.h"

#include <string.h>

#include "bits.h"
#include "half.h"

enum { BLOCK = 512 };

/* Every bit twice: 32 bits become 64. */
static uint64_t double_bits(uint32_t bits)
{
    uint64_t w = bits;
    w = (w | w << 16) & UINT64_C(0x0000FFFF0000FFFF);
    w = (w | w << 8) & UINT64_C(0x00FF00FF00FF00FF);
    w = (w | w << 4) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    w = (w | w << 2) & UINT64_C(0x3333333333333333);
    w = (w | w << 1) & UINT64_C(0x5555555555555555);
    return w | w << 1;
}

static void apply_contiguous(const fd_elements *e, const uint8_t *bits, size_t n, const char *x, char *y, double scale)
{
    void(*const apply) FD_APPLY_ARGS = e->kernels->apply[fd_real_part(e->dtype)];
    if (!fd_is_complex(e->dtype)) {
        apply(bits, n, x, y, scale);
        return;
    }
    const size_t size = fd_dtype_size(e->dtype);
    for (size_t j = 0; j < n; j += BLOCK) {
        uint8_t pairs[2 * BLOCK / 8];
        size_t m = n - j < BLOCK ? n - j : BLOCK;
        for (size_t k = 0; k < m; k += 32) {
            unsigned some = m - k < 32 ? (unsigned)(m - k) : 32;
            fd_store_bits(pairs + k / 4, double_bits((uint32_t)fd_load_bits(bits + (j + k) / 8, some)), 2 * some);
        }
        apply(pairs, 2 * m, x + j * size, y + j * size, scale);
    }
}

#define COPY_STRIDED(size)                                                                   \
    for (size_t j = 0; j < n; j++) memcpy(to + (int64_t)j * to_stride, from + (int64_t)j * from_stride, size)

static void copy_strided(size_t size, size_t n, char *to, int64_t to_stride, const char *from, int64_t from_stride)
{
    switch (size) {
    case 2: COPY_STRIDED(2); break;
    case 4: COPY_STRIDED(4); break;
    case 8: COPY_STRIDED(8); break;
    default: COPY_STRIDED(16); break;
    }
}

void fd_apply_run(const fd_elements *e, const uint8_t *bits, size_t n, const char *x, char *y, double scale)
{
    if (fd_is_contiguous(e)) {
        apply_contiguous(e, bits, n, x, y, scale);
        return;
    }
    const size_t size = fd_dtype_size(e->dtype);
    for (size_t j = 0; j < n; j += BLOCK) {
        char copy[16 * BLOCK];
        size_t m = n - j < BLOCK ? n - j : BLOCK;
        copy_strided(size, m, copy, (int64_t)size, x + (int64_t)j * e->x_stride, e->x_stride);
        apply_contiguous(e, bits + j / 8, m, copy, copy, scale);
        copy_strided(size, m, y + (int64_t)j * e->y_stride, e->y_stride, copy, (int64_t)size);
    }
}

void fd_scale_run(const fd_elements *e, int keep, size_t n, const char *x, char *y, double scale)
{
    const size_t size = fd_dtype_size(e->dtype);
    if (fd_is_contiguous(e)) {
        if (keep) e->kernels->scale[fd_real_part(e->dtype)](fd_is_complex(e->dtype) ? 2 * n : n, x, y, scale);
        else memset(y, 0, n * size);
        return;
    }
    for (size_t j = 0; j < n; j += BLOCK) {
        uint8_t bits[BLOCK / 8];
        size_t m = n - j < BLOCK ? n - j : BLOCK;
        memset(bits, keep ? 0xFF : 0, sizeof bits);
        fd_apply_run(e, bits, m, x + (int64_t)j * e->x_stride, y + (int64_t)j * e->y_stride, scale);
    }
}

/* One element with its own scale, in the arithmetic of the contract. A dropped one is +0 whatever x was. */
static void apply_one(fd_dtype dtype, unsigned keep, const char *x, char *y, double scale)
{
    switch (dtype) {
    case FD_F16:
    case FD_BF16: {
        uint16_t h;
        memcpy(&h, x, 2);
        if (dtype == FD_F16) h = fd_float_to_f16(fd_f16_to_float(h) * (float)scale);
        else h = fd_float_to_bf16(fd_bf16_to_float(h) * (float)scale);
        h = keep ? h : 0;
        memcpy(y, &h, 2);
        break;
    }
    case FD_F32: {
        float f;
        memcpy(&f, x, 4);
        f = keep ? f * (float)scale : 0.0f;
        memcpy(y, &f, 4);
        break;
    }
    default: {
        double d;
        memcpy(&d, x, 8);
        d = keep ? d * scale : 0.0;
        memcpy(y, &d, 8);
    }
    }
}

void fd_apply_varied(const fd_elements *e, const uint8_t *bits, size_t n, const char *x, char *y, const double *scales)
{
    const fd_dtype real = fd_real_part(e->dtype);
    const size_t half = fd_dtype_size(real);
    for (size_t j = 0; j < n; j++) {
        const unsigned keep = fd_get_bit(bits, j);
        apply_one(real, keep, x, y, scales[j]);
        if (fd_is_complex(e->dtype)) apply_one(real, keep, x + half, y + half, scales[j]);
        x += e->x_stride;
        y += e->y_stride;
    }
}
