"""Dropout fused with a bias, an activation and a residual."""

import math

import mixes
import numpy as np
import oracle
import pytest
from helpers import BFLOAT16, DTYPES, assert_same, numbers, specials

import fastdrop as fd

KEY = (83, 2**52 + 3)
RNG = fd.Key(*KEY)
REAL = [d for d in DTYPES if d.kind != "c"]
EVERY = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
EVERY_REAL = pytest.mark.parametrize("dtype", REAL, ids=lambda d: d.name)
RATES = pytest.mark.parametrize("p", [0.5, 0.1, 0.0, 1.0])


def keep_of(x, p, share_axes=()):
    return oracle.keep_mask(KEY, x.shape, p, share_axes)


@RATES
@EVERY
def test_bias(isa, dtype, p):
    x, bias, dy = numbers((7, 301), dtype), numbers(301, dtype, seed=1), numbers((7, 301), dtype, seed=2)
    wanted = mixes.fused(x, bias, None, keep_of(x, p), p)
    for threads in (1, 2):
        y, mask = fd.dropout_bias_forward(x, bias, p, rng=RNG, threads=threads)
        assert_same(y, wanted)
    assert mask.nbytes == 0
    scale = oracle.scale(p) if p < 1 else 0
    assert_same(fd.dropout_bias_backward(dy, mask), oracle.apply(dy, keep_of(x, p), scale))
    assert_same(fd.dropout_bias(x, bias, p, training=False), mixes.fused(x, bias, None, np.True_, 0.0))
    assert fd.dropout_bias(x, bias, p, rng=RNG, out=x) is x
    assert_same(x, wanted)


@RATES
@EVERY_REAL
def test_relu(isa, dtype, p):
    x, bias, dy = numbers((7, 301), dtype), numbers(301, dtype, seed=1), numbers((7, 301), dtype, seed=2)
    keep = keep_of(x, p)
    for b in (bias, None):
        y, mask = fd.dropout_bias_act_forward(x, b, p, rng=RNG, threads=2)
        assert_same(y, mixes.fused(x, b, None, keep, p, relu=True))
        wanted = mixes.relu_backward(dy, x, b, keep, p)
        for law in (mask, mask.store()):
            assert_same(fd.dropout_bias_act_backward(dy, x, b, law), wanted)
        for place in (0, 1):
            both = [dy.copy(), x.copy()]
            assert fd.dropout_bias_act_backward(*both, b, mask, out=both[place]) is both[place]
            assert_same(both[place], wanted)
        assert_same(fd.dropout_bias_act(x, b, training=False), mixes.fused(x, b, None, np.True_, 0.0, relu=True))


@RATES
@EVERY
def test_residual(isa, dtype, p):
    x, bias, residual = numbers((7, 301), dtype), numbers(301, dtype, seed=1), numbers((7, 301), dtype, seed=2)
    keep = keep_of(x, p)
    for b in (None, bias):
        wanted = mixes.fused(x, b, residual, keep, p)
        for threads in (1, 2):
            y, mask = fd.dropout_residual_forward(x, residual, p, bias=b, rng=RNG, threads=threads)
            assert_same(y, wanted)
        evaluated = mixes.fused(x, b, residual, np.True_, 0.0)
        assert_same(fd.dropout_residual(x, residual, p, bias=b, training=False), evaluated)
        for place in (0, 1):
            both = [x.copy(), residual.copy()]
            assert fd.dropout_residual(*both, p, bias=b, rng=RNG, out=both[place]) is both[place]
            assert_same(both[place], wanted)
    scale = oracle.scale(p) if p < 1 else 0
    assert_same(fd.dropout_residual_backward(residual, mask), oracle.apply(residual, keep, scale))


@EVERY
def test_special_numbers(isa, dtype):
    x = specials(dtype)
    bias, residual = np.roll(x, 3), np.roll(x, 7)
    keep = keep_of(x, 0.5)
    assert_same(fd.dropout_bias(x, bias, 0.5, rng=RNG), mixes.fused(x, bias, None, keep, 0.5))
    assert_same(fd.dropout_residual(x, residual, 0.5, rng=RNG), mixes.fused(x, None, residual, keep, 0.5))
    if np.dtype(dtype).kind != "c":
        y, mask = fd.dropout_bias_act_forward(x, bias, 0.5, rng=RNG)
        assert_same(y, mixes.fused(x, bias, None, keep, 0.5, relu=True))
        wanted = mixes.relu_backward(residual, x, bias, keep, 0.5)
        assert_same(fd.dropout_bias_act_backward(residual, x, bias, mask), wanted)


