"""Token dropout against a stable sort of the oracle's noise words: who is kept, gather and scatter, layers."""

import math
import pickle

import numpy as np
import oracle
import oracle_rows
import pytest
from helpers import DTYPES, numbers
from oracle_rows import assert_rows

import fastdrop as fd
from fastdrop import _core, nn

SIZES = [
    (3, 196, 0.75),
    (5, 7, 0.5),
    (1, 1, 0.9),
    (2, 512, 0.1),
    (2, 1300, 0.999),
    (4, 33, 1.0),
    (2, 5, 0.0),
    (1, 9000, 0.3),
]


@pytest.mark.parametrize(("n", "length", "p"), SIZES)
def test_indices(n, length, p, isa):
    wanted = oracle_rows.tokens((3, 4), n, length, p)
    sample = fd.TokenSample(n, length, p, rng=fd.Key(3, 4))
    assert sample.kept == max(1, math.floor(length * (1.0 - p))) == wanted.shape[1]
    assert_rows(sample.indices(), wanted)
    assert_rows(fd.token_indices(n, length, p, rng=fd.Key(3, 4), threads=3), wanted)
    assert_rows(fd.token_indices(2, length, p, rng=fd.Key(3, 4), first=7), oracle_rows.tokens((3, 4), 2, length, p, 7))


def test_both_operations_are_in_binary64():
    # 1 - 0.9 is a little less than a tenth, and so ten tokens times it less than one; 1 - 0.1 is nine tenths rounded.
    for length, p in [(10, 0.9), (10, 0.1), (100, 0.07), (1000, 0.999), (7, 1 / 7), (3, 1e-17)]:
        assert fd.TokenSample(1, length, p, rng=1).kept == max(1, math.floor(np.float64(length) * (np.float64(1) - p)))


def test_equal_words():
    """Among 2**18 words some 8 pairs are equal: rows of all of them, cut right behind the first of each pair."""
    n = 1 << 18
    words = oracle.noise_words((12, 0), np.arange(n))
    order = np.argsort(words, kind="stable")
    ties = np.flatnonzero(words[order][1:] == words[order][:-1]) + 1
    assert ties.size >= 2
    for k in ties[:3]:
        assert_rows(_core.smallest(fd.Key(12), 0, 1, n, int(k), 1)[0], np.sort(order[:k]))


@pytest.mark.parametrize("dtype", [*DTYPES, np.int32, np.uint8, bool, np.int64], ids=str)
@pytest.mark.parametrize("prefix", [0, 2])
def test_gather_and_scatter(dtype, prefix):
    shape = (3, 11 + prefix, 4, 5)
    x = numbers(shape, dtype) if dtype in DTYPES else np.random.default_rng(1).integers(1, 99, shape).astype(dtype)
    chosen = oracle_rows.tokens((6, 0), 3, 11, 0.6)
    y, sample = fd.token_dropout_forward(x, 0.6, rng=6, num_prefix_tokens=prefix)
    wanted = np.stack([np.concatenate([row[:prefix], row[prefix:][i]]) for row, i in zip(x, chosen, strict=True)])
    dx = np.zeros_like(x)
    for row, i, dy in zip(dx, chosen, wanted, strict=True):
        row[:prefix], row[prefix + i] = dy[:prefix], dy[prefix:]
    assert y.dtype == x.dtype
    assert_rows(y, wanted)
    assert_rows(fd.token_dropout_backward(y, sample), dx)
    assert_rows(sample.indices(), chosen)
    # Any strides, on both sides, with and without contiguous rows.
    for order in ("F", "C"):
        strided = np.asarray(x[::-1].copy()[::-1], order=order)
        assert_rows(fd.token_dropout(strided, 0.6, rng=6, num_prefix_tokens=prefix, threads=2), wanted)
        out = np.ones((*wanted.shape[:-1], 10), x.dtype)[..., ::2] if order == "F" else np.ones(wanted.shape, x.dtype)
        assert fd.token_dropout(strided, 0.6, rng=6, num_prefix_tokens=prefix, out=out) is out
        assert_rows(out, wanted)
        big = np.ones(x.shape, x.dtype, order=order)
        assert fd.token_dropout_backward(np.asarray(y, order=order), sample, out=big) is big
        assert_rows(big, dx)


def test_a_token_can_be_one_number():
    x = numbers((4, 20))
    y, indices = fd.token_dropout(x, 0.5, rng=1, return_indices=True)
    assert_rows(indices, oracle_rows.tokens((1, 0), 4, 20, 0.5))
    assert_rows(y, np.take_along_axis(x, indices, axis=1))


