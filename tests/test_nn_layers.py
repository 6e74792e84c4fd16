"""What layers compute and refuse."""

import ml_dtypes
import numpy as np
import pytest
from helpers import DTYPES, assert_same, numbers

from fastdrop import nn


def test_the_example_of_the_pytorch_world_runs_as_written():
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Dropout(p=0.5), nn.Linear(256, 10))
    x = numbers((32, 784))
    model.train()
    y = model(x)
    dx = model.backward(np.ones_like(y))
    model.eval()
    assert y.shape == (32, 10)
    assert y.dtype == dx.dtype == np.float32
    assert dx.shape == x.shape
    assert_same(model(x), model(x))
    assert not np.array_equal(model(x), y)


@pytest.mark.parametrize("shape", [(5,), (1, 5), (4, 5), (2, 3, 5), (0, 5)])
def test_linear(shape):
    layer = nn.Linear(5, 3, rng=1, dtype=np.float64)
    x, dy = numbers(shape, np.float64), numbers((*shape[:-1], 3), np.float64, seed=2)
    weight, bias = layer.weight.data, layer.bias.data
    np.testing.assert_allclose(layer(x), np.einsum("...i,oi->...o", x, weight) + bias, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(layer.backward(dy), np.einsum("...o,oi->...i", dy, weight), rtol=1e-12, atol=1e-9)
    rows = dy.reshape(-1, 3)
    wanted = sum((np.outer(d, r) for d, r in zip(rows, x.reshape(-1, 5), strict=True)), np.zeros((3, 5)))
    np.testing.assert_allclose(layer.weight.grad, wanted, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(layer.bias.grad, rows.sum(axis=0), rtol=1e-12, atol=1e-9)


def test_linear_without_bias_and_zero_grad():
    layer = nn.Linear(2, 2, bias=False, rng=1)
    assert layer.bias is None
    assert layer.parameters() == [layer.weight]
    layer(np.ones((1, 2)))
    layer.backward(np.ones((1, 2)))
    once = layer.weight.grad.copy()
    layer.backward(np.ones((1, 2)))
    assert_same(layer.weight.grad, 2 * once)
    layer.zero_grad()
    assert layer.weight.grad is None


def test_linear_converts_to_its_dtype():
    layer = nn.Linear(3, 2, rng=0)
    wanted = layer(np.array([1, 2, 3], np.float32))
    for dtype in (float, np.uint8, np.float16, ml_dtypes.bfloat16):
        assert_same(layer(np.array([1, 2, 3], dtype)), wanted)
    assert_same(layer([1, 2, 3]), wanted)
    assert layer.backward(np.ones(2)).dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((0, 3), ValueError, "in_features .* 1, but got 0"),
        ((3, -1), ValueError, "out_features .* -1"),
        ((3.0, 3), TypeError, "in_features"),
        ((True, 3), TypeError, "in_features"),
        ((3, 3, 1), TypeError, "bias"),
    ],
)
def test_linear_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        nn.Linear(*arguments)


@pytest.mark.parametrize("dtype", [np.float16, int, complex, ">f4"])
def test_linear_bad_dtype(dtype):
    with pytest.raises(TypeError, match="dtype"):
        nn.Linear(2, 2, dtype=dtype)


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (np.ones((2, 4)), ValueError),
        (np.float64(1), ValueError),
        (np.ones(3, complex), TypeError),
        (["a"] * 3, TypeError),
        (np.ma.ones((2, 3)), TypeError),
        (np.array([None] * 3), TypeError),
    ],
)
def test_linear_bad_input_leaves_the_latest_forward(x, error):
    layer = nn.Linear(3, 2, rng=0)
    layer(np.ones((1, 3)))
    with pytest.raises(error, match=r"^x has"):
        layer(x)
    layer.backward(np.ones((1, 2)))


def test_parameter():
    layer = nn.Linear(3, 2, rng=0)
    values = np.arange(6.0).reshape(2, 3)
    layer.weight.data = values
    values[:] = 9
    assert_same(np.asarray(layer.weight), np.arange(6, dtype=np.float32).reshape(2, 3))
    layer.weight.data[0, 0] = 5
    assert layer([1, 0, 0])[0] == 5 + layer.bias.data[0]
    with pytest.raises(ValueError, match=r"shape \(2, 3\), but got \(3, 2\)"):
        layer.weight.data = np.ones((3, 2))
    with pytest.raises(TypeError, match="data"):
        layer.weight.data = np.ones((2, 3), complex)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d.kind != "c"], ids=lambda d: d.name)
def test_relu(dtype):
    x = np.array([-2, -0.0, 0, 0.5, np.inf, -np.inf], dtype)
    relu = nn.ReLU()
    y = relu(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.astype(np.float64), [0, 0, 0, 0.5, np.inf, 0])
    dx = relu.backward(np.full(6, 3, dtype))
    assert dx.dtype == dtype
    np.testing.assert_array_equal(dx.astype(np.float64), [0, 0, 0, 3, 3, 0])
    assert relu(dtype.type(2)).shape == ()
    for bad in (np.arange(3), np.ones(3, complex), np.ma.ones(3)):
        with pytest.raises(TypeError, match=r"^x has"):
            relu(bad)


LAYERS = (lambda: nn.Linear(3, 3), nn.ReLU, lambda: nn.Dropout(0.5), lambda: nn.Sequential(nn.ReLU()), nn.Sequential)


@pytest.mark.parametrize("make", LAYERS)
def test_backward_belongs_to_the_latest_forward(make):
    layer = make()
    with pytest.raises(RuntimeError, match="forward"):
        layer.backward(np.ones((2, 3)))
    layer(np.ones((1, 3)))
    layer(np.ones((2, 3)))
    if not isinstance(layer, nn.Sequential):
        with pytest.raises(ValueError, match=r"dy .*\(2, 3\).* \(1, 3\)"):
            layer.backward(np.ones((1, 3)))
    assert layer.backward(np.ones((2, 3))).shape == (2, 3)


def test_container_whose_forward_failed_has_no_backward():
    model = nn.Sequential(nn.ReLU(), nn.Linear(3, 2), rng=0)
    model(np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"^x has"):
        model(np.ones((1, 4)))
    with pytest.raises(RuntimeError, match="forward"):
        model.backward(np.ones((1, 2)))


def test_modes():
    inner = nn.Sequential(nn.Dropout(0.5))
    model = nn.Sequential(inner, nn.ReLU())
    assert all(module.training for module in model.modules())
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert model.train() is model
    assert inner[0].training
    with pytest.raises(TypeError, match="mode"):
        model.train("yes")


def test_container_is_a_sequence_and_shows_what_is_inside():
    model = nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.Dropout(0.1, inplace=True)), nn.ReLU())
    assert len(model) == 3
    assert list(model)[2] is model[-1]
    assert repr(model).split("\n") == [
        "Sequential(", "  (0): Linear(3, 2)", "  (1): Sequential(", "    (0): Dropout(p=0.1, inplace=True)", "  )",
        "  (2): ReLU()", ")",
    ]  # fmt: skip
    assert model[0].key is None


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()(np.ones(2))
    with pytest.raises(NotImplementedError, match="Module has no backward"):
        nn.Module().backward(np.ones(2))
