"""The Mask itself: laws and stored bits, indexing, comparison, copies."""

import copy
import pickle

import numpy as np
import oracle
import pytest
from helpers import assert_same, numbers

import fastdrop as fd

KEY = (71, 72)
SHAPE = (6, 50, 9)


def lazy(p=0.3, **more) -> fd.Mask:
    return fd.Mask(SHAPE, p, rng=fd.Key(*KEY), **more)


VARIANTS = {
    "plain": lazy,
    "coin": lambda: lazy(0.5),
    "shared": lambda: lazy(share_axes=(0, 2)),
    "shard": lambda: lazy(shard=fd.Shard((2, 100, 1), (9, 500, 12))),
    "shared shard": lambda: lazy(share_axes=1, shard=fd.Shard((2, 100, 1), (9, 500, 12))),
    "array p": lambda: lazy(np.linspace(0, 1, 50).reshape(50, 1)),
    "p 0": lambda: lazy(0.0),
    "p 1": lambda: lazy(1.0),
}
every_variant = pytest.mark.parametrize("make", VARIANTS.values(), ids=[n.replace(" ", "-") for n in VARIANTS])


def test_attributes():
    mask = lazy(share_axes=(0, 2))
    assert (mask.shape, mask.mask_shape, mask.size) == (SHAPE, (1, 50, 1), 50)
    assert mask.p == 0.3
    assert mask.key == fd.Key(*KEY)
    assert (mask.stored, mask.nbytes) == (False, 0)
    kept = mask.store()
    assert (kept.stored, kept.nbytes) == (True, 7)
    assert (kept.shape, kept.mask_shape, kept.size, kept.p) == (SHAPE, (1, 50, 1), 50, 0.3)
    assert not mask.stored


@pytest.mark.parametrize("name", ["shape", "mask_shape", "p", "key", "size", "stored", "nbytes"])
def test_immutable(name):
    for mask in (lazy(), lazy().store()):
        with pytest.raises(AttributeError):
            setattr(mask, name, getattr(mask, name))
        with pytest.raises(AttributeError):
            delattr(mask, name)


def test_integer_shape_is_one_axis():
    assert fd.Mask(7, 0.5, rng=1).shape == (7,)
    assert_same(fd.Mask(np.int64(7), 0.5, rng=1).to_bool(), fd.Mask((7,), 0.5, rng=1).to_bool())
    assert fd.Mask((), 0.5, rng=1).size == 1


@every_variant
def test_bool_packed_and_count_agree(isa, make):
    for mask in (make(), make().store()):
        keep = mask.to_bool()
        assert keep.shape == mask.mask_shape
        assert keep.dtype == bool
        bits = mask.to_packed()
        assert (bits.dtype, bits.ndim) == (np.uint8, 1)
        assert bits.tobytes() == oracle.packed(keep).tobytes()
        assert mask.count() == np.count_nonzero(keep)
        assert type(mask.count()) is int


@every_variant
def test_store_keeps_the_mask(isa, make):
    mask, x = make(), numbers(SHAPE)
    kept = mask.store()
    assert kept.stored
    assert kept.nbytes >= (mask.size + 7) // 8
    assert_same(kept.to_bool(), mask.to_bool())
    assert_same(kept.apply(x), mask.apply(x))
    assert kept.store() == kept
    assert kept == mask
    assert mask == kept


@every_variant
def test_indexing(isa, make):
    for mask in (make(), make().store()):
        keep = mask.to_bool()
        for index in (
            0, -1, (0, -1), (0, -1, 0), ..., (..., 0), slice(None), slice(1, None), (slice(None), slice(3, 40, 7)),
            (slice(None), slice(None, None, -1)), (slice(None), slice(40, 3, -5), 0), (0, slice(0, 0)), None,
            (slice(None), None, 0), (0, ..., None, 0), (), np.int64(0), (slice(-1, None), ..., slice(-3, None)),
        ):  # fmt: skip
            got, wanted = mask[index], keep[index]
            assert_same(got, wanted)


@pytest.mark.parametrize("index", [6, -7, (0, 50), (0, 0, 0, 0), (..., ...), "a", 1.5])
def test_bad_index(index):
    for mask in (lazy(), lazy().store()):
        with pytest.raises(IndexError):
            mask[index]
        with pytest.raises(IndexError):
            mask.to_bool()[index]


