"""Embedding dropout against a whole mask of the table; decisions at any index; gradients; the layer."""

import numpy as np
import oracle
import oracle_rows
import pytest
from helpers import DTYPES, numbers
from oracle_rows import assert_rows

import fastdrop as fd
from fastdrop import _core, nn

RATES = [0.5, 0.1, 0.0, 1.0, 2.0**-40, 1 - 2.0**-40, 0.123456789]


def some_ids(shape, rows, dtype=np.int64, seed=0):
    """Ids as texts have them: a few often, most never."""
    spread = np.random.default_rng(seed).pareto(0.7, size=shape)
    return (np.minimum(spread, rows - 1)).astype(dtype)


@pytest.mark.parametrize("p", RATES)
def test_decisions_at_any_index(p, isa):
    rng = np.random.default_rng(1)
    far = rng.integers(0, 2**62, size=300)
    near = rng.integers(0, 1 << 20, size=5000)
    edges = np.array([0, 1, 2047, 2048, 16383, 16384, 2**62 - 1])
    index = np.concatenate([far, near, edges, edges[::-1], np.arange(3000)])
    for threads in (1, 2):
        keep = _core.keep_at(fd.Key(8, 9), p, 0, index, threads)
        assert_rows(keep.astype(bool), oracle.decide((8, 9), p, index))
    shifted = _core.keep_at(fd.Key(8, 9), p, 5000, np.arange(100), 1)
    assert_rows(shifted.astype(bool), oracle.decide((8, 9), p, np.arange(5000, 5100)))


def test_a_table_larger_than_what_is_remembered():
    rows = 1 << 20  # 512 lines of decisions, of which 128 are remembered
    ids = np.random.default_rng(1).integers(0, rows, size=20_000)
    weight = np.lib.stride_tricks.as_strided(np.ones(1), (rows, 1), (0, 8))
    y = fd.embedding_dropout(weight, ids, 0.3, rng=4)
    assert_rows(y[:, 0] != 0, oracle.decide((4, 0), 0.3, ids))


@pytest.mark.parametrize("p", [0.5, 0.1, 0.0, 1.0])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_forward_and_backward(dtype, p):
    weight, ids = numbers((50, 33), dtype), some_ids((7, 40), 50)
    wanted = oracle_rows.embedding(weight, ids, (3, 0), p)
    y, mask = fd.embedding_dropout_forward(weight, ids, p, rng=3)
    assert_rows(y, wanted)
    assert (mask.shape, mask.mask_shape, mask.nbytes) == ((50, 33), (50, 1), 0)
    assert_rows(y, mask.apply(weight)[ids])
    dy = numbers((7, 40, 33), dtype, seed=2)
    gradient = oracle_rows.embedding_gradient(dy, ids, 50, (3, 0), p)
    for threads in (1, 3):
        unique, rows = fd.embedding_dropout_backward(dy, ids, mask, threads=threads)
        assert_rows(unique, np.unique(ids))
        assert_rows(rows, gradient[unique])
    out = np.ones((50, 33), dtype)
    assert fd.embedding_dropout_backward(dy, ids, mask, out=out) is out
    assert_rows(out, gradient)


@pytest.mark.parametrize("width", [1, 7, 256, 257, 600])
def test_widths_and_threads(width):
    weight, ids = numbers((300, width)), some_ids(5000, 300)
    dy = numbers((5000, width), seed=1)
    wanted = oracle_rows.embedding(weight, ids, (3, 0), 0.3)
    for threads in (1, 3):
        y, mask = fd.embedding_dropout_forward(weight, ids, 0.3, rng=3, threads=threads)
        assert_rows(y, wanted)
        rows = fd.embedding_dropout_backward(dy, ids, mask, threads=threads)[1]
        assert_rows(rows, oracle_rows.embedding_gradient(dy, ids, 300, (3, 0), 0.3)[np.unique(ids)])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int32, np.uint64, np.int64], ids=str)
def test_ids_of_any_dtype_and_layout(dtype):
    weight, ids = numbers((60, 9)), some_ids((5, 6), 60, dtype)
    wanted = oracle_rows.embedding(weight, ids, (3, 0), 0.3)
    assert_rows(fd.embedding_dropout(weight, ids, 0.3, rng=3), wanted)
    assert_rows(fd.embedding_dropout(weight, ids.tolist(), 0.3, rng=3), wanted)
    assert_rows(fd.embedding_dropout(weight, np.asfortranarray(ids), 0.3, rng=3), wanted)
    assert_rows(fd.embedding_dropout(np.asfortranarray(weight), ids[::-1], 0.3, rng=3), wanted[::-1])
    assert_rows(fd.embedding_dropout(np.repeat(weight, 2, axis=0)[::2], ids, 0.3, rng=3), wanted)
    out = np.ones((5, 6, 18), np.float32)[..., ::2]
    assert fd.embedding_dropout(weight[::-1], 59 - ids.astype(int), 0.0, rng=3, out=out) is out
    assert_rows(out, weight[ids])
    assert_rows(
        fd.embedding_dropout(weight, dtype(7), 0.3, rng=3), oracle_rows.embedding(weight, np.array(7), (3, 0), 0.3)
    )


