"""Gaussian dropout and Gaussian noise from Python, functions and layers; test_c_noise.py has the C core."""

import copy
import math
import pickle

import numpy as np
import oracle_noise
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
from fastdrop import nn

KEY = (79, 2**61 + 7)
KINDS = pytest.mark.parametrize("kind", ["multiply", "add"])
SIGMA = 0.75
P = 0.36  # sigma = 0.75


def apply(kind, x, **more):
    if kind == "multiply":
        return fd.gaussian_dropout_forward(x, P, **more)
    return fd.gaussian_noise_forward(x, SIGMA, **more)


def sigma(kind):
    return oracle_noise.sigma_of(P) if kind == "multiply" else SIGMA


@KINDS
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_values(isa, kind, dtype):
    x = numbers((3, 50, 17), dtype)
    wanted = oracle_noise.bring(kind, x, KEY, sigma(kind))
    for threads in (1, 2):
        y, noise = apply(kind, x, rng=fd.Key(*KEY), threads=threads)
        assert_same(y, wanted)
    assert noise.shape == x.shape
    plain = (
        fd.gaussian_dropout(x, P, rng=fd.Key(*KEY))
        if kind == "multiply"
        else fd.gaussian_noise(x, SIGMA, rng=fd.Key(*KEY))
    )
    assert_same(plain, wanted)
    for other in (np.asfortranarray(x), np.repeat(x, 2, axis=2)[:, :, ::2]):
        assert_same(apply(kind, other, rng=fd.Key(*KEY))[0], wanted)
    assert apply(kind, x, rng=fd.Key(*KEY), out=x)[0] is x
    assert_same(x, wanted)


@KINDS
@pytest.mark.parametrize("axes", [(1,), (0, 2), (0, 1, 2)], ids=str)
def test_shared_axes_and_shards(isa, kind, axes):
    x = numbers((6, 9, 70))
    wanted = oracle_noise.bring(kind, x, KEY, sigma(kind), axes)
    assert_same(apply(kind, x, rng=fd.Key(*KEY), share_axes=axes)[0], wanted)
    place = fd.Shard(origin=(2, 1, 13), global_shape=x.shape)
    part = apply(kind, x[2:, 1:8, 13:], rng=fd.Key(*KEY), share_axes=axes, shard=place)[0]
    assert_same(part, wanted[2:, 1:8, 13:])


def test_backward_makes_the_same_noise_again():
    x, dy = numbers((4, 60), np.float64), numbers((4, 60), np.float64, seed=1)
    y, noise = fd.gaussian_dropout_forward(x, P, rng=fd.Key(*KEY))
    dx = fd.gaussian_dropout_backward(dy, noise)
    assert_same(dx, oracle_noise.bring("multiply", dy, KEY, sigma("multiply")))
    np.testing.assert_allclose((dy * y).sum(), (dx * x).sum(), rtol=1e-12)  # y is linear in x
    assert fd.gaussian_dropout_backward(dy, noise, out=dy) is dy
    assert_same(dy, dx)
    assert fd.gaussian_noise_backward(x) is x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments(dtype):
    n = 400_000
    y = fd.gaussian_dropout(np.full(n, 2.0, dtype), 0.2, rng=5)  # 2 (1 + z / 2)
    z = fd.gaussian_noise(np.zeros(n, dtype), 3.0, rng=6) / 3
    for values, mean, deviation in ((y, 2.0, 1.0), (z, 0.0, 1.0)):
        values = (values.astype(np.float64) - mean) / deviation
        assert abs(values.mean()) < 5 / math.sqrt(n)
        assert abs((values**2).mean() - 1) < 5 * math.sqrt(2 / n)  # the variance of z**2 is 2
        assert abs((values**3).mean()) < 5 * math.sqrt(15 / n)  # of z**3 15
        assert abs((values**4).mean() - 3) < 5 * math.sqrt(96 / n)  # of z**4 105 - 9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tails(dtype):
    """The share beyond each threshold is the normal distribution's, on both sides, and no number lies beyond 6.34."""
    n = 1_000_000
    z = fd.Noise(n, rng=7).normal(dtype)
    for threshold in (0.5, 1.0, 2.0, 3.0, 4.0):
        tail = math.erfc(threshold / math.sqrt(2)) / 2
        for share in ((z > threshold).mean(), (z < -threshold).mean()):
            assert abs(share - tail) < 5 * math.sqrt(tail * (1 - tail) / n)
    assert np.abs(z).max() < 6.35
    assert (z != 0).all()
    neighbours = float(np.mean(z[1:].astype(np.float64) * z[:-1]))
    assert abs(neighbours) < 5 / math.sqrt(n)  # pages are not drawn in pairs


