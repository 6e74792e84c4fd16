"""Consistent dropout: a row has the mask of its id, to the last bit, wherever it comes."""

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
from fastdrop import nn

KEY = (5, 9)
KEY_FD = fd.Key(*KEY)
IDS = np.array([3, 0, 3, 2**56 - 1, 77, 12, 5])


def wanted(x, ids, p, key=KEY, **more):
    keys = [oracle.fold_in(key, "user", int(i)) for i in ids]
    return np.stack([oracle.dropout(row, key, p, **more) for row, key in zip(x, keys, strict=True)])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("p", [0.5, 0.1, 0.0, 1.0])
def test_bits_of_every_dtype(isa, dtype, p):
    x = numbers((7, 5, 71), dtype)
    y, law = fd.consistent_dropout_forward(x, IDS, p, rng=KEY_FD)
    assert_same(y, wanted(x, IDS, p))
    assert_same(fd.consistent_dropout(x, IDS, p, rng=KEY_FD), y)
    dy = numbers(x.shape, dtype, seed=1)
    assert_same(fd.consistent_dropout_backward(dy, law), wanted(dy, IDS, p))


@pytest.mark.parametrize("n", [1, 16, 17, 63, 64, 65, 100, 1024, 2049, 20000])
@pytest.mark.parametrize("p", [0.5, 0.3])
def test_every_length_of_a_row(isa, n, p):
    x = numbers((7, n))
    assert_same(fd.consistent_dropout(x, IDS, p, rng=KEY_FD), wanted(x, IDS, p))


def test_the_same_id_has_the_same_mask_everywhere():
    x = np.ones((500, 40), np.float32)
    ids = np.random.default_rng(0).permutation(500)
    y = fd.consistent_dropout(x, ids, 0.5, rng=1)
    order = np.random.default_rng(1).integers(500, size=800)
    assert_same(fd.consistent_dropout(np.ones((800, 40), np.float32), ids[order], 0.5, rng=1), y[order])
    assert len({row.tobytes() for row in y}) == 500
    for kind in (np.int8, np.uint8, np.int32, np.uint64, list):
        few = ids[:100] % 100
        given = few.tolist() if kind is list else few.astype(kind)
        assert_same(fd.consistent_dropout(x[:100], given, 0.5, rng=1), fd.consistent_dropout(x[:100], few, 0.5, rng=1))


def test_layouts_and_in_place():
    x = numbers((7, 10, 33))
    y = wanted(x, IDS, 0.3)
    for other in (np.asfortranarray(x), x[::-1][::-1], np.repeat(x, 2, axis=2)[:, :, ::2], x.transpose(0, 2, 1)):
        straight = other if other.shape == x.shape else other.transpose(0, 2, 1)
        assert_same(fd.consistent_dropout(straight, IDS, 0.3, rng=KEY_FD), y)
        own = straight.copy(order="K")
        assert fd.consistent_dropout(own, IDS, 0.3, rng=KEY_FD, out=own) is own
        assert_same(own, y)
    swapped = np.ascontiguousarray(x.transpose(1, 2, 0)).transpose(2, 0, 1)
    assert_same(fd.consistent_dropout(swapped, IDS, 0.3, rng=KEY_FD), y)
    assert_same(fd.consistent_dropout(np.broadcast_to(x[:1], x.shape), IDS, 0.3, rng=KEY_FD)[2], y[0])


def test_threads_change_nothing():
    x = numbers((3000, 90))
    ids = np.arange(3000)
    one = fd.consistent_dropout(x, ids, 0.3, rng=1, threads=1)
    assert_same(fd.consistent_dropout(x, ids, 0.3, rng=1, threads=4), one)
    assert_same(fd.consistent_dropout(np.asfortranarray(x), ids, 0.3, rng=1, threads=4), one)
    few = numbers((3, 90000))
    assert_same(fd.consistent_dropout(few, ids[:3], 0.3, rng=KEY_FD, threads=4), wanted(few, ids[:3], 0.3))
    sparse = numbers((3, 180000, 2))[:, :, 0]
    assert_same(fd.consistent_dropout(sparse, ids[:3], 0.3, rng=KEY_FD, threads=4), wanted(sparse, ids[:3], 0.3))


def test_shared_axes_shards_and_array_p():
    x = numbers((7, 6, 8))
    y, law = fd.consistent_dropout_forward(x, IDS, 0.4, rng=KEY_FD, share_axes=2)
    assert_same(y, wanted(x, IDS, 0.4, share_axes=(1,)))
    assert law.mask_shape == (7, 6, 1)
    assert_same(fd.consistent_dropout(x, IDS, 0.4, rng=KEY_FD, share_axes=-2), wanted(x, IDS, 0.4, share_axes=(0,)))
    whole = fd.consistent_dropout(x, IDS, 0.4, rng=KEY_FD)
    part = fd.consistent_dropout(x[2:5, 1:4, 3:], IDS[2:5], 0.4, rng=KEY_FD, shard=fd.Shard((2, 1, 3), x.shape))
    assert_same(part, whole[2:5, 1:4, 3:])
    p = np.linspace(0, 1, 7)
    got = fd.consistent_dropout(x, IDS, p.reshape(7, 1, 1), rng=KEY_FD)
    for n in range(7):
        assert_same(got[n : n + 1], wanted(x[n : n + 1], IDS[n : n + 1], p[n]))