def test_shards_are_blocks_of_a_larger_table():
    weight, ids = numbers((90, 20)), some_ids((4, 5), 30)
    whole = fd.embedding_dropout(weight, ids + 40, 0.4, rng=1)
    shard = fd.Shard((40, 5), (90, 20))
    y, mask = fd.embedding_dropout_forward(weight[40:70, 5:15], ids, 0.4, rng=1, shard=shard)
    assert_rows(y, whole[..., 5:15])
    dy = numbers((4, 5, 10))
    unique, rows = fd.embedding_dropout_backward(dy, ids, mask)
    keep = oracle.decide((1, 0), 0.4, unique + 40)
    assert_rows((rows != 0).all(axis=1), keep)


def test_gradient_is_that_of_differences():
    weight, ids = numbers((6, 3), np.float64), np.array([1, 4, 1, 0, 5, 1])
    dy, step = numbers((6, 3), np.float64, seed=3), 2.0**-10
    unique, rows = fd.embedding_dropout_backward(dy, ids, fd.embedding_dropout_forward(weight, ids, 0.5, rng=2)[1])
    dense = np.zeros((6, 3))
    dense[unique] = rows
    for place in np.ndindex(weight.shape):
        more = weight.copy()
        more[place] += step
        change = fd.embedding_dropout(more, ids, 0.5, rng=2) - fd.embedding_dropout(weight, ids, 0.5, rng=2)
        assert np.isclose((change * dy).sum() / step, dense[place], rtol=1e-6)


def test_extremes():
    weight = numbers((5, 4))
    assert_rows(fd.embedding_dropout(weight, [0, 4], 0.9, training=False), weight[[0, 4]])
    broken = weight.copy()
    broken[2] = np.nan
    assert_rows(fd.embedding_dropout(broken, [2, 2], 1.0, rng=1), np.zeros((2, 4), np.float32))
    for ids in (np.empty((0, 3), int), np.empty((3, 0), int)):
        y, mask = fd.embedding_dropout_forward(weight, ids, 0.5, rng=1)
        assert y.shape == (*ids.shape, 4)
        unique, rows = fd.embedding_dropout_backward(y, ids, mask)
        assert (unique.shape, rows.shape, unique.dtype) == ((0,), (0, 4), np.int64)
        assert_rows(fd.embedding_dropout_backward(y, ids, mask, out=weight.copy()), np.zeros_like(weight))
    y, mask = fd.embedding_dropout_forward(np.empty((5, 0)), [1, 2], 0.5, rng=1)
    assert fd.embedding_dropout_backward(y, [1, 2], mask)[1].shape == (2, 0)
    assert fd.embedding_dropout(np.ones((1, 2)), [0], 0.0, rng=1).tolist() == [[1.0, 1.0]]
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    fd.embedding_dropout(weight, [1], 0.0, rng=rng)
    fd.embedding_dropout(weight, [1], 0.5, rng=rng, training=False)
    same.integers(0, 2**64 - 1, size=2, dtype=np.uint64, endpoint=True)
    assert rng.bit_generator.state == same.bit_generator.state


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"ids": [1, -1]}, r"ids has to hold numbers from 0 to 4, but got -1 at index \(1,\)"),
        ({"ids": [[1, 5]]}, r"ids has to hold numbers from 0 to 4, but got 5 at index \(0, 1\)"),
        ({"ids": np.array([2**64 - 1, 0], np.uint64)}, "but got 18446744073709551615"),
        ({"ids": [1.0, 2.0]}, "ids has to be an array of integers, but got dtype float64"),
        ({"ids": [True, False]}, "ids has to be an array of integers, but got dtype bool"),
        ({"ids": np.ma.array([1, 2])}, "ids has to be an array that is not masked"),
        ({"ids": np.array([1, 2], ">i8")}, "in the other byte order"),
        ({"weight": np.ones(5)}, r"weight has to have the two axes \(V, D\), but got shape \(5,\)"),
        ({"weight": np.ones((5, 3), int)}, "weight has to be of dtype"),
        ({"p": 2}, "dropout probability has to be between 0 and 1, but got 2"),
        ({"p": np.ones(5)}, "p has to be one number"),
        ({"training": 1}, "training has to be a bool"),
        ({"out": np.zeros((2, 4))}, "out has to have the shape of the result"),
        ({"shard": fd.Shard((3, 0), (7, 3))}, "shard has to lie within global_shape"),
        ({"threads": 1.5}, "threads has to be an integer"),
        ({"rng": True}, "rng has to be"),
    ],
)
def test_bad_input(arguments, text):
    out = np.full((2, 3), 7.0)
    given = {"weight": np.ones((5, 3)), "ids": [1, 2], "p": 0.5, "out": out, "rng": 1} | arguments
    with pytest.raises((TypeError, ValueError, IndexError), match=text) as info:
        fd.embedding_dropout(given.pop("weight"), given.pop("ids"), given.pop("p"), **given)
    assert isinstance(info.value, IndexError) == ("ids has to hold" in str(info.value))
    assert (out == 7).all()


