"""Key: an immutable pair of numbers, and the keys derived from it."""

import copy
import pickle

import numpy as np
import oracle
import pytest

import fastdrop as fd

ROLES = ("user", "child", "call", "part", "step", "sample", "replica")


def test_attributes_and_defaults():
    key = fd.Key(5)
    assert (key.seed, key.stream) == (5, 0)
    key = fd.Key(2**64 - 1, stream=np.uint64(2**63))
    assert (key.seed, key.stream) == (2**64 - 1, 2**63)
    assert type(key.seed) is int
    assert type(key.stream) is int


def test_value_semantics():
    key = fd.Key(5, 6)
    assert key == fd.Key(5, 6)
    assert (key != fd.Key(5, 6)) is False
    assert key not in (fd.Key(6, 5), fd.Key(5), (5, 6), "Key", None)
    assert hash(key) == hash(fd.Key(5, 6))
    assert len({fd.Key(i % 3, i % 2) for i in range(100)}) == 6
    for again in (pickle.loads(pickle.dumps(key)), copy.copy(key), copy.deepcopy(key)):
        assert again == key
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(key, protocol)) == key


def test_repr_can_be_typed_in():
    for key in (fd.Key(0), fd.Key(2**64 - 1, 2**64 - 1), fd.Key(7, 8)):
        assert eval(repr(key), {"Key": fd.Key, "fd": fd, "fastdrop": fd}) == key


@pytest.mark.parametrize("name", ["seed", "stream", "something"])
def test_immutable(name):
    key = fd.Key(5, 6)
    with pytest.raises((AttributeError, TypeError)):
        setattr(key, name, 1)
    assert key == fd.Key(5, 6)


@pytest.mark.parametrize("value", [-1, 2**64, 2**70, np.int64(-5)])
def test_out_of_range(value):
    with pytest.raises(ValueError, match=rf"seed.*{value}|{value}.*seed"):
        fd.Key(value)
    with pytest.raises(ValueError, match=rf"stream.*{value}|{value}.*stream"):
        fd.Key(0, value)


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "1", None, [1], np.float64(2), np.array([1, 2])])
def test_wrong_type(value):
    with pytest.raises(TypeError, match="seed"):
        fd.Key(value)
    with pytest.raises(TypeError, match="stream"):
        fd.Key(0, value)


@pytest.mark.parametrize("role", ROLES)
def test_fold_in(role):
    for number in (0, 1, 2, 2**32, 2**56 - 1):
        for seed, stream in ((0, 0), (2**64 - 1, 1), (3, 2**64 - 1)):
            wanted = fd.Key(*oracle.fold_in((seed, stream), role, number))
            assert fd.Key(seed, stream).fold_in(number, role) == wanted
            assert fd.Key(seed, stream).fold_in(np.int64(number), role=role) == wanted


def test_default_role_is_user():
    assert fd.Key(1).fold_in(4) == fd.Key(1).fold_in(4, role="user") != fd.Key(1).fold_in(4, role="call")


def test_derived_keys_differ():
    key = fd.Key(9)
    derived = {key} | {key.fold_in(n, role) for role in ROLES for n in range(50)}
    assert len(derived) == 1 + 50 * len(ROLES)


@pytest.mark.parametrize("number", [-1, 2**56, 2**64, np.int64(-3)])
def test_fold_in_number_out_of_range(number):
    with pytest.raises(ValueError, match=f"{number}"):
        fd.Key(1).fold_in(number)


@pytest.mark.parametrize("number", [True, 1.0, "1", None, [1]])
def test_fold_in_number_of_the_wrong_type(number):
    with pytest.raises(TypeError, match="n"):
        fd.Key(1).fold_in(number)


@pytest.mark.parametrize("role", ["User", "reserved", "", "layer"])
def test_unknown_role(role):
    with pytest.raises(ValueError, match="role") as caught:
        fd.Key(1).fold_in(0, role)
    assert repr(role) in str(caught.value)
    assert "replica" in str(caught.value)  # what is allowed


@pytest.mark.parametrize("role", [7, 15, 16, -1])
def test_role_numbers_out_of_range(role):
    with pytest.raises((TypeError, ValueError), match="role"):
        fd.Key(1).fold_in(0, role)


def test_generator():
    key = fd.Key(2**63 + 1, 12)
    philox = np.random.Philox(key=np.array([2**63 + 1, 12], dtype=np.uint64))
    wanted = np.random.Generator(philox).random(5)
    assert isinstance(key.generator(), np.random.Generator)
    assert np.array_equal(key.generator().random(5), wanted)
    assert np.array_equal(key.generator().random(5), wanted)  # each call starts anew: a key has no state


def test_generator_known_answers():
    """Philox4x64-10 of counter 0 and key 0 as Random123 publishes it; then two keys of our own."""
    bits = fd.Key(0).generator().bit_generator
    bits.advance(2**256 - 1)  # NumPy counts before it takes
    assert bits.random_raw(4).tolist() == [
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    ]
    answers = {
        fd.Key(42, 7): [0xA64064F34E84B9A3, 0xE287959A866A08FD, 0x8DC181F009B96C03, 0xF3F6001D4FA83454],
        fd.Key(42, 7).fold_in(3): [0x0C74063BD3245B15, 0x39D37CA4CA3EBECA, 0x9BDC0F6072B178E2, 0x97CCF2FFAD320B4E],
    }
    for key, words in answers.items():
        assert key.generator().bit_generator.random_raw(4).tolist() == words
        assert key.generator().integers(2**64 - 1, size=4, dtype=np.uint64, endpoint=True).tolist() == words


def test_generator_has_nothing_to_do_with_masks():
    key, n = fd.Key(5, 6), 100_000
    keep = fd.Mask(n, 0.5, rng=key).to_bool()
    for coins in (key.generator().random(n) < 0.5, key.generator().integers(2, size=n) == 1):
        assert abs((coins == keep).mean() - 0.5) < 5 * 0.5 / np.sqrt(n)


def test_same_key_same_mask_other_key_other_mask():
    x = np.ones(1000)
    key = fd.Key(4, 4)
    assert np.array_equal(fd.dropout(x, 0.5, rng=key), fd.dropout(x, 0.5, rng=key))
    assert not np.array_equal(fd.dropout(x, 0.5, rng=key), fd.dropout(x, 0.5, rng=key.fold_in(0)))