def test_threads_do_not_matter():
    x = numbers((64, 100, 96))
    one, sample = fd.token_dropout_forward(x, 0.3, rng=1, threads=1)
    assert_rows(fd.token_dropout(x, 0.3, rng=1, threads=3), one)
    assert_rows(sample.put(one, threads=3), sample.put(one, threads=1))


def test_shards_are_samples_of_the_whole():
    x = numbers((6, 10, 4))
    whole = fd.token_dropout(x, 0.5, rng=2, num_prefix_tokens=1)
    shard = fd.Shard((2, 0, 1), x.shape)
    y, sample = fd.token_dropout_forward(x[2:5, :, 1:3], 0.5, rng=2, num_prefix_tokens=1, shard=shard)
    assert_rows(y, whole[2:5, :, 1:3])
    assert sample.first == 2
    assert pickle.loads(pickle.dumps(sample)) == sample
    with pytest.raises(ValueError, match="shard has to have all tokens of its samples, 10 on axis 1, but got 5"):
        fd.token_dropout(x[:, :5], 0.5, shard=fd.Shard((0, 0, 0), x.shape))


def test_agrees_with_sorting_noise_as_vision_libraries_do():
    """Sort random numbers, take the first, put them in order, gather, put the prefix in front again."""
    x, prefix, p = numbers((3, 17, 8)), 1, 0.25
    batch, length = x.shape[0], x.shape[1] - prefix
    keep = max(1, int(length * (1.0 - p)))
    noise = oracle.noise_words((4, 0), np.arange(batch * length)).reshape(batch, length)
    chosen = np.sort(np.argsort(noise, axis=-1)[:, :keep], axis=-1)
    wanted = np.concatenate([x[:, :prefix], x[:, prefix:][np.arange(batch)[:, None], chosen]], axis=1)
    assert_rows(fd.token_dropout(x, p, rng=4, num_prefix_tokens=prefix), wanted)


def test_each_token_is_kept_as_often():
    n, length, k = 4000, 10, 4
    times = np.bincount(fd.token_indices(n, length, 0.6, rng=3).reshape(-1), minlength=length)
    q = k / length
    assert np.all(np.abs(times / n - q) < 5 * math.sqrt(q * (1 - q) / n))
    pairs = np.zeros((length, length))
    for row in fd.token_indices(n, length, 0.6, rng=3):
        pairs[np.ix_(row, row)] += 1
    q = k * (k - 1) / (length * (length - 1))
    assert np.all(np.abs(pairs[~np.eye(length, dtype=bool)] / n - q) < 5 * math.sqrt(q * (1 - q) / n))


def test_extremes():
    x = numbers((2, 6, 3))
    assert fd.token_dropout(x, 0.0, rng=1) is x
    assert fd.token_dropout(x, 0.5, training=False) is x
    same, indices = fd.token_dropout(x, 0.5, training=False, num_prefix_tokens=2, return_indices=True)
    assert same is x
    assert_rows(indices, np.tile(np.arange(4), (2, 1)))
    out = np.empty_like(x)
    assert fd.token_dropout(x, 0.0, rng=1, out=out) is out
    assert_rows(out, x)
    assert fd.token_dropout(x, 1.0, rng=1).shape == (2, 1, 3)
    assert fd.token_dropout(x, 1.0, rng=1, num_prefix_tokens=6).shape == (2, 6, 3)
    for shape, kept in [((0, 6, 3), (0, 3, 3)), ((2, 0, 3), (2, 0, 3)), ((2, 6, 0), (2, 3, 0))]:
        y, sample = fd.token_dropout_forward(np.empty(shape), 0.5, rng=1)
        assert y.shape == kept
        assert fd.token_dropout_backward(y, sample).shape == shape
    rng, again = np.random.default_rng(1), np.random.default_rng(1)
    fd.token_dropout(x, 0.0, rng=rng)
    fd.token_dropout(x, 0.5, rng=rng, training=False)
    again.integers(0, 2**64 - 1, size=2, dtype=np.uint64, endpoint=True)
    assert rng.bit_generator.state == again.bit_generator.state


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"x": np.ones(3)}, r"x has to have batch and token axes, \(N, L, ...\), for token_dropout, but got \(3,\)"),
        ({"x": np.array([[None]])}, "x has to be of dtype"),
        ({"x": np.ma.ones((2, 6))}, "x has to be an array that is not masked"),
        ({"p": -0.1}, "dropout probability has to be between 0 and 1, but got -0.1"),
        ({"p": [0.1]}, "p has to be one number"),
        ({"num_prefix_tokens": 7}, "num_prefix_tokens has to be between 0 and 6"),
        ({"num_prefix_tokens": True}, "num_prefix_tokens has to be an integer"),
        ({"return_indices": 1}, "return_indices has to be a bool"),
        ({"training": 1}, "training has to be a bool"),
        ({"out": np.zeros((2, 6))}, "out has to have the shape of the result"),
        ({"out": np.zeros((2, 3), np.float32)}, "out has to have the dtype of the result"),
        ({"out": [0.0]}, "out has to be a NumPy array, an array with the buffer protocol"),
        ({"shard": 1}, "shard has to be a Shard"),
        ({"threads": 0}, "threads has to be"),
    ],
)
def test_bad_input(arguments, text):
    out = np.full((2, 3), 7.0)
    given = {"x": np.ones((2, 6)), "p": 0.5, "out": out, "rng": 1} | arguments
    with pytest.raises((TypeError, ValueError), match=text):
        fd.token_dropout(given.pop("x"), given.pop("p"), **given)
    assert (out == 7).all()


