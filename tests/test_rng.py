"""Every row of the table from rng= to a key, and when a generator is asked for its numbers."""

import random

import numpy as np
import oracle
import pytest

import fastdrop as fd

GENERATORS = {
    "default_rng": lambda: np.random.default_rng(3),
    "PCG64": lambda: np.random.PCG64(3),
    "PCG64DXSM": lambda: np.random.PCG64DXSM(3),
    "MT19937": lambda: np.random.MT19937(3),
    "Philox": lambda: np.random.Philox(3),
    "SFC64": lambda: np.random.SFC64(3),
    "Generator of MT19937": lambda: np.random.Generator(np.random.MT19937(3)),
}
every_generator = pytest.mark.parametrize("make", GENERATORS.values(), ids=[n.replace(" ", "-") for n in GENERATORS])


def key_of(rng) -> fd.Key:
    return fd.Mask((4,), 0.3, rng=rng).key


def state_of(rng):
    return repr((rng.bit_generator if isinstance(rng, np.random.Generator) else rng).state)


def test_key_is_itself():
    assert key_of(fd.Key(3, 4)) == fd.Key(3, 4)


@pytest.mark.parametrize("n", [0, 1, 2**64 - 1, np.uint64(2**64 - 1), np.int8(5), np.int64(2**62)])
def test_integers(n):
    assert key_of(n) == fd.Key(int(n), 0)


@pytest.mark.parametrize("n", [-1, 2**64, -(2**70), np.int16(-3)])
def test_integers_out_of_range(n):
    with pytest.raises(ValueError, match="rng") as caught:
        key_of(n)
    assert str(int(n)) in str(caught.value)


@pytest.mark.parametrize(
    "entropy", [[1, 2, 3], (1, 2, 3), [0], [2**64, 5], np.array([7, 8]), np.array([9], dtype="u1")]
)
def test_sequences_of_integers(entropy):
    wanted = np.random.SeedSequence(list(map(int, entropy)))
    assert key_of(entropy) == fd.Key(*oracle.key_from_rng(wanted))


@pytest.mark.parametrize("bad", [[-1], [1, -2], np.array([-1])])
def test_sequences_of_negative_integers(bad):
    with pytest.raises(ValueError, match="rng"):
        key_of(bad)


@pytest.mark.parametrize(
    "bad", [[1.5], [True], ["1"], [[1, 2]], np.array([1.5]), np.array([True]), np.eye(2, dtype=int), [None]]
)
def test_other_sequences(bad):
    with pytest.raises((TypeError, ValueError), match="rng"):
        key_of(bad)


def test_seed_sequence_is_not_advanced():
    sequence = np.random.SeedSequence(12, spawn_key=(3,))
    wanted = fd.Key(*(int(v) for v in sequence.generate_state(2, np.uint64)))
    assert key_of(sequence) == key_of(sequence) == wanted
    assert sequence.n_children_spawned == 0
    children = np.random.SeedSequence(12).spawn(2)
    assert key_of(children[0]) != key_of(children[1])


@every_generator
def test_generators_are_drawn_from(make):
    rng, twin = make(), make()
    for _ in range(3):
        assert key_of(rng) == fd.Key(*oracle.key_from_rng(twin))
    assert state_of(rng) == state_of(twin)


CALLS = {
    "dropout": lambda x, p, rng: fd.dropout(x, p, rng=rng),
    "forward": lambda x, p, rng: fd.dropout_forward(x, p, rng=rng),
    "mask": lambda x, p, rng: fd.Mask(np.shape(x), p, rng=rng),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("shape", [(100,), (0,), ()])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_one_draw_a_call_whatever_p_and_size(call, shape, p):
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    CALLS[call](np.ones(shape), p, rng)
    oracle.key_from_rng(twin)
    assert state_of(rng) == state_of(twin)


def test_no_draw_in_eval():
    rng = np.random.default_rng(5)
    before = state_of(rng)
    fd.dropout(np.ones(100), 0.5, rng=rng, training=False)
    assert state_of(rng) == before


def test_no_draw_before_all_arguments_were_checked():
    rng = np.random.default_rng(5)
    before = state_of(rng)
    x = np.ones((4, 5))
    for bad in (
        {"p": 1.5},
        {"p": np.full((3, 3), 0.5)},
        {"out": np.ones((5, 4))},
        {"share_axes": 7},
        {"noise_shape": (4,)},
        {"shard": fd.Shard((0,), (3,))},
        {"threads": 0},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            fd.dropout(x, rng=rng, **bad)
        with pytest.raises(ValueError, match=r"\w"):
            fd.dropout_forward(x, rng=rng, **bad)
    with pytest.raises(TypeError, match="x"):
        fd.dropout(np.arange(4), 0.5, rng=rng)
    assert state_of(rng) == before


def test_none_is_fresh_each_time():
    assert len({key_of(None) for _ in range(20)}) == 20


def test_numpy_global_state_is_left_alone():
    before = repr(np.random.get_state())
    python_before = random.getstate()
    fd.dropout(np.ones(50), 0.5)
    assert repr(np.random.get_state()) == before
    assert random.getstate() == python_before


@pytest.mark.parametrize(
    "bad",
    [
        np.random.RandomState(1),
        np.random,
        random,
        random.Random(1),
        1.5,
        "5",
        b"5",
        True,
        np.True_,
        np.float64(1),
        {1: 2},
        object(),
    ],
    ids=repr,
)
def test_everything_else_is_a_type_error_that_names_default_rng(bad):
    x = np.full(10, 3.0)
    for call in (
        lambda: fd.dropout(x, 0.5, rng=bad, out=x),
        lambda: fd.dropout_forward(x, 0.5, rng=bad, out=x),
        lambda: fd.Mask((10,), 0.5, rng=bad),
    ):
        with pytest.raises(TypeError, match="rng") as caught:
            call()
        assert "default_rng" in str(caught.value)
    assert np.all(x == 3)
