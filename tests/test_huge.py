"""Arrays of more than 2^32 elements, and masks that no memory holds."""

import time

import mixes
import numpy as np
import oracle
import oracle_noise
import pytest
from helpers import answer, assert_same, memory_available

import fastdrop as fd

GIB = 2**30
N = 2**32 + 4099
roomy = pytest.mark.skipif(memory_available() < 12 * GIB, reason="needs 12 GiB of free memory")


def windows(n: int):
    """Where an index of 32 bits would go wrong, the ends, and a few in between."""
    return [0, 2**31 - 70, 2**32 - 70, 2**32, n - 131, *(int(n * f) for f in (0.1, 0.37, 0.77))]


@roomy
@pytest.mark.big
@pytest.mark.parametrize("p", [0.5, 0.1])
def test_more_than_two_to_the_32_elements_in_place(p):
    x = np.ones(N, dtype=np.float16)
    started = time.perf_counter()
    fd.dropout(x, p, rng=5, out=x)
    seconds = time.perf_counter() - started
    for first in windows(N):
        index = np.arange(first, first + 131, dtype=np.uint64)
        keep = oracle.decide((5, 0), p, index)
        assert_same(x[first : first + 131], oracle.apply(np.ones(131, dtype=np.float16), keep, oracle.scale(p)))
    assert seconds < 60


@roomy
@pytest.mark.slow
@pytest.mark.big
def test_other_variants_of_more_than_two_to_the_32_elements_in_place():
    """Noise, which has words of its own, and alpha dropout, for what has an affine law: one after the other."""
    x = np.ones(N, dtype=np.float16)
    fd.gaussian_noise(x, 0.5, rng=5, out=x)
    fd.alpha_dropout(x, 0.1, rng=6, out=x)
    for first in windows(N):
        index = np.arange(first, first + 131, dtype=np.uint64)
        noisy = oracle_noise.perturb("add", np.ones(131, np.float16), oracle.noise_words((5, 0), index), 0.5)
        assert_same(x[first : first + 131], mixes.alpha(noisy, oracle.decide((6, 0), 0.1, index), 0.1))


@roomy
@pytest.mark.big
def test_mask_of_more_than_two_to_the_32_elements():
    mask = fd.Mask((N,), 0.5, rng=5)
    kept = mask.store()
    assert kept.nbytes == (N + 7) // 8
    assert kept.count() == mask.count()
    assert abs(kept.count() - N / 2) < 4 * (N / 4) ** 0.5
    for first in windows(N):
        wanted = oracle.decide((5, 0), 0.5, np.arange(first, first + 131, dtype=np.uint64))
        assert_same(kept.flat[first : first + 131], wanted)
        assert_same(mask.flat[first : first + 131], wanted)


@roomy
@pytest.mark.big
def test_strided_rows_past_two_to_the_32():
    """A two-dimensional view with gaps whose byte offsets pass 2^32, one row at each end."""
    whole = np.zeros((4, 2**30), dtype=np.float16)
    x = whole[::3, ::7]
    x[...] = 1
    fd.dropout(x, 0.1, rng=6, out=x)
    for row in (0, 1):
        index = np.uint64(row * x.shape[1]) + np.arange(500, dtype=np.uint64)
        wanted = oracle.apply(np.ones(500, dtype=np.float16), oracle.decide((6, 0), 0.1, index), oracle.scale(0.1))
        assert_same(np.array(x[row, :500]), wanted)
    assert not whole[1:3].any()


def test_storing_what_cannot_fit_fails_before_any_work():
    """With a limit on memory, so that it is the same on every machine: 8 GiB of bits where there are 3 at most."""
    pytest.importorskip("resource", reason="limits of POSIX")
    code = """
import json, resource, time
import fastdrop as fd, numpy as np
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
mask, times = fd.Mask((2**36,), 0.1, rng=0), []
for call in (mask.store, mask.to_packed, mask.to_bool, lambda: mask[:], lambda: mask.flat[:]):
    started = time.perf_counter()
    try:
        call()
    except MemoryError:
        times.append(time.perf_counter() - started)
x = np.ones(100)
times.append(float(fd.dropout(x, 0.5, rng=0).sum() < 0))
print(json.dumps(times))
"""
    times = answer(code, OMP_NUM_THREADS="1")
    assert len(times) == 6
    assert max(times) < 0.5


def test_in_place_needs_no_memory():
    """A limit just above the array itself: no mask, no copy, only what is small."""
    pytest.importorskip("resource", reason="limits of POSIX")
    code = """
import json, resource
import fastdrop as fd, numpy as np
x = np.ones((2**13, 2**13), dtype=np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for p in (0.5, 0.1, np.linspace(0, 1, 2**13)):
    fd.dropout(x, p, rng=0, out=x, threads=1)
    fd.dropout(x.T, 0.1, rng=0, out=x.T, threads=1)
    fd.dropout(x, 0.1, rng=0, share_axes=1, out=x, threads=1)
    fd.dropout(x[:, ::-1], 0.1, rng=0, out=x[:, ::-1], threads=1)
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""
    assert answer(code, OMP_NUM_THREADS="1") < 4096  # KiB: the packed mask alone would be 8,192
