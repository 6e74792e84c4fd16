"""DropBlock against blocks set one by one from the oracle's seeds: masks, scale, shards, layouts, bad input, rates."""

import itertools
import math
import pickle

import numpy as np
import oracle
import oracle_rows
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
from fastdrop import nn

FUNCTIONS = {1: fd.dropblock1d, 2: fd.dropblock2d, 3: fd.dropblock3d}
FORWARD = {1: fd.dropblock1d_forward, 2: fd.dropblock2d_forward, 3: fd.dropblock3d_forward}
BACKWARD = {1: fd.dropblock1d_backward, 2: fd.dropblock2d_backward, 3: fd.dropblock3d_backward}
# Odd maps and blocks, even ones, rows longer than a word, blocks longer than a word, one map's length, coins as seeds.
CASES = [
    ((3, 5, 9), 0.3, 4),
    ((2, 3, 100), 0.3, 70),
    ((1, 1, 64), 0.5, 1),
    ((9, 7, 3), 0.9, 3),
    ((2, 3, 14, 14), 0.5, 7),
    ((3, 3, 7, 7), 0.5, 1),
    ((5, 2, 6, 4), 0.7, 2),
    ((2, 2, 65, 130), 0.2, 33),
    ((1, 2, 3, 700), 0.5, 3),
    ((2, 2, 5, 6, 7), 0.4, 3),
    ((1, 3, 4, 2, 9), 1.0, 2),
    ((2, 1, 3, 3, 66), 0.3, 2),
]


@pytest.mark.parametrize(("shape", "p", "b"), CASES)
def test_masks_and_values(shape, p, b, isa):
    keep = oracle_rows.blocks((3, 4), shape, p, b)
    scale = oracle_rows.block_scale(keep)
    mask = fd.BlockMask(shape, p, b, rng=fd.Key(3, 4))
    assert mask.gamma == oracle_rows.gamma(p, shape[2:], b)
    assert_same(mask.to_bool(), keep)
    assert (mask.kept, mask.scale, mask.size) == (keep.sum(), scale, keep.size)
    x, dims = numbers(shape), len(shape) - 2
    y, law = FORWARD[dims](x, p, b, rng=fd.Key(3, 4))
    assert law == mask
    assert law.nbytes == 0
    assert_same(y, oracle.apply(x, keep, scale))
    dy = numbers(shape, seed=1)
    assert_same(BACKWARD[dims](dy, law), oracle.apply(dy, keep, scale))
    assert_same(BACKWARD[dims](dy, pickle.loads(pickle.dumps(mask))), oracle.apply(dy, keep, scale))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtypes_and_in_place(dtype):
    shape = (2, 3, 10, 11)
    keep, x = oracle_rows.blocks((8, 0), shape, 0.3, 3), numbers(shape, dtype)
    wanted = oracle.apply(x, keep, oracle_rows.block_scale(keep))
    assert_same(fd.dropblock2d(x, 0.3, 3, rng=8), wanted)
    assert_same(
        fd.dropblock2d(x[::-1, :, ::-1], 0.3, 3, rng=8, out=np.empty_like(x))[::-1, :, ::-1],
        oracle.apply(x, keep[::-1, :, ::-1], oracle_rows.block_scale(keep)),
    )
    assert fd.dropblock2d(x, 0.3, 3, rng=8, out=x) is x
    assert_same(x, wanted)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_channels_last_drops_the_same_elements(dims):
    x = numbers((3, 4, *(6, 7, 9)[:dims]))
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    wanted, law = FORWARD[dims](x, 0.4, 3, rng=5)
    got, law_last = FORWARD[dims](last, 0.4, 3, rng=5, channels_last=True)
    assert_same(np.moveaxis(got, -1, 1), wanted)
    assert_same(np.moveaxis(law_last.to_bool(), -1, 1), law.to_bool())
    assert_same(FUNCTIONS[dims](np.moveaxis(x, 1, -1), 0.4, 3, rng=5, channels_last=True), np.moveaxis(wanted, 1, -1))
    assert (law_last.kept, law_last.channels_last) == (law.kept, True)


@pytest.mark.parametrize("channels_last", [False, True])
def test_shards_are_parts_of_the_whole(channels_last):
    shape, p, b = (3, 4, 11, 13), 0.5, 4
    keep = oracle_rows.blocks((6, 0), shape, p, b)
    x = numbers(shape)
    whole = oracle.apply(x, keep, oracle_rows.block_scale(keep))
    cuts = [(0, 1, 3), (0, 3, 4), (0, 2, 3, 9, 11), (0, 1, 8, 13)]
    for spans in itertools.product(*(list(itertools.pairwise(c)) for c in cuts)):
        box, origin = tuple(slice(*s) for s in spans), tuple(s[0] for s in spans)
        part, global_shape, wanted = x[box], shape, whole[box]
        if channels_last:
            part, wanted = np.moveaxis(part, 1, -1), np.moveaxis(wanted, 1, -1)
            origin, global_shape = ((*o[:1], *o[2:], o[1]) for o in (origin, shape))
        shard = fd.Shard(origin, global_shape)
        kept = int(keep.sum()) if origin[0] else None
        y, law = fd.dropblock2d_forward(part, p, b, rng=6, shard=shard, channels_last=channels_last, kept=kept)
        assert_same(y, wanted)
        assert (law.kept, law.size, law.shard) == (keep.sum(), keep.size, shard)
        assert_same(fd.dropblock2d_backward(part, pickle.loads(pickle.dumps(law))), wanted)
    assert fd.BlockMask((0, 4, 11, 13), p, b, rng=6, shard=fd.Shard((3, 0, 0, 0), shape)).kept == keep.sum()


