"""softmax_dropout against NumPy in float64 on the oracle's mask: values, masks, invariance, rows that see nothing."""

import ml_dtypes
import numpy as np
import oracle_softmax
import pytest
from helpers import BFLOAT16, DTYPES, assert_same

import fastdrop as fd
from fastdrop import _core

REALS = [d for d in DTYPES if d.kind != "c"]
KEY = (17, 4)


def data(shape, dtype=np.float32, seed=0, spread=3.0):
    return (np.random.default_rng(seed).normal(size=shape) * spread).astype(dtype)


def unit(dtype) -> float:
    """Half a unit in the last place, relative."""
    return float(ml_dtypes.finfo(dtype).eps) / 2


def assert_near(got, wanted, x, scale=1.0, mask=None, terms=8):
    """Some roundings, and those of the scores, which the exponential multiplies by their size."""
    dtype = got.dtype
    work = max(unit(np.float64 if dtype == np.float64 else np.float32), 0.0)
    size = np.abs(np.asarray(x, np.float64) * scale).max(initial=0)
    if mask is not None and np.asarray(mask).dtype != bool:
        size += np.abs(mask[np.isfinite(mask)].astype(np.float64)).max(initial=0)
    relative = work * (terms + 5 * size) + (unit(dtype) if dtype.itemsize == 2 else 0)
    tiny = float(ml_dtypes.finfo(dtype).smallest_subnormal)
    error = np.abs(got.astype(np.float64) - wanted)
    assert (error <= relative * np.abs(wanted) * 1.001 + tiny).all(), error.max()


HOW = {
    "plain": {},
    "scale": {"scale": 0.125},
    "causal": {"causal": True},
    "bool": {"mask": data((1, 9, 40), seed=5) > 0},
    "keys": {"mask": np.arange(40) < 23},
    "added": {"mask": np.where(data((9, 40), seed=6) > 0, data((9, 40), seed=7), -np.inf), "scale": -0.5},
    "per query": {"mask": data((9, 1), np.float32, seed=8), "causal": True},
    "float16 mask": {"mask": data((3, 1, 40), np.float16, seed=9)},
}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
@pytest.mark.parametrize("dtype", REALS, ids=str)
def test_forward_and_backward(dtype, how, isa):
    x, dy = data((3, 9, 40), dtype), data((3, 9, 40), dtype, seed=1)
    mask = how.get("mask")
    if mask is not None and mask.dtype != bool:
        how = how | {"mask": mask.astype(np.float64 if dtype == np.float64 else np.float32)}
    y, law = fd.softmax_dropout_forward(x, 0.3, rng=fd.Key(*KEY), **how)
    assert_same(law.dropout.to_bool(), oracle_softmax.keep(KEY, x.shape, 0.3))
    wanted = oracle_softmax.forward(x, KEY, 0.3, **how)
    assert_near(y, wanted, x, how.get("scale", 1.0), mask)
    assert not y[~law.dropout.to_bool()].any()
    dx = fd.softmax_dropout_backward(dy, x, law)
    expected = oracle_softmax.backward(dy, x, KEY, 0.3, **how)
    # The difference g - dot can cancel: what it is made of bounds the error.
    weights = oracle_softmax.softmax(oracle_softmax.scores(x, **how))
    g = np.abs(dy.astype(np.float64)) / 0.7
    largest = abs(how.get("scale", 1.0)) * weights * (g + (g * weights).sum(-1, keepdims=True))
    work = unit(np.float64 if dtype == np.float64 else np.float32)
    bound = work * (16 + 40 * np.abs(x.astype(float)).max()) * largest + (unit(dtype) * np.abs(expected) * 1.01)
    assert (np.abs(dx.astype(np.float64) - expected) <= bound + float(ml_dtypes.finfo(dtype).smallest_subnormal)).all()
    assert dx.dtype == y.dtype == dtype


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 31, 511, 512, 513, 1023, 4095, 4096, 4097, 4609, 9000])
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_every_length_of_row(n, p, isa):
    x, dy = data((3, n), seed=n), data((3, n), seed=n + 1)
    y, law = fd.softmax_dropout_forward(x, p, rng=fd.Key(*KEY))
    assert_near(y, oracle_softmax.forward(x, KEY, p), x, terms=12)
    dx = fd.softmax_dropout_backward(dy, x, law)
    expected = oracle_softmax.backward(dy, x, KEY, p)
    assert np.abs(dx - expected).max() <= 3e-5 * max(np.abs(expected).max(), 1e-6)


