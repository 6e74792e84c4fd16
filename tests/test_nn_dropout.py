"""The dropout layer: forward and backward of one mask, in place, evaluation, what it refuses."""

import numpy as np
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
from fastdrop import nn


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_dropout_backward_is_the_same_mask_and_scale(isa, dtype):
    layer = nn.Dropout(0.3, rng=1)
    x, dy = numbers((4, 60), dtype), numbers((4, 60), dtype, seed=5)
    y = layer(x)
    key = fd.Key(1).fold_in(0, role="call").fold_in(0, role="part")
    assert_same(y, fd.dropout(x, 0.3, rng=key))
    assert_same(layer.backward(dy), fd.dropout(dy, 0.3, rng=key))
    assert 0 < np.count_nonzero(y == 0) < y.size


def test_dropout_keeps_no_mask():
    layer = nn.Dropout(0.5, rng=1)
    layer(np.ones(1 << 16, np.float32))
    assert layer._mask.nbytes == 0


def test_dropout_in_place():
    x = numbers((3, 40))
    copy = x.copy()
    layer, plain = nn.Dropout(0.5, inplace=True, rng=1), nn.Dropout(0.5, rng=1)
    wanted = plain(x)
    assert_same(x, copy)
    assert layer(x) is x
    assert_same(x, wanted)
    dy = numbers((3, 40), seed=2)
    kept = dy.copy()
    assert_same(layer.backward(dy), plain.backward(dy))
    assert_same(dy, kept)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        layer(x)
    with pytest.raises(TypeError, match="inplace"):
        layer([1.0, 2.0])
    assert layer.calls == 1


def test_in_place_dropout_after_relu_and_linear_gives_the_same_gradients():
    def gradients(inplace):
        layers = [nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5, inplace), nn.Linear(16, 2), nn.Dropout(0.5, inplace)]
        model = nn.Sequential(*layers, rng=3)
        model(numbers((5, 8)))
        return [model.backward(np.ones((5, 2))), *(p.grad for p in model.parameters())]

    for one, other in zip(gradients(False), gradients(True), strict=True):
        assert_same(one, other)


def test_dropout_evaluation_passes_through():
    layer = nn.Dropout(0.5, rng=1)
    x = numbers((3, 4))
    layer(x)
    assert layer.eval()(x) is x
    assert layer.backward(x) is x
    with pytest.raises(TypeError, match="dtype"):
        layer(np.arange(3))
    with pytest.raises(ValueError, match="shape"):
        layer.backward(np.ones(3))


@pytest.mark.parametrize(("p", "wanted"), [(0.0, 1.0), (1.0, 0.0)])
def test_dropout_extremes(p, wanted):
    layer, x = nn.Dropout(p, rng=1), np.ones((3, 4), np.float32)
    assert_same(layer(x), np.full_like(x, wanted))
    assert_same(layer.backward(x), np.full_like(x, wanted))


def test_dropout_shared_axes_and_array_p():
    x = np.ones((2, 6, 4, 4), np.float32)
    layer = nn.Dropout(0.5, rng=1, share_axes=(2, -1))
    y = layer(x)
    assert (y == y[:, :, :1, :1]).all()
    assert {0.0, 2.0} == set(y.reshape(-1).tolist())
    assert_same(layer.backward(x), y)
    each = nn.Dropout(np.array([[0.0], [1.0]]), rng=1)
    assert_same(each(np.ones((2, 9))), np.array([[1.0] * 9, [0.0] * 9]))


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), 2])
def test_dropout_bad_p(p):
    text = f"dropout probability has to be between 0 and 1, but got {p}"
    with pytest.raises(ValueError, match=text):
        nn.Dropout(p)
    layer = nn.Dropout(0.5)
    with pytest.raises(ValueError, match=text):
        layer.p = p
    assert layer.p == 0.5


@pytest.mark.parametrize(
    ("arguments", "text"),
    [({"p": "0.5"}, "^p "), ({"p": True}, "^p "), ({"inplace": 1}, "inplace"), ({"share_axes": 1.5}, "share_axes"),
     ({"share_axes": (0, True)}, "share_axes")],
)  # fmt: skip
def test_dropout_bad_types(arguments, text):
    with pytest.raises(TypeError, match=text):
        nn.Dropout(**arguments)
