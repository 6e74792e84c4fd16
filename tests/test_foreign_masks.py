"""Masks made elsewhere: from bools and from packed bits."""

import pickle

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd

SIZES = (0, 1, 7, 8, 9, 63, 64, 65, 513, 5000)


def random_keep(shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.6


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_apply(isa, n, dtype):
    keep, x = random_keep(n), numbers(n, dtype)
    wanted = oracle.apply(x, keep, oracle.scale(0.4))
    assert_same(fd.Mask.from_bool(keep, 0.4).apply(x), wanted)
    assert_same(fd.Mask.from_packed(oracle.packed(keep), (n,), 0.4).apply(x), wanted)


@pytest.mark.parametrize("shape", [(), (5,), (3, 7), (4, 5, 6), (0, 3), (2, 1, 9)])
def test_there_and_back(shape):
    keep = np.asarray(random_keep(shape))
    for mask in (fd.Mask.from_bool(keep, 0.4), fd.Mask.from_packed(oracle.packed(keep), shape, 0.4)):
        assert (mask.shape, mask.mask_shape, mask.p, mask.stored) == (shape, shape, 0.4, True)
        assert_same(mask.to_bool(), keep)
        assert mask.to_packed().tobytes() == oracle.packed(keep).tobytes()
        assert mask.count() == keep.sum()
        assert mask.key is None
        assert pickle.loads(pickle.dumps(mask)) == mask
        assert mask.store() == mask


def test_layout_of_the_bools_does_not_matter(isa):
    keep = random_keep((20, 30))
    x = numbers((20, 30))
    wanted = fd.Mask.from_bool(keep, 0.4).apply(x)
    for same in (np.asfortranarray(keep), keep[::-1][::-1], np.repeat(keep, 2, axis=1)[:, ::2], keep.tolist()):
        assert_same(fd.Mask.from_bool(same, 0.4).apply(x), wanted)
    strided = np.repeat(oracle.packed(keep), 3)[::3]
    assert_same(fd.Mask.from_packed(strided, (20, 30), 0.4).apply(x), wanted)


def test_the_mask_has_bits_of_its_own():
    keep = random_keep(100)
    bits = oracle.packed(keep)
    masks = [fd.Mask.from_bool(keep, 0.4), fd.Mask.from_packed(bits, (100,), 0.4)]
    before = [mask.to_bool() for mask in masks]
    keep[:] = True
    bits[:] = 255
    for mask, bools in zip(masks, before, strict=True):
        assert_same(mask.to_bool(), bools)
        mask.to_packed()[:] = 0
        mask.to_bool()[:] = False
        assert_same(mask.to_bool(), bools)


def test_array_p():
    keep, x = random_keep((3, 40)), numbers((3, 40))
    p = np.array([[0.1], [0.5], [0.9]])
    assert_same(fd.Mask.from_bool(keep, p).apply(x), oracle.apply(x, keep, oracle.scale(p)))
    assert_same(fd.Mask.from_packed(oracle.packed(keep), (3, 40), p).apply(x), oracle.apply(x, keep, oracle.scale(p)))


@pytest.mark.parametrize("p", [-0.5, 1.5, float("nan")])
def test_bad_p(p):
    for make in (lambda: fd.Mask.from_bool([True], p), lambda: fd.Mask.from_packed(np.ones(1, np.uint8), (1,), p)):
        with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got"):
            make()


def test_p_one_keeps_nothing():
    """1 / (1 - p) has no value there: a mask that keeps something with p = 1 contradicts itself."""
    x = numbers(3)
    for make in (
        lambda keep: fd.Mask.from_bool(keep, 1.0),
        lambda keep: fd.Mask.from_packed(oracle.packed(keep), (3,), 1),
        lambda keep: fd.Mask.from_bool(keep, [0.5, 1.0, 0.5]),
    ):
        assert not make([False, False, False]).apply(x).any()
        with pytest.raises(ValueError, match=r"\bp\b"):
            make([False, True, False])
    assert fd.Mask.from_bool([True, False, True], [0.5, 1.0, 0.5]).apply([1.0, 2.0, 3.0]).tolist() == [2, 0, 6]


@pytest.mark.parametrize("keep", [np.ones(3), np.ones(3, dtype=np.uint8), [0, 1], ["a"], None, np.ma.ones(3) > 0])
def test_bools_only(keep):
    with pytest.raises(TypeError, match="keep"):
        fd.Mask.from_bool(keep, 0.5)


@pytest.mark.parametrize(
    "bits", [np.ones(2), np.ones(2, dtype=np.int8), np.ones(2, dtype=bool), [1.5, 1.0], "ab", None]
)
def test_bytes_only(bits):
    with pytest.raises(TypeError, match="bits"):
        fd.Mask.from_packed(bits, (16,), 0.5)


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_wrong_number_of_bytes(count):
    with pytest.raises(ValueError, match="bits"):
        fd.Mask.from_packed(np.zeros(count, dtype=np.uint8), (3, 4), 0.5)
    with pytest.raises((TypeError, ValueError), match="bits"):
        fd.Mask.from_packed(np.zeros((2, 1), dtype=np.uint8), (3, 4), 0.5)


def test_bits_past_the_end():
    """The format has zeros there; other bits are a sign of another shape, and refused."""
    for last in (0x1F, 0x80, 0xFF):
        with pytest.raises(ValueError, match="bits"):
            fd.Mask.from_packed(np.array([0xFF, last], dtype=np.uint8), (12,), 0.5)
    mask = fd.Mask.from_packed(np.array([0xFF, 0x0F], dtype=np.uint8), (12,), 0.5)
    assert mask.count() == 12
    assert mask == fd.Mask.from_bool(np.ones(12, dtype=bool), 0.5)


@pytest.mark.parametrize("shape", [(-1,), (2, -3), (2**31, 2**31, 2)])
def test_bad_shape(shape):
    with pytest.raises(ValueError, match="shape"):
        fd.Mask.from_packed(np.zeros(1, dtype=np.uint8), shape, 0.5)
    with pytest.raises(ValueError, match="shape"):
        fd.Mask(shape, 0.5, rng=0)


@pytest.mark.parametrize("shape", ["ab", 1.5, (1.5,), ("a",), None])
def test_shape_of_the_wrong_type(shape):
    with pytest.raises(TypeError, match="shape"):
        fd.Mask(shape, 0.5, rng=0)