@pytest.mark.parametrize(
    "shape", [(40_001,), (130, 1), (3, 511), (3, 512), (3, 513), (90, 17), (5, 3000), (2, 2, 3, 700)]
)
def test_shapes_of_bias(isa, shape):
    """A bias for each feature, channel, sample, for all, and for each element."""
    x, residual = numbers(shape), numbers(shape, seed=1)
    shapes = {shape[k:] for k in range(len(shape) + 1)} | {
        (*shape[:k], *(1,) * (len(shape) - k)) for k in range(len(shape))
    }
    for p in (0.5, 0.3):
        keep = keep_of(x, p)
        for small in shapes:
            bias = numbers(small, seed=2)
            y = fd.dropout_residual(x, residual, p, bias=bias, rng=RNG, threads=2)
            assert_same(y, mixes.fused(x, bias, residual, keep, p))


def test_layouts(isa):
    x, residual, bias = numbers((5, 6, 70)), numbers((5, 6, 70), seed=1), numbers((6, 70), seed=2)
    wanted = mixes.fused(x, bias, residual, keep_of(x, 0.3), 0.3)
    strange = np.repeat(bias, 3, axis=1)[:, ::3]
    for a in mixes.layouts(x).values():
        for b in mixes.layouts(residual).values():
            for c in (bias, strange, np.asfortranarray(bias)):
                assert_same(fd.dropout_residual(a, b, 0.3, bias=c, rng=RNG), wanted)
        for out in mixes.layouts(np.empty_like(x)).values():
            assert_same(fd.dropout_residual(a, residual, 0.3, bias=bias, rng=RNG, out=out), wanted)


@pytest.mark.parametrize("shape", [(6, 5, 40), (70, 33, 9), (3, 50, 700), (40, 300, 2)])
def test_shared_axes_and_shards(isa, shape):
    x, residual, bias = numbers(shape), numbers(shape, seed=1), numbers(shape[-1], seed=2)
    for axes in ((0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)):
        wanted = mixes.fused(x, bias, residual, keep_of(x, 0.4, axes), 0.4)
        assert_same(fd.dropout_residual(x, residual, 0.4, bias=bias, rng=RNG, share_axes=axes), wanted)
    whole = fd.dropout_bias(x, bias, 0.4, rng=RNG)
    part = fd.Shard(origin=(2, 1, 1), global_shape=x.shape)
    assert_same(fd.dropout_bias(x[2:, 1:, 1:], bias[1:], 0.4, rng=RNG, shard=part), whole[2:, 1:, 1:])
    wanted = fd.dropout_bias(x, bias, 0.4, rng=RNG, share_axes=2)[2:, 1:, 1:]
    part = fd.Shard(origin=(2, 1, 1), global_shape=x.shape)
    assert_same(fd.dropout_bias(x[2:, 1:, 1:], bias[1:], 0.4, rng=RNG, shard=part, share_axes=2), wanted)


def test_gradients():
    x, dy, residual = (numbers((4, 9), np.float64, seed=s) for s in range(3))
    bias = numbers(9, np.float64, seed=3)
    _, mask = fd.dropout_bias_act_forward(x, bias, 0.3, rng=RNG)
    cases = [
        (lambda x, b: fd.dropout_bias_act(x, b, 0.3, rng=RNG), fd.dropout_bias_act_backward(dy, x, bias, mask)),
        (lambda x, b: fd.dropout_bias(x, b, 0.3, rng=RNG), fd.dropout_bias_backward(dy, mask)),
        (lambda x, b: fd.dropout_residual(x, residual, 0.3, bias=b, rng=RNG), fd.dropout_residual_backward(dy, mask)),
    ]
    step = 1e-5
    for call, dx in cases:
        d_bias = fd.bias_gradient(dx, bias.shape)
        for at in np.ndindex(x.shape):
            e = np.zeros_like(x)
            e[at] = step
            slope = ((call(x + e, bias) - call(x - e, bias)) * dy).sum() / (2 * step)
            assert math.isclose(slope, dx[at], rel_tol=1e-5, abs_tol=1e-5)
        for j in range(9):
            e = np.zeros(9)
            e[j] = step
            slope = ((call(x, bias + e) - call(x, bias - e)) * dy).sum() / (2 * step)
            assert math.isclose(slope, d_bias[j], rel_tol=1e-5, abs_tol=1e-5)


