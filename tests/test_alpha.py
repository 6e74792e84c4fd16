"""Alpha dropout, by elements and by channels: functions and layers."""

import math

import mixes
import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers, specials

import fastdrop as fd
from fastdrop import nn

KEY = (81, 2**50 + 3)
RNG = fd.Key(*KEY)
EVERY = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
RATES = pytest.mark.parametrize("p", [0.5, 0.1, 1e-9, 1 - 2**-53, 1.0])


def by_hand(x, p, share_axes=()):
    return mixes.alpha(x, oracle.keep_mask(KEY, x.shape, p, share_axes), p)


@RATES
@EVERY
def test_values(isa, dtype, p):
    x = numbers((7, 301), dtype)
    dy = numbers((7, 301), dtype, seed=1)
    for threads in (1, 2):
        y, mask = fd.alpha_dropout_forward(x, p, rng=RNG, threads=threads)
        assert_same(y, by_hand(x, p))
        wanted = mixes.alpha_backward(dy, oracle.keep_mask(KEY, x.shape, p), p)
        assert_same(fd.alpha_dropout_backward(dy, mask, threads=threads), wanted)
    assert mask.nbytes == 0
    assert_same(fd.alpha_dropout_backward(dy, mask.store()), wanted)
    assert fd.alpha_dropout(x, p, rng=RNG, out=x) is x
    assert_same(x, y)


@EVERY
def test_special_numbers(isa, dtype):
    x = specials(dtype)
    assert_same(fd.alpha_dropout(x, 0.5, rng=RNG), by_hand(x, 0.5))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 2047, 2049, 40_001])
def test_sizes_and_threads(isa, size):
    x = numbers(size)
    for p in (0.5, 0.3):
        assert_same(fd.alpha_dropout(x, p, rng=RNG, threads=2), by_hand(x, p))


def test_layouts(isa):
    x = numbers((5, 6, 70))
    wanted = by_hand(x, 0.3)
    for a in mixes.layouts(x).values():
        y = fd.alpha_dropout(a, 0.3, rng=RNG)
        assert_same(y, wanted)
        for other in mixes.layouts(np.empty_like(x)).values():
            assert_same(fd.alpha_dropout(a, 0.3, rng=RNG, out=other), wanted)


def test_shared_axes_and_shards(isa):
    x = numbers((6, 5, 40))
    assert_same(fd.alpha_dropout(x, 0.4, rng=RNG, share_axes=(0, 2)), by_hand(x, 0.4, (0, 2)))
    whole = fd.alpha_dropout(x, 0.4, rng=RNG)
    part = fd.Shard(origin=(2, 1, 7), global_shape=x.shape)
    assert_same(fd.alpha_dropout(x[2:, 1:, 7:], 0.4, rng=RNG, shard=part), whole[2:, 1:, 7:])


@pytest.mark.parametrize("channels_last", [False, True])
def test_features(isa, channels_last):
    x = numbers((6, 7, 3, 5))
    wanted = by_hand(x, 0.4, (2, 3))
    given = np.moveaxis(x, 1, -1) if channels_last else x
    back = (lambda a: np.moveaxis(a, -1, 1)) if channels_last else lambda a: a
    y, mask = fd.feature_alpha_dropout_forward(given, 0.4, rng=RNG, channels_last=channels_last)
    assert_same(back(y), wanted)
    assert_same(back(fd.feature_alpha_dropout(given, 0.4, rng=RNG, channels_last=channels_last)), wanted)
    dx = fd.feature_alpha_dropout_backward(given, mask)
    assert_same(back(dx), mixes.alpha_backward(x, oracle.keep_mask(KEY, x.shape, 0.4, (2, 3)), 0.4))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_mean_and_variance_stay(p):
    n = 400_000
    x = np.random.default_rng(5).standard_normal(n)
    y = fd.alpha_dropout(x, p, rng=1)
    fourth = float(np.mean(y**4))
    assert abs(y.mean()) < 5 / math.sqrt(n)
    assert abs(y.var() - 1) < 5 * math.sqrt(fourth / n)


def test_gradient():
    x, dy = numbers((4, 9), np.float64), numbers((4, 9), np.float64, seed=1)
    dx = fd.alpha_dropout_backward(dy, fd.alpha_dropout_forward(x, 0.3, rng=RNG)[1])
    step = 1e-4
    for at in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[at] = step
        up, down = (fd.alpha_dropout(v, 0.3, rng=RNG) for v in (x + e, x - e))
        assert math.isclose(((up - down) * dy).sum() / (2 * step), dx[at], rel_tol=1e-6, abs_tol=1e-6)


