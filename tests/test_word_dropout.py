"""Word dropout: the mask of dropout on integers of any dtype, protected ids and places, bad input, the layer."""

import numpy as np
import oracle
import pytest
from helpers import assert_same

import fastdrop as fd
from fastdrop import nn

INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


def texts(shape=(6, 40), dtype=np.int64):
    return np.random.default_rng(1).integers(0, 100, size=shape).astype(dtype)


@pytest.mark.parametrize("p", [0.5, 0.15, 1.0, 2.0**-10])
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_replaced_where_the_mask_drops(dtype, p):
    ids = texts(dtype=dtype)
    keep = oracle.keep_mask((3, 0), ids.shape, p)
    wanted = np.where(keep, ids, dtype(99))
    y, mask = fd.word_dropout_forward(ids, p, 99, rng=3)
    assert_same(y.astype(float), wanted.astype(float))
    assert y.dtype == ids.dtype
    assert_same(mask.to_bool(), keep)
    assert_same(
        fd.word_dropout(np.asfortranarray(ids)[::-1, ::2], p, 99, rng=3, training=True).astype(float),
        np.where(oracle.keep_mask((3, 0), (6, 20), p), ids[::-1, ::2], 99).astype(float),
    )
    apart = np.zeros((40, 6, 2), dtype).T[1]
    assert fd.word_dropout(ids, p, 99, rng=3, out=apart) is apart
    assert np.array_equal(apart, wanted)
    assert fd.word_dropout(ids, p, 99, rng=3, out=ids, threads=2) is ids
    assert np.array_equal(ids, wanted)


def test_protected_ids_and_places():
    ids = texts()
    keep = oracle.keep_mask((3, 0), ids.shape, 0.5)
    for protected in ([0, 1, 2], np.array([2, 1, 0], np.uint8), range(3), (0, 1, 2), ids < 3):
        given = list(protected) if isinstance(protected, range) else protected
        y = fd.word_dropout(ids, 0.5, 7, protected=given, rng=3)
        assert np.array_equal(y, np.where(keep | (ids < 3), ids, 7))
    assert np.array_equal(fd.word_dropout(ids, 1.0, 7, protected=5, rng=3), np.where(ids == 5, ids, 7))
    assert np.array_equal(fd.word_dropout(ids, 1.0, 7, protected=[], rng=3), np.full_like(ids, 7))
    first = np.arange(40) < 3
    assert np.array_equal(fd.word_dropout(ids, 1.0, 7, protected=first, rng=3), np.where(first, ids, 7))
    place = ids == 5
    assert np.array_equal(fd.word_dropout(ids, 1.0, 7, protected=place, rng=3, out=ids), np.where(place, 5, 7))


@pytest.mark.parametrize("dtype", [np.int32, np.int64], ids=str)
def test_ids_are_no_numbers(dtype):
    """Every bit pattern comes through: those, too, that would be a signalling NaN or a subnormal."""
    exponent = {4: 0x7F800001, 8: 0x7FF0000000000001}[np.dtype(dtype).itemsize]
    ids = np.array([exponent, exponent - 2, 1, 0, -1, -exponent] * 50, dtype)
    keep = oracle.keep_mask((3, 0), ids.shape, 0.5)
    for number in (exponent, 1, -exponent):
        assert np.array_equal(fd.word_dropout(ids, 0.5, number, rng=3), np.where(keep, ids, number))


def test_arrays_of_p_and_shards():
    ids = texts()
    p = np.linspace(0, 1, 6)[:, None]
    assert np.array_equal(fd.word_dropout(ids, p, 7, rng=3), np.where(oracle.keep_mask((3, 0), ids.shape, p), ids, 7))
    whole = fd.word_dropout(ids, 0.5, 7, rng=3)
    shard = fd.Shard((2, 5), ids.shape)
    y, mask = fd.word_dropout_forward(ids[2:5, 5:30], 0.5, 7, rng=3, shard=shard)
    assert np.array_equal(y, whole[2:5, 5:30])
    assert mask.shard == shard


def test_rate():
    n, p = 1 << 18, 0.15
    share = (fd.word_dropout(np.zeros(n, np.int32), p, 1, rng=5) == 1).mean()
    assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / n)


