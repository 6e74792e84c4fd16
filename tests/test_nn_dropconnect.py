"""nn.DropConnectLinear: keys, counts, gradients through networks, what evaluation does."""

import numpy as np
import oracle
import oracle_connect
import pytest
from helpers import assert_same
from test_nn_gradients import check

import fastdrop as fd
from fastdrop import nn


def layer_and_x(**more):
    return nn.DropConnectLinear(33, 20, rng=5, **more), np.random.default_rng(1).normal(size=(6, 33)).astype(np.float32)


def test_masks_come_from_part_0_of_each_call():
    layer, x = layer_and_x(p=0.1)
    weight, bias = layer.weight.data, layer.bias.data
    for call in range(3):
        assert layer.calls == call
        key = oracle.fold_in(oracle.fold_in((5, 0), "call", call), "part", 0)
        keep = oracle_connect.masks(key, (6, 20, 33), 0.1)
        assert_same(layer(x), oracle_connect.forward(keep, x, weight, 0.1, bias))
        layer.backward(np.ones((6, 20), np.float32))
    layer.eval()(x)
    assert layer.calls == 3
    with pytest.raises(ValueError, match="x has to be of shape"):
        layer.train()(x[:, :3])
    assert layer.calls == 3


def test_backward_has_the_masks_of_the_latest_forward():
    layer, x = layer_and_x(p=0.5)
    dy = np.random.default_rng(2).normal(size=(6, 20)).astype(np.float32)
    layer(x)
    layer(x)
    dx = layer.backward(dy)
    key = fd.Key(5).fold_in(1, role="call").fold_in(0, role="part")
    wanted = fd.dropconnect_backward(dy, x, layer.weight.data, fd.Mask((6, 20, 33), 0.5, rng=key))
    for got, want in zip((dx, layer.weight.grad, layer.bias.grad), wanted, strict=True):
        assert_same(got, want)
    layer.backward(dy)
    assert_same(layer.bias.grad, wanted[2] + wanted[2])


def test_initial_values_are_those_of_linear():
    layer, plain = nn.DropConnectLinear(33, 20, rng=5), nn.Linear(33, 20, rng=5)
    assert_same(layer.weight.data, plain.weight.data)
    assert_same(layer.bias.data, plain.bias.data)
    assert nn.DropConnectLinear(3, 2, bias=False).bias is None


def test_evaluation_multiplies_by_the_mean():
    layer, x = layer_and_x(p=0.9)
    plain = nn.Linear(33, 20, rng=5)
    dy = np.ones((6, 20), np.float32)
    assert_same(layer.eval()(x), plain(x))
    assert_same(layer.backward(dy), plain.backward(dy))
    assert_same(layer.weight.grad, plain.weight.grad)


@pytest.mark.parametrize("per_sample", [True, False])
@pytest.mark.parametrize("p", [0.5, 0.2])
def test_gradients_through_a_network(per_sample, p):
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(6, 5)), rng.integers(3, size=6)
    model = nn.Sequential(
        nn.DropConnectLinear(5, 8, p, per_sample, dtype=np.float64),
        nn.ReLU(),
        nn.DropConnectLinear(8, 3, p, per_sample, bias=False, dtype=np.float64),
        rng=4,
    )
    gradients = check(model, x, labels)
    assert all(np.count_nonzero(g) for g in gradients)


def test_gradients_through_noise():
    """In evaluation with moments, the noise held by its key: both ways that weight and x reach y count."""
    rng = np.random.default_rng(6)
    x, dy = rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
    layer = nn.DropConnectLinear(5, 3, 0.4, inference="moments", rng=7, dtype=np.float64).eval()

    def loss():
        layer._draws = 0
        return float((layer(x) * dy).sum())

    loss()
    gradients = layer.backward(dy), layer.weight.grad, layer.bias.grad
    for gradient, source in zip(gradients, (x, layer.weight.data, layer.bias.data), strict=True):
        for i in np.ndindex(source.shape):
            before, values = source[i], []
            for step in (1e-6, -1e-6):
                source[i] = before + step
                values.append(loss())
            source[i] = before
            assert (values[0] - values[1]) / 2e-6 == pytest.approx(gradient[i], rel=1e-6, abs=1e-8)


