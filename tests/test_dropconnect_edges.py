"""DropConnect where it begins and ends: shards, one mask for all, certain masks, empty batches, output, bad input."""

import numpy as np
import oracle
import oracle_connect
import pytest
from helpers import BFLOAT16, assert_same
from test_dropconnect import KEY, operands, run

import fastdrop as fd


@pytest.mark.parametrize("p", [0.5, 0.1])
@pytest.mark.parametrize("shape", [(8, 12, 70), (4, 6, 4100), (5, 200, 3)], ids=str)
def test_shards_of_batch_and_outputs(isa, shape, p):
    """A block has the masks of the whole, and so has its result, to the last bit."""
    x, weight, bias, dy = operands(shape)
    whole = run(x, weight, bias, dy, p)[0]
    for first, stop, begin, end in ((1, 3, 2, 5), (0, shape[0], 1, shape[1]), (2, 3, 0, shape[1])):
        shard = fd.Shard((first, begin, 0), shape)
        rows, outs = slice(first, stop), slice(begin, end)
        y, mask = fd.dropconnect_forward(
            x[rows], weight[outs], p, bias=bias[outs], rng=fd.Key(*KEY), shard=shard, threads=2
        )
        assert_same(y, whole[rows, outs])
        keep = oracle_connect.masks(KEY, (stop - first, end - begin, shape[2]), p, shard.origin, shape)
        got = fd.dropconnect_backward(dy[rows, outs], x[rows], weight[outs], mask)
        for a, b in zip(got, oracle_connect.backward(keep, dy[rows, outs], x[rows], weight[outs], p), strict=False):
            assert_same(a, b)


def test_gradients_of_the_batch_in_parts():
    x, weight, bias, dy = operands((10, 4, 33), np.float64)
    _, dx, dweight, _ = run(x, weight, bias, dy, 0.5)
    total = np.zeros_like(weight)
    for rows in (slice(0, 4), slice(4, 10)):
        n = rows.stop - rows.start
        mask = fd.Mask((n, 4, 33), 0.5, rng=fd.Key(*KEY), shard=fd.Shard((rows.start, 0, 0), (10, 4, 33)))
        part = fd.dropconnect_backward(dy[rows], x[rows], weight, mask)
        assert_same(part[0], dx[rows])
        total += part[1]
    np.testing.assert_allclose(total, dweight, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("columns", [70, 2100])
def test_shards_of_inputs_add_up(isa, columns):
    shape = (5, 12, columns)
    x, weight, _, _ = operands(shape, np.float64)
    whole = fd.dropconnect(x, weight, 0.1, rng=fd.Key(*KEY))
    parts = 0
    for begin, end in ((0, 3), (3, 64), (64, columns)):
        part, shard = slice(begin, end), fd.Shard((0, 0, begin), shape)
        y = fd.dropconnect(x[:, part], weight[:, part], 0.1, rng=fd.Key(*KEY), shard=shard)
        keep = oracle_connect.masks(KEY, (5, 12, end - begin), 0.1, shard.origin, shape)
        assert_same(y, oracle_connect.forward(keep, x[:, part], weight[:, part], 0.1))
        parts = parts + y
    np.testing.assert_allclose(parts, whole, rtol=1e-11, atol=1e-11)


# ---- one mask for all samples ----


@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16, np.float32, np.float64], ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("p", [0.5, 0.1, 0.0])
def test_weight_drop(dtype, p):
    x, weight, bias, dy = operands((6, 20, 33), dtype)
    wide = np.float64 if dtype == np.float64 else np.float32
    keep = oracle.keep_mask(KEY, weight.shape, p)
    y, mask = fd.dropconnect_forward(x, weight, p, bias=bias, rng=fd.Key(*KEY), per_sample=False)
    assert mask == fd.Mask(weight.shape, p, rng=fd.Key(*KEY))
    dx, dweight, dbias = fd.dropconnect_backward(dy, x, weight, mask)
    each = np.broadcast_to(keep, (6, 20, 33))
    wanted = oracle_connect.explicit(each, dy, x, weight, p, bias)
    eps = float(np.finfo(wide).eps if dtype in (np.float32, np.float64) else 2.0**-8 if dtype == BFLOAT16 else 2.0**-11)
    bounds = oracle_connect.explicit(each, abs(dy), abs(x), abs(weight), p, abs(bias))
    for got, exact, bound in zip((y, dx, dweight, dbias), wanted, bounds, strict=True):
        assert got.dtype == dtype
        assert (abs(got.astype(np.float64) - exact) <= (33 * float(np.finfo(wide).eps) + eps) * bound).all()
    assert_same(dweight == 0, ~keep)


