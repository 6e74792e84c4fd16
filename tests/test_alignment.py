"""Nothing outside the array is touched: every element offset, sentinels around, and pages that may not be read."""

import numpy as np
import oracle
import pytest
from helpers import DTYPES, answer, assert_same, numbers

import fastdrop as fd

KEY = (3, 1)
SENTINEL = 0xA5
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)


def inside(offset_bytes: int, n: int, dtype: np.dtype):
    """n elements that start offset_bytes after a multiple of 64, in a buffer full of sentinels."""
    buffer = np.full(n * dtype.itemsize + 64 * 10, SENTINEL, dtype=np.uint8)
    first = -buffer.ctypes.data % 64 + 128 + offset_bytes
    return buffer, buffer[first : first + n * dtype.itemsize].view(dtype), first


def untouched(buffer: np.ndarray, first: int, nbytes: int) -> bool:
    return bool(np.all(buffer[:first] == SENTINEL) and np.all(buffer[first + nbytes :] == SENTINEL))


@every_dtype
@pytest.mark.parametrize("p", [0.5, 0.1])
def test_every_element_offset(isa, dtype, p):
    for n in (0, 1, 3, 17, 64, 130, 577):
        x = numbers(n, dtype, seed=n)
        wanted = oracle.dropout(x, KEY, p)
        for offset in range(17):
            buffer, inner, first = inside(offset * dtype.itemsize, n, dtype)
            inner[...] = x
            fd.dropout(inner, p, rng=fd.Key(*KEY), out=inner)
            assert_same(inner, wanted)
            assert untouched(buffer, first, inner.nbytes), (n, offset)
            target, out, first = inside((16 - offset) * dtype.itemsize, n, dtype)
            fd.dropout(x, p, rng=fd.Key(*KEY), out=out)
            assert_same(out, wanted)
            assert untouched(target, first, out.nbytes), (n, offset)


@every_dtype
def test_data_not_aligned_to_its_own_type(isa, dtype):
    """NumPy allows an array at an odd address; the result has to be right, or there is a clear error and no write."""
    x = numbers(300, dtype, seed=9)
    buffer, inner, first = inside(1, 300, dtype)
    inner[...] = x
    assert not inner.flags.aligned
    assert_same(fd.dropout(inner, 0.1, rng=fd.Key(*KEY)), oracle.dropout(x, KEY, 0.1))
    fd.dropout(x, 0.1, rng=fd.Key(*KEY), out=inner)
    assert_same(np.array(inner), oracle.dropout(x, KEY, 0.1))
    assert untouched(buffer, first, inner.nbytes)


@pytest.mark.parametrize("p", [0.5, 0.1])
def test_stored_bits_at_every_offset(isa, p):
    """A packed mask and its application at sizes that end inside a byte, inside a step and inside a page."""
    for n in (1, 7, 8, 9, 63, 65, 129, 511, 513, 2049):
        x = numbers(n, np.float32, seed=n)
        kept = fd.Mask((n,), p, rng=fd.Key(*KEY)).store()
        buffer, out, first = inside(4, n, x.dtype)
        kept.apply(x, out=out)
        assert_same(out, oracle.dropout(x, KEY, p))
        assert untouched(buffer, first, out.nbytes)


GUARDED = """
import ctypes, json, mmap
import fastdrop as fd, numpy as np
from fastdrop import _core
from helpers import DTYPES, numbers, assert_same
import oracle

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
page, room = mmap.PAGESIZE, 16 * mmap.PAGESIZE

def guarded():
    # memory of `room` bytes with a page before it and a page after it that may be neither read nor written
    memory = mmap.mmap(-1, room + 2 * page)
    whole = np.frombuffer(memory, dtype=np.uint8)
    for where in (0, page + room):
        assert libc.mprotect(whole.ctypes.data + where, page, 0) == 0
    return whole[page : page + room]

source, target, calls = guarded(), guarded(), 0
for name in _core.isas():
    _core.set_isa(name)
    for dtype in DTYPES:
        for n in (1, 2, 15, 16, 17, 63, 64, 65, 511, 513, 2047, 2050, 4090):
            size = n * dtype.itemsize
            x = numbers(n, dtype, seed=n)
            for p in (0.5, 0.1):
                wanted = oracle.dropout(x, (8, 0), p)
                for at in (0, room - size):
                    a, b = source[at : at + size].view(dtype), target[at : at + size].view(dtype)
                    a[...] = x
                    fd.dropout(a, p, rng=8, out=b)
                    assert_same(b, wanted)
                    fd.dropout(a, p, rng=8, out=a)
                    assert_same(a, wanted)
                    bits = source[room - (n + 7) // 8 :]
                    bits[...] = fd.Mask((n,), p, rng=8).to_packed()
                    fd.Mask.from_packed(bits, (n,), p).apply(x, out=b)
                    assert_same(b, wanted)
                    calls += 3
print(json.dumps(calls))
"""


def test_guard_pages():
    """A read or a write one byte too far is a segmentation fault; so this runs in a process of its own."""
    from fastdrop import _core

    assert answer(GUARDED, timeout=120) == len(_core.isas()) * len(DTYPES) * 13 * 2 * 2 * 3