def test_backward_by_differences():
    x, dy, step = numbers((3, 20), np.float64), numbers((3, 20), np.float64, seed=1), 1.0  # y is linear
    _, noise = fd.gaussian_dropout_forward(x, P, rng=fd.Key(*KEY))
    dx = fd.gaussian_dropout_backward(dy, noise)
    for at in ((0, 0), (1, 7), (2, 19)):
        e = np.zeros_like(x)
        e[at] = step
        up, down = (fd.gaussian_dropout(x + s * e, P, rng=fd.Key(*KEY)) for s in (1, -1))
        assert math.isclose((dy * (up - down)).sum() / (2 * step), dx[at], rel_tol=1e-9)
    out = np.empty_like(dy)
    assert fd.gaussian_noise_backward(dy, out=out) is out
    assert_same(out, dy)


def test_noise_is_a_value():
    place = {"share_axes": 1, "shard": fd.Shard((2, 0), (9, 5))}
    noise = fd.Noise((3, 5), 0.5, rng=fd.Key(1), **place)
    assert noise == fd.Noise((3, 5), 0.5, rng=fd.Key(1), **place)
    assert hash(noise) == hash(fd.Noise((3, 5), 0.5, rng=fd.Key(1), **place))
    for other in (
        fd.Noise((3, 5), 0.25, rng=fd.Key(1), **place),
        fd.Noise((3, 5), 0.5, rng=fd.Key(2), **place),
        fd.Noise((3, 5), 0.5, rng=fd.Key(1)),
        fd.Mask((3, 5), 0.5, rng=fd.Key(1)),
    ):
        assert noise != other
    for again in (pickle.loads(pickle.dumps(noise)), copy.deepcopy(noise)):
        assert again == noise
        assert_same(again.normal(), noise.normal())
    assert (noise.shape, noise.mask_shape, noise.sigma, noise.nbytes) == ((3, 5), (3, 1), 0.5, 0)
    assert noise.normal().shape == (3, 1)
    assert all(text in repr(noise) for text in ("shape=(3, 5)", "sigma=0.5", "mask_shape=(3, 1)", "shard="))
    with pytest.raises(AttributeError, match="immutable"):
        noise.sigma = 1.0
    with pytest.raises(AttributeError, match="immutable"):
        del noise.sigma
    with pytest.raises(TypeError, match="dtype has to be float32 or float64"):
        noise.normal(np.float16)
    with pytest.raises(ValueError, match="noise's shape"):
        noise.apply(np.ones((5, 3)))


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_no_axes_and_no_elements(dtype):
    x = numbers((), dtype)
    for kind in ("multiply", "add"):
        y, _ = apply(kind, x, rng=fd.Key(*KEY))
        assert y.shape == ()
        assert_same(y, oracle_noise.bring(kind, x, KEY, sigma(kind)))
        assert apply(kind, np.empty((3, 0, 2), dtype), rng=1)[0].shape == (3, 0, 2)