@every_variant
def test_flat(isa, make):
    for mask in (make(), make().store()):
        keep = mask.to_bool().reshape(-1)
        n = keep.size
        for i, j in ((0, n), (0, 0), (1, n), (n // 2, n // 2 + 1), (3, 11), (n - 1, n), (0, 5 * n), (n, n)):
            assert_same(mask.flat[i:j], keep[i:j])
        for index in (slice(None), slice(-3, None), slice(5, -2), slice(None, 4)):
            assert_same(mask.flat[index], keep[index])


def test_flat_by_number_and_by_steps(isa):
    for mask in (lazy(), lazy().store()):
        keep = mask.to_bool().reshape(-1)
        assert len(mask.flat) == keep.size
        for i in (0, 1, 77, keep.size - 1, -1, -keep.size, np.int32(5)):
            assert mask.flat[i] == keep[i]
        for steps in (slice(None, None, 3), slice(5, 2000, 64), slice(None, None, -1), slice(2000, 3, -7)):
            assert_same(mask.flat[steps], keep[steps])
        for wrong in (keep.size, -keep.size - 1, "a", 1.5, (0, 1)):
            with pytest.raises(IndexError):
                mask.flat[wrong]


def test_indexing_makes_only_what_it_returns():
    """A law over 2^62 elements: any part of it is there at once."""
    mask = fd.Mask((2**31, 2**31), 0.1, rng=fd.Key(*KEY))
    assert mask.size == 2**62
    index = oracle.indices((3, 50), (), (2**30, 7), (2**31, 2**31))
    assert_same(mask[2**30 : 2**30 + 3, 7:57], oracle.decide(KEY, 0.1, index))
    far = 2**61 + 12345
    assert_same(mask.flat[far : far + 99], oracle.decide(KEY, 0.1, far + np.arange(99, dtype=np.uint64)))
    assert mask[2**31 - 1, 2**31 - 1] == oracle.decide(KEY, 0.1, np.array([2**62 - 1]))[0]
    assert_same(mask[-2:, -1], oracle.decide(KEY, 0.1, np.array([2**62 - 2**31 - 1, 2**62 - 1])))


def test_equality():
    mask = lazy()
    same = lazy()
    assert mask == same
    assert (mask != same) is False
    assert mask == mask.store() == same.store()
    others = [
        fd.Mask(SHAPE, 0.3, rng=fd.Key(71, 73)), lazy(0.31), fd.Mask((300, 9), 0.3, rng=fd.Key(*KEY)),
        lazy(share_axes=0), lazy(shard=fd.Shard((1, 0, 0), (9, 50, 9))), lazy(np.full(9, 0.3) + np.eye(1, 9)[0] / 9),
    ]  # fmt: skip
    for other in others:
        assert mask != other
        assert mask != other.store()
        assert mask.store() != other.store()
    assert mask != "mask"
    assert mask != mask.to_bool().tolist()
    assert fd.Mask.from_bool(mask.to_bool(), 0.3) == mask.store()
    assert fd.Mask.from_bool(mask.to_bool(), 0.31) != mask.store()
    wrong = mask.to_bool()
    wrong[-1, -1, -1] ^= True
    assert fd.Mask.from_bool(wrong, 0.3) != mask


def test_no_hash():
    """A lazy mask equals its stored copy, which a hash of either could not know without making all bits."""
    for mask in (lazy(), lazy().store()):
        with pytest.raises(TypeError, match="unhashable"):
            hash(mask)


@every_variant
def test_pickle_and_copy(make):
    for mask in (make(), make().store()):
        for again in (pickle.loads(pickle.dumps(mask)), copy.copy(mask), copy.deepcopy(mask)):
            assert again == mask
            assert again.stored == mask.stored
            assert_same(again.to_bool(), mask.to_bool())
            assert_same(again.apply(numbers(SHAPE)), mask.apply(numbers(SHAPE)))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(mask, protocol)) == mask
    assert len(pickle.dumps(fd.Mask((2**40,), 0.5, rng=1))) < 2000


@every_variant
def test_repr_says_what_it_is(make):
    for mask in (make(), make().store()):
        text = repr(mask)
        assert "Mask" in text
        assert str(SHAPE) in text
        assert len(text) < 600


def test_apply_checks():
    mask = lazy()
    for x, error in [
        (numbers((6, 50, 8)), ValueError),
        (numbers((50, 9)), ValueError),
        (numbers((1, 50, 9)), ValueError),
        (np.ones(SHAPE, dtype=np.int64), TypeError),
        (np.ma.masked_array(np.ones(SHAPE)), TypeError),
    ]:
        for one in (mask, mask.store()):
            with pytest.raises(error):
                one.apply(x)
    for scale in ("2", None.__class__, 1j, [1.0, 2.0]):
        with pytest.raises(TypeError, match="scale"):
            mask.apply(numbers(SHAPE), scale=scale)


def test_key_is_drawn_when_the_mask_is_made():
    rng, twin = np.random.default_rng(8), np.random.default_rng(8)
    first, second = fd.Mask((90,), 0.5, rng=rng), fd.Mask((90,), 0.5, rng=rng)
    assert first.key == fd.Key(*oracle.key_from_rng(twin))
    assert second.key == fd.Key(*oracle.key_from_rng(twin))
    first.to_bool()
    assert rng.bit_generator.state == twin.bit_generator.state
    assert fd.Mask((90,), 0.5).key != fd.Mask((90,), 0.5).key