def test_bias_gradient():
    dx = numbers((4, 5, 6), np.float64)
    assert_same(fd.bias_gradient(dx, (5, 1)), dx.sum(axis=(0, 2)).reshape(5, 1))
    assert_same(fd.bias_gradient(dx, ()), dx.sum())
    assert_same(fd.bias_gradient(dx, dx.shape), dx)
    assert_same(fd.bias_gradient(np.ones((4000, 2), BFLOAT16), 2), np.full(2, 4000).astype(BFLOAT16))
    for shape in ((4,), (1, 1, 1, 6), (2, 5, 6)):
        with pytest.raises(ValueError, match="shape has to broadcast to that of dx"):
            fd.bias_gradient(dx, shape)


def test_extremes():
    for call in (fd.dropout_bias, fd.dropout_bias_act, fd.dropout_residual):
        assert call(np.empty((0, 3)), np.empty((0, 3)), 0.5).shape == (0, 3)
        x = np.array(2.0)
        y = call(x, x, 0.5, rng=RNG)
        kept = 6.0 if call is fd.dropout_residual else 8.0
        assert_same(y, np.where(keep_of(x, 0.5), kept, 2.0 if call is fd.dropout_residual else 0.0))
    nans = np.full(70, np.nan)
    assert_same(fd.dropout_bias(nans, nans, 1.0), np.zeros(70))
    assert_same(fd.dropout_residual(nans, np.ones(70), 1.0), np.ones(70))


def test_key_is_drawn_whatever_p_is():
    for call in (fd.dropout_bias, fd.dropout_bias_act, fd.dropout_residual):
        for p, training, draws in ((0.0, True, 1), (0.5, True, 1), (0.5, False, 0)):
            g, h = np.random.default_rng(3), np.random.default_rng(3)
            call(np.ones(2), np.ones(2), p, rng=g, training=training)
            for _ in range(draws):
                oracle.key_from_rng(h)
            assert g.integers(1 << 40) == h.integers(1 << 40)


@pytest.mark.parametrize("call", [fd.dropout_bias, fd.dropout_bias_act_forward, fd.dropout_residual])
def test_bad_input(call):
    x, memory = np.ones((2, 3)), np.full(8, 7.0)
    name = "residual" if call is fd.dropout_residual else "bias"
    with pytest.raises(ValueError, match="between 0 and 1, but got 2"):
        call(x, x, 2)
    with pytest.raises(TypeError, match="p has to be one number"):
        call(x, x, np.array([0.1, 0.2, 0.3]))
    with pytest.raises(TypeError, match=f"{name} has to have the dtype of x, float64, but got float32"):
        call(x, np.ones((2, 3), np.float32), 0.5)
    with pytest.raises(ValueError, match=rf"{name} has to .* the shape of x, \(2, 3\), but got \(4,\)"):
        call(x, np.ones(4), 0.5)
    with pytest.raises(ValueError, match=f"overlaps {name} partly"):
        call(x, memory[:6].reshape(2, 3), 0.5, out=memory[1:7].reshape(2, 3))
    assert (memory == 7).all()


def test_more_bad_input():
    x, row = np.ones((2, 3)), np.ones(3)
    mask = fd.Mask((2, 3), 0.5, rng=1)
    for call in (fd.dropout_bias, fd.dropout_residual):
        with pytest.raises(TypeError, match="has to be an array, but got None"):
            call(x, None)
    for activation in ("tanh", None, []):
        with pytest.raises(ValueError, match="activation has to be 'relu'"):
            fd.dropout_bias_act(x, row, activation=activation)
    with pytest.raises(TypeError, match="real dtype for an activation, but got complex64"):
        fd.dropout_bias_act(x.astype(np.complex64))
    with pytest.raises(TypeError, match="real dtype"):
        fd.dropout_bias_act_backward(x.astype(np.complex64), x.astype(np.complex64), None, mask)
    with pytest.raises(ValueError, match="overlaps bias partly"):
        fd.dropout_bias(np.ones((1, 3)), row, out=row[None, ::-1])
    with pytest.raises(ValueError, match="x has to have the shape of dy"):
        fd.dropout_bias_act_backward(x, row, None, mask)
    with pytest.raises(TypeError, match="mask has to be a Mask"):
        fd.dropout_bias_act_backward(x, x, row, None)
