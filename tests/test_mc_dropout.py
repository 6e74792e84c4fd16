"""Monte Carlo dropout: samples, their gradient and their moments, to the last bit against the oracle's masks."""

import pickle

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers, specials

import fastdrop as fd

KEY = (5, 9)
KEY_FD = fd.Key(*KEY)


def keys(count, key=KEY):
    return [oracle.fold_in(key, "sample", s) for s in range(count)]


def wanted(x, p, count, **more):
    return np.stack([oracle.dropout(x, key, p, **more) for key in keys(count)])


def wide(x):
    return np.asarray(x, np.float32) if x.dtype.itemsize == 2 else x


def wanted_sum(dy, p, share_axes=()):
    """Products and sums in order, in float32 for types of 16 bits."""
    total = None
    for part, key in zip(dy, keys(len(dy)), strict=True):
        term = oracle.dropout(wide(part), key, p, share_axes)
        total = term if total is None else total + term
    return np.asarray(total).astype(dy.dtype)


def wanted_moments(x, p, count, share_axes=()):
    """The formula of the documentation, on counts of the oracle's masks."""
    kept = sum(oracle.keep_mask(key, x.shape, p, share_axes).astype(np.int64) for key in keys(count))
    kept = np.broadcast_to(kept, x.shape)
    v = oracle.multiply(np.ascontiguousarray(wide(x)).reshape(x.shape), np.broadcast_to(oracle.scale(p), x.shape))
    real = v.real.dtype.type
    v = np.where(kept == 0, np.zeros((), v.dtype), v)
    f = kept.astype(real) / real(count)
    mean = np.empty_like(v)
    if v.dtype.kind == "c":
        mean.real, mean.imag = v.real * f, v.imag * f
        square = v.real * v.real + v.imag * v.imag
    else:
        mean[...] = v * f
        square = v * v
    return mean, np.asarray(square * (f * (1 - f)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("p", [0.5, 0.1, 0.0, 1.0])
def test_bits_of_every_dtype(isa, dtype, p):
    x = numbers((7, 701), dtype)
    y, law = fd.mc_dropout_forward(x, p, samples=5, rng=KEY_FD)
    assert_same(y, wanted(x, p, 5))
    assert_same(fd.mc_dropout(x, p, samples=5, rng=KEY_FD), y)
    dy = numbers(y.shape, dtype, seed=1)
    assert_same(fd.mc_dropout_backward(dy, law), wanted_sum(dy, p))
    with np.errstate(all="ignore"):
        for got, want in zip(fd.mc_moments(x, p, samples=5, rng=KEY_FD), wanted_moments(x, p, 5), strict=True):
            assert_same(got, want)


@pytest.mark.parametrize("n", [1, 2, 63, 65, 2047, 4097, 16385, 40000])
@pytest.mark.parametrize("p", [0.5, 0.3])
def test_every_length(isa, n, p):
    x = numbers(n)
    assert_same(fd.mc_dropout(x, p, samples=3, rng=KEY_FD), wanted(x, p, 3))
    dy = numbers((3, n), seed=2)
    assert_same(fd.mc_dropout_backward(dy, fd.MaskStack(n, p, 3, role="sample", rng=KEY_FD)), wanted_sum(dy, p))
    for got, want in zip(fd.mc_moments(x, p, samples=3, rng=KEY_FD), wanted_moments(x, p, 3), strict=True):
        assert_same(got, want)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 64, 65, 255, 256, 257, 520])
def test_every_number_of_samples(count):
    """Past what columns of four bits, a byte and a group of keys hold."""
    x = numbers((3, 43), np.float64)
    y, law = fd.mc_dropout_forward(x, 0.2, samples=count, rng=KEY_FD)
    assert_same(y, wanted(x, 0.2, count))
    assert_same(fd.mc_dropout_backward(y, law), wanted_sum(y, 0.2))
    for got, want in zip(fd.mc_moments(x, 0.2, samples=count, rng=KEY_FD), wanted_moments(x, 0.2, count), strict=True):
        assert_same(got, want)


def layouts(x):
    big = np.zeros((2 * x.shape[0], x.shape[1], 3 * x.shape[2]), x.dtype)
    big[::2, :, ::3] = x
    yield "fortran", np.asfortranarray(x)
    yield "axes swapped", np.ascontiguousarray(x.transpose(1, 2, 0)).transpose(2, 0, 1)
    yield "gaps", big[::2, :, ::3]
    yield "backwards", np.ascontiguousarray(x[::-1, :, ::-1])[::-1, :, ::-1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex128])