def test_extremes():
    x = numbers((3, 4))
    assert fd.alpha_dropout(x, 0.0, rng=1) is x
    assert fd.alpha_dropout(x, training=False) is x
    assert_same(fd.alpha_dropout(x, 1.0), np.zeros_like(x))
    assert_same(fd.alpha_dropout(np.full(3, np.nan), 1.0), np.zeros(3))
    out = np.empty_like(x)
    assert fd.alpha_dropout(x, 0.0, out=out) is out
    assert_same(out, x)
    assert fd.alpha_dropout(np.empty((0, 3)), 0.5).shape == (0, 3)
    assert fd.alpha_dropout(np.float32(2), 0.5, rng=RNG).shape == ()
    assert_same(fd.alpha_dropout(np.array(2.0), 0.5, rng=RNG), by_hand(np.array(2.0), 0.5))


def test_key_is_drawn_whatever_p_is():
    for p, training, draws in ((0.0, True, 1), (0.5, True, 1), (0.5, False, 0)):
        g, h = np.random.default_rng(3), np.random.default_rng(3)
        fd.alpha_dropout(np.ones(2), p, rng=g, training=training)
        for _ in range(draws):
            oracle.key_from_rng(h)
        assert g.integers(1 << 40) == h.integers(1 << 40)


@pytest.mark.parametrize("make", [nn.AlphaDropout, nn.FeatureAlphaDropout])
def test_layers(make):
    axes = None if make is nn.AlphaDropout else 2
    layer, x, dy = make(0.4, rng=9), numbers((5, 4, 6)), numbers((5, 4, 6), seed=1)
    with pytest.raises(RuntimeError, match="backward belongs to the latest forward"):
        layer.backward(dy)
    for call in range(3):
        key = fd.Key(9).fold_in(call, role="call").fold_in(0, role="part")
        y, mask = fd.alpha_dropout_forward(x, 0.4, rng=key, share_axes=axes)
        assert_same(layer(x), y)
        assert_same(layer.backward(dy), fd.alpha_dropout_backward(dy, mask))
    saved = layer.state_dict()
    y = layer(x)
    other = make(0.4, rng=1)
    other.load_state_dict(saved)
    assert_same(other(x), y)
    assert layer.eval()(x) is x
    assert layer.backward(dy) is dy
    assert layer.calls == 4
    assert repr(layer) == f"{make.__name__}(p=0.4)"
    assert make(0.4, inplace=True, rng=1)(x) is x
    assert repr(nn.FeatureAlphaDropout(0.2, channels_last=True)) == "FeatureAlphaDropout(p=0.2, channels_last=True)"


@pytest.mark.parametrize("call", [fd.alpha_dropout, fd.alpha_dropout_forward, fd.feature_alpha_dropout])
def test_bad_input(call):
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match="between 0 and 1, but got -1"):
        call(x, -1)
    with pytest.raises(TypeError, match="p has to be one number"):
        call(x, np.array([0.1, 0.2, 0.3]))
    with pytest.raises(TypeError, match="dtype"):
        call(np.ones((2, 3), int), 0.5)
    out = np.full(6, 7.0)
    with pytest.raises(ValueError, match="overlaps x partly"):
        call(out[:4].reshape(2, 2), 0.5, out=out[1:5].reshape(2, 2))
    with pytest.raises(TypeError, match="default_rng"):
        call(x, 0.5, rng=np.random, out=out.reshape(2, 3))
    assert (out == 7).all()


def test_more_bad_input():
    with pytest.raises(ValueError, match=r"axes \(N, C, ...\) for feature_alpha_dropout, but got shape \(3,\)"):
        fd.feature_alpha_dropout(np.ones(3))
    with pytest.raises(ValueError, match="axes"):
        nn.FeatureAlphaDropout().eval()(np.ones(3))
    with pytest.raises(TypeError, match="channels_last"):
        fd.feature_alpha_dropout(np.ones((2, 3)), channels_last=1)
    with pytest.raises(TypeError, match="mask has to be a Mask"):
        fd.alpha_dropout_backward(np.ones(3), None)
    with pytest.raises(TypeError, match="one number"):
        fd.alpha_dropout_backward(np.ones(2), fd.Mask(2, np.array([0.1, 0.2])))
    with pytest.raises(ValueError, match="mask's shape"):
        fd.alpha_dropout_backward(np.ones(3), fd.Mask(2, 0.5))