def test_out_must_be_apart():
    x = np.ones((2, 6))
    with pytest.raises(ValueError, match="out has to share no memory with x"):
        fd.token_dropout(x, 0.5, rng=1, out=x[:, :3])
    read_only = np.ones((2, 3))
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        fd.token_dropout(x, 0.5, rng=1, out=read_only)
    with pytest.raises(ValueError, match="share memory"):
        fd.token_dropout(x, 0.5, rng=1, out=np.lib.stride_tricks.as_strided(np.ones(3), (2, 3), (0, 8)))


def test_laws_are_values():
    sample = fd.TokenSample(2, 6, 0.5, rng=1, num_prefix_tokens=1)
    assert sample == fd.TokenSample(2, 6, 0.5, rng=fd.Key(1), num_prefix_tokens=1)
    assert sample != fd.TokenSample(2, 6, 0.5, rng=1)
    assert hash(sample) == hash(fd.TokenSample(2, 6, 0.5, rng=1, num_prefix_tokens=1))
    assert repr(sample) == "TokenSample(2, 6, 0.5, rng=Key(seed=1, stream=0), num_prefix_tokens=1)"
    with pytest.raises(AttributeError, match="immutable"):
        sample.p = 1
    with pytest.raises(TypeError, match="sample has to be a TokenSample"):
        fd.token_dropout_backward(np.ones((2, 4)), None)
    with pytest.raises(ValueError, match=r"dy has to have the shape \(2, 4, ...\), but got \(2, 5\)"):
        fd.token_dropout_backward(np.ones((2, 5)), sample)
    with pytest.raises(ValueError, match=r"tokens has to make at most 2\*\*62"):
        fd.TokenSample(2**40, 2**30, 0.5)


def test_layers():
    assert nn.PatchDropout is nn.TokenDropout
    layer, x = nn.TokenDropout(0.5, num_prefix_tokens=1, return_indices=True, rng=5), numbers((2, 9, 4))
    for call in range(2):
        key = oracle.fold_in(oracle.fold_in((5, 0), "call", call), "part", 0)
        y, indices = layer(x)
        assert_rows(indices, oracle_rows.tokens(key, 2, 8, 0.5))
        dx = layer.backward(np.ones_like(y))
        assert dx.shape == x.shape
        assert_rows(np.nonzero(dx[:, 1:, 0])[1].reshape(2, 4), indices)
        assert (dx[:, 0] == 1).all()
    assert layer.calls == 2
    y, indices = layer.eval()(x)
    assert y is x
    assert indices.shape == (2, 8)
    assert layer.backward(x) is x
    assert layer.calls == 2
    assert repr(layer) == "TokenDropout(p=0.5, num_prefix_tokens=1, return_indices=True)"
    plain = nn.TokenDropout(0.5)
    with pytest.raises(RuntimeError, match="backward belongs"):
        plain.backward(x)
    y = plain(x)
    with pytest.raises(ValueError, match="dy has to have the shape of the latest output"):
        plain.backward(x)
    with pytest.raises(ValueError, match="num_prefix_tokens has to be at least 0"):
        nn.TokenDropout(0.5, -1)