def test_weight_drop_by_other_masks():
    """Whole rows, a rate for each row, and bits from elsewhere: what drops a weight need not be a plain law."""
    x, weight, _, dy = operands((6, 20, 33), np.float64)
    rates = np.linspace(0.1, 0.9, 20)[:, None]
    y = fd.dropconnect(x, weight, rates, rng=fd.Key(*KEY), per_sample=False)
    np.testing.assert_allclose(y, x @ oracle.dropout(weight, KEY, rates).T, rtol=1e-12, atol=1e-12)
    rows = fd.Mask(weight.shape, 0.5, rng=fd.Key(*KEY), share_axes=1)
    for mask in (rows, rows.store(), fd.Mask.from_bool(np.eye(20, 33) == 0, 0.1)):
        dx, dweight, _ = fd.dropconnect_backward(dy, x, weight, mask)
        np.testing.assert_allclose(dx, dy @ mask.apply(weight), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(dweight, mask.apply(dy.T @ x), rtol=1e-12, atol=1e-12)


def test_a_shard_of_the_weight():
    x, weight, _, _ = operands((6, 20, 33))
    whole = fd.dropconnect(x, weight, 0.5, rng=1, per_sample=False)
    part = fd.dropconnect(x, weight[4:9], 0.5, rng=1, per_sample=False, shard=fd.Shard((4, 0), (20, 33)))
    np.testing.assert_allclose(part, whole[:, 4:9], rtol=1e-5, atol=1e-5)


# ---- certain masks, numbers that are none, nothing at all ----


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("per_sample", [True, False])
def test_certain_masks(isa, dtype, per_sample):
    x, weight, bias, dy = operands((6, 20, 33), dtype)
    with_nan = x.copy()
    with_nan[0, 0], with_nan[1, 1] = np.nan, np.inf
    for p in (1.0, 1 - 2.0**-50):  # the second one has a finite scale, and keeps nothing either
        y, mask = fd.dropconnect_forward(x, weight, p, bias=bias, rng=1, per_sample=per_sample)
        assert_same(y, np.broadcast_to(bias, y.shape))
        dx, dweight, dbias = fd.dropconnect_backward(dy, x, weight, mask)
        assert_same(dx, np.zeros_like(x))
        assert_same(dweight, np.zeros_like(weight))
        assert dbias.any()
    y, mask = fd.dropconnect_forward(with_nan, weight, 1.0, rng=1, per_sample=per_sample)
    assert_same(y, np.zeros_like(y))
    assert_same(fd.dropconnect_backward(dy, with_nan, weight, mask)[0], np.zeros_like(x))
    wide = np.float64 if dtype == np.float64 else np.float32
    y, mask = fd.dropconnect_forward(x, weight, 0.0, bias=bias, rng=1, per_sample=per_sample)
    plain = x.astype(wide) @ weight.astype(wide).T + bias.astype(wide)
    assert_same(y, plain.astype(dtype))
    dx, dweight, _ = fd.dropconnect_backward(dy, x, weight, mask)
    assert_same(dx, (dy.astype(wide) @ weight.astype(wide)).astype(dtype))
    assert_same(dweight, (dy.astype(wide).T @ x.astype(wide)).astype(dtype))
    assert_same(fd.dropconnect(x, weight, 0.7, bias=bias, training=False, per_sample=per_sample), y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_dropped_does_not_matter(isa, dtype):
    shape = (4, 9, 150)
    x, weight, bias, dy = operands(shape, dtype)
    keep = oracle_connect.masks(KEY, shape, 0.5)
    wanted = run(x, weight, bias, dy, 0.5)
    for value in (np.nan, np.inf):
        broken = weight.copy()
        broken[3, 70] = value
        y, dx, _, _ = run(x, broken, bias, dy, 0.5)
        touched = keep[:, 3, 70]
        assert 0 < touched.sum() < 4
        assert (np.isfinite(y[:, 3]) == ~touched).all()
        assert (np.isfinite(dx[:, 70]) == ~touched).all()
        y[:, 3], dx[:, 70] = wanted[0][:, 3], wanted[1][:, 70]
        assert_same(y, wanted[0])
        assert_same(dx, wanted[1])


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0), (0, 0, 0)], ids=str)
@pytest.mark.parametrize("per_sample", [True, False])
@pytest.mark.parametrize("p", [0.5, 0.0, 1.0])
def test_empty(shape, per_sample, p):
    for dtype in (np.float16, np.float32):
        x, weight, bias, dy = operands(shape, dtype)
        y, mask = fd.dropconnect_forward(x, weight, p, bias=bias, rng=1, per_sample=per_sample)
        assert_same(y, np.broadcast_to(bias, (shape[0], shape[1])))
        dx, dweight, dbias = fd.dropconnect_backward(dy, x, weight, mask)
        assert_same(dx, np.zeros_like(x))
        assert_same(dweight, np.zeros_like(weight))
        assert_same(dbias, dy.sum(axis=0))


