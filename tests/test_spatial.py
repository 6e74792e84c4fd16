"""Spatial dropout, functions and layers: whole channels, on either layout, of the rank that is asked for."""

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
from fastdrop import nn

KEY = (77, 2**50 + 3)
FUNCTIONS = {1: fd.dropout1d, 2: fd.dropout2d, 3: fd.dropout3d}
LAYERS = {1: nn.Dropout1d, 2: nn.Dropout2d, 3: nn.Dropout3d}
DIMS = pytest.mark.parametrize("dims", [1, 2, 3])


def shape_of(dims, channels_last=False):
    space = (5, 4, 3)[:dims]
    return (6, *space, 7) if channels_last else (6, 7, *space)


def by_hand(x, key, p):
    """The rule itself: channel c of sample n is dropped or scaled as element n * C + c of a plain array would be."""
    n, c = x.shape[:2]
    keep = oracle.decide(key, p, np.arange(n * c)).reshape(n, c, *(1,) * (x.ndim - 2))
    return oracle.apply(x, np.broadcast_to(keep, x.shape), oracle.scale(p))


@DIMS
@pytest.mark.parametrize("p", [0.5, 0.3])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_whole_channels_are_dropped(isa, dims, p, dtype):
    x = numbers(shape_of(dims), dtype)
    wanted = by_hand(x, KEY, p)
    assert 0 < np.count_nonzero(wanted == 0) < wanted.size
    for threads in (1, 2):
        assert_same(FUNCTIONS[dims](x, p, rng=fd.Key(*KEY), threads=threads), wanted)
    assert_same(FUNCTIONS[dims](np.asfortranarray(x), p, rng=fd.Key(*KEY)), wanted)
    assert FUNCTIONS[dims](x, p, rng=fd.Key(*KEY), out=x) is x
    assert_same(x, wanted)


@DIMS
def test_layouts_drop_the_same_channels(isa, dims):
    x = numbers(shape_of(dims))
    wanted = np.moveaxis(FUNCTIONS[dims](x, 0.4, rng=fd.Key(*KEY)), 1, -1)
    last = np.moveaxis(x, 1, -1)
    assert_same(FUNCTIONS[dims](last, 0.4, rng=fd.Key(*KEY), channels_last=True), wanted)
    assert_same(FUNCTIONS[dims](last.copy(), 0.4, rng=fd.Key(*KEY), channels_last=True), wanted)


@DIMS
@pytest.mark.parametrize("channels_last", [False, True])
def test_layers(isa, dims, channels_last):
    layer = LAYERS[dims](0.3, channels_last=channels_last, rng=5)
    x, dy = numbers(shape_of(dims, channels_last)), numbers(shape_of(dims, channels_last), seed=1)
    for call in range(2):
        key = fd.Key(5).fold_in(call, role="call").fold_in(0, role="part")
        assert_same(layer(x), FUNCTIONS[dims](x, 0.3, rng=key, channels_last=channels_last))
        assert_same(layer.backward(dy), FUNCTIONS[dims](dy, 0.3, rng=key, channels_last=channels_last))
    assert layer.calls == 2
    assert layer.eval()(x) is x
    assert layer.backward(dy) is dy
    assert layer.calls == 2


@DIMS
def test_in_place_layer(dims):
    x = numbers(shape_of(dims))
    wanted = LAYERS[dims](0.5, rng=1)(x)
    assert LAYERS[dims](0.5, inplace=True, rng=1)(x) is x
    assert_same(x, wanted)


@DIMS
@pytest.mark.parametrize("more", [-1, 1, 2])
def test_another_rank_is_an_error(dims, more):
    x = np.ones((2,) * (dims + 2 + more), np.float32)
    layer = LAYERS[dims](0.5, inplace=True, rng=1)
    for call in (lambda: FUNCTIONS[dims](x, 0.5, out=x), lambda: FUNCTIONS[dims](x, training=False), lambda: layer(x)):
        with pytest.raises(ValueError, match=rf"x has to have the {dims + 2} axes .*got shape"):
            call()
    assert (x == 1).all()
    assert layer.calls == 0


@DIMS
def test_backward_by_the_general_function(dims):
    x, dy = numbers(shape_of(dims)), numbers(shape_of(dims), seed=1)
    y, mask = fd.dropout_forward(x, 0.3, rng=fd.Key(*KEY), share_axes=fd.spatial_axes(dims))
    assert_same(y, FUNCTIONS[dims](x, 0.3, rng=fd.Key(*KEY)))
    assert_same(fd.dropout_backward(dy, mask), by_hand(dy, KEY, 0.3))


def test_shards_are_parts_of_the_whole():
    x = numbers((6, 7, 5, 4))
    whole = fd.dropout2d(x, 0.4, rng=fd.Key(*KEY))
    for origin, part in (((0, 0, 0, 0), np.s_[:2, :3]), ((2, 3, 1, 2), np.s_[2:, 3:, 1:, 2:])):
        place = fd.Shard(origin=origin, global_shape=x.shape)
        assert_same(fd.dropout2d(x[part], 0.4, rng=fd.Key(*KEY), shard=place), whole[part])


def test_extremes_and_array_p():
    x = numbers((2, 3, 4, 4))
    assert fd.dropout2d(x, 0.0) is x
    assert fd.dropout2d(x, training=False) is x
    assert_same(fd.dropout2d(x, 1.0), np.zeros_like(x))
    assert fd.dropout2d(np.empty((0, 3, 4, 4)), 0.5).shape == (0, 3, 4, 4)
    p = np.array([0.0, 1.0, 0.0])[:, None, None]
    assert_same(fd.dropout2d(x, p), np.where(p == 1, np.float32(0), x))


def test_spatial_axes():
    assert [fd.spatial_axes(d) for d in (1, 2, 3)] == [(2,), (2, 3), (2, 3, 4)]
    assert [fd.spatial_axes(d, channels_last=True) for d in (1, 2, 3)] == [(1,), (1, 2), (1, 2, 3)]


def test_bad_input():
    x = np.ones((2, 3, 4))
    with pytest.raises(TypeError, match="channels_last"):
        fd.dropout1d(x, channels_last=1)
    with pytest.raises(TypeError, match="channels_last"):
        nn.Dropout1d(channels_last="yes")
    with pytest.raises(ValueError, match=r"between 0 and 1, but got 1\.5"):
        nn.Dropout1d(1.5)
    with pytest.raises(TypeError, match="dtype"):
        fd.dropout1d(x.astype(int))
    with pytest.raises(RuntimeError, match="backward belongs to the latest forward"):
        nn.Dropout1d().backward(x)


def test_repr():
    assert repr(nn.Dropout3d(0.2, inplace=True)) == "Dropout3d(p=0.2, inplace=True)"
    assert repr(nn.Dropout1d(0.2, channels_last=True)) == "Dropout1d(p=0.2, channels_last=True)"