def test_moments_are_those_of_training():
    """n draws in evaluation against theory, within five standard errors; each call draws anew, a second run again."""
    n, p = 3000, 0.3
    x = np.random.default_rng(8).normal(size=(1, 40))
    layer = nn.DropConnectLinear(40, 6, p, inference="moments", rng=9, dtype=np.float64).eval()
    mean, variance = fd.dropconnect_moments(x, layer.weight.data, p, bias=layer.bias.data)
    many = np.broadcast_to(x, (n, 40))
    first, second = layer(many), layer(many)
    for y in (first, second):
        assert (abs(y.mean(axis=0) - mean[0]) <= 5 * np.sqrt(variance[0] / n)).all()
        assert (abs(y.var(axis=0) - variance[0]) <= 5 * variance[0] * np.sqrt(2 / n)).all()
    assert (np.abs([np.corrcoef(first[:, j], second[:, j])[0, 1] for j in range(6)]) <= 5 / np.sqrt(n)).all()
    again = nn.DropConnectLinear(40, 6, p, inference="moments", rng=9, dtype=np.float64).eval()
    assert_same(again(many), first)
    assert_same(again(many), second)
    assert layer.calls == 0
    assert layer(np.zeros((2, 40))).tobytes() == np.stack([layer.bias.data] * 2).tobytes()
    np.testing.assert_allclose(layer.backward(np.ones((2, 6)))[0], layer.weight.data.sum(axis=0), rtol=1e-12)
    assert not layer.weight.grad.any()


def test_state_goes_on_exactly():
    trained, x = layer_and_x(p=0.3)
    trained(x)
    resumed = nn.DropConnectLinear(33, 20, 0.3)
    resumed.load_state_dict(trained.state_dict())
    assert_same(resumed(x), trained(x))
    assert resumed.calls == 2
    assert set(trained.state_dict()) == {"contract", "weight", "bias", "key", "calls"}


def test_containers_hand_keys_down():
    x = np.ones((3, 4), np.float32)
    one, other = (nn.Sequential(nn.DropConnectLinear(4, 4), nn.DropConnectLinear(4, 4), rng=1) for _ in range(2))
    assert_same(one(x), other(x))
    assert one[0].key == fd.Key(1).fold_in(0, role="child") != one[1].key


def test_leading_axes_and_other_dtypes():
    layer, x = layer_and_x(p=0.5)
    again, _ = layer_and_x(p=0.5)
    assert_same(layer(x.reshape(2, 3, 33)), again(x.astype(np.float64)).reshape(2, 3, 20))
    assert layer.backward(np.ones((2, 3, 20))).shape == (2, 3, 33)
    assert layer(x[0]).shape == (20,)


def test_samples_of_one_call():
    """Monte Carlo: in evaluation, sample s folds its number in and the count stands still."""
    layer, x = layer_and_x(p=0.5)
    layer.eval()
    layer._sample = 3
    key = fd.Key(5).fold_in(0, role="call").fold_in(0, role="part").fold_in(3, role="sample")
    assert_same(layer(x), fd.dropconnect(x, layer.weight.data, 0.5, bias=layer.bias.data, rng=key))
    assert layer.calls == 0


def test_bad_input():
    with pytest.raises(ValueError, match="inference has to be one of mean, moments, but got 'median'"):
        nn.DropConnectLinear(3, 2, inference="median")
    with pytest.raises(ValueError, match="p has to be below 1 for inference='moments', but got 1"):
        nn.DropConnectLinear(3, 2, 1, inference="moments")
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 2"):
        nn.DropConnectLinear(3, 2, 2)
    with pytest.raises(TypeError, match="p has to be one number"):
        nn.DropConnectLinear(3, 2, np.array([0.1, 0.2]))
    with pytest.raises(TypeError, match="per_sample has to be a bool"):
        nn.DropConnectLinear(3, 2, per_sample=None)
    with pytest.raises(RuntimeError, match="this DropConnectLinear has had none"):
        nn.DropConnectLinear(3, 2).backward(np.ones((1, 2)))
    layer = nn.DropConnectLinear(3, 2, rng=1)
    layer(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"dy has to have the shape of the latest output, \(4, 2\)"):
        layer.backward(np.ones((3, 2)))


def test_repr_and_p():
    layer = nn.DropConnectLinear(3, 2, 0.25, False, False, inference="moments", dtype="float64")
    assert repr(layer) == (
        "DropConnectLinear(3, 2, p=0.25, per_sample=False, bias=False, inference='moments', dtype=float64)"
    )
    assert repr(nn.DropConnectLinear(3, 2)) == "DropConnectLinear(3, 2, p=0.5)"
    layer.p = 0
    assert layer.p == 0.0
    x = np.ones((2, 3))
    assert_same(layer(x), x @ layer.weight.data.T)