@KINDS
@pytest.mark.parametrize("axes", [None, 0])
def test_layers(isa, kind, axes):
    layer = (nn.GaussianDropout(P, share_axes=axes, rng=8), nn.GaussianNoise(SIGMA, share_axes=axes, rng=8))[
        kind == "add"
    ]
    x, dy = numbers((5, 40)), numbers((5, 40), seed=1)
    for call in range(2):
        key = fd.Key(8).fold_in(call, role="call").fold_in(0, role="part")
        assert_same(layer(x), apply(kind, x, rng=key, share_axes=axes)[0])
        again = dy if kind == "add" else apply(kind, dy, rng=key, share_axes=axes)[0]
        assert_same(layer.backward(dy), again)
    assert layer.calls == 2
    assert layer.eval()(x) is x
    assert layer.backward(dy) is dy
    assert layer.calls == 2


@pytest.mark.parametrize("make", [nn.GaussianDropout, nn.GaussianNoise])
def test_layers_in_place_and_their_state(make):
    x = numbers((5, 40))
    layer, other = make(0.3, rng=2), make(0.3)
    layer(x)
    other.load_state_dict(layer.state_dict())
    wanted = layer(x)
    assert_same(other(x), wanted)
    in_place = make(0.3, inplace=True, rng=2)
    in_place(x.copy())
    assert in_place(x) is x
    assert_same(x, wanted)
    with pytest.raises(RuntimeError, match="backward belongs to the latest forward"):
        make(0.3).backward(x)
    with pytest.raises(ValueError, match="shape of the latest output"):
        layer.backward(x[:2])


def test_nothing_to_do():
    x = numbers((3, 4))
    assert fd.gaussian_dropout(x, 0.0) is x
    assert fd.gaussian_noise(x, 0.0) is x
    assert fd.gaussian_dropout(x, 0.5, training=False) is x
    assert fd.gaussian_noise(x, 1.0, training=False) is x
    assert fd.gaussian_dropout(np.empty((0, 3)), 0.5).shape == (0, 3)
    assert fd.gaussian_noise(np.float32(1), 0.5).shape == ()


def test_the_key_is_drawn_in_training_alone_whatever_p_is():
    def after(p, training):
        rng = np.random.default_rng(3)
        fd.gaussian_dropout(np.ones(3), p, rng=rng, training=training)
        return rng.integers(1 << 60)

    untouched = np.random.default_rng(3).integers(1 << 60)
    assert after(0.5, False) == untouched
    assert after(0.0, True) == after(0.5, True) != untouched
    rng = np.random.default_rng(3)
    fd.gaussian_noise(np.empty((0, 2)), 1.0, rng=rng)
    assert rng.integers(1 << 60) == after(0.5, True)


@pytest.mark.parametrize(
    "function", [fd.gaussian_dropout, fd.gaussian_dropout_forward, lambda x, p: nn.GaussianDropout(p)(x)]
)
@pytest.mark.parametrize("p", [1.0, -0.1, 2.0, math.nan])
def test_bad_p(function, p):
    with pytest.raises(ValueError, match=f"but got {p}"):
        function(np.ones(3), p)


@pytest.mark.parametrize(
    "function", [fd.gaussian_noise, fd.gaussian_noise_forward, lambda x, s: nn.GaussianNoise(s)(x)]
)
@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_bad_sigma(function, value):
    with pytest.raises(ValueError, match=f"sigma .*but got {value}"):
        function(np.ones(3), value)


def test_bad_input_changes_nothing():
    x = np.ones((3, 4), np.float32)
    for bad in ({"out": np.ones((4, 3), np.float32)}, {"share_axes": 2}, {"threads": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(bad)).split('_')[0]}|axis"):
            fd.gaussian_dropout(x, 0.5, **({"out": x} | bad))
    with pytest.raises(TypeError, match="dtype"):
        fd.gaussian_noise(np.arange(3), 1.0)
    with pytest.raises(TypeError, match="training"):
        fd.gaussian_noise(x, 1.0, training=1)
    with pytest.raises(TypeError, match="noise has to be a Noise"):
        fd.gaussian_dropout_backward(x, fd.Mask(3, 0.5))
    assert (x == 1).all()