def test_moments_of_many_masks():
    """Mean and variance over n samples of the same x: within five standard errors of what theory says."""
    n, p = 4000, 0.3
    x, weight, bias, _ = operands((1, 6, 40), np.float64)
    y = fd.dropconnect(np.broadcast_to(x, (n, 40)), weight, p, bias=bias, rng=3)
    mean, variance = fd.dropconnect_moments(x, weight, p, bias=bias)
    np.testing.assert_allclose(mean[0], weight @ x[0] + bias)
    np.testing.assert_allclose(variance[0], p / (1 - p) * (weight**2 @ x[0] ** 2))
    assert (abs(y.mean(axis=0) - mean[0]) <= 5 * np.sqrt(variance[0] / n)).all()
    fourth = ((y - mean) ** 4).mean(axis=0)
    assert (abs(((y - mean) ** 2).mean(axis=0) - variance[0]) <= 5 * np.sqrt(fourth / n)).all()
    apart = np.corrcoef(y[:-1, 0], y[1:, 0])[0, 1], np.corrcoef(y[:, 0], y[:, 1])[0, 1]
    assert all(abs(c) <= 5 / np.sqrt(n) for c in apart)


# ---- out, keys, bad input ----


def test_out():
    x, weight, bias, _ = operands((6, 20, 33))
    wanted = fd.dropconnect(x, weight, 0.5, bias=bias, rng=1)
    for out in (
        np.empty((6, 20), np.float32),
        np.empty((20, 6), np.float32).T,
        np.empty((12, 40), np.float32)[::2, ::2],
    ):
        for per_sample in (True, False):
            y = fd.dropconnect(x, weight, 0.5, bias=bias, rng=1, per_sample=per_sample, out=out)
            assert y is out
        assert_same(fd.dropconnect(x, weight, 0.5, bias=bias, rng=1, out=out), wanted)
    both = np.zeros((6, 33), np.float32)
    with pytest.raises(ValueError, match="out has to share no memory with x, weight or bias"):
        fd.dropconnect(both, weight, 0.5, rng=1, out=both[:, :20])
    with pytest.raises(ValueError, match=r"out has to have the shape of the product, \(6, 20\), but got \(6, 21\)"):
        fd.dropconnect(x, weight, 0.5, rng=1, out=np.empty((6, 21), np.float32))
    with pytest.raises(ValueError, match="out has to have the dtype of the product, float32, but got float64"):
        fd.dropconnect(x, weight, 0.5, rng=1, out=np.empty((6, 20)))


def test_when_a_key_is_drawn():
    x, weight, _, _ = operands((6, 20, 33))

    def drawn(**arguments):
        rng, other = np.random.default_rng(1), np.random.default_rng(1)
        fd.dropconnect(**({"x": x, "weight": weight, "p": 0.5, "rng": rng} | arguments))
        other.integers(0, 2**64 - 1, size=2, dtype=np.uint64, endpoint=True)
        return rng.bit_generator.state == other.bit_generator.state

    assert drawn()
    assert drawn(p=0.0)
    assert drawn(x=x[:0])
    assert drawn(per_sample=False)
    assert not drawn(training=False)
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="threads"):
        fd.dropconnect(x, weight, 0.5, rng=rng, threads=0)
    assert rng.bit_generator.state == np.random.default_rng(1).bit_generator.state
    assert_same(fd.dropconnect(x, weight, 0.5, rng=[1, 2]), fd.dropconnect(x, weight, 0.5, rng=(1, 2)))