def test_counting_goes_some_maps_at_a_time(monkeypatch):
    shape = (3, 5, 9, 10)
    shard = fd.Shard((1, 0, 0, 0), shape)
    monkeypatch.setattr("fastdrop.block_mask.PIECE", 200)
    mask = fd.BlockMask((1, 5, 9, 10), 0.3, 3, rng=1, shard=shard)
    assert mask.kept == oracle_rows.blocks((1, 0), shape, 0.3, 3).sum()


def test_threads_do_not_matter():
    shape = (16, 64, 17, 33)
    x = numbers(shape)
    one = fd.dropblock2d(x, 0.2, 5, rng=1, threads=1)
    for threads in (2, 3):
        assert_same(fd.dropblock2d(x, 0.2, 5, rng=1, threads=threads), one)
    assert_same(one != 0, oracle_rows.blocks((1, 0), shape, 0.2, 5))


def test_block_of_one_is_dropout_but_for_the_scale():
    x = np.ones((4, 8, 30), np.float32)
    y, mask = fd.dropblock1d_forward(x, 0.3, 1, rng=2)
    plain = fd.dropout(x, 0.3, rng=2)
    assert mask.gamma == 0.3
    assert_same(y != 0, plain != 0)
    assert y.max() == np.float32(x.size / np.count_nonzero(plain))


def test_extremes():
    x = numbers((2, 3, 8, 8))
    x[0, 0, 0, 0] = np.nan
    assert fd.dropblock2d(x, 0.0, 3, rng=1) is x
    assert fd.dropblock2d(x, 0.5, 3, training=False) is x
    out = np.empty_like(x)
    assert_same(fd.dropblock2d(x, 0.0, 3, rng=1, out=out), x)
    assert_same(fd.dropblock2d(x, 1.0, 1, rng=1), np.zeros_like(x))
    assert_same(fd.dropblock2d(x, 1.0, 8, rng=1), oracle.apply(x, oracle_rows.blocks((1, 0), x.shape, 1.0, 8), 0.0))
    y, law = fd.dropblock2d_forward(x, 1.0, 1, rng=1)
    assert (law.kept, law.scale) == (0, 0.0)
    assert_same(fd.dropblock2d_backward(x, law), np.zeros_like(x))
    for shape in ((0, 3, 8, 8), (2, 0, 8, 8)):
        y, law = fd.dropblock2d_forward(np.empty(shape), 0.5, 3, rng=1)
        assert (y.shape, law.kept, law.scale) == (shape, 0, 0.0)
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    fd.dropblock2d(x, 0.0, 3, rng=rng)
    fd.dropblock2d(np.empty((0, 1, 8, 8)), 0.3, 3, rng=rng)
    fd.dropblock2d(x, 0.3, 3, rng=rng, training=False)
    same.integers(0, 2**64 - 1, size=4, dtype=np.uint64, endpoint=True)
    assert rng.bit_generator.state == same.bit_generator.state


def test_share_that_is_dropped():
    """A place is kept if none of the seeds that reach it is drawn: 0.358 dropped for p = 0.5, L = 14, b = 7."""
    p, length, b, maps = 0.5, 14, 7, 4000
    seed = oracle_rows.gamma(p, (length, length), b)
    along = [min(i, length - b) - max(0, i - b + 1) + 1 for i in range(length)]
    share = [1 - (1 - seed) ** (n * m) for n in along for m in along]
    expected = sum(share) / length**2
    assert abs(expected - 0.358) < 0.0005
    dropped = ~fd.BlockMask((maps, 1, length, length), p, b, rng=3).to_bool()
    # Maps are independent; a map's share lies in [0, 1] and its standard deviation below 1/2.
    assert abs(dropped.mean() - expected) < 5 * 0.5 / math.sqrt(maps)
    each = dropped.mean(axis=(0, 1)).reshape(-1)
    assert np.all(np.abs(each - share) < 5.5 * np.sqrt(np.array(share) * (1 - np.array(share)) / maps))