def test_all_instruction_sets_give_the_same_bits():
    x, dy, mask = data((4, 7, 700), BFLOAT16), data((4, 7, 700), BFLOAT16, seed=1), data((7, 700), seed=2)
    for dtype in REALS:
        found = []
        for name in _core.isas():
            _core.set_isa(name)
            a, g = x.astype(dtype), dy.astype(dtype)
            y, law = fd.softmax_dropout_forward(a, 0.2, rng=3, mask=mask, causal=True, scale=0.7)
            found.append((y, fd.softmax_dropout_backward(g, a, law), law.row_max, law.row_sum))
        for other in found:
            for got, wanted in zip(other, found[0], strict=True):
                assert_same(got, wanted)


def test_threads_and_layouts_change_nothing():
    x, dy = data((5, 300, 600)), data((5, 300, 600), seed=1)
    y, law = fd.softmax_dropout_forward(x, 0.1, rng=3, causal=True, threads=1)
    dx = fd.softmax_dropout_backward(dy, x, law, threads=1)
    again, other = fd.softmax_dropout_forward(x, 0.1, rng=3, causal=True, threads=4)
    assert_same(again, y)
    assert_same(other.row_sum, law.row_sum)
    assert_same(fd.softmax_dropout_backward(dy, x, law, threads=4), dx)
    for arrange in (
        np.asfortranarray,
        lambda a: np.ascontiguousarray(a.transpose(2, 0, 1)).transpose(1, 2, 0),
        lambda a: np.ascontiguousarray(a[:, ::-1, ::-1])[:, ::-1, ::-1],
        lambda a: np.repeat(a, 2, axis=2)[..., ::2],
    ):
        view, gradient, out = arrange(x), arrange(dy), arrange(np.empty_like(x))
        assert_same(fd.softmax_dropout(view, 0.1, rng=3, causal=True), y)
        assert_same(fd.softmax_dropout(view, 0.1, rng=3, causal=True, out=out), y)
        assert_same(fd.softmax_dropout_backward(gradient, view, law), dx)
        assert fd.softmax_dropout_backward(gradient, view, law, out=gradient) is gradient
        assert_same(gradient, dx)


def test_in_place():
    x, dy = data((3, 5000)), data((3, 5000), seed=1)
    y, law = fd.softmax_dropout_forward(x, 0.5, rng=1)
    dx = fd.softmax_dropout_backward(dy, x, law)
    assert_same(fd.softmax_dropout_backward(dy, x, law, out=dy), dx)
    assert fd.softmax_dropout(x, 0.5, rng=1, out=x) is x
    assert_same(x, y)


def test_a_shard_gets_its_part():
    x = data((4, 6, 8, 32))
    y = fd.softmax_dropout(x, 0.4, rng=2, causal=True)
    shard = fd.Shard((1, 2, 3, 0), x.shape)
    block, law = fd.softmax_dropout_forward(x[1:3, 2:6, 3:7], 0.4, rng=2, causal=True, shard=shard)
    assert_same(block, y[1:3, 2:6, 3:7])
    whole = fd.softmax_dropout_forward(x, 0.4, rng=2, causal=True)[1]
    dx = fd.softmax_dropout_backward(x, x, whole)
    assert_same(fd.softmax_dropout_backward(x[1:3, 2:6, 3:7], x[1:3, 2:6, 3:7], law), dx[1:3, 2:6, 3:7])


def test_the_same_mask_as_attention_dropout():
    x = data((2, 3, 8, 16))
    weights = fd.softmax_dropout(x, training=False)
    dropped = fd.attention_dropout(weights, 0.3, rng=8)
    np.testing.assert_allclose(fd.softmax_dropout(x, 0.3, rng=8), dropped, rtol=4e-7)
    y, mask = fd.attention_dropout_forward(weights, 0.3, rng=8)
    assert_same(y, dropped)
    assert_same(fd.attention_dropout_backward(x, mask), mask.apply(x))