def test_bad_gradients():
    weight = np.ones((5, 3))
    y, mask = fd.embedding_dropout_forward(weight, [1, 2], 0.5, rng=1)
    with pytest.raises(ValueError, match=r"dy has to have the shape of y, \(2, 3\), but got \(2, 4\)"):
        fd.embedding_dropout_backward(np.ones((2, 4)), [1, 2], mask)
    with pytest.raises(IndexError, match="ids has to hold numbers from 0 to 4, but got 9"):
        fd.embedding_dropout_backward(y, [1, 9], mask)
    with pytest.raises(ValueError, match="out has to share no memory with dy"):
        fd.embedding_dropout_backward(weight[:2], [1, 2], mask, out=weight)
    for other in (fd.Mask((5, 3), 0.5, rng=1), fd.Mask((5, 1), 0.5, rng=1).store(), fd.Mask((5, 1), [[0.5]], rng=1)):
        with pytest.raises(ValueError, match="mask has to be what embedding_dropout_forward returns"):
            fd.embedding_dropout_backward(y, [1, 2], other)
    with pytest.raises(TypeError, match="mask has to be a Mask"):
        fd.embedding_dropout_backward(y, [1, 2], None)


def test_layer():
    layer, ids = nn.Embedding(40, 6, p=0.4, rng=5), some_ids((3, 7), 40)
    part = oracle.fold_in((5, 0), "part", 5)
    assert_rows(layer.weight.data, fd.Noise((40, 6), rng=fd.Key(*part)).normal(np.float32))
    assert abs(nn.Embedding(1000, 100, rng=1).weight.data.mean()) < 5 / np.sqrt(1e5)
    total = np.zeros((40, 6), np.float32)
    for call in range(2):
        key = oracle.fold_in(oracle.fold_in((5, 0), "call", call), "part", 0)
        assert_rows(layer(ids), oracle_rows.embedding(layer.weight.data, ids, key, 0.4))
        dy = numbers((3, 7, 6), seed=call)
        assert layer.backward(dy) is None
        total += oracle_rows.embedding_gradient(dy, ids, 40, key, 0.4)
        assert_rows(layer.weight.grad, total)
    assert layer.calls == 2
    assert_rows(layer.eval()(ids), layer.weight.data[ids])
    layer.zero_grad()
    layer.backward(dy)
    assert_rows(layer.weight.grad, oracle_rows.embedding_gradient(dy, ids, 40, key, 0.0))
    with pytest.raises(IndexError, match="ids has to hold numbers from 0 to 39"):
        layer.train()([40])
    assert layer.calls == 2
    fresh = nn.Embedding(40, 6, p=0.4)
    fresh.load_state_dict(layer.state_dict())
    assert_rows(fresh(ids), layer(ids))
    assert repr(layer) == "Embedding(40, 6, p=0.4)"
    with pytest.raises(RuntimeError, match="backward belongs"):
        nn.Embedding(3, 2).backward(np.ones((1, 2)))
    with pytest.raises(TypeError, match="dtype has to be float32 or float64"):
        nn.Embedding(3, 2, dtype=np.float16)


def test_layer_learns():
    model = nn.Sequential(nn.WordDropout(0.1, replacement=0), nn.Embedding(20, 8, p=0.1), nn.Linear(8, 2), rng=3)
    loss, adam = nn.CrossEntropyLoss(), nn.Adam(model.parameters(), lr=0.05)
    ids = np.arange(1, 20)
    first = None
    for _ in range(40):
        now = loss(model(ids), ids % 2)
        first = now if first is None else first
        model.zero_grad()
        assert model.backward(loss.backward()) is None
        adam.step()
    assert loss(model.eval()(ids), ids % 2) < first / 4
