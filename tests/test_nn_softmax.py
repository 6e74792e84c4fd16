"""nn.SoftmaxDropout: keys, counts, evaluation, gradients, state."""

import numpy as np
import pytest
from helpers import assert_same

import fastdrop as fd
from fastdrop import nn


def scores(seed=0):
    return np.random.default_rng(seed).normal(size=(2, 3, 8, 8)).astype(np.float32)


def test_each_call_has_its_key():
    layer = nn.SoftmaxDropout(0.4, 0.5, True, rng=7)
    x, mask = scores(), np.arange(8) != 3
    for call in range(3):
        key = fd.Key(7).fold_in(call, role="call").fold_in(0, role="part")
        y, law = fd.softmax_dropout_forward(x, 0.4, rng=key, scale=0.5, causal=True, mask=mask)
        assert_same(layer(x, mask), y)
        assert_same(layer.backward(x), fd.softmax_dropout_backward(x, x, law))
    assert layer.calls == 3
    assert repr(layer) == "SoftmaxDropout(p=0.4, scale=0.5, causal=True)"


def test_evaluation_is_softmax_alone():
    layer = nn.SoftmaxDropout(0.4, rng=7).eval()
    x = scores()
    y = layer(x)
    assert_same(y, fd.softmax_dropout(x, training=False))
    dx = layer.backward(x)
    np.testing.assert_allclose(dx, y * (x - (x * y).sum(-1, keepdims=True)), rtol=1e-3, atol=1e-6)
    assert layer.calls == 0


def test_state_goes_on():
    layer, x = nn.SoftmaxDropout(0.4, rng=7), scores()
    layer(x)
    other = nn.SoftmaxDropout(0.4, rng=1)
    other.load_state_dict(layer.state_dict())
    assert_same(other(x), layer(x))


def test_bad_input():
    layer = nn.SoftmaxDropout(0.4, rng=7)
    with pytest.raises(RuntimeError):
        layer.backward(scores())
    with pytest.raises(TypeError, match="x has to be of dtype"):
        layer([[1, 2]])
    with pytest.raises(ValueError, match="mask has to broadcast"):
        layer(scores(), np.ones(5, bool))
    assert layer.calls == 0
    layer(scores())
    with pytest.raises(ValueError, match="dy has to have the shape"):
        layer.backward(scores()[0])
    for arguments, error in (((1.5,), ValueError), ((0.5, np.nan), ValueError), ((0.5, 1.0, 1), TypeError)):
        with pytest.raises(error):
            nn.SoftmaxDropout(*arguments)
