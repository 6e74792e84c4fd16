"""nn.LSTM: empty and extreme input, what is refused, saved states, repr. What it computes is in test_nn_lstm.py."""

import copy
import pickle

import numpy as np
import oracle
import pytest
from helpers import assert_same
from test_nn_lstm import STATE, X, kinds, make

import fastdrop as fd
from fastdrop import nn


@kinds
@pytest.mark.parametrize(("batch", "steps"), [(0, 3), (3, 0), (0, 0), (1, 1)])
def test_empty_and_tiny(kind, batch, steps):
    layer = make(kind)
    y, (h, c) = layer(np.ones((batch, steps, 4)), return_state=True)
    assert y.shape == (batch, steps, 6)
    assert h.shape == c.shape == (batch, 6)
    assert layer.backward(np.ones_like(y)).shape == (batch, steps, 4)
    assert [p.grad.shape for p in layer.parameters()] == [p.shape for p in layer.parameters()]
    assert layer.calls == 1
    layer.eval()(np.ones((batch, steps, 4)))


def test_dropping_all_of_the_input():
    layer = make({"dropout": 1.0})
    assert_same(layer(X * np.nan), make()(np.zeros_like(X)))
    assert not layer.backward(np.ones((5, 7, 6))).any()
    assert not layer.weight_ih.grad.any()


@pytest.mark.parametrize("rate", ["dropout", "recurrent_dropout", "candidate_dropout", "zoneout_h", "zoneout_c"])
def test_bad_rates(rate):
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=f"{rate}: dropout probability has to be between 0 and 1, but got"):
            make({rate: bad})
    for bad in (True, "0.5", None, 1j):
        with pytest.raises(TypeError, match=f"{rate}: p has to be a real number"):
            make({rate: bad})
    with pytest.raises(TypeError, match=f"{rate} has to be one number, but got an array of shape"):
        make({rate: [0.1, 0.2]})
    layer = make({rate: np.float32(0.5)})
    assert getattr(layer, rate) == 0.5
    with pytest.raises(ValueError, match=rate):
        setattr(layer, rate, 3)
    assert getattr(layer, rate) == 0.5


@pytest.mark.parametrize(("one", "other"), [("recurrent_dropout", "zoneout_h"), ("candidate_dropout", "zoneout_c")])
def test_rates_of_one_part_exclude_each_other(one, other):
    with pytest.raises(ValueError, match=f"{other} and {one} draw from the same part of the key"):
        make({one: 0.3, other: 0.1})
    for first, second in ((one, other), (other, one)):
        layer = make({first: 0.5})
        with pytest.raises(ValueError, match=r"one of them has to be 0, but got 0\.2 and 0\.5"):
            setattr(layer, second, 0.2)
        setattr(layer, first, 0)
        setattr(layer, second, 0.2)


def test_bad_arguments():
    for bad in (0, -3):
        with pytest.raises(ValueError, match="input_size has to be at least 1"):
            nn.LSTM(bad, 3)
        with pytest.raises(ValueError, match="hidden_size has to be at least 1"):
            nn.LSTM(3, bad)
    with pytest.raises(TypeError, match="hidden_size has to be an int"):
        nn.LSTM(3, 4.0)
    for flag in ("per_sequence", "batch_first", "bias"):
        with pytest.raises(TypeError, match=f"{flag} has to be a bool"):
            nn.LSTM(3, 4, **{flag: 1})
    with pytest.raises(ValueError, match="zoneout_eval has to be one of expectation, identity, but got 'mean'"):
        nn.LSTM(3, 4, zoneout_eval="mean")
    with pytest.raises(TypeError, match="dtype has to be float32 or float64, but got float16"):
        nn.LSTM(3, 4, dtype=np.float16)
    generator, twin = np.random.default_rng(3), np.random.default_rng(3)
    with pytest.raises(ValueError, match="zoneout_h"):
        nn.LSTM(3, 4, zoneout_h=2, rng=generator)
    assert nn.LSTM(3, 4, rng=generator).key == fd.Key(*oracle.key_from_rng(twin))