def test_rows_that_see_nothing_are_zero(isa):
    x = data((4, 50))
    mask = np.ones((4, 50), bool)
    mask[2] = False
    for how in ({"mask": mask}, {"mask": np.where(mask, 0.0, -np.inf)}):
        y, law = fd.softmax_dropout_forward(x, 0.2, rng=1, **how)
        assert not y[2].any()
        assert y[[0, 1, 3]].any(axis=1).all()
        assert law.row_max[2] == law.row_sum[2] == 0
        assert np.isneginf(law.logsumexp[2])
        dx = fd.softmax_dropout_backward(np.ones_like(x), x, law)
        assert not dx[2].any()
        assert np.isfinite(dx).all()
    hidden = np.full((2, 20), -np.inf, np.float32)
    assert not fd.softmax_dropout(hidden, 0.1, rng=1).any()


def test_large_and_special_values(isa):
    large = np.array([[3e38, -3e38, 3e38, 0]], np.float32)
    np.testing.assert_array_equal(fd.softmax_dropout(large, training=False), [[0.5, 0, 0.5, 0]])
    x = data((6, 40))
    x[0, 3], x[1, 4], x[2, 5], x[3, :5] = np.nan, np.inf, -np.inf, -1e9
    y = fd.softmax_dropout(x, training=False)
    assert np.isnan(y[:2]).all()  # nothing is dropped: the whole row
    assert y[2, 5] == 0
    assert not y[3, :5].any()
    assert np.isfinite(y[2:]).all()
    np.testing.assert_allclose(y[2:].sum(-1), 1, rtol=1e-6)
    dropped, law = fd.softmax_dropout_forward(x, 0.5, rng=1)
    keep = law.dropout.to_bool()
    assert_same(dropped[~keep], np.zeros((~keep).sum(), np.float32))
    assert np.isnan(dropped[:2][keep[:2]]).all()
    hidden = np.arange(40) >= 8
    assert np.isfinite(fd.softmax_dropout(x, training=False, mask=hidden)).all()
    lone = np.full((1, 20), -np.inf, np.float32)
    lone[0, 7] = np.nan
    assert np.isnan(fd.softmax_dropout(lone, training=False)).all()


def test_p_one_and_evaluation():
    x = data((3, 30))
    y, law = fd.softmax_dropout_forward(x, 1.0, rng=1)
    assert_same(y, np.zeros_like(x))
    assert_same(np.abs(fd.softmax_dropout_backward(x, x, law)), np.zeros_like(x))
    generator = np.random.default_rng(5)
    fd.softmax_dropout(x, 0.5, rng=generator, training=False)
    assert generator.bit_generator.state == np.random.default_rng(5).bit_generator.state
    fd.softmax_dropout(x, 0.0, rng=generator)
    assert generator.bit_generator.state != np.random.default_rng(5).bit_generator.state


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5), (2, 0, 4)])
def test_empty(shape):
    y, law = fd.softmax_dropout_forward(np.zeros(shape), 0.5, rng=1)
    assert y.shape == shape
    assert law.row_sum.shape == shape[:-1]
    assert not law.row_sum.any()
    assert fd.softmax_dropout_backward(y, y, law).shape == shape


@pytest.mark.parametrize("how", [{}, {"causal": True}, {"scale": -0.3}], ids=str)
def test_gradient_by_differences(how):
    rng = np.random.default_rng(2)
    x, dy = rng.normal(size=(2, 3, 6)), rng.normal(size=(2, 3, 6))
    law = fd.softmax_dropout_forward(x, 0.4, rng=9, **how)[1]
    dx = fd.softmax_dropout_backward(dy, x, law)
    h = 1e-6
    for index in np.ndindex(x.shape):
        a, b = x.copy(), x.copy()
        a[index] += h
        b[index] -= h
        up, down = (fd.softmax_dropout(v, 0.4, rng=9, **how) for v in (a, b))
        assert abs(((up - down) * dy).sum() / (2 * h) - dx[index]) < 1e-8


