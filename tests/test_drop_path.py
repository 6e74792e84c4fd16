"""DropPath, function and layer: samples or the whole batch, with or without the scale."""

import math

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
from fastdrop import nn

KEY = (78, 2**60 + 5)
EITHER = pytest.mark.parametrize("mode", ["row", "batch"])
SCALED = pytest.mark.parametrize("scale_by_keep", [True, False])


def by_hand(x, key, p, mode, scale_by_keep):
    """Sample n is kept or dropped as element n of a plain array would be; the whole batch as element 0."""
    keep = oracle.decide(key, p, np.arange(len(x)) if mode == "row" else np.zeros(len(x), np.int64))
    mask = np.broadcast_to(keep.reshape(-1, *(1,) * (x.ndim - 1)), x.shape)
    return oracle.apply(x, mask, oracle.scale(p) if scale_by_keep else 1.0)


@EITHER
@SCALED
@pytest.mark.parametrize("p", [0.5, 0.3])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_forward_and_backward(isa, mode, scale_by_keep, p, dtype):
    x, dy = numbers((70, 3, 5), dtype), numbers((70, 3, 5), dtype, seed=1)
    rule = {"mode": mode, "scale_by_keep": scale_by_keep}
    wanted = by_hand(x, KEY, p, **rule)
    for threads in (1, 2):
        y, mask = fd.drop_path_forward(x, p, rng=fd.Key(*KEY), threads=threads, **rule)
        assert_same(y, wanted)
    assert mask.nbytes == 0
    assert mask.mask_shape == ((70, 1, 1) if mode == "row" else (1, 1, 1))
    assert_same(fd.drop_path_backward(dy, mask, scale_by_keep=scale_by_keep), by_hand(dy, KEY, p, **rule))
    assert_same(fd.drop_path(np.asfortranarray(x), p, rng=fd.Key(*KEY), **rule), wanted)
    assert fd.drop_path(x, p, rng=fd.Key(*KEY), out=x, **rule) is x
    assert_same(x, wanted)


def test_batches_are_dropped_as_often_as_p_says():
    x = np.ones((3, 2), np.float32)
    dropped = sum(not fd.drop_path(x, 0.3, rng=fd.Key(1).fold_in(i), mode="batch").any() for i in range(2000))
    assert abs(dropped - 600) < 5 * math.sqrt(2000 * 0.3 * 0.7)


@EITHER
@SCALED
def test_layer(mode, scale_by_keep):
    layer = nn.DropPath(0.4, scale_by_keep, mode, rng=9)
    x, dy = numbers((20, 4)), numbers((20, 4), seed=1)
    for call in range(3):
        key = fd.Key(9).fold_in(call, role="call").fold_in(0, role="part")
        rule = {"mode": mode, "scale_by_keep": scale_by_keep}
        assert_same(layer(x), fd.drop_path(x, 0.4, rng=key, **rule))
        assert_same(layer.backward(dy), fd.drop_path(dy, 0.4, rng=key, **rule))
    assert layer.eval()(x) is x
    assert layer.calls == 3
    assert repr(layer) == f"DropPath(p=0.4{'' if scale_by_keep else ', scale_by_keep=False'}, mode={mode!r})"


def test_in_place_layer():
    x = numbers((20, 4))
    wanted = nn.DropPath(0.4, rng=1)(x)
    assert nn.DropPath(0.4, inplace=True, rng=1)(x) is x
    assert_same(x, wanted)


def test_extremes():
    x = numbers((4, 3))
    for scale_by_keep in (True, False):
        assert_same(fd.drop_path(x, 0.0, scale_by_keep=scale_by_keep), x)
        assert_same(fd.drop_path(x, 1.0, scale_by_keep=scale_by_keep), np.zeros_like(x))
    assert fd.drop_path(x, training=False) is x
    assert fd.drop_path(np.empty((0, 3)), 0.5).shape == (0, 3)
    p = np.array([[0.0], [1.0], [0.0], [1.0]])
    assert_same(fd.drop_path(x, p), np.where(p == 1, np.float32(0), x))


def test_shards_are_parts_of_the_whole():
    x = numbers((40, 6))
    whole = fd.drop_path(x, 0.4, rng=fd.Key(*KEY))
    place = fd.Shard(origin=(13, 2), global_shape=x.shape)
    assert_same(fd.drop_path(x[13:, 2:], 0.4, rng=fd.Key(*KEY), shard=place), whole[13:, 2:])


@pytest.mark.parametrize("call", [fd.drop_path, fd.drop_path_forward, lambda x, **more: nn.DropPath(**more)(x)])
def test_bad_input(call):
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match="mode has to be 'row' or 'batch', but got 'column'"):
        call(x, mode="column")
    with pytest.raises(TypeError, match="scale_by_keep"):
        call(x, scale_by_keep=1)
    with pytest.raises(ValueError, match="between 0 and 1, but got -1"):
        call(x, p=-1)
    with pytest.raises(ValueError, match="batch axis"):
        call(np.float32(1))


def test_bad_backward():
    with pytest.raises(TypeError, match="mask has to be a Mask"):
        fd.drop_path_backward(np.ones(3), None)
    with pytest.raises(RuntimeError, match="backward belongs to the latest forward"):
        nn.DropPath().backward(np.ones(3))
