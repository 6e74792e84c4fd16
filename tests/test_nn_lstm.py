"""nn.LSTM: every way to drop against a plain float64 loop on the same masks, gradients, keys, evaluation, bad input."""

import copy

import numpy as np
import oracle
import oracle_lstm
import pytest
from helpers import assert_same

import fastdrop as fd
from fastdrop import nn

KINDS = [
    {},
    {"dropout": 0.3},
    {"recurrent_dropout": 0.25},
    {"candidate_dropout": 0.5},
    {"candidate_dropout": 0.3, "per_sequence": True},
    {"zoneout_h": 0.2},
    {"zoneout_c": 0.5},
    {"dropout": 0.5, "recurrent_dropout": 0.4, "candidate_dropout": 0.2},
    {"dropout": 0.2, "recurrent_dropout": 0.5, "zoneout_c": 0.3},
    {"dropout": 0.1, "candidate_dropout": 0.5, "zoneout_h": 0.6},
    {"zoneout_h": 0.3, "zoneout_c": 0.3},
    {"recurrent_dropout": 1.0, "candidate_dropout": 1.0},
    {"dropout": 1.0, "zoneout_h": 1.0, "zoneout_c": 1.0},
]


def name(kind):
    return ",".join(f"{k}={v}" for k, v in kind.items()) or "plain"


kinds = pytest.mark.parametrize("kind", KINDS, ids=name)
X = np.random.default_rng(1).normal(size=(5, 7, 4))
STATE = tuple(np.random.default_rng(2).normal(size=(2, 5, 6)) * 0.5)


def make(kind=None, rng=3, dtype=np.float64, **more):
    return nn.LSTM(4, 6, rng=rng, dtype=dtype, **(kind or {}), **more)


def weights(layer):
    return tuple(p.data for p in layer.parameters())


def switched(layer, **rates):
    """A copy of a layer with other rates, the same key and count."""
    other = copy.deepcopy(layer)
    for rate, p in rates.items():
        setattr(other, rate, p)
    return other


# ---- forward ----


@kinds
@pytest.mark.parametrize("state", [None, STATE], ids=["zeros", "state"])
def test_forward_against_the_loop(kind, state, isa):
    layer = make(kind)
    for call in range(2):
        wanted, final = oracle_lstm.forward(X, *weights(layer), key=(3, 0), call=call, state=state, **kind)
        y, (h, c) = layer(X, state, return_state=True)
        np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose([h, c], final, rtol=1e-12, atol=1e-14)
    assert layer.calls == 2


@kinds
def test_forward_in_float32(kind):
    layer = make(kind, dtype=np.float32)
    y = layer(X)
    assert y.dtype == np.float32
    wanted, _ = oracle_lstm.forward(X.astype(np.float32), *weights(layer), key=(3, 0), **kind)
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-6)


@kinds
def test_batch_first_moves_nothing_but_axes(kind):
    one, other = make(kind), make(kind, batch_first=False)
    y = one(X)
    assert_same(other(X.swapaxes(0, 1)), np.ascontiguousarray(y.swapaxes(0, 1)))
    dy = np.random.default_rng(4).normal(size=y.shape)
    assert_same(one.backward(dy), np.ascontiguousarray(other.backward(dy.swapaxes(0, 1)).swapaxes(0, 1)))
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert_same(a.grad, b.grad)


def test_without_bias():
    layer = make(bias=False)
    assert [p.shape for p in layer.parameters()] == [(24, 4), (24, 6)]
    wanted, _ = oracle_lstm.forward(X, *weights(layer), 0.0)
    np.testing.assert_allclose(layer(X), wanted, rtol=1e-12, atol=1e-14)
    layer.backward(np.ones((5, 7, 6)))


def test_huge_preactivations_overflow_nothing():
    layer = make(dtype=np.float32)
    with np.errstate(all="raise", under="ignore"):
        y = layer(np.float32(1e30) * np.sign(X))
        dx = layer.backward(np.ones_like(y))
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("kind", [KINDS[7], {"zoneout_h": 0.3, "zoneout_c": 0.5}], ids=name)
def test_threads_change_nothing(kind, isa):
    """With states large enough to be shared out."""
    x = np.random.default_rng(3).normal(size=(512, 2, 4)).astype(np.float32)

    def run(threads):
        before = fd.get_num_threads()
        fd.set_num_threads(threads)
        try:
            layer = nn.LSTM(4, 256, rng=3, **kind)
            y = layer(x)
            return y, layer.backward(np.ones_like(y)), layer.weight_hh.grad
        finally:
            fd.set_num_threads(before)

    for a, b in zip(run(1), run(2), strict=True):
        assert_same(a, b)


