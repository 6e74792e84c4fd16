"""p = 0, p = 1, eval mode, 0-d, empty, lists: the corners where a call has little or nothing to do."""

import numpy as np
import oracle
import pytest
from helpers import BFLOAT16, DTYPES, assert_same, bits_of, numbers, specials

import fastdrop as fd

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)


@every_dtype
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 4)])
def test_nothing_to_do_gives_x_itself(dtype, shape):
    x = numbers(shape, dtype)
    for arguments in ({"p": 0}, {"p": 0.0}, {"p": -0.0}, {"p": np.float32(0)}, {"training": False}):
        assert fd.dropout(x, rng=0, **arguments) is x
    assert fd.dropout(x, 1.0, training=False) is x
    assert fd.dropout_forward(x, 0.0, rng=0)[0] is x


def test_nothing_to_do_but_out_given():
    x = numbers((5, 6))
    for arguments in ({"p": 0.0}, {"p": 0.5, "training": False}):
        out = np.zeros_like(x)
        assert fd.dropout(x, rng=0, out=out, **arguments) is out
        assert_same(out, x)


def test_eval_and_p_zero_hand_on_every_bit():
    """Nothing is multiplied: signalling NaNs, subnormals and signs arrive as they were."""
    for dtype in DTYPES:
        x, out = specials(dtype), np.empty_like(specials(dtype))
        for arguments in ({"p": 0.0}, {"training": False}):
            fd.dropout(x, rng=0, out=out, **arguments)
            assert out.tobytes() == x.tobytes()


def test_arguments_are_checked_even_when_nothing_is_done():
    x = numbers((5, 6))
    for arguments in ({"p": 0.0}, {"training": False}):
        with pytest.raises(ValueError, match="out"):
            fd.dropout(x, rng=0, out=np.zeros((6, 5), dtype=x.dtype), **arguments)
        with pytest.raises(ValueError, match="share_axes"):
            fd.dropout(x, rng=0, share_axes=9, **arguments)
        with pytest.raises(ValueError, match="shard"):
            fd.dropout(x, rng=0, shard=fd.Shard((0,), (5,)), **arguments)
        with pytest.raises(TypeError, match="rng"):
            fd.dropout(x, rng=np.random, **arguments)
        with pytest.raises(ValueError, match="threads"):
            fd.dropout(x, rng=0, threads=0, **arguments)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fd.dropout(x, 1.5, rng=0, training=False)
    with pytest.raises(TypeError, match="x"):
        fd.dropout(np.arange(3), 0.0, rng=0)


@every_dtype
def test_p_one(isa, dtype):
    x = np.tile(specials(dtype), 3)
    y, mask = fd.dropout_forward(x, 1.0, rng=0)
    assert y is not x
    dx = fd.dropout_backward(x, mask)
    assert not bits_of(y).any()
    assert not bits_of(dx).any()
    assert mask.count() == 0
    assert not bits_of(mask.store().apply(x)).any()


@pytest.mark.parametrize("p", [0.3, 0.5, 0.0, 1.0, np.array(0.4)])
@every_dtype
def test_zero_dimensional(isa, dtype, p):
    for seed in range(6):
        x = numbers((), dtype, seed=seed)
        y = fd.dropout(x, p, rng=seed)
        assert isinstance(y, np.ndarray)
        assert y.shape == ()
        assert_same(y, oracle.dropout(x, (seed, 0), p))
        fd.dropout(x, p, rng=seed, out=x)
        assert_same(x, y)


def test_numpy_scalars_and_python_floats():
    y = fd.dropout(np.float32(2.0), 0.5, rng=4)
    assert np.shape(y) == ()
    assert y.dtype == np.float32
    assert fd.dropout(2.5, 0.5, rng=4).dtype == np.float64


@every_dtype
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 2**40), (2, 0, 3)])
def test_empty(isa, dtype, shape):
    x = np.empty(shape, dtype=dtype)
    for p in (0.5, 0.1, 1.0):
        y, mask = fd.dropout_forward(x, p, rng=0)
        assert (y.shape, y.dtype) == (shape, dtype)
        assert fd.dropout_backward(x, mask).shape == shape
        assert (mask.size, mask.count(), mask.to_packed().size) == (0, 0, 0)
        assert mask.to_bool().shape == shape
        assert mask.store().to_bool().shape == shape


def test_lists_and_tuples():
    """The worked example: 2, 4, 6, 8 with p = 0.5 becomes 4, 0, 12, 0 under a key that keeps first and third."""
    seed = next(s for s in range(1000) if fd.Mask((4,), 0.5, rng=s).to_bool().tolist() == [True, False, True, False])
    assert fd.dropout([2.0, 4.0, 6.0, 8.0], 0.5, rng=seed).tolist() == [4, 0, 12, 0]
    assert fd.dropout((2.0, 4.0, 6.0, 8.0), rng=seed).tolist() == [4, 0, 12, 0]
    assert fd.dropout([2.0, 4.0, 6.0, 8.0], 0.5, rng=seed, training=False).tolist() == [2, 4, 6, 8]
    assert fd.dropout([[1.0], [2.0]], 0.5, rng=seed).shape == (2, 1)
    assert fd.dropout([1j, 2.0], 0.5, rng=seed).dtype == np.complex128


def test_default_is_one_half_and_draws_fresh_entropy():
    x = np.ones(4096, dtype=np.float32)
    y, z = fd.dropout(x), fd.dropout(x)
    assert set(np.unique(y)) == {0.0, 2.0}
    assert not np.array_equal(y, z)


def test_subclasses_pass_through():
    class Labelled(np.ndarray):
        pass

    x = numbers((4, 5)).view(Labelled)
    y = fd.dropout(x, 0.5, rng=0)
    assert type(y) is Labelled
    assert_same(np.asarray(y), fd.dropout(np.asarray(x), 0.5, rng=0))


def test_objects_with_an_array_inside():
    class Wrapped:
        def __array__(self, dtype=None, copy=None):
            return numbers(50)

    assert_same(fd.dropout(Wrapped(), 0.3, rng=0), fd.dropout(numbers(50), 0.3, rng=0))


def test_bfloat16_needs_no_conversion():
    x = numbers(300, BFLOAT16)
    assert fd.dropout(x, 0.3, rng=0).dtype == BFLOAT16


@pytest.mark.parametrize("p", [0.5, 0.1, 0.25, 2.0**-41, 1 / 3, 0.0, 1.0])
def test_realised_p(p):
    assert fd.realised_p(p) == oracle.threshold(p) / 2**40
    assert isinstance(fd.realised_p(p), float)


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_realised_p_out_of_range(p):
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got"):
        fd.realised_p(p)


def test_version():
    assert fd.CONTRACT == 1
    assert fd.__version__.count(".") >= 2
