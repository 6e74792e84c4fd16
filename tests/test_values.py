"""Outputs bit for bit: every dtype under every instruction set, ordinary numbers and the odd ones."""

import numpy as np
import oracle
import pytest
from helpers import DTYPES, EVERY_EDGE, assert_same, bits_of, numbers, parts, specials

import fastdrop as fd

KEY = (77, 2**63 + 5)
PROBABILITIES = (0.5, 0.1, 0.9, 1 / 3, 1e-3, 1 - 2.0**-40)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)


@every_dtype
@pytest.mark.parametrize("p", [0.5, 0.1])
def test_every_size_up_to_300(isa, dtype, p):
    x = numbers(300, dtype)
    wanted = oracle.dropout(x, KEY, p)
    for n in range(301):
        assert_same(fd.dropout(x[:n], p, rng=fd.Key(*KEY)), wanted[:n])


@every_dtype
@pytest.mark.parametrize("p", PROBABILITIES)
def test_around_every_edge(isa, dtype, p):
    x = numbers(max(EVERY_EDGE), dtype, seed=1)
    wanted = oracle.dropout(x, KEY, p)
    for n in EVERY_EDGE:
        assert_same(fd.dropout(x[:n], p, rng=fd.Key(*KEY)), wanted[:n])


@every_dtype
@pytest.mark.parametrize("p", [0.5, 0.1])
@pytest.mark.parametrize("start", [1, 63, 65, 511, 2047, 16383, 2**40 + 3, 2**61 - 5])
def test_starts(isa, dtype, p, start):
    x = numbers(700, dtype, seed=2)
    y = fd.dropout(x, p, rng=fd.Key(*KEY), shard=fd.Shard((start,), (2**62,)))
    assert_same(y, oracle.dropout(x, KEY, p, (), (start,), (2**62,)))


@every_dtype
@pytest.mark.parametrize("p", [*PROBABILITIES, 1.0, float(np.nextafter(1, 0))])
def test_special_numbers(isa, dtype, p):
    x = np.tile(specials(dtype), 20)
    assert_same(fd.dropout(x, p, rng=fd.Key(*KEY)), oracle.dropout(x, KEY, p))


@every_dtype
def test_dropped_is_plus_zero_whatever_it_was(isa, dtype):
    x = np.tile(specials(dtype), 9)
    y = fd.dropout(x, 1.0, rng=0)
    assert y.dtype == x.dtype
    assert not bits_of(y).any()


@every_dtype
def test_kept_nan_stays_nan(isa, dtype):
    x = np.full(1000, np.nan).astype(dtype)
    keep = fd.Mask(x.shape, 0.4, rng=5).to_bool()
    y = fd.dropout(x, 0.4, rng=5)
    assert np.isnan(y[keep]).all()
    assert not bits_of(y[~keep]).any()


@every_dtype
def test_subnormals_are_kept(isa, dtype):
    """Every subnormal significand of the short types, some of the long ones: nothing is flushed to zero."""
    real = np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype
    fraction_bits = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}[real.name]
    few = np.unique(np.geomspace(1, 2**fraction_bits - 1, 2000).astype(np.uint64))
    x = few.astype(f"u{real.itemsize}").view(real)
    x = np.stack([x, -x], axis=-1).reshape(-1)
    x = x.view(dtype) if dtype.kind == "c" else x
    keep = fd.Mask(x.shape, 0.25, rng=6).to_bool()
    y = fd.dropout(x, 0.25, rng=6)
    assert_same(y, oracle.dropout(x, (6, 0), 0.25))
    assert np.all(parts(y[keep]) != 0)


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=lambda d: d.name)
@pytest.mark.parametrize("p", [0.1, 0.5, 1 / 3, 0.9])
def test_every_half_precision_number(isa, dtype, p):
    x = np.arange(2**16, dtype=np.uint16).view(dtype)
    kept = fd.Mask.from_bool(np.ones(x.shape, dtype=bool), p)
    assert_same(kept.apply(x), oracle.multiply(x, oracle.scale(p)))


@every_dtype
def test_scale_of_ones_own(isa, dtype):
    """apply(scale=...): the double is rounded once to the type of the product, and the mask stays what it was."""
    x = np.concatenate([numbers(3000, dtype, seed=4), specials(dtype)])
    mask = fd.Mask(x.shape, 0.3, rng=fd.Key(*KEY))
    keep = oracle.keep_mask(KEY, x.shape, 0.3)
    for scale in (1.0, 2.0, 0.0, -2.5, 1 / 3, 1e-300, 1e300, np.inf, np.nan, 1 + 2.0**-24, 1 + 2.0**-24 + 2.0**-50):
        assert_same(mask.apply(x, scale=scale), oracle.apply(x, keep, scale))
        assert_same(mask.store().apply(x, scale=scale), oracle.apply(x, keep, scale))


def test_scale_is_two_roundings_in_order():
    """1/(1-p) in doubles, once rounded to float32: not x / (1-p), not 1/(1-p) in float32."""
    x = numbers(4096, np.float32, seed=5)
    p = 0.1
    y = fd.dropout(x, p, rng=fd.Key(*KEY))
    keep = y != 0
    assert np.array_equal(y[keep], x[keep] * np.float32(1.0 / (1.0 - p)))
    assert not np.array_equal(y[keep], x[keep] / np.float32(1.0 - p))


def test_no_flush_to_zero_left_behind():
    """A call leaves the processor's floating-point mode alone."""
    tiny = np.array([1e-310])
    fd.dropout(numbers(2**18), 0.1, rng=0)
    assert (tiny / 2)[0] > 0


def test_same_bytes_on_every_instruction_set_from_one_list():
    """The isa fixture compares each with the oracle; here they are compared with each other, kept NaNs and all."""
    from fastdrop import _core

    before, seen = _core.isa(), {}
    try:
        for name in _core.isas():
            _core.set_isa(name)
            outputs = [fd.dropout(np.tile(specials(d), 50), p, rng=9) for d in DTYPES for p in (0.5, 0.2)]
            seen[name] = [bits_of(y).tobytes() for y in outputs]
    finally:
        _core.set_isa(before)
    assert all(value == seen["scalar"] for value in seen.values())
