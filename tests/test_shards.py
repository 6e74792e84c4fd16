"""A block of a larger array gets its part of the larger array's mask."""

import itertools

import numpy as np
import oracle
import pytest
from helpers import assert_same, numbers

import fastdrop as fd

KEY = (21, 22)


def cut(shape, pieces):
    """(origin, slices) of a grid of blocks whose edges are the given fractions of each axis."""
    edges = [sorted({0, n, *(int(n * f) for f in fractions)}) for n, fractions in zip(shape, pieces, strict=True)]
    for corner in itertools.product(*map(itertools.pairwise, edges)):
        yield tuple(first for first, _ in corner), tuple(slice(first, last) for first, last in corner)


@pytest.mark.parametrize("p", [0.5, 0.1])
@pytest.mark.parametrize(
    ("shape", "pieces"),
    [
        ((5000,), [(0.1, 0.33, 0.9)]),
        ((90, 130), [(0.5,), (0.3, 0.7)]),
        ((7, 31, 65), [(0.4,), (0.2, 0.9), (0.5,)]),
        ((3, 4, 5, 6, 7), [(0.5,), (), (0.5,), (), (0.3,)]),
    ],
)
def test_shards_make_the_whole(isa, shape, pieces, p):
    x = numbers(shape)
    whole = fd.dropout(x, p, rng=fd.Key(*KEY))
    assert_same(whole, oracle.dropout(x, KEY, p))
    together = np.full_like(x, 99)
    for origin, block in cut(shape, pieces):
        shard = fd.Shard(origin, shape)
        together[block] = fd.dropout(x[block], p, rng=fd.Key(*KEY), shard=shard)
        mask = fd.Mask(x[block].shape, p, rng=fd.Key(*KEY), shard=shard)
        assert_same(mask.to_bool(), whole[block] != 0)
    assert_same(together, whole)


@pytest.mark.parametrize("order", ["C", "F"])
def test_shards_of_any_layout(isa, order):
    x = numbers((40, 90)).copy(order=order)
    whole = fd.dropout(x, 0.1, rng=fd.Key(*KEY))
    for origin, block in cut(x.shape, [(0.3,), (0.6,)]):
        y = fd.dropout(x[block], 0.1, rng=fd.Key(*KEY), shard=fd.Shard(origin, x.shape))
        assert_same(y, whole[block])


@pytest.mark.parametrize("p", [0.5, 0.1, 0.3])
def test_far_shards(isa, p):
    """Shards far out, with rows that are a power of two or an odd number apart."""
    for global_shape, origin, shape in [
        ((2**31, 2**31), (2**31 - 9, 2**31 - 70), (9, 70)),
        ((2**20, 2**21 + 1, 2**20), (2**19, 2**20, 12345), (3, 4, 130)),
        ((2**61, 2), (2**60, 0), (200, 2)),
        ((2, 2**61), (1, 2**61 - 77), (1, 77)),
        ((2**62,), (2**62 - 5,), (5,)),
        ((4, 2**60), (0, 17), (4, 100)),
    ]:
        x = numbers(shape)
        y = fd.dropout(x, p, rng=fd.Key(*KEY), shard=fd.Shard(origin, global_shape))
        assert_same(y, oracle.dropout(x, KEY, p, (), origin, global_shape))


@pytest.mark.parametrize("share_axes", [(0,), (1,), (2,), (0, 2), (0, 1, 2), (-1,)])
def test_shards_with_shared_axes(isa, share_axes):
    shape = (6, 20, 33)
    x = numbers(shape)
    whole = fd.dropout(x, 0.3, rng=fd.Key(*KEY), share_axes=share_axes)
    assert_same(whole, oracle.dropout(x, KEY, 0.3, share_axes))
    for origin, block in cut(shape, [(0.5,), (0.3,), (0.7,)]):
        y = fd.dropout(x[block], 0.3, rng=fd.Key(*KEY), share_axes=share_axes, shard=fd.Shard(origin, shape))
        assert_same(y, whole[block])


def test_noise_shape_of_a_shard_speaks_of_the_global_shape(isa):
    x, shard = numbers((4, 6)), fd.Shard((2, 0), (10, 6))
    y = fd.dropout(x, 0.4, rng=fd.Key(*KEY), noise_shape=(10, 1), shard=shard)
    assert_same(y, fd.dropout(x, 0.4, rng=fd.Key(*KEY), share_axes=1, shard=shard))
    with pytest.raises(ValueError, match="noise_shape"):
        fd.dropout(x, 0.4, rng=fd.Key(*KEY), noise_shape=(4, 1), shard=shard)


def test_array_p_of_a_shard_belongs_to_the_block(isa):
    x = numbers((4, 90))
    p = np.array([[0.5], [0.1], [0.9], [0.0]])
    y = fd.dropout(x, p, rng=fd.Key(*KEY), shard=fd.Shard((3, 5), (9, 200)))
    assert_same(y, oracle.dropout(x, KEY, p, (), (3, 5), (9, 200)))


def test_forward_and_backward_of_a_shard(isa):
    x, shard = numbers((5, 77)), fd.Shard((2, 100), (8, 999))
    for store in (False, True):
        y, mask = fd.dropout_forward(x, 0.2, rng=fd.Key(*KEY), shard=shard, store=store)
        assert_same(y, oracle.dropout(x, KEY, 0.2, (), (2, 100), (8, 999)))
        assert_same(fd.dropout_backward(x, mask), y)
        assert mask.shape == mask.mask_shape == (5, 77)


def test_empty_shards(isa):
    """A block without elements may stand anywhere in the global shape, its far corner included."""
    for origin, shape in [((0, 0), (0, 5)), ((4, 0), (0, 6)), ((2, 6), (2, 0))]:
        y = fd.dropout(np.ones(shape), 0.5, rng=0, shard=fd.Shard(origin, (4, 6)))
        assert y.shape == shape


def test_shard_is_a_value():
    import pickle

    shard = fd.Shard([1, np.int64(2)], np.array([5, 6]))
    assert (tuple(shard.origin), tuple(shard.global_shape)) == ((1, 2), (5, 6))
    assert shard == fd.Shard((1, 2), (5, 6)) != fd.Shard((1, 2), (5, 7))
    assert hash(shard) == hash(fd.Shard((1, 2), (5, 6)))
    assert pickle.loads(pickle.dumps(shard)) == shard
    assert eval(repr(shard), {"Shard": fd.Shard, "fd": fd, "fastdrop": fd}) == shard
    with pytest.raises((AttributeError, TypeError)):
        shard.origin = (0, 0)