# ---- gradients ----


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@kinds
def test_gradients(kind, training):
    """Central differences along random directions of x, the initial state and all parameters, masks held by the key."""
    rng = np.random.default_rng(5)
    layer = make(kind).train(training)
    x, h, c = X.copy(), *(s.copy() for s in STATE)
    dy, dh, dc = rng.normal(size=(5, 7, 6)), *rng.normal(size=(2, 5, 6))

    def loss():
        layer._calls = 0
        y, final = layer(x, (h, c), return_state=True)
        return float((y * dy).sum() + (final[0] * dh).sum() + (final[1] * dc).sum())

    loss()
    dx = layer.backward(dy, (dh, dc))
    gradients = [dx, *layer.state_grad, *(p.grad for p in layer.parameters())]
    for source, gradient in zip([x, h, c, *weights(layer)], gradients, strict=True):
        assert gradient.shape == source.shape
        for _ in range(3):
            direction, before, values = rng.normal(size=source.shape), source.copy(), []
            for step in (1e-5, -1e-5):
                source[...] = before + step * direction
                values.append(loss())
            source[...] = before
            wanted = (values[0] - values[1]) / 2e-5
            assert (gradient * direction).sum() == pytest.approx(wanted, rel=1e-6, abs=1e-8)


def test_gradients_add_up_and_backward_can_be_repeated():
    layer = make({"dropout": 0.3, "candidate_dropout": 0.5, "zoneout_h": 0.2})
    dy = np.random.default_rng(6).normal(size=layer(X).shape)
    dx = layer.backward(dy)
    once = [p.grad.copy() for p in layer.parameters()]
    assert_same(layer.backward(dy), dx)
    for parameter, gradient in zip(layer.parameters(), once, strict=True):
        assert_same(parameter.grad, gradient + gradient)


def test_backward_belongs_to_the_latest_forward():
    kind = {"recurrent_dropout": 0.5, "zoneout_c": 0.5}
    layer, other = make(kind), make(kind)
    y = layer(X)
    layer(X)
    other._calls = 1
    other(X)
    assert_same(layer.backward(np.ones_like(y)), other.backward(np.ones_like(y)))


def test_the_output_and_the_input_are_not_the_layers_own():
    layer, again = make(), make()
    x = X.copy()
    y, other = layer(x), again(x)
    dy = np.ones_like(y)
    x[...] = y[...] = 7
    assert_same(layer.backward(dy), again.backward(dy))
    assert (dy == 1).all()
    assert not np.shares_memory(other, again._trace.h)


# ---- what is tied over time and what is drawn anew ----


def blocked(**kind):
    """A layer whose gates are open and whose candidate is 1: the cell counts the steps, h is nearly tanh of it."""
    layer = nn.LSTM(3, 400, rng=8, dtype=np.float64, **kind)
    layer.weight_ih.data, layer.weight_hh.data = np.zeros((1600, 3)), np.zeros((1600, 400))
    layer.bias.data = np.full(1600, 40.0)
    return layer


X8 = np.zeros((2, 5, 3))


def test_candidate_masks_are_fresh_or_tied():
    def kept(**kind):
        layer = blocked(candidate_dropout=0.5, **kind)
        layer(X8)
        return np.diff(layer._trace.c, axis=0) > 1  # a kept candidate adds 2, a dropped one nothing

    fresh, tied = kept(), kept(per_sequence=True)
    assert (tied == tied[:1]).all()
    for t in range(1, 5):
        assert 0.4 < (fresh[t] == fresh[0]).mean() < 0.6
    assert 0.45 < fresh.mean() < 0.55


def test_zoneout_masks_are_fresh_and_of_h_and_c_different():
    layer = blocked(zoneout_h=0.5, zoneout_c=0.5)
    y = layer(X8)
    moved_c, moved_h = np.diff(layer._trace.c, axis=0) != 0, np.diff(y, axis=1, prepend=0.0).swapaxes(0, 1) != 0
    for t in range(1, 5):
        assert 0.4 < (moved_c[t] == moved_c[0]).mean() < 0.6
    assert 0.4 < (moved_c[0] == moved_h[0]).mean() < 0.6