X, W, B = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32), np.ones(4, np.float32)
BAD = [
    ({"x": X.astype(int)}, TypeError, "x has to be of dtype"),
    (
        {"x": X.astype(complex)},
        TypeError,
        "x has to be .* float32, float64, but got complex128",
    ),
    ({"x": np.ma.array(X)}, TypeError, "x has to be an array that is not masked"),
    ({"x": X[0, 0]}, ValueError, r"x has to be of shape \(..., 3\), but got \(\)"),
    ({"x": X[:, :2]}, ValueError, r"x has to be of shape \(..., 3\), but got \(2, 2\)"),
    ({"weight": W[0]}, ValueError, r"weight has to be of shape \(out_features, in_features\), but got \(3,\)"),
    ({"weight": W.astype(float)}, TypeError, "weight has to have the dtype of x, float32, but got float64"),
    ({"bias": B[:3]}, ValueError, r"bias has to be of shape \(4,\), but got \(3,\)"),
    ({"bias": B.astype(float)}, TypeError, "bias has to have the dtype of x, float32, but got float64"),
    ({"p": 1.5}, ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
    ({"p": float("nan")}, ValueError, "dropout probability has to be between 0 and 1, but got nan"),
    ({"p": np.full(3, 0.5)}, TypeError, r"p has to be one number, but got an array of shape \(3,\)"),
    ({"p": np.full(2, 0.5), "per_sample": False}, ValueError, "p has to broadcast"),
    ({"per_sample": 1}, TypeError, "per_sample has to be a bool, but got 1"),
    ({"training": 1}, TypeError, "training has to be a bool, but got 1"),
    ({"threads": 0}, ValueError, "threads has to be between 1"),
    ({"rng": 1.5}, TypeError, "rng has to be"),
    ({"shard": fd.Shard((0, 0), (4, 3))}, ValueError, "shard has to have one origin for each axis"),
    ({"shard": 3}, TypeError, "shard has to be a Shard or None"),
]


@pytest.mark.parametrize(
    ("arguments", "error", "text"), BAD, ids=[f"{i}-{next(iter(b[0]))}" for i, b in enumerate(BAD)]
)
def test_bad_input(arguments, error, text):
    out = np.full((2, 4), 7, np.float32)
    with pytest.raises(error, match=text):
        fd.dropconnect(**({"x": X, "weight": W, "p": 0.5, "bias": B, "rng": 1, "out": out} | arguments))
    assert (out == 7).all()


def test_bad_input_of_backward_and_moments():
    dy, mask = np.ones((2, 4), np.float32), fd.Mask((2, 4, 3), 0.5, rng=1)
    for arguments, error, text in [
        ((dy, X, W, 1), TypeError, "mask has to be a Mask, but got 1"),
        (
            (dy, X, W, fd.Mask((2, 4), 0.5)),
            ValueError,
            r"of shape \(2, 4, 3\) or \(4, 3\), but got \(2, 4\)",
        ),
        ((dy, X, W, fd.Mask((2, 4, 3), 0.5, share_axes=2)), ValueError, "mask has to have a decision for each element"),
        ((dy, X, W, fd.Mask((2, 4, 3), np.full(3, 0.5))), TypeError, "p has to be one number"),
        ((dy[:1], X, W, mask), ValueError, r"dy has to be of shape \(2, 4\), but got \(1, 4\)"),
        ((dy.astype(float), X, W, mask), TypeError, "dy has to have the dtype of x, float32, but got float64"),
        ((dy.astype(int), X, W, mask), TypeError, "dy has to be of dtype"),
    ]:
        with pytest.raises(error, match=text):
            fd.dropconnect_backward(*arguments)
    with pytest.raises(ValueError, match=r"p has to be below 1 for a finite variance, but got 1.0"):
        fd.dropconnect_moments(X, W, 1.0)
    with pytest.raises(TypeError, match="p has to be one number"):
        fd.dropconnect_moments(X, W, np.full(3, 0.5))
