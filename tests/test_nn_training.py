"""The loss and the optimizers, against their formulas."""

import ml_dtypes
import numpy as np
import pytest
from helpers import assert_same

import fastdrop as fd
from fastdrop import nn


def softmax_loss(z, labels):
    """By definition, in double precision, for logits that do not overflow."""
    p = np.exp(np.asarray(z, np.float64))
    p /= p.sum(axis=-1, keepdims=True)
    rows = np.arange(len(z))
    gradient = p.copy()
    gradient[rows, labels] -= 1
    return -np.log(p[rows, labels]).mean(), gradient / len(z)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-5), (np.float16, 2e-3), (ml_dtypes.bfloat16, 2e-2)]
)
def test_cross_entropy(dtype, tolerance):
    rng = np.random.default_rng(1)
    z, labels = (3 * rng.normal(size=(50, 7))).astype(dtype), rng.integers(7, size=50)
    loss = nn.CrossEntropyLoss()
    value, gradient = softmax_loss(z, labels)
    assert loss(z, labels) == pytest.approx(value, rel=tolerance)
    assert isinstance(loss(z, labels), float)
    got = loss.backward()
    assert got.dtype == z.dtype
    np.testing.assert_allclose(got.astype(np.float64), gradient, rtol=tolerance, atol=tolerance / 50)


def test_cross_entropy_of_sequences_is_that_of_their_rows():
    z, labels = np.random.default_rng(2).normal(size=(3, 4, 5)), np.arange(12).reshape(3, 4) % 5
    one, other = nn.CrossEntropyLoss(), nn.CrossEntropyLoss()
    assert one(z, labels) == other(z.reshape(12, 5), labels.reshape(12))
    assert_same(one.backward(), other.backward().reshape(3, 4, 5))


def test_cross_entropy_does_not_overflow():
    loss = nn.CrossEntropyLoss()
    z = np.array([[1e4, -1e4], [-3e38, 3e38]], np.float32)
    assert loss(z, [0, 1]) == 0.0
    assert_same(loss.backward(), np.zeros((2, 2), np.float32))
    assert loss(z[:1], [1]) == 2e4
    assert_same(loss.backward(), np.array([[1, -1]], np.float32))


def test_cross_entropy_of_one_row_and_backward_twice():
    loss = nn.CrossEntropyLoss()
    assert loss(np.zeros(4), 2) == pytest.approx(np.log(4))
    first = loss.backward()
    first[:] = 9
    np.testing.assert_allclose(loss.backward(), [0.25, 0.25, -0.75, 0.25])


@pytest.mark.parametrize(
    ("logits", "labels", "error", "text"),
    [
        (np.zeros((2, 3)), [0.0, 1.0], TypeError, "labels .* float64"),
        (np.zeros((2, 3)), [True, False], TypeError, "labels"),
        (np.zeros((2, 3)), [0], ValueError, r"labels .*\(2,\).* \(1,\)"),
        (np.zeros((2, 3)), [[0, 1]], ValueError, "labels"),
        (np.zeros((2, 3)), [0, 3], ValueError, "0 to 2, but got 3 in row 1"),
        (np.zeros((2, 3)), [-1, 0], ValueError, "but got -1 in row 0"),
        (np.zeros((0, 3)), np.zeros(0, int), ValueError, "not empty"),
        (np.zeros((2, 0)), [0, 0], ValueError, "not empty"),
        (np.float64(1), 0, ValueError, "logits"),
        (np.zeros((2, 3), int), [0, 1], TypeError, "logits .* int64"),
        (np.zeros((2, 3), complex), [0, 1], TypeError, "logits"),
    ],
)
def test_cross_entropy_bad_input(logits, labels, error, text):
    with pytest.raises(error, match=text):
        nn.CrossEntropyLoss()(logits, labels)


def test_loss_backward_needs_a_forward():
    with pytest.raises(RuntimeError, match="forward"):
        nn.CrossEntropyLoss().backward()


def parameter(values):
    """A float64 parameter with these values."""
    layer = nn.Linear(len(values), 1, bias=False, dtype=np.float64, rng=0)
    layer.weight.data = [values]
    return layer.weight


GRADIENTS = np.random.default_rng(4).normal(size=(6, 1, 3))
START = np.array([[1.0, -2.0, 0.5]])


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.0), (0.5, 0.1)])
def test_sgd(momentum, decay):
    w, velocity = START.copy(), 0.0
    trained = parameter(START[0])
    sgd = nn.SGD([trained], lr=0.1, momentum=momentum, weight_decay=decay)
    for gradient in GRADIENTS:
        velocity = momentum * velocity + gradient + decay * w
        w = w - 0.1 * velocity
        trained.grad = gradient.copy()
        sgd.step()
        assert_same(trained.grad, gradient)
        np.testing.assert_allclose(trained.data, w, rtol=1e-14)


