"""A probability per row, column, channel or element: each element's own threshold and its own scale."""

import numpy as np
import oracle
import pytest
from helpers import BFLOAT16, DTYPES, assert_same, numbers

import fastdrop as fd

KEY = (41, 42)
MIXED = np.array([0.0, 0.5, 1.0, 0.1, 0.25, 0.9, 2.0**-40, 1 - 2.0**-40, 2.0**-41, 1 - 2.0**-53, 0.5, 5e-324, 1 / 3])


def per_element(shape, seed=0):
    return np.random.default_rng(seed).choice(MIXED, size=shape)


PLACES = {
    "per row": ((13, 300), MIXED.reshape(13, 1)),
    "per column": ((300, 13), MIXED),
    "per element": ((70, 90), per_element((70, 90))),
    "per channel": ((4, 13, 50), MIXED.reshape(13, 1)),
    "per sample": ((13, 4, 50), MIXED.reshape(13, 1, 1)),
    "one for all": ((20, 30), np.array([[0.3]])),
    "0-d": ((20, 30), np.array(0.3)),
    "long rows": ((3, 40000), np.array([[0.5], [0.1], [1.0]])),
    "long columns": ((40000, 3), np.array([0.5, 0.1, 1.0])),
    "one axis": ((5000,), per_element(5000)),
}
every_place = pytest.mark.parametrize("place", PLACES, ids=lambda name: name.replace(" ", "-"))


@every_place
@pytest.mark.parametrize("order", ["C", "F"])
def test_mask_and_output(isa, place, order):
    shape, p = PLACES[place]
    x = numbers(shape).copy(order=order)
    wanted = oracle.dropout(x, KEY, p)
    assert_same(fd.dropout(x, p, rng=fd.Key(*KEY)), wanted)
    mask = fd.Mask(shape, p, rng=fd.Key(*KEY))
    assert_same(mask.to_bool(), oracle.keep_mask(KEY, shape, p))
    assert_same(mask.store().apply(x), wanted)
    _, mask = fd.dropout_forward(x, p, rng=fd.Key(*KEY))
    assert_same(fd.dropout_backward(x, mask), wanted)
    fd.dropout(x, p, rng=fd.Key(*KEY), out=x)
    assert_same(x, wanted)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_every_dtype(isa, dtype):
    x = numbers((13, 200), dtype)
    for p in (MIXED.reshape(13, 1), per_element((13, 200), 1), per_element(200, 2)):
        assert_same(fd.dropout(x, p, rng=fd.Key(*KEY)), oracle.dropout(x, KEY, p))
        view, p = x[::-1, ::2], np.broadcast_to(p, x.shape)[::-1, ::2]
        assert_same(fd.dropout(view, p, rng=5), oracle.dropout(view, (5, 0), p))


@pytest.mark.parametrize("p", [0.5, 0.1])
def test_constant_array_is_the_scalar(isa, p):
    x = numbers((31, 170))
    scalar = fd.dropout(x, p, rng=1)
    for shape in ((), (1,), (170,), (31, 1), (31, 170)):
        assert_same(fd.dropout(x, np.full(shape, p), rng=1), scalar)


def test_each_value_is_converted_exactly():
    """float32's 0.1 is another number than 0.1, and is taken as what it is."""
    x = numbers(4000, np.float64)
    for kind in (np.float32, np.float16, BFLOAT16, np.float64):
        p = np.array([0.1]).astype(kind)
        assert_same(fd.dropout(x, p, rng=2), oracle.dropout(x, (2, 0), float(p[0])))
        assert_same(fd.dropout(x, p[0], rng=2), oracle.dropout(x, (2, 0), float(p[0])))
    if np.finfo(np.longdouble).nmant > 52:  # a longer type has no exact double: the nearest one, or a clear refusal
        assert fd.Mask((4,), np.array([0.25], dtype=np.longdouble), rng=0).size == 4
    y = fd.dropout(x.reshape(2, 2000), np.array([[0], [1]]), rng=2)
    assert np.array_equal(y[0], x[:2000])
    assert not y[1].any()


def test_layout_of_p_does_not_matter(isa):
    x, p = numbers((60, 80)), per_element((60, 80), 3)
    wanted = oracle.dropout(x, KEY, p)
    holes = np.zeros((120, 160))
    holes[::2, ::-2] = p
    for same in (np.asfortranarray(p), holes[::2, ::-2], p.tolist()):
        assert_same(fd.dropout(x, same, rng=fd.Key(*KEY)), wanted)


@every_place
@pytest.mark.parametrize("order", ["C", "F"])
def test_scale_of_ones_own(isa, place, order):
    """apply(scale=...) takes the decisions of each p, and one scale for all."""
    shape, p = PLACES[place]
    x = numbers(shape).copy(order=order)
    mask = fd.Mask(shape, p, rng=fd.Key(*KEY))
    wanted = oracle.apply(x, oracle.keep_mask(KEY, shape, p), -1.5)
    assert_same(mask.apply(x, scale=-1.5), wanted)
    assert_same(mask.store().apply(x, scale=-1.5), wanted)


def test_mask_copies_an_array_p():
    p = np.full((5, 1), 0.5)
    mask = fd.Mask((5, 100), p, rng=3)
    before = mask.to_bool()
    p[...] = 1.0
    assert_same(mask.to_bool(), before)
    assert np.all(np.asarray(mask.p) == 0.5)
    with pytest.raises((ValueError, AttributeError, TypeError)):
        mask.p[...] = 0.0
    assert_same(mask.to_bool(), before)


def test_p_may_be_the_output_of_nothing():
    """out= must not share memory with p either: p is an input."""
    p = np.full((4, 4), 0.5)
    with pytest.raises(ValueError, match="out"):
        fd.dropout(np.ones((4, 4)), p, rng=0, out=p)
    assert np.all(p == 0.5)


@pytest.mark.parametrize("shape", [(3,), (2, 1, 1), (4, 5, 1), (2, 4, 6)])
def test_p_that_does_not_broadcast(shape):
    x = numbers((4, 5))
    out = np.full_like(x, 3)
    with pytest.raises(ValueError, match=r"\bp\b"):
        fd.dropout(x, np.full(shape, 0.5), rng=0, out=out)
    assert np.all(out == 3)


def test_p_may_not_make_the_array_larger():
    for shape in ((2, 4, 5), (4, 5, 5)):
        with pytest.raises(ValueError, match=r"\bp\b"):
            fd.dropout(numbers((1, 5)), np.full(shape, 0.5), rng=0)


@pytest.mark.parametrize(("value", "text"), [(1.5, "1.5"), (-0.25, "-0.25"), (np.nan, "nan"), (np.inf, "inf")])
def test_first_bad_value_and_its_index(value, text):
    p = np.full((4, 5), 0.5)
    p[2, 3] = p[3, 0] = value
    out = np.full((4, 5), 3.0)
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got") as caught:
        fd.dropout(np.ones((4, 5)), p, rng=0, out=out)
    assert text in str(caught.value)
    assert "2, 3" in str(caught.value)
    assert np.all(out == 3)


def test_empty_p():
    assert fd.dropout(np.ones((0, 5)), np.ones((0, 1)), rng=0).shape == (0, 5)
    assert fd.dropout(np.ones((5, 0)), np.full((5, 1), 0.5), rng=0).shape == (5, 0)


def test_scalar_is_not_returned_as_is_for_an_array_of_zeros():
    """The shortcut `y is x` is for a scalar p = 0 only."""
    x = numbers((4, 5))
    y = fd.dropout(x, np.zeros(5), rng=0)
    assert y is not x
    assert_same(y, x)
