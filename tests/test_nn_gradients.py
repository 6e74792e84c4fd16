"""Gradients against differences of the loss, through whole networks, the mask held by its key."""

import numpy as np
import pytest
from helpers import assert_same

from fastdrop import nn

STEP = 1e-6


def check(model, x, labels):
    """Compare every parameter's and the input's gradient with central differences; returns the gradients."""
    loss = nn.CrossEntropyLoss()
    state = model.state_dict()  # with the counts of calls: loading it makes the same masks come again

    def value():
        model.load_state_dict(state)
        return loss(model(x), labels)

    value()
    dx = model.backward(loss.backward())
    gradients = [dx, *(parameter.grad for parameter in model.parameters())]
    sources = [x, *(state[name] for name in state if name.endswith(("weight", "bias")))]
    for gradient, source in zip(gradients, sources, strict=True):
        numeric = np.empty_like(source)
        for i in np.ndindex(source.shape):
            before = source[i]
            source[i] = before + STEP
            above = value()
            source[i] = before - STEP
            below = value()
            source[i] = before
            numeric[i] = (above - below) / (2 * STEP)
        np.testing.assert_allclose(gradient, numeric, rtol=2e-5, atol=1e-8)
    return gradients


@pytest.mark.parametrize("p", [0.0, 0.5, 0.3, np.linspace(0.1, 0.9, 8)], ids=("0", "0.5", "0.3", "array"))
def test_small_network(p):
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(6, 5)), rng.integers(3, size=6)
    layers = nn.Linear(5, 8, dtype=np.float64), nn.ReLU(), nn.Dropout(p), nn.Linear(8, 3, dtype=np.float64)
    gradients = check(nn.Sequential(*layers, rng=2), x, labels)
    assert all(np.count_nonzero(g) for g in gradients)


def test_two_dropouts_and_one_on_the_input():
    rng = np.random.default_rng(2)
    x, labels = rng.normal(size=(5, 6)), rng.integers(4, size=5)
    model = nn.Sequential(
        nn.Dropout(0.2),
        nn.Linear(6, 9, dtype=np.float64),
        nn.Sequential(nn.ReLU(), nn.Dropout(0.5), nn.Linear(9, 9, dtype=np.float64)),
        nn.Dropout(0.25, inplace=True),
        nn.Linear(9, 4, bias=False, dtype=np.float64),
        rng=3,
    )
    dx = check(model, x, labels)[0]
    assert 0 < np.count_nonzero(dx == 0) < dx.size  # of inputs that were dropped


def test_evaluation_mode():
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(4, 3)), rng.integers(2, size=4)
    model = nn.Sequential(nn.Linear(3, 6, dtype=np.float64), nn.Dropout(0.5), nn.Linear(6, 2, dtype=np.float64), rng=4)
    assert all(gradient.all() for gradient in check(model.eval(), x, labels))


def test_gradient_is_that_of_the_mask_that_was_drawn():
    """Without the mask in backward, or with another one, dropped units would get a gradient."""
    layer = nn.Dropout(0.5, rng=5)
    model = nn.Sequential(nn.Linear(4, 200, dtype=np.float64), layer, rng=6)
    y = model(np.ones((1, 4)))
    model.backward(np.ones_like(y))
    assert_same(model[0].bias.grad, np.where(y[0] == 0, 0.0, 2.0))
    assert 50 < np.count_nonzero(y == 0) < 150


def test_shared_axes_over_time():
    rng = np.random.default_rng(7)
    x, dy = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 5))
    model = nn.Sequential(nn.Linear(4, 5, dtype=np.float64), nn.Dropout(0.5, share_axes=1), rng=8)
    state = model.state_dict()
    y = model(x)
    dx = model.backward(dy)
    assert ((y == 0) == (y == 0)[:, :1]).all()
    numeric = np.empty_like(x)
    for i in np.ndindex(x.shape):
        parts = []
        for sign in (1, -1):
            moved = x.copy()
            moved[i] += sign * STEP
            model.load_state_dict(state)
            parts.append(float((model(moved) * dy).sum()))
        numeric[i] = (parts[0] - parts[1]) / (2 * STEP)
    np.testing.assert_allclose(dx, numeric, rtol=1e-6, atol=1e-8)


def test_gradients_of_several_batches_add_up():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(6, 5))
    model = nn.Sequential(nn.Linear(5, 4, dtype=np.float64), nn.ReLU(), nn.Linear(4, 2, dtype=np.float64), rng=1)
    model.backward(np.ones_like(model(x)))
    whole = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    for rows in (x[:2], x[2:]):
        model.backward(np.ones_like(model(rows)))
    for parameter, wanted in zip(model.parameters(), whole, strict=True):
        np.testing.assert_allclose(parameter.grad, wanted, rtol=1e-12)