@pytest.mark.parametrize(
    ("betas", "eps", "decay"), [((0.9, 0.999), 1e-8, 0.0), ((0.5, 0.7), 0.1, 0.2), ((0.0, 0.0), 1e-3, 0.0)]
)
def test_adam(betas, eps, decay):
    w, mean, square = START.copy(), 0.0, 0.0
    trained = parameter(START[0])
    adam = nn.Adam([trained], lr=0.05, betas=betas, eps=eps, weight_decay=decay)
    for t, gradient in enumerate(GRADIENTS, 1):
        g = gradient + decay * w
        mean = betas[0] * mean + (1 - betas[0]) * g
        square = betas[1] * square + (1 - betas[1]) * g**2
        w = w - 0.05 * (mean / (1 - betas[0] ** t)) / (np.sqrt(square / (1 - betas[1] ** t)) + eps)
        trained.grad = gradient.copy()
        adam.step()
        assert_same(trained.grad, gradient)
        np.testing.assert_allclose(trained.data, w, rtol=1e-12)


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam])
def test_parameters_without_a_gradient_stay(make):
    moved, still = parameter([1.0, 2.0]), parameter([3.0, 4.0])
    optimizer = make([moved, still], lr=0.1, weight_decay=0.5)
    moved.grad = np.ones((1, 2))
    optimizer.step()
    assert_same(still.data, np.array([[3.0, 4.0]]))
    assert (moved.data != [[1.0, 2.0]]).all()
    optimizer.zero_grad()
    assert moved.grad is None
    after = moved.data.copy()
    optimizer.step()
    assert_same(moved.data, after)


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam])
def test_dtype_stays_float32(make):
    layer = nn.Linear(3, 2, rng=0)
    optimizer = make(layer.parameters(), lr=0.1, weight_decay=0.1)
    layer(np.ones((2, 3)))
    layer.backward(np.ones((2, 2)))
    optimizer.step()
    assert layer.weight.data.dtype == layer.bias.data.dtype == np.float32
    assert all(v.dtype == np.float32 for v in optimizer.state_dict().values() if isinstance(v, np.ndarray))


BAD_SETTINGS = [
    (nn.SGD, {"lr": 0}, ValueError, "lr .* above 0 and finite, but got 0"),
    (nn.SGD, {"lr": float("nan")}, ValueError, "lr"),
    (nn.SGD, {"lr": float("inf")}, ValueError, "lr"),
    (nn.SGD, {"lr": "0.1"}, TypeError, "lr"),
    (nn.SGD, {"lr": True}, TypeError, "lr"),
    (nn.SGD, {"momentum": 1}, ValueError, "momentum .* below 1, but got 1"),
    (nn.SGD, {"momentum": -0.1}, ValueError, "momentum"),
    (nn.SGD, {"weight_decay": -1}, ValueError, "weight_decay"),
    (nn.Adam, {"betas": (0.9, 1.0)}, ValueError, r"betas\[1\]"),
    (nn.Adam, {"betas": 0.9}, TypeError, "betas"),
    (nn.Adam, {"eps": 0}, ValueError, "eps"),
]


@pytest.mark.parametrize(("make", "settings", "error", "text"), BAD_SETTINGS)
def test_bad_settings(make, settings, error, text):
    with pytest.raises(error, match=text):
        make([parameter([1.0])], **settings)


def test_bad_parameters():
    weight = parameter([1.0])
    for bad, error in (([], ValueError), ([weight, weight], ValueError), ([np.ones(3)], TypeError)):
        with pytest.raises(error, match="parameters"):
            nn.SGD(bad)


def test_optimizer_states_that_do_not_fit():
    def state(**changes):
        optimizer = nn.Adam([parameter([1.0, 2.0])])
        optimizer.parameters[0].grad = np.ones((1, 2))
        optimizer.step()
        return optimizer.state_dict() | changes

    adam = nn.Adam([parameter([1.0, 2.0])], lr=0.5)
    for bad, text in (
        (nn.SGD([parameter([1.0, 2.0])]).state_dict(), "Adam, but is of SGD"),
        ({}, "is of None"),
        (state(**{"0.steps": -1}), r"0\.steps"),
        (state(**{"0.steps": 0}), r"differs in 0\.mean, 0\.square"),
        (state(**{"1.steps": 0}), r"differs in 1\.steps"),
        (state(**{"0.mean": np.zeros((1, 3))}), r"0\.mean"),
        (state(**{"0.mean": np.zeros((1, 2), np.float32)}), r"0\.mean"),
        (state(lr=float("nan")), "lr"),
        (state(lr="fast"), "lr"),
    ):
        with pytest.raises(ValueError, match=text):
            adam.load_state_dict(bad)
        assert adam.lr == 0.5
        assert list(adam.state_dict()) == ["optimizer", "lr", "beta1", "beta2", "eps", "weight_decay", "0.steps"]
    adam.load_state_dict(state())
    assert adam.lr == 0.001
    assert adam.state_dict()["0.steps"] == 1


def test_a_network_learns_exclusive_or():
    x, labels = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 1, 1, 0])
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2), rng=fd.Key(3))
    loss, adam = nn.CrossEntropyLoss(), nn.Adam(model.parameters(), lr=0.02)
    for _ in range(300):
        adam.zero_grad()
        loss(model(x), labels)
        model.backward(loss.backward())
        adam.step()
    assert loss(model.eval()(x), labels) < 0.05