def test_idle_and_empty():
    x = numbers((7, 4))
    assert fd.consistent_dropout(x, IDS, 0.5, training=False) is x
    assert fd.consistent_dropout(x, IDS, 0.0) is x
    out = np.zeros_like(x)
    assert fd.consistent_dropout(x, IDS, 0.5, training=False, out=out) is out
    assert_same(out, x)
    assert fd.consistent_dropout(x[:0], [], 0.5).shape == (0, 4)
    assert fd.consistent_dropout(x[:, :0], IDS, 0.5).shape == (7, 0)
    assert_same(fd.consistent_dropout(x[:, 0], IDS, 0.5, rng=KEY_FD), wanted(x[:, 0], IDS, 0.5))
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    fd.consistent_dropout(x, IDS, 0.0, rng=one)
    oracle.key_from_rng(other)
    fd.consistent_dropout(x, IDS, 0.5, rng=one, training=False)
    assert one.bit_generator.state == other.bit_generator.state


def test_statistics_over_ids():
    """Neighbouring ids are as independent as any."""
    n, p = 20000, 0.3
    keep = fd.consistent_dropout(np.ones((n, 20)), np.arange(n), p, rng=2) > 0
    assert abs(keep.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / keep.size)
    off = keep - (1 - p)
    assert abs((off[1:] * off[:-1]).mean()) < 5 * p * (1 - p) / np.sqrt(off[1:].size)


def test_bad_input():
    x = np.ones((3, 4))
    drop = fd.consistent_dropout
    with pytest.raises(ValueError, match="ids has to have one entry for each of 3 rows of x, but got 2"):
        drop(x, [1, 2])
    with pytest.raises(TypeError, match="ids has to hold integers, but got list of dtype float64"):
        drop(x, [1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="ids has to hold integers, but got list of dtype bool"):
        drop(x, [True, False, True])
    with pytest.raises(ValueError, match=r"ids has to hold integers from 0 to 2\*\*56 - 1, but got -1 at index 1"):
        drop(x, [1, -1, 0])
    with pytest.raises(ValueError, match=r"from 0 to 2\*\*56 - 1, but got 72057594037927936 at index 2"):
        drop(x, [1, 1, 2**56])
    with pytest.raises(ValueError, match=r"ids has to be 1-d, but got shape \(3, 1\)"):
        drop(x, [[1], [1], [1]])
    with pytest.raises(ValueError, match="share_axes has to leave out axis 0"):
        drop(x, [1, 2, 3], share_axes=(0, 1))
    with pytest.raises(ValueError, match="x has to have a first axis for its ids"):
        drop(np.float32(3), [])
    with pytest.raises(TypeError, match="training has to be a bool"):
        drop(x, [1, 2, 3], training=1)
    with pytest.raises(TypeError, match="law has to be a MaskStack"):
        fd.consistent_dropout_backward(x, fd.Mask((3, 4), 0.5))


# ---- the layer ----


def test_layer():
    layer, x = nn.ConsistentDropout(0.4, rng=KEY_FD), numbers((7, 50))
    key = oracle.fold_in(KEY, "part", 0)
    for _ in range(2):
        assert_same(layer(x, IDS), wanted(x, IDS, 0.4, key))
        assert_same(layer.backward(x), wanted(x, IDS, 0.4, key))
    assert layer.calls == 0
    assert layer.eval()(x, IDS) is x
    assert layer.backward(x) is x
    with nn.mc(layer):
        for s in range(2):
            assert_same(layer(x, IDS), wanted(x, IDS, 0.4, oracle.fold_in(key, "sample", s)))
    assert layer(x, IDS) is x
    resumed = nn.ConsistentDropout(0.4)
    resumed.load_state_dict(layer.state_dict())
    assert_same(resumed(x, IDS), wanted(x, IDS, 0.4, key))


def test_layer_in_place_and_bad_input():
    layer, x = nn.ConsistentDropout(0.4, inplace=True, rng=KEY_FD), numbers((7, 50))
    wanted_y = wanted(x, IDS, 0.4, oracle.fold_in(KEY, "part", 0))
    assert layer(x, IDS) is x
    assert_same(x, wanted_y)
    with pytest.raises(TypeError, match="x has to be a NumPy array for inplace=True, but got list"):
        layer([[1.0]], [1])
    with pytest.raises(RuntimeError, match="this ConsistentDropout has had none"):
        nn.ConsistentDropout().backward(x)
    with pytest.raises(ValueError, match="dy has to have the shape of the latest output"):
        layer.backward(x[:1])
    layer.p = 0.0
    assert layer(x, IDS) is x
    assert layer.backward(x) is x
    assert repr(nn.ConsistentDropout(0.3, share_axes=1)) == "ConsistentDropout(p=0.3, share_axes=1)"