def test_law_is_a_value():
    import pickle

    x = data((2, 5))
    y, law = fd.softmax_dropout_forward(x, 0.4, rng=9, scale=0.5)
    again = pickle.loads(pickle.dumps(law))
    assert_same(fd.softmax_dropout_backward(y, x, again), fd.softmax_dropout_backward(y, x, law))
    assert "scale=0.5" in repr(law)
    assert law.nbytes == 16
    with pytest.raises(AttributeError, match="immutable"):
        law.row_max = None
    with pytest.raises(ValueError, match="read-only"):
        law.row_max[0] = 1
    np.testing.assert_allclose(law.logsumexp, np.log(np.exp(x * 0.5).sum(-1)), rtol=1e-6)


X = np.zeros((2, 3, 4), np.float32)
BAD = {
    "p": ({"p": 1.5}, ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
    "p array": ({"p": [0.5]}, TypeError, "p has to be one number"),
    "scale NaN": ({"scale": np.nan}, ValueError, "scale has to be finite, but got nan"),
    "scale inf": ({"scale": 10**400}, ValueError, "scale has to be finite"),
    "scale bool": ({"scale": True}, TypeError, "scale has to be a real number"),
    "mask shape": ({"mask": np.ones((3, 5), bool)}, ValueError, r"mask has to broadcast .* \(2, 3, 4\), .*\(3, 5\)"),
    "mask larger": ({"mask": np.ones((5, 2, 3, 4), bool)}, ValueError, "mask has to broadcast"),
    "mask int": ({"mask": np.ones(4, int)}, TypeError, "mask of bool, or mask to be added"),
    "mask complex": ({"mask": np.ones(4, complex)}, TypeError, "mask has to be of bool or of a real"),
    "causal": ({"causal": 1}, TypeError, "causal has to be a bool, but got 1"),
    "training": ({"training": None}, TypeError, "training has to be a bool"),
    "complex": ({"x": X.astype(complex)}, TypeError, "x has to be real"),
    "integer": ({"x": np.zeros((2, 2), int)}, TypeError, "x has to be of dtype"),
    "rank 0": ({"x": np.float32(1)}, ValueError, "x has to have at least 1 axis"),
    "rank 1 causal": ({"x": X[0, 0], "causal": True}, ValueError, "at least 2 axes, queries and keys"),
    "shard": ({"shard": fd.Shard((0, 0, 4), (2, 3, 8))}, ValueError, "shard has to hold whole rows, 8 keys"),
    "out": ({"out": np.zeros((2, 3, 4))}, ValueError, "out has to have the dtype"),
    "rng": ({"rng": "a"}, TypeError, "rng"),
    "threads": ({"threads": 0}, ValueError, "threads"),
}


@pytest.mark.parametrize(("how", "error", "text"), BAD.values(), ids=BAD)
def test_bad_input(how, error, text):
    out = np.full((2, 3, 4), 7, np.float32)
    arguments = {"x": X, "p": 0.5, "rng": 1, "out": out} | how
    if arguments["x"] is not X:
        del arguments["out"]
    with pytest.raises(error, match=text):
        fd.softmax_dropout(arguments.pop("x"), **arguments)
    assert (out == 7).all()


def test_bad_backward():
    y, law = fd.softmax_dropout_forward(X, 0.5, rng=1, mask=np.zeros((3, 4), np.float32))
    for dy, x, how, error, text in [
        (y[0], X, {}, ValueError, r"dy has to have the shape of the forward pass, \(2, 3, 4\)"),
        (y, X[0], {}, ValueError, "x has to have the shape"),
        (y.astype(float), X, {}, TypeError, "dy has to have the dtype of the forward pass, float32"),
        (y, X, {"out": X}, ValueError, "out has to share no memory with x"),
        (y, X, {"threads": -1}, ValueError, "threads"),
    ]:
        with pytest.raises(error, match=text):
            fd.softmax_dropout_backward(dy, x, law, **how)
    with pytest.raises(TypeError, match="law has to be a SoftmaxLaw"):
        fd.softmax_dropout_backward(y, X, law.dropout)
    with pytest.raises(ValueError, match="weights has to have at least 2 axes, queries and keys, but got 1"):
        fd.attention_dropout(X[0, 0], 0.1)
    mask = np.zeros((2, 3, 4), np.float32)
    with pytest.raises(ValueError, match="out has to share no memory with the attention mask"):
        fd.softmax_dropout(X, 0.1, mask=mask, out=mask)
