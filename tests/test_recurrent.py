"""Variational dropout of sequences, and how the recurrent masks of a cell come from plain calls."""

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
from fastdrop import nn

PROBABILITIES = [0.0, 0.1, 0.5, 0.9, 1.0]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("p", PROBABILITIES)
def test_against_the_oracle(dtype, p, isa):
    """Each axis as time: one decision for all steps, numbered in the shape without it."""
    x = numbers((7, 5, 33), dtype, seed=1)
    for axis in (0, 1, 2, -2):
        small = tuple(n for a, n in enumerate(x.shape) if a != axis % 3)
        keep = np.expand_dims(oracle.keep_mask((9, 0), small, p), axis)
        wanted = oracle.apply(x, keep, oracle.scale(p) if p < 1 else 1.0)
        assert_same(fd.variational_dropout(x, p, rng=9, time_axis=axis), wanted)
        y, mask = fd.variational_dropout_forward(x, p, rng=9, time_axis=axis)
        assert_same(y, wanted)
        assert mask.nbytes == 0
        assert_same(fd.variational_dropout_backward(x, mask), wanted)


@pytest.mark.parametrize("p", [0.5, 0.2])
def test_the_order_of_batch_and_time_moves_no_mask(p):
    x = numbers((3, 8, 40))
    y = fd.variational_dropout(x, p, rng=2)
    other = fd.variational_dropout(x.swapaxes(0, 1), p, rng=2, time_axis=0)
    assert_same(np.ascontiguousarray(other.swapaxes(0, 1)), y)


def test_a_state_is_masked_alike_with_the_same_key():
    """What the docs say of the recurrent part: dropout of (batch, features) with the key is that of the sequence."""
    x = numbers((3, 8, 40))
    y, key = fd.variational_dropout(x, 0.3, rng=5), fd.Key(5)
    for t in range(8):
        assert_same(fd.dropout(x[:, t], 0.3, rng=key), np.ascontiguousarray(y[:, t]))


@pytest.mark.parametrize("p", [0.5, 0.3])
def test_share_of_dropped_features(p):
    x = np.ones((400, 2, 250), np.float32)
    y = fd.variational_dropout(x, p, rng=3)
    dropped = (y[:, 0] == 0).mean()
    assert abs(dropped - p) < 5 * np.sqrt(p * (1 - p) / 100_000)
    assert abs(y.mean() - 1) < 5 * np.sqrt(p / (1 - p) / 100_000)


def test_in_place_strides_threads_and_shards():
    x = numbers((6, 50, 80))
    wanted = fd.variational_dropout(x, 0.3, rng=4)
    for threads in (1, 2):
        assert_same(fd.variational_dropout(x, 0.3, rng=4, threads=threads), wanted)
    assert_same(fd.variational_dropout(np.asfortranarray(x), 0.3, rng=4), wanted)
    y = x.copy()
    assert fd.variational_dropout(y, 0.3, rng=4, out=y) is y
    assert_same(y, wanted)
    for rows in (slice(0, 2), slice(2, 6)):
        shard = fd.Shard((rows.start, 20, 30), (6, 50, 80))  # the place on the time axis does not matter
        block = fd.variational_dropout(x[rows, 7:20, 30:], 0.3, rng=4, shard=shard)
        assert_same(block, wanted[rows, 7:20, 30:])


def test_p_for_each_feature():
    x, p = numbers((4, 5, 6)), np.linspace(0.0, 1.0, 6)
    y = fd.variational_dropout(x, p, rng=4)
    assert not y[..., 5].any()
    assert_same(np.ascontiguousarray(y[..., 0]), np.ascontiguousarray(x[..., 0]))


def test_without_training_and_empty():
    x = numbers((2, 3, 4))
    assert fd.variational_dropout(x, 0.5, training=False) is x
    assert fd.variational_dropout(x, 0.0, rng=1) is x
    generator, twin = np.random.default_rng(1), np.random.default_rng(1)
    for shape in ((0, 3, 4), (2, 0, 4), (2, 3, 0)):
        empty = np.empty(shape, np.float32)
        assert fd.variational_dropout(empty, 0.5, rng=generator).shape == shape
        twin.integers(0, 2**64 - 1, size=2, dtype=np.uint64, endpoint=True)
    assert generator.bit_generator.state == twin.bit_generator.state


def test_bad_input():
    x = numbers((2, 3, 4))
    for function in (fd.variational_dropout, fd.variational_dropout_forward):
        for bad in (3, -4):
            with pytest.raises(ValueError, match=r"time_axis has to be an axis of x, whose shape is \(2, 3, 4\)"):
                function(x, 0.5, time_axis=bad)
        for bad in (None, 1.0, True, (1,)):
            with pytest.raises(TypeError, match="time_axis has to be an int"):
                function(x, 0.5, time_axis=bad)
        with pytest.raises(ValueError, match="time_axis has to be an axis of x"):
            function(np.float32(1), 0.5)
        with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
            function(x, 1.5)
        with pytest.raises(TypeError, match="x has to be of dtype"):
            function(np.arange(6).reshape(2, 3), 0.5)
        with pytest.raises(ValueError, match="p has to broadcast to the mask's shape"):
            function(x, np.full((2, 3, 4), 0.5))
    with pytest.raises(TypeError, match="training has to be a bool"):
        fd.variational_dropout(x, 0.5, training=1)
    with pytest.raises(TypeError, match="mask has to be a Mask"):
        fd.variational_dropout_backward(x, 0.5)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_cell_of_ones_own_is_the_layer(p):
    """The how-to's calls, step by step with a layer's keys, give what the layer gives."""
    layer = nn.LSTM(3, 4, zoneout_h=p, candidate_dropout=0.5, rng=6, dtype=np.float64)
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    y = layer(x)
    key = fd.Key(6).fold_in(0, role="call")
    h, c = np.zeros((2, 2, 4))
    for t in range(5):
        z = x[:, t] @ layer.weight_ih.data.T + h @ layer.weight_hh.data.T + layer.bias.data
        i, f, g, o = z.reshape(2, 4, 4).swapaxes(0, 1)
        step = [key.fold_in(part, role="part").fold_in(t, role="step") for part in range(3)]
        c = c / (1 + np.exp(-f)) + fd.dropout(np.tanh(g), 0.5, rng=step[2]) / (1 + np.exp(-i))
        h = fd.zoneout(np.tanh(c) / (1 + np.exp(-o)), h, p, rng=step[1])
        np.testing.assert_allclose(y[:, t], h, rtol=1e-12, atol=1e-14)