@pytest.mark.parametrize("p", [0.5, 0.3])
def test_layouts(dtype, p):
    x = numbers((9, 10, 77), dtype)
    dy = numbers((4, 9, 10, 77), dtype, seed=3)
    plain, law = fd.mc_dropout_forward(x, p, samples=4, rng=KEY_FD)
    assert_same(plain, wanted(x, p, 4))
    gradient, moments = fd.mc_dropout_backward(dy, law), fd.mc_moments(x, p, samples=4, rng=KEY_FD)
    for name, other in layouts(x):
        assert_same(fd.mc_dropout(other, p, samples=4, rng=KEY_FD), plain)
        out = np.zeros((*x.shape, 4), dtype).transpose(3, 0, 1, 2)
        assert fd.mc_dropout(other, p, samples=4, rng=KEY_FD, out=out) is out, name
        assert_same(out, plain)
        for got, want in zip(fd.mc_moments(other, p, samples=4, rng=KEY_FD), moments, strict=True):
            assert_same(got, want)
    for s, (_, other) in enumerate(layouts(x)):
        strange = np.empty((*other.shape, 8), dtype).transpose(3, 2, 0, 1).transpose(0, 2, 3, 1)[::2]
        strange[...] = dy
        assert_same(fd.mc_dropout_backward(strange, law), gradient)
        target = np.zeros_like(other) if s else np.zeros((77, 9, 10), dtype).transpose(1, 2, 0)
        assert fd.mc_dropout_backward(dy, law, out=target) is target
        assert_same(target, gradient)


def test_the_layout_of_x_is_kept():
    x = np.asfortranarray(numbers((20, 30)))
    y = fd.mc_dropout(x, 0.5, samples=3, rng=1)
    assert y.strides == (2400, 4, 80)
    assert fd.mc_dropout(x[:, ::-1], 0.5, samples=3, rng=1).flags.c_contiguous is False


@pytest.mark.parametrize("axes", [(2, 3), 0, (0, 1), (1, 2, 3), (0, 1, 2, 3)])
def test_shared_axes(axes):
    x = numbers((3, 5, 8, 11))
    shared = axes if isinstance(axes, tuple) else (axes,)
    y, law = fd.mc_dropout_forward(x, 0.4, samples=6, rng=KEY_FD, share_axes=axes)
    assert_same(y, wanted(x, 0.4, 6, share_axes=shared))
    assert law.mask_shape == (6, *oracle.mask_shape(x.shape, shared))
    dy = numbers(y.shape, seed=4)
    assert_same(fd.mc_dropout_backward(dy, law), wanted_sum(dy, 0.4, shared))
    moments = fd.mc_moments(x, 0.4, samples=6, rng=KEY_FD, share_axes=axes)
    for got, want in zip(moments, wanted_moments(x, 0.4, 6, shared), strict=True):
        assert_same(got, want)


@pytest.mark.parametrize("p", [0.5, 0.3])
def test_shards(p):
    x = numbers((40, 50))
    whole, law = fd.mc_dropout_forward(x, p, samples=3, rng=KEY_FD)
    mean, variance = fd.mc_moments(x, p, samples=3, rng=KEY_FD)
    gradient = fd.mc_dropout_backward(whole, law)
    for rows, columns in [(slice(0, 40), slice(0, 50)), (slice(7, 33), slice(0, 50)), (slice(3, 9), slice(11, 42))]:
        shard, here = fd.Shard((rows.start, columns.start), x.shape), (rows, columns)
        y, part = fd.mc_dropout_forward(x[here], p, samples=3, rng=KEY_FD, shard=shard)
        assert_same(y, whole[:, rows, columns])
        assert_same(fd.mc_dropout_backward(y, part), gradient[here])
        got = fd.mc_moments(x[here], p, samples=3, rng=KEY_FD, shard=shard)
        assert_same(got[0], mean[here])
        assert_same(got[1], variance[here])


def test_p_may_be_an_array():
    x, p = numbers((6, 300)), np.array([[0.0], [0.1], [0.5], [0.9], [1.0], [0.1]])
    y, law = fd.mc_dropout_forward(x, p, samples=5, rng=KEY_FD)
    assert_same(y, wanted(x, p, 5))
    each = np.random.default_rng(0).choice([0.0, 0.07, 0.5, 0.61, 0.9, 1.0], x.shape)
    assert_same(fd.mc_dropout(x, each, samples=5, rng=KEY_FD), wanted(x, each, 5))
    dy = numbers(y.shape, seed=5)
    assert_same(fd.mc_dropout_backward(dy, law), wanted_sum(dy, p))
    p[...] = 0  # the law has a copy
    assert_same(fd.mc_dropout_backward(dy, law), wanted_sum(dy, law.p))
    with np.errstate(all="ignore"):
        for got, want in zip(fd.mc_moments(x, each, samples=5, rng=KEY_FD), wanted_moments(x, each, 5), strict=True):
            assert_same(got, want)