def test_recurrent_masks_are_tied_over_time_and_gates():
    """Seen from outside: with one weight 1 from each unit to itself, a dropped unit's gate hears nothing, ever."""
    n = 200
    layer = nn.LSTM(1, n, recurrent_dropout=0.5, rng=8, dtype=np.float64)
    layer.weight_ih.data = np.zeros((4 * n, 1))
    layer.bias.data = np.full(4 * n, 0.3)
    layer.weight_hh.data = np.tile(np.eye(n), (4, 1))
    silent = switched(layer, recurrent_dropout=1.0)
    x = np.zeros((2, 6, 1))
    deaf = layer(x) == silent(x)
    assert deaf[:, 0].all()  # the initial state is zero
    assert (deaf[:, 1:] == deaf[:, 1:2]).all()
    assert 0.4 < deaf[:, 1].mean() < 0.6
    assert_same(deaf[:, 1], ~oracle.keep_mask(oracle_lstm.keys((8, 0), 0, 1), (2, n), 0.5))


def test_input_masks_are_tied_over_time():
    layer = nn.LSTM(100, 1, dropout=0.5, rng=8)
    y = layer(np.ones((3, 6, 100)))
    dx = layer.backward(np.ones_like(y))
    assert ((dx == 0) == (dx == 0)[:, :1]).all()
    assert_same(dx[:, 0] != 0, oracle.keep_mask(oracle_lstm.keys((8, 0), 0, 0), (3, 100), 0.5))


def test_zoneout_of_everything_keeps_the_initial_state():
    layer = make({"zoneout_h": 1.0, "zoneout_c": 1.0})
    y, (_, c) = layer(X, STATE, return_state=True)
    assert_same(y, np.repeat(STATE[0][:, None], 7, axis=1))
    assert_same(c, STATE[1])
    dx = layer.backward(np.ones_like(y))
    assert not dx.any()
    assert (layer.state_grad[0] == 7).all()


def test_expectation_of_zoneout():
    """One step: the mean of many training outputs is what evaluation gives, within five standard errors."""
    n, x = 4000, X[:1, :1]
    layer, p = make({"zoneout_h": 0.3}), 0.3
    state = tuple(np.repeat(s[:1], n, axis=0) for s in STATE)
    y = layer(np.repeat(x, n, axis=0), state)[:, 0]
    mean = layer.eval()(x, tuple(s[:1] for s in STATE))[0, 0]
    old = STATE[0][0]
    new = (mean - p * old) / (1 - p)
    assert (abs(y.mean(axis=0) - mean) < 5 * abs(new - old) * np.sqrt(p * (1 - p) / n)).all()


def test_mean_of_dropout_in_the_cell():
    """The candidate is scaled, so that the mean of a cell after one step is that without dropout."""
    n = 4000
    layer = make({"candidate_dropout": 0.4})
    _, (_, c) = layer(np.repeat(X[:1, :1], n, axis=0), return_state=True)
    _, (_, plain) = switched(layer, candidate_dropout=0.0)(X[:1, :1], return_state=True)
    assert (abs(c.mean(axis=0) - plain[0]) < 5 * abs(plain[0]) * np.sqrt(0.4 / 0.6 / n)).all()


# ---- keys ----


def test_changing_one_rate_moves_no_other_mask():
    one = make({"candidate_dropout": 0.5, "zoneout_h": 0.2})
    other = switched(one, dropout=0.3)
    one(X)
    other(X)
    for t in range(7):
        assert one._trace.drops.candidate.at(t) == other._trace.drops.candidate.at(t)
        assert one._trace.drops.zone_h.at(t) == other._trace.drops.zone_h.at(t)


