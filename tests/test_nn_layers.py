"""What layers compute and refuse."""

import ml_dtypes
import numpy as np
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
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