def test_extremes():
    ids = texts()
    assert fd.word_dropout(ids, 0.0, 7, rng=1) is ids
    assert fd.word_dropout(ids, 0.5, 7, training=False) is ids
    out = np.empty_like(ids)
    assert fd.word_dropout(ids, 0.5, 7, training=False, out=out) is out
    assert np.array_equal(out, ids)
    assert fd.word_dropout([1, 2, 3], 1.0, 7, rng=1).tolist() == [7, 7, 7]
    assert fd.word_dropout(np.int64(4), 1.0, 7, rng=1).tolist() == 7
    assert fd.word_dropout(np.empty((0, 5), np.int16), 0.5, 7, rng=1).shape == (0, 5)
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    fd.word_dropout(ids, 0.0, 7, rng=rng)
    fd.word_dropout(ids[:0], 0.5, 7, rng=rng)
    fd.word_dropout(ids, 0.5, 7, rng=rng, training=False)
    same.integers(0, 2**64 - 1, size=4, dtype=np.uint64, endpoint=True)
    assert rng.bit_generator.state == same.bit_generator.state


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"ids": np.ones((2, 3))}, "ids has to be an array of integers, but got dtype float64"),
        ({"ids": np.ones((2, 3), bool)}, "ids has to be an array of integers, but got dtype bool"),
        ({"ids": np.ones((2, 3), ">i4")}, "in the other byte order"),
        ({"ids": np.ma.ones((2, 3), int)}, "ids has to be an array that is not masked"),
        ({"replacement": 128}, r"replacement has to fit the dtype of ids, int8 \(-128 to 127\), but got 128"),
        ({"replacement": 1.0}, "replacement has to be an integer, but got 1.0"),
        ({"p": 1.1}, "dropout probability has to be between 0 and 1, but got 1.1"),
        ({"p": np.ones(4)}, "p has to broadcast to the mask's shape"),
        ({"protected": [1.5]}, "protected has to be ids or an array of bool, but got dtype float64"),
        (
            {"protected": np.ones(4, bool)},
            r"protected has to broadcast to the shape of ids, \(2, 3\), but got shape \(4,\)",
        ),
        ({"protected": np.ones((1, 2, 3), bool)}, "protected has to broadcast"),
        ({"training": 1}, "training has to be a bool"),
        ({"out": np.zeros((2, 3), int)}, "out has to have the dtype of ids"),
        ({"shard": 1}, "shard has to be a Shard"),
        ({"threads": 0}, "threads has to be"),
        ({"rng": 1.5}, "rng has to be"),
    ],
)
def test_bad_input(arguments, text):
    out = np.full((2, 3), 7, np.int8)
    good = {"ids": np.ones((2, 3), np.int8), "p": 0.5, "replacement": 3, "out": out, "rng": 1}
    given = good | arguments
    with pytest.raises((TypeError, ValueError), match=text):
        fd.word_dropout(given.pop("ids"), given.pop("p"), given.pop("replacement"), **given)
    assert (out == 7).all()


def test_layer():
    layer, ids = nn.WordDropout(0.5, 7, protected=[0, 1], rng=5), texts()
    for call in range(2):
        key = oracle.fold_in(oracle.fold_in((5, 0), "call", call), "part", 0)
        keep = oracle.keep_mask(key, ids.shape, 0.5) | (ids < 2)
        assert np.array_equal(layer(ids), np.where(keep, ids, 7))
        assert layer.backward(None) is None
    assert layer.calls == 2
    assert layer.eval()(ids) is ids
    assert layer.calls == 2
    inplace = nn.WordDropout(1.0, 7, inplace=True)
    assert inplace(ids) is ids
    assert (ids == 7).all()
    assert inplace.eval()([1, 2]).tolist() == [1, 2]
    with pytest.raises(TypeError, match="x has to be a NumPy array for inplace=True"):
        inplace.train()([1, 2])
    with pytest.raises(ValueError, match="replacement has to fit"):
        nn.WordDropout(0.5, 300)(np.ones(3, np.uint8))
    with pytest.raises(RuntimeError, match="backward belongs"):
        nn.WordDropout(0.5, 7).backward(None)
    assert repr(layer) == "WordDropout(p=0.5, replacement=7, protected=[0, 1])"
    assert repr(inplace) == "WordDropout(p=1.0, replacement=7, inplace=True)"
