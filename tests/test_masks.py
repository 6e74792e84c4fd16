"""Masks bit for bit against the oracle: every size, every edge, every place on the line of indices."""

import itertools

import numpy as np
import oracle
import pytest
from helpers import EVERY_EDGE, assert_same

import fastdrop as fd

KEY = (0x0123456789ABCDEF, 0xFEDCBA9876543210)
STEP, COIN_STEP, PAGE, COIN_PAGE = 64, 512, 2048, 16384  # elements
EDGES = (STEP, COIN_STEP, PAGE, COIN_PAGE)

# Ties all over (hi = 0), none that matter (lo = 0), next to one half, the ends that still draw, and the ordinary.
PROBABILITIES = (
    0.5, 0.1, 0.25, 0.9, 1 / 3, 2.0**-8, 1 - 2.0**-8, 2.0**-40, 2.0**-30, 1e-3, 1 - 2.0**-40, 0.5 + 2.0**-40,
    0.5 - 2.0**-40, 0.999999,
)  # fmt: skip
NOTHING_DRAWN = (0.0, 2.0**-41, 5e-324, 2.0**-42, 1 - 2.0**-42, 1.0, float(np.nextafter(1, 0)))


def block(start: int, n: int, p: float) -> fd.Mask:
    return fd.Mask((n,), p, rng=fd.Key(*KEY), shard=fd.Shard((start,), (2**62,)))


def check(start: int, n: int, p: float) -> None:
    wanted = oracle.decide(KEY, p, np.uint64(start) + np.arange(n, dtype=np.uint64))
    mask = block(start, n, p)
    got = mask.to_packed()
    assert got.tobytes() == oracle.packed(wanted).tobytes(), f"start {start}, n {n}, p {p}"
    assert mask.count() == wanted.sum()


@pytest.mark.parametrize("p", [0.5, 0.1])
def test_every_size_up_to_300(isa, p):
    wanted = oracle.decide(KEY, p, np.arange(300))
    for n in range(301):
        mask = fd.Mask((n,), p, rng=fd.Key(*KEY))
        assert mask.to_packed().tobytes() == oracle.packed(wanted[:n]).tobytes(), n
        assert_same(mask.to_bool(), wanted[:n])


@pytest.mark.parametrize("p", PROBABILITIES + NOTHING_DRAWN)
def test_sizes_around_every_edge(isa, p):
    for n in EVERY_EDGE:
        check(0, n, p)


@pytest.mark.parametrize("p", [0.5, 0.1, 2.0**-30])
@pytest.mark.parametrize("edge", EDGES)
def test_starts_around_every_edge(isa, edge, p):
    for start in [k * edge + d for k in (2, 3, 8) for d in (-65, -9, -8, -1, 0, 1, 7, 8, 63)]:
        for n in (0, 1, 7, 8, 9, 63, 64, 65, 200):
            check(start, n, p)
    check(3 * edge - 1, 2 * edge + 2, p)


@pytest.mark.parametrize("p", [0.5, 0.1, 1e-9, 1 - 2.0**-40])
def test_far_starts(isa, p):
    for power in (16, 31, 32, 33, 34, 42, 43, 46, 47, 53, 60, 61):
        for start in (2**power - 70, 2**power - 1, 2**power, 2**power + 13):
            check(start, 140, p)
        check(2**power - 3001, 6000, p)  # several pages on both sides, where the upper words of counters change
    check(2**62 - 200, 200, p)  # the last indices there are


@pytest.mark.parametrize("p", [0.5, 0.1])
def test_every_bit_offset(isa, p):
    for start in range(130):
        check(start, 131, p)


@pytest.mark.parametrize("p", [0.5, 0.3])
def test_long_mask(isa, p):
    check(5, 8 * COIN_PAGE + 77, p)


@pytest.mark.parametrize("p", [0.5, 0.1])
@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 - 1])
@pytest.mark.parametrize("stream", [0, 1, 2**63, 2**64 - 1])
def test_corners_of_the_key(isa, seed, stream, p):
    wanted = oracle.decide((seed, stream), p, np.arange(2100))
    assert_same(fd.Mask((2100,), p, rng=fd.Key(seed, stream)).to_bool(), wanted)


def test_probability_that_every_p_gets():
    """The oracle and the product agree on T for doubles that need care: halves of a step, and their neighbours."""
    steps = np.array([0, 1, 2, 3, 2**20 + 1, 2**39 - 1, 2**39, 2**39 + 1, 2**40 - 2, 2**40 - 1], dtype=np.float64)
    halves = (steps + 0.5) / 2**40
    for p in [*halves, *np.nextafter(halves, 0), *np.nextafter(halves, 1), *PROBABILITIES, *NOTHING_DRAWN]:
        assert fd.realised_p(p) == oracle.threshold(p) / 2**40, p.hex()


def test_threshold_to_the_last_of_its_40_bits(isa):
    """With T at the number U of an element it is kept, one step of 2^-40 further it is dropped."""
    index = np.arange(3000, dtype=np.uint64)
    page = oracle.pages(KEY, oracle.BYTE, [0, 1]).astype("<u4").view(np.uint8).reshape(-1)
    refined = oracle.blocks(KEY, oracle.REFINE, index // np.uint64(4))[np.arange(3000), np.arange(3000) % 4]
    for i in (0, 1, 2, 3, 63, 64, 777, 2047, 2048, 2999):
        u = int(page[i]) << 32 | int(refined[i])
        for t in (u - 1, u, u + 1):
            for p in (t / 2**40, np.full(3000, t / 2**40)):  # exact: t has at most 40 bits
                keep = fd.Mask((3000,), p, rng=fd.Key(*KEY)).to_bool()
                assert keep[i] == (u >= t)
                assert_same(keep, oracle.decide(KEY, t / 2**40, index))
                assert_same(fd.dropout(np.ones(3000), p, rng=fd.Key(*KEY)) != 0, keep)


@pytest.mark.parametrize("p", NOTHING_DRAWN)
def test_nothing_drawn(isa, p):
    kept = int(p < 0.5) * 1000
    assert fd.Mask((1000,), p, rng=1).count() == kept
    x = np.full(1000, 3.0, dtype=np.float32)
    assert_same(fd.dropout(x, p, rng=1), oracle.dropout(x, (1, 0), p))


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_share_of_dropped(p):
    """A million decisions drop their share of p: the law itself, not only its equality with the oracle."""
    n = 2**20
    kept = fd.Mask((n,), p, rng=2026).count()
    assert abs(n - kept - n * p) < 4 * (n * p * (1 - p)) ** 0.5


def test_larger_p_drops_a_superset(isa):
    sizes = (2.0**-20, 0.01, 0.1, 0.3, 0.7, 0.99)
    kept = [fd.Mask((5000,), p, rng=3).to_bool() for p in sizes]
    for less, more in itertools.pairwise(kept):
        assert not np.any(more & ~less)
        assert more.sum() < less.sum()
