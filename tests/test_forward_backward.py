"""The gradient goes through the same mask with the same scale, recomputed or stored."""

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd

KEY = (61, 62)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)


@every_dtype
@pytest.mark.parametrize("p", [0.5, 0.1, 0.0, 1.0])
def test_same_mask_and_scale(isa, dtype, p):
    x, dy = numbers((23, 70), dtype), numbers((23, 70), dtype, seed=1)
    lazy_y, lazy = fd.dropout_forward(x, p, rng=fd.Key(*KEY))
    stored_y, stored = fd.dropout_forward(x, p, rng=fd.Key(*KEY), store=True)
    assert (lazy.stored, stored.stored) == (False, True)
    assert_same(lazy_y, oracle.dropout(x, KEY, p))
    assert_same(stored_y, lazy_y)
    wanted = oracle.dropout(dy, KEY, p)
    for mask in (lazy, stored, lazy.store()):
        assert_same(fd.dropout_backward(dy, mask), wanted)
        assert_same(mask.apply(dy), wanted)
    assert_same(fd.dropout(dy, p, rng=fd.Key(*KEY)), wanted)


@every_dtype
def test_in_place_backward(isa, dtype):
    dy = numbers((23, 70), dtype)
    wanted = oracle.dropout(dy, KEY, 0.2)
    for store in (False, True):
        _, mask = fd.dropout_forward(dy.copy(), 0.2, rng=fd.Key(*KEY), store=store)
        gradient = dy.copy()
        assert fd.dropout_backward(gradient, mask, out=gradient) is gradient
        assert_same(gradient, wanted)


def test_in_place_forward_needs_no_copy_of_x_for_backward():
    x = numbers((40, 50))
    wanted = oracle.dropout(x, KEY, 0.3)
    y, mask = fd.dropout_forward(x, 0.3, rng=fd.Key(*KEY), out=x)
    assert y is x
    assert_same(x, wanted)
    assert_same(fd.dropout_backward(np.ones_like(x), mask) != 0, wanted != 0)


def test_gradient_may_be_of_another_dtype():
    """A mask knows no dtype: half-precision forward, float32 gradient."""
    _, mask = fd.dropout_forward(numbers(500, np.float16), 0.3, rng=fd.Key(*KEY))
    dy = numbers(500, np.float32, seed=3)
    assert_same(fd.dropout_backward(dy, mask), oracle.dropout(dy, KEY, 0.3))


def test_gradient_of_a_linear_map():
    """<dropout(x), dy> = <x, dropout'(dy)> for every pair: the transpose of a diagonal matrix is itself."""
    x, dy = numbers(2000, np.float64), numbers(2000, np.float64, seed=1)
    y, mask = fd.dropout_forward(x, 0.4, rng=fd.Key(*KEY), share_axes=None)
    np.testing.assert_allclose(np.dot(y, dy), np.dot(x, fd.dropout_backward(dy, mask)), rtol=1e-12)


@pytest.mark.parametrize("store", [False, True])
def test_numerical_gradient_through_a_small_network(store):
    """loss(W1, W2) = sum((dropout(relu(x W1)) W2 - t)^2): every derivative against central differences."""
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(6, 5)), rng.normal(size=(6, 3))
    first, second = rng.normal(size=(5, 8)), rng.normal(size=(8, 3))

    def loss(a, b):
        hidden = np.maximum(x @ a, 0)
        return float(np.sum((fd.dropout(hidden, 0.4, rng=fd.Key(*KEY)) @ b - target) ** 2))

    hidden = np.maximum(x @ first, 0)
    dropped, mask = fd.dropout_forward(hidden, 0.4, rng=fd.Key(*KEY), store=store)
    d_out = 2 * (dropped @ second - target)
    d_hidden = fd.dropout_backward(d_out @ second.T, mask) * (hidden > 0)
    for weights, gradient in ((first, x.T @ d_hidden), (second, dropped.T @ d_out)):
        for place in np.ndindex(weights.shape):
            kept, h = weights[place], 1e-6
            weights[place] = kept + h
            up = loss(first, second)
            weights[place] = kept - h
            slope = (up - loss(first, second)) / (2 * h)
            weights[place] = kept
            assert slope == pytest.approx(gradient[place], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("axes", [(0,), (1,), (2, 3), (0, 1, 2, 3)])
def test_shared_axes_in_both_directions(isa, axes):
    x, dy = numbers((3, 4, 5, 6)), numbers((3, 4, 5, 6), seed=1)
    for store in (False, True):
        y, mask = fd.dropout_forward(x, 0.5, rng=fd.Key(*KEY), share_axes=axes, store=store)
        assert_same(y, oracle.dropout(x, KEY, 0.5, axes))
        assert_same(fd.dropout_backward(dy, mask), oracle.dropout(dy, KEY, 0.5, axes))


def test_backward_wants_the_shape_of_forward():
    _, mask = fd.dropout_forward(numbers((4, 5)), 0.3, rng=0)
    for shape in ((5, 4), (4, 5, 1), (4,), (1, 5), ()):
        out = np.full(shape, 3.0, dtype=np.float32)
        with pytest.raises(ValueError, match="shape"):
            fd.dropout_backward(numbers(shape), mask, out=out)
        assert np.all(out == 3)


@pytest.mark.parametrize("no_mask", [None, np.ones((4, 5), dtype=bool), 0.5, "mask"])
def test_backward_wants_a_mask(no_mask):
    with pytest.raises(TypeError, match="mask"):
        fd.dropout_backward(numbers((4, 5)), no_mask)


def test_without_training_there_is_no_mask_to_use():
    """In eval the forward is the identity; its gradient is too."""
    x = numbers((4, 5))
    try:
        y, mask = fd.dropout_forward(x, 0.5, rng=0, training=False)
    except TypeError:
        return  # dropout_forward has no training switch: nothing to check
    assert_same(y, x)
    assert_same(fd.dropout_backward(x, mask), x)