@pytest.mark.parametrize("p", [0.5, 0.3])
def test_threads_change_nothing(p):
    x = numbers((700, 300))
    dy = numbers((4, 700, 300), seed=6)
    law = fd.MaskStack(x.shape, p, 4, role="sample", rng=KEY_FD)
    one = (
        fd.mc_dropout(x, p, samples=4, rng=KEY_FD, threads=1),
        fd.mc_dropout_backward(dy, law, threads=1),
        *fd.mc_moments(x, p, samples=4, rng=KEY_FD, threads=1),
    )
    for layout in (np.ascontiguousarray, np.asfortranarray):
        more = (
            fd.mc_dropout(layout(x), p, samples=4, rng=KEY_FD, threads=4),
            fd.mc_dropout_backward(layout(dy), law, threads=4),
            *fd.mc_moments(layout(x), p, samples=4, rng=KEY_FD, threads=4),
        )
        for got, want in zip(more, one, strict=True):
            assert_same(got, want)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_special_values(dtype):
    """What is dropped is +0 whatever it was; what no sample keeps is +0 in both moments."""
    x = specials(dtype)
    with np.errstate(all="ignore"):
        assert_same(fd.mc_dropout(x, 0.5, samples=4, rng=KEY_FD), wanted(x, 0.5, 4))
        for got, want in zip(fd.mc_moments(x, 0.6, samples=2, rng=KEY_FD), wanted_moments(x, 0.6, 2), strict=True):
            assert_same(got, want)
    mean, variance = fd.mc_moments(x, 1.0, samples=9, rng=1)
    assert mean.tobytes() == bytes(mean.nbytes)
    assert variance.tobytes() == bytes(variance.nbytes)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2)])
def test_no_axes_and_no_elements(shape):
    x = numbers(shape)
    y, law = fd.mc_dropout_forward(x, 0.3, samples=4, rng=KEY_FD)
    assert_same(y, wanted(x, 0.3, 4))
    assert fd.mc_dropout_backward(y, law).shape == shape
    assert [m.shape for m in fd.mc_moments(x, 0.3, samples=4, rng=KEY_FD)] == [shape, shape]


def test_moments_are_those_of_the_samples():
    x = numbers((50, 40), np.float64)
    y = fd.mc_dropout(x, 0.35, samples=200, rng=KEY_FD)
    mean, variance = fd.mc_moments(x, 0.35, samples=200, rng=KEY_FD)
    np.testing.assert_allclose(mean, y.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, y.var(axis=0), rtol=1e-12)


def test_statistics():
    """The mean over samples and elements is x, within five standard errors; samples are independent."""
    n, count, p = 20000, 30, 0.25
    y = fd.mc_dropout(np.ones(n), p, samples=count, rng=3)
    assert abs(y.mean() - 1) < 5 * np.sqrt(p / (1 - p) / (n * count))
    mean, variance = fd.mc_moments(np.ones(n), p, samples=count, rng=3)
    wanted_variance = p / (1 - p) * (1 - 1 / count)
    assert abs(variance.mean() - wanted_variance) < 5 * wanted_variance * np.sqrt(2 / n)
    between = np.corrcoef(y)[~np.eye(count, dtype=bool)]
    assert np.abs(between).max() < 5.5 / np.sqrt(n)
    assert abs(mean.var() - p / (1 - p) / count) < 5 * p / (1 - p) / count * np.sqrt(2 / n)


def test_gradient_by_differences():
    """Of a loss that is not linear in the samples."""
    x, p = numbers((4, 5), np.float64) / 50, 0.4

    def loss(x):
        return float((np.tanh(fd.mc_dropout(x, p, samples=6, rng=KEY_FD)) ** 2).sum())

    y, law = fd.mc_dropout_forward(x, p, samples=6, rng=KEY_FD)
    dx = fd.mc_dropout_backward(2 * np.tanh(y) / np.cosh(y) ** 2, law)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = 1e-6
        assert (loss(x + step) - loss(x - step)) / 2e-6 == pytest.approx(dx[i], rel=1e-5, abs=1e-8)


def test_the_key_is_drawn_once_after_all_checks():
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    x = np.ones(10)
    for bad in ({"samples": 0}, {"samples": 2, "threads": 0}, {"samples": 2, "out": x}):
        with pytest.raises(ValueError, match="has to"):
            fd.mc_dropout(x, 0.5, rng=one, **bad)
    key = fd.Key(*oracle.key_from_rng(other))
    assert_same(fd.mc_dropout(x, 0.5, samples=3, rng=one), fd.mc_dropout(x, 0.5, samples=3, rng=key))
    fd.mc_moments(x, 0.0, samples=3, rng=one)
    oracle.key_from_rng(other)
    fd.mc_dropout(x[:0], 0.5, samples=3, rng=one)
    oracle.key_from_rng(other)
    assert one.bit_generator.state == other.bit_generator.state


