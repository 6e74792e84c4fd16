"""One decision shared along axes: share_axes and its other spelling, noise_shape."""

import itertools

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd

KEY = (31, 2**40)
SHAPE = (5, 6, 7, 9)
SUBSETS = [axes for k in range(5) for axes in itertools.combinations(range(4), k)]


@pytest.mark.parametrize("axes", SUBSETS, ids=str)
@pytest.mark.parametrize("p", [0.5, 0.3])
def test_every_subset_of_axes(isa, axes, p):
    x = numbers(SHAPE)
    wanted = oracle.dropout(x, KEY, p, axes)
    assert_same(fd.dropout(x, p, rng=fd.Key(*KEY), share_axes=axes), wanted)
    assert_same(fd.dropout(np.asfortranarray(x), p, rng=fd.Key(*KEY), share_axes=axes), wanted)
    noise_shape = oracle.mask_shape(SHAPE, axes)
    assert_same(fd.dropout(x, p, rng=fd.Key(*KEY), noise_shape=noise_shape), wanted)
    mask = fd.Mask(SHAPE, p, rng=fd.Key(*KEY), share_axes=axes)
    assert mask.shape == SHAPE
    assert mask.mask_shape == noise_shape
    assert mask.size == np.prod(noise_shape)
    assert_same(mask.to_bool(), oracle.keep_mask(KEY, SHAPE, p, axes))
    assert_same(mask.store().apply(x), wanted)
    assert_same(mask.store().to_bool(), mask.to_bool())


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("axes", [(2, 3), (1,), (0,), (3,)], ids=str)
def test_every_dtype(isa, dtype, axes):
    x = numbers((3, 4, 50, 17), dtype)
    for p in (0.5, 0.2):
        wanted = oracle.dropout(x, KEY, p, axes)
        assert_same(fd.dropout(x, p, rng=fd.Key(*KEY), share_axes=axes), wanted)
        y = x.copy(order="F")
        fd.dropout(y, p, rng=fd.Key(*KEY), share_axes=axes, out=y)
        assert_same(y, wanted)


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 600])
@pytest.mark.parametrize("length", [1, 2, 31, 64, 65, 1000])
def test_lengths_of_rows_and_of_runs(isa, rows, length):
    x = numbers((rows, length))
    for axis, p in itertools.product((0, 1), (0.5, 0.3)):
        assert_same(fd.dropout(x, p, rng=fd.Key(*KEY), share_axes=axis), oracle.dropout(x, KEY, p, (axis,)))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((3, 200_001), 1),
        ((200_001, 3), 0),
        ((20_000, 11), 1),
        ((5000, 40), 1),
        ((2, 70_000, 2), (1,)),
        ((9, 8, 3000), 2),
    ],
)
def test_long_rows_and_many_rows(isa, shape, axes):
    """Past every inner length: pieces of a row, rows of a group, groups."""
    x = numbers(shape)
    axes = axes if isinstance(axes, tuple) else (axes,)
    for p in (0.5, 0.3):
        wanted = oracle.dropout(x, KEY, p, axes)
        for layout in (np.ascontiguousarray, np.asfortranarray):
            out = np.full_like(layout(x), 7)
            fd.dropout(layout(x), p, rng=fd.Key(*KEY), share_axes=axes, out=out)
            assert_same(out, wanted)
    each = np.resize([0.5, 0.1, 1.0, 0.25, 0.0], (oracle.mask_shape(shape, axes)[0], *(1,) * (len(shape) - 1)))
    assert_same(fd.dropout(x, each, rng=fd.Key(*KEY), share_axes=axes), oracle.dropout(x, KEY, each, axes))


def test_spellings_of_the_same_axes():
    x = numbers(SHAPE)
    wanted = fd.dropout(x, 0.4, rng=1, share_axes=(2, 3))
    for axes in ((3, 2), (-1, -2), [2, -1], (np.int64(2), 3)):
        assert_same(fd.dropout(x, 0.4, rng=1, share_axes=axes), wanted)
    for noise_shape in ((5, 6, 1, 1), (None, 6, 1, 1), [None, None, 1, 1], (5, None, np.int32(1), 1)):
        assert_same(fd.dropout(x, 0.4, rng=1, noise_shape=noise_shape), wanted)
    assert_same(fd.dropout(x, 0.4, rng=1, share_axes=3), fd.dropout(x, 0.4, rng=1, share_axes=(-1,)))


@pytest.mark.parametrize("no_axis", [(), None])
def test_sharing_nothing_is_no_sharing(no_axis):
    x = numbers(SHAPE)
    assert_same(fd.dropout(x, 0.4, rng=1, share_axes=no_axis), fd.dropout(x, 0.4, rng=1))


def test_both_spellings_may_not_contradict_each_other():
    x = numbers((4, 5))
    with pytest.raises((TypeError, ValueError), match="noise_shape"):
        fd.dropout(x, 0.5, rng=0, share_axes=0, noise_shape=(4, 1))


@pytest.mark.parametrize("axes", [4, -5, (0, 0), (1, -3), (0, 7)])
def test_bad_axes(axes):
    x = numbers(SHAPE)
    out = np.full_like(x, 3)
    with pytest.raises(ValueError, match="share_axes"):
        fd.dropout(x, 0.5, rng=0, share_axes=axes, out=out)
    assert np.all(out == 3)


@pytest.mark.parametrize("axes", ["0", 1.0, (0.0,), ("1",)])
def test_axes_that_are_no_integers(axes):
    with pytest.raises(TypeError, match="share_axes"):
        fd.dropout(numbers(SHAPE), 0.5, rng=0, share_axes=axes)


@pytest.mark.parametrize("noise_shape", [(5, 6, 1), (5, 6, 1, 1, 1), (4, 6, 1, 1), (5, 6, 0, 1), (5, 6, -1, 1), ()])
def test_bad_noise_shape(noise_shape):
    x = numbers(SHAPE)
    out = np.full_like(x, 3)
    with pytest.raises(ValueError, match="noise_shape"):
        fd.dropout(x, 0.5, rng=0, noise_shape=noise_shape, out=out)
    assert np.all(out == 3)


@pytest.mark.parametrize("noise_shape", [5, ("5", 6, 1, 1), (5, 6, 1.0, 1), (5, 6, True, 1), 1.5])
def test_noise_shape_of_the_wrong_type(noise_shape):
    with pytest.raises(TypeError, match="noise_shape"):
        fd.dropout(numbers(SHAPE), 0.5, rng=0, noise_shape=noise_shape)


def test_empty_axes(isa):
    for shape, axes in [((0, 4), (0,)), ((0, 4), (1,)), ((3, 0, 2), (1,))]:
        assert fd.dropout(np.ones(shape), 0.5, rng=0, share_axes=axes).shape == shape


def test_sharing_an_axis_of_length_one_changes_nothing():
    x = numbers((1, 100))
    assert_same(fd.dropout(x, 0.3, rng=1, share_axes=0), fd.dropout(x, 0.3, rng=1))


def test_array_p_lives_in_the_small_shape(isa):
    x = numbers((8, 3, 40))
    p = np.array([0.1, 0.5, 0.9]).reshape(3, 1)
    assert_same(fd.dropout(x, p, rng=fd.Key(*KEY), share_axes=2), oracle.dropout(x, KEY, p, (2,)))
    with pytest.raises(ValueError, match=r"\bp\b"):
        fd.dropout(x, np.full((3, 40), 0.5), rng=0, share_axes=2)