def test_bad_calls():
    layer = make({"dropout": 0.5})
    with pytest.raises(RuntimeError, match="this LSTM has had none"):
        layer.backward(np.ones((5, 7, 6)))
    for bad in (X[0], X[None], X[:, :, :3], 1.0):
        with pytest.raises(ValueError, match=r"x has to be of shape \(batch, time, 4\), but got"):
            layer(bad)
    with pytest.raises(ValueError, match=r"x has to be of shape \(time, batch, 4\), but got"):
        make(batch_first=False)(X[0])
    for bad in (X * 1j, np.ma.ones((5, 7, 4)), "x"):
        with pytest.raises(TypeError, match="x has to be"):
            layer(bad)
    with pytest.raises(TypeError, match="state has to be a tuple of two arrays, h and c"):
        layer(X, STATE[0])
    with pytest.raises(ValueError, match=r"state\[1\] has to be of shape \(5, 6\), but got \(4, 6\)"):
        layer(X, (STATE[0], STATE[1][:4]))
    with pytest.raises(TypeError, match="return_state has to be a bool"):
        layer(X, return_state=None)
    assert layer.calls == 0
    layer(X)
    with pytest.raises(ValueError, match=r"dy has to have the shape of the latest output, \(5, 7, 6\)"):
        layer.backward(np.ones((7, 5, 6)))
    with pytest.raises(ValueError, match=r"dstate\[0\] has to be of shape"):
        layer.backward(np.ones((5, 7, 6)), (np.ones(6), np.ones(6)))
    assert layer.weight_ih.grad is None


@pytest.mark.parametrize(
    "kind",
    [
        {"dropout": 0.5, "recurrent_dropout": 0.5, "candidate_dropout": 0.5},
        {"dropout": 0.2, "zoneout_h": 0.2, "zoneout_c": 0.5},
    ],
)
def test_no_mask_is_stored(kind):
    """A layer with a forward behind it is as large as one without dropout, but for a few numbers."""

    def size(layer):
        layer(np.ones((64, 50, 4), np.float32))
        return len(pickle.dumps(layer))

    plain, dropping = size(nn.LSTM(4, 256, rng=1)), size(nn.LSTM(4, 256, rng=1, **kind))
    assert plain > 50 * 64 * 256 * 4
    assert dropping - plain < 64 * 256 / 8  # the bits of one step


# ---- state and repr ----


def test_state_goes_on_exactly(tmp_path):
    kind = {"dropout": 0.2, "recurrent_dropout": 0.5, "zoneout_c": 0.3}
    trained, resumed = make(kind, dtype=np.float32), make(kind, rng=None, dtype=np.float32)
    trained(X)
    np.savez(tmp_path / "state.npz", **trained.state_dict())
    resumed.load_state_dict(np.load(tmp_path / "state.npz"))
    assert set(trained.state_dict()) == {"contract", "weight_ih", "weight_hh", "bias", "key", "calls"}
    assert_same(resumed(X), trained(X))
    assert resumed.calls == 2
    with pytest.raises(ValueError, match=r"weight_ih has to be of shape \(20, 4\), but got \(24, 4\)"):
        nn.LSTM(4, 5).load_state_dict(trained.state_dict())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_go_their_own_way(copied):
    """Before the initial values are drawn and after a call: the same values, keys and masks, and nothing in common."""
    layer = make({"recurrent_dropout": 0.5, "zoneout_c": 0.2})
    for _ in range(2):
        other = copied(layer)
        y = layer(X)
        assert_same(other(X), y)
        dx = layer.backward(np.ones_like(y))
        assert_same(other.backward(np.ones_like(y)), dx)
        other.weight_ih.data[...] = 0
        assert layer.weight_ih.data.all()


def test_repr():
    assert repr(nn.LSTM(3, 5)) == "LSTM(3, 5)"
    layer = nn.LSTM(
        3, 5, dropout=0.1, candidate_dropout=0.25, per_sequence=True, zoneout_h=0.5, zoneout_eval="identity",
        batch_first=False, bias=False, dtype="float64",
    )  # fmt: skip
    assert repr(layer) == (
        "LSTM(3, 5, dropout=0.1, candidate_dropout=0.25, zoneout_h=0.5, per_sequence=True, zoneout_eval='identity', "
        "batch_first=False, bias=False, dtype=float64)"
    )