def test_bad_input():
    x = np.ones((2, 3), np.float32)
    mc = fd.mc_dropout
    with pytest.raises(ValueError, match="samples has to be at least 1 and below 2\\*\\*56, but got 0"):
        mc(x, 0.5, samples=0)
    with pytest.raises(ValueError, match="samples has to be at least 1 and below 2\\*\\*24, but got 16777216"):
        fd.mc_moments(x, 0.5, samples=1 << 24)
    with pytest.raises(TypeError, match=r"samples has to be an integer, but got 2\.5"):
        mc(x, 0.5, samples=2.5)
    with pytest.raises(TypeError, match="samples has to be an integer, but got True"):
        mc(x, 0.5, samples=True)
    with pytest.raises(ValueError, match=r"dropout probability has to be between 0 and 1, but got 1\.5"):
        mc(x, 1.5, samples=2)
    with pytest.raises(TypeError, match="x has to be of dtype"):
        mc(np.arange(3), 0.5, samples=2)
    with pytest.raises(ValueError, match=r"out has to have the shape of x repeated, \(2, 2, 3\), but got \(2, 3\)"):
        mc(x, 0.5, samples=2, out=x)
    both = np.ones((3, 2, 3), np.float32)
    with pytest.raises(ValueError, match="out has to"):
        mc(both[0], 0.5, samples=3, out=both)
    alone = both[:1]
    with pytest.raises(ValueError, match="out has to share no memory with x"):
        mc(alone[0], 0.5, samples=1, out=alone)
    assert (both == 1).all()
    y, law = fd.mc_dropout_forward(x, 0.5, samples=2, rng=1)
    with pytest.raises(TypeError, match="law has to be a MaskStack"):
        fd.mc_dropout_backward(y, fd.Mask(6, 0.5))
    with pytest.raises(ValueError, match=r"dy has to have the masks' shape \(2, 2, 3\), but got \(2, 3\)"):
        fd.mc_dropout_backward(x, law)
    with pytest.raises(ValueError, match="out has to share no memory with dy"):
        fd.mc_dropout_backward(y, law, out=y[0])
    with pytest.raises(ValueError, match="law has to have the same p for all samples"):
        fd.mc_dropout_backward(y, fd.MaskStack((2, 3), np.array([0.1, 0.2]).reshape(2, 1, 1), 2))
    with pytest.raises(ValueError, match="law has to have at least one sample"):
        fd.mc_dropout_backward(y[:0], fd.MaskStack((2, 3), 0.5, 0))


def test_mask_stack_is_a_value():
    stack = fd.MaskStack((4, 6), [[0.5], [0.1], [0.5], [0.0]], [7, 3, 2**56 - 1], rng=KEY_FD, share_axes=1)
    assert stack == pickle.loads(pickle.dumps(stack))
    assert stack != fd.MaskStack((4, 6), 0.5, [7, 3, 9], rng=KEY_FD, share_axes=1)
    assert (stack.shape, stack.mask_shape, len(stack), stack.nbytes) == ((3, 4, 6), (3, 4, 1), 3, 0)
    assert stack[-1] == fd.Mask((4, 6), stack.p, rng=KEY_FD.fold_in(2**56 - 1), share_axes=1)
    assert [mask.key for mask in stack] == [KEY_FD.fold_in(n) for n in (7, 3, 2**56 - 1)]
    assert repr(stack) == (
        "MaskStack(shape=(4, 6), p=array of shape (4, 1), numbers=array of 3, role='user', rng=Key(seed=5, stream=9), "
        "mask_shape=(4, 1))"
    )
    assert repr(fd.MaskStack(3, 0.5, 2, role="sample", rng=1)) == (
        "MaskStack(shape=(3,), p=0.5, numbers=2, role='sample', rng=Key(seed=1, stream=0))"
    )
    assert fd.MaskStack(3, 0.5, 2).numbers.tolist() == [0, 1]
    with pytest.raises(AttributeError, match="immutable"):
        stack.p = 0.5
    with pytest.raises(ValueError, match="read-only"):
        stack.numbers[0] = 1
    with pytest.raises(IndexError, match="index has to be between -3 and 2, but got 3"):
        stack[3]
    with pytest.raises(ValueError, match="role has to be one of user"):
        fd.MaskStack(3, 0.5, 2, role="users")
    with pytest.raises(ValueError, match="x has to have the masks' shape"):
        stack.apply(np.ones((3, 4)))


def test_a_p_for_each_sample():
    p = np.array([0.1, 0.5, 0.9, 0.0, 1.0]).reshape(5, 1)
    x = numbers((5, 3000))
    y = fd.MaskStack(3000, p, 5, role="sample", rng=KEY_FD).apply(x)
    for s, key in enumerate(keys(5)):
        assert_same(y[s], oracle.dropout(x[s], key, p[s, 0]))