def test_the_first_steps_do_not_depend_on_how_many_follow():
    layer, other = (make({"dropout": 0.3, "candidate_dropout": 0.5, "zoneout_h": 0.5}) for _ in range(2))
    np.testing.assert_allclose(layer(X)[:, :3], other(X[:, :3]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("training", [True, False])
def test_samples_of_one_call(training):
    """Monte Carlo: sample s is folded in after the time step, the count stands still, zoneout draws."""
    kind = {"dropout": 0.2, "recurrent_dropout": 0.5, "zoneout_c": 0.3}
    layer = make(kind).train(training)
    for s in range(3):
        layer._sample = s
        wanted, _ = oracle_lstm.forward(X, *weights(layer), key=(3, 0), sample=s, **kind)
        np.testing.assert_allclose(layer(X), wanted, rtol=1e-12, atol=1e-14)
    assert layer.calls == 0
    layer._sample = 1
    layer.candidate_dropout, layer.zoneout_c = 0.0, 0.0
    layer.candidate_dropout = 0.4
    for tied in (False, True):
        layer.per_sequence = tied
        kind = {"dropout": 0.2, "recurrent_dropout": 0.5, "candidate_dropout": 0.4, "per_sequence": tied}
        wanted, _ = oracle_lstm.forward(X, *weights(layer), key=(3, 0), sample=1, **kind)
        np.testing.assert_allclose(layer(X), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("inputs", "hidden"), [(4, 6), (1, 1), (100, 70)])
def test_initial_values(inputs, hidden, dtype):
    layer = nn.LSTM(inputs, hidden, rng=fd.Key(5, 6), dtype=dtype)
    n = 4 * hidden * (inputs + hidden + 1)
    words = oracle.noise_words(oracle.fold_in((5, 6), "part", 5), np.arange(n))
    values = ((2 * ((words.astype(np.float64) + 0.5) / 2.0**32) - 1) / np.sqrt(hidden)).astype(dtype)
    found = [layer.bias.data, layer.weight_hh.data, layer.weight_ih.data]  # in whichever order they are asked for
    assert_same(np.concatenate([a.reshape(-1) for a in reversed(found)]), values)


def test_containers_hand_keys_down_and_networks_train():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(20, 6, 4)).astype(np.float32)
    labels = (np.cumsum(x[:, :, 0], axis=1) > 0).astype(int)
    model = nn.Sequential(
        nn.LSTM(4, 16, dropout=0.1, recurrent_dropout=0.1, candidate_dropout=0.1), nn.Linear(16, 2), rng=1
    )
    assert model[0].key == fd.Key(1).fold_in(0, role="child")
    loss = nn.CrossEntropyLoss()
    adam = nn.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        loss(model(x), labels)  # (batch, time, classes) and (batch, time)
        model.backward(loss.backward())
        adam.step()
        adam.zero_grad()
    assert loss(model.eval()(x), labels) < 0.4
    assert model[0].calls == 60


# ---- evaluation ----


@kinds
@pytest.mark.parametrize("zoneout_eval", ["expectation", "identity"])
def test_evaluation(kind, zoneout_eval):
    layer = make(kind, zoneout_eval=zoneout_eval).eval()
    rates = {k: v for k, v in kind.items() if k.startswith("zoneout") and zoneout_eval == "expectation"}
    wanted, final = oracle_lstm.forward(X, *weights(layer), state=STATE, mean=True, **rates)
    y, (h, c) = layer(X, STATE, return_state=True)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose([h, c], final, rtol=1e-12, atol=1e-14)
    assert layer.calls == 0


def test_state_carries_a_sequence_on():
    layer = make({"zoneout_h": 0.3, "dropout": 0.2}).eval()
    whole = layer(X)
    first, state = layer(X[:, :3], return_state=True)
    np.testing.assert_allclose(np.concatenate([first, layer(X[:, 3:], state)], axis=1), whole, rtol=1e-12, atol=1e-14)


# ---- PyTorch ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_torch(dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layer = make(dtype=dtype)
    other = torch.nn.LSTM(4, 6, batch_first=True, dtype=getattr(torch, np.dtype(dtype).name))
    state = {"weight_ih_l0": layer.weight_ih, "weight_hh_l0": layer.weight_hh, "bias_ih_l0": layer.bias}
    tensors = {k: torch.from_numpy(v.data.copy()) for k, v in state.items()}
    other.load_state_dict(tensors | {"bias_hh_l0": torch.zeros_like(tensors["bias_ih_l0"])})
    x = torch.from_numpy(X.astype(dtype)).requires_grad_()
    start = tuple(torch.from_numpy(s.astype(dtype))[None] for s in STATE)
    wanted, final = other(x, start)
    y, (h, c) = layer(X, STATE, return_state=True)
    close = {"rtol": 1e-4, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-11, "atol": 1e-13}
    for got, want in ((y, wanted), (h, final[0][0]), (c, final[1][0])):
        np.testing.assert_allclose(got, want.detach().numpy(), **close)
    dy = np.random.default_rng(9).normal(size=y.shape).astype(dtype)
    wanted.backward(torch.from_numpy(dy))
    np.testing.assert_allclose(layer.backward(dy), x.grad.numpy(), **close)
    for ours, theirs in (("weight_ih", "weight_ih_l0"), ("weight_hh", "weight_hh_l0"), ("bias", "bias_ih_l0")):
        np.testing.assert_allclose(getattr(layer, ours).grad, getattr(other, theirs).grad.numpy(), **close)