def test_agrees_with_the_pooling_form():
    """The form that vision libraries use: seeds padded to the map, maximum over a window, normalised by the mean."""
    shape, p, b = (4, 3, 12, 10), 0.3, 3
    x = numbers(shape, np.float64)
    n, c, h, w = shape
    seed = p * h * w / (b**2 * ((h - b + 1) * (w - b + 1)))
    noise = (~oracle.keep_mask((9, 0), (n, c, h - b + 1, w - b + 1), seed)).astype(np.float64)
    padded = np.pad(noise, ((0, 0), (0, 0), (b - 1, b - 1), (b - 1, b - 1)))
    pooled = np.lib.stride_tricks.sliding_window_view(padded, (b, b), axis=(2, 3)).max(axis=(4, 5))
    keep = 1 - pooled
    np.testing.assert_allclose(fd.dropblock2d(x, p, b, rng=9), x * keep * (keep.size / keep.sum()), rtol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"block_size": 9}, "block_size has to be at most 8, the length of axis H, but got 9"),
        ({"block_size": 0}, "block_size has to be at least 1, but got 0"),
        ({"block_size": 2.0}, "block_size has to be an integer"),
        ({"p": np.array([0.1, 0.2])}, "p has to be one number"),
        ({"p": 1.5}, "dropout probability has to be between 0 and 1, but got 1.5"),
        ({"x": np.ones((3, 8, 9))}, "x has to have the 4 axes"),
        ({"x": np.ones((2, 3, 8, 9), int)}, "x has to be of dtype"),
        ({"channels_last": 1}, "channels_last has to be a bool"),
        ({"training": None}, "training has to be a bool"),
        ({"kept": 433}, "kept has to be between 0 and 432"),
        ({"shard": (0, 0)}, "shard has to be a Shard"),
        ({"out": np.zeros((2, 3, 8, 8))}, "out has to have the shape of x"),
        ({"threads": 0}, "threads has to be between 1"),
        ({"rng": "x"}, "rng has to be"),
    ],
)
def test_bad_input(arguments, text):
    good = {"x": np.ones((2, 3, 8, 9)), "p": 0.5, "block_size": 3, "out": np.full((2, 3, 8, 9), 7.0), "rng": 1}
    given = good | arguments
    with pytest.raises((TypeError, ValueError), match=text):
        fd.dropblock2d(given.pop("x"), given.pop("p"), given.pop("block_size"), **given)
    assert (good["out"] == 7).all()


def test_laws_are_values():
    mask = fd.BlockMask((2, 3, 8, 9), 0.5, 3, rng=1)
    assert mask == fd.BlockMask((2, 3, 8, 9), 0.5, 3, rng=1, kept=mask.kept)
    assert hash(mask) == hash(fd.BlockMask((2, 3, 8, 9), 0.5, 3, rng=1))
    assert mask != fd.BlockMask((2, 3, 8, 9), 0.5, 2, rng=1)
    assert repr(mask) == "BlockMask(shape=(2, 3, 8, 9), p=0.5, block_size=3, rng=Key(seed=1, stream=0))"
    with pytest.raises(AttributeError, match="immutable"):
        mask.p = 1
    with pytest.raises(TypeError, match="mask has to be a BlockMask"):
        fd.dropblock2d_backward(np.ones((2, 3, 8, 9)), fd.Mask((2, 3, 8, 9), 0.5))
    with pytest.raises(ValueError, match="mask has to be of 3 axes"):
        fd.dropblock1d_backward(np.ones((2, 3, 8, 9)), mask)
    with pytest.raises(ValueError, match="dy has to have the mask's shape"):
        fd.dropblock2d_backward(np.ones((2, 3, 8, 8)), mask)


def test_layers():
    layer, x = nn.DropBlock2d(0.4, 3, rng=5), numbers((2, 4, 9, 8))
    for call in range(2):
        key = oracle.fold_in(oracle.fold_in((5, 0), "call", call), "part", 0)
        keep = oracle_rows.blocks(key, x.shape, 0.4, 3)
        assert_same(layer(x), oracle.apply(x, keep, oracle_rows.block_scale(keep)))
        assert_same(layer.backward(x), oracle.apply(x, keep, oracle_rows.block_scale(keep)))
    assert layer.calls == 2
    assert layer.eval()(x) is x
    assert layer.backward(x) is x
    last = nn.DropBlock2d(0.4, 3, True, channels_last=True, rng=5)
    moved = np.moveaxis(x.copy(), 1, -1)
    assert last(moved) is moved
    assert_same(np.moveaxis(moved, -1, 1), nn.DropBlock2d(0.4, 3, rng=5)(x))
    fresh = nn.DropBlock2d(0.4, 3)
    fresh.load_state_dict(layer.state_dict())
    assert_same(fresh(x), layer.train()(x))
    assert repr(last) == "DropBlock2d(p=0.4, block_size=3, inplace=True, channels_last=True)"
    with pytest.raises(RuntimeError, match="backward belongs"):
        nn.DropBlock1d().backward(x)
    with pytest.raises(ValueError, match="x has to have the 5 axes"):
        nn.DropBlock3d()(x)
    with pytest.raises(ValueError, match="block_size has to be at most 8, the length of axis W"):
        nn.DropBlock2d(0.4, 9)(x)
