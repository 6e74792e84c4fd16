"""Monte Carlo dropout of models: keys of passes, what is switched on and off, running moments."""

import numpy as np
import oracle
import pytest
from helpers import assert_same

import fastdrop as fd
from fastdrop import nn

X = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)


def deep(rng=7):
    inner = nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 8), nn.Sequential(nn.GaussianDropout(0.2)))
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), inner, nn.Dropout(0.3), nn.Linear(8, 2), rng=rng)


def layer_key(seed, call, sample):
    key = oracle.fold_in(oracle.fold_in((seed, 0), "call", call), "part", 0)
    return oracle.fold_in(key, "sample", sample)


def test_keys_of_passes():
    """(call, c), (part, 0), (sample, s): the samples of mc_dropout under the key of the call."""
    layer, x = nn.Dropout(0.4, rng=3), np.ones((4, 50), np.float32)
    layer(x)
    layer.eval()
    with nn.mc(layer) as passes:
        ys = [layer(x) for _ in range(3)]
        assert passes.number == 3
    for s, y in enumerate(ys):
        assert_same(y, oracle.dropout(x, layer_key(3, 1, s), 0.4))
    key = fd.Key(3).fold_in(1, role="call").fold_in(0, role="part")
    assert_same(np.stack(ys), fd.mc_dropout(x, 0.4, samples=3, rng=key))
    assert layer.calls == 1
    assert layer(x) is x


def test_the_same_passes_again_and_training_goes_on():
    model, other = deep(), deep()
    for net in (model, other):
        net(X)
    model.eval()
    before = model(X)
    with nn.mc(model):
        first = [model(X) for _ in range(4)]
    with nn.mc(model) as passes:
        second = [model(X) for _ in passes.range(4)]
    for a, b in zip(first, second, strict=True):
        assert_same(a, b)
    assert len({y.tobytes() for y in first}) == 4
    assert_same(model(X), before)
    assert_same(model.train()(X), other(X))
    assert model.state_dict().keys() == other.state_dict().keys()
    assert all(np.array_equal(model.state_dict()[name], value) for name, value in other.state_dict().items())


def test_every_layer_that_draws_is_switched_and_no_other():
    model = deep().eval()
    with nn.mc(model):
        drawing = [module for module in model.modules() if isinstance(module, nn.RandomModule)]
        assert [type(module).__name__ for module in drawing] == ["Dropout", "GaussianDropout", "Dropout"]
        assert [module._sample for module in drawing] == [0, 0, 0]
        assert not any("_sample" in vars(m) for m in model.modules() if not isinstance(m, nn.RandomModule))
        assert not model.training
    assert not any("_sample" in vars(module) or "forward" in vars(module) for module in model.modules())


def test_training_mode_is_left_alone():
    layer, x = nn.Dropout(0.5, rng=1), np.ones(64)
    with nn.mc(layer):
        y = layer(x)
        assert layer.training
    assert layer.calls == 0
    assert_same(y, oracle.dropout(x, layer_key(1, 0, 0), 0.5))
    assert_same(layer(x), fd.dropout(x, 0.5, rng=fd.Key(1).fold_in(0, role="call").fold_in(0, role="part")))
    assert layer.calls == 1


def test_off_again_after_an_error_and_by_hand():
    model = deep().eval()
    passes = nn.mc(model)
    model(X)
    with pytest.raises(ValueError, match="x has to be of shape"), passes:
        model(X[:, :2])
    assert passes.closed
    assert passes.number == 1  # what failed was no pass
    assert_same(model(X), model(X))
    sampling = nn.mc(model)
    assert not np.array_equal(model(X), model(X))
    sampling.close()
    sampling.close()
    assert_same(model(X), model(X))
    with pytest.raises(RuntimeError, match="it was closed"):
        next(sampling.range(3))
    assert "forward" not in vars(model)


def test_nesting():
    """One model is sampled once at a time; two models may be."""
    model, other = deep().eval(), deep(8).eval()
    with nn.mc(model), nn.mc(other):
        model(X)
        with pytest.raises(RuntimeError, match="is being sampled already: its Dropout is"):
            nn.mc(model)
        with pytest.raises(RuntimeError, match="is being sampled already"):
            nn.mc(nn.Sequential(nn.ReLU(), model[2]))
        assert model[3]._sample == 1
        assert other[3]._sample == 0
    with nn.mc(model[2]):
        assert model[3]._sample is None
        assert model[2][0]._sample == 0
        model(X)
        assert model[2][0]._sample == 1  # a pass of the part is a pass, whoever calls


def test_turns_of_a_loop_are_passes():
    model = deep().eval()
    with nn.mc(model, samples=3) as passes:
        pairs = [(s, model(X), model(X)) for s in passes.range()]
        assert passes.number == 3
        fourth = model(X)
        for s in passes.range(10):
            if s == 5:
                with pytest.raises(RuntimeError, match="a loop over passes of this model is under way"):
                    next(passes.range(2))
                break
        after = model(X)
    assert [s for s, _, _ in pairs] == [0, 1, 2]
    for _, a, b in pairs:
        assert_same(a, b)
    with nn.mc(model):
        wanted = [model(X) for _ in range(7)]
    for (_, a, _), b in zip(pairs, wanted, strict=False):
        assert_same(a, b)
    assert_same(fourth, wanted[3])
    assert_same(after, wanted[6])
    with nn.mc(model) as passes:
        with pytest.raises(TypeError, match="samples has to be given, here or to mc"):
            passes.range()
        with pytest.raises(ValueError, match="samples has to be at least 1"):
            passes.range(0)
        seen = []
        for s in passes.range(9):
            seen.append(s)
            if s == 1:
                passes.close()
    assert seen == [0, 1]


def test_forward_called_directly_counts_and_a_users_forward_comes_back():
    layer, x = nn.Dropout(0.5, rng=1).eval(), np.ones(64)
    with nn.mc(layer):
        assert not np.array_equal(layer.forward(x), layer.forward(x))
    mine = layer.forward
    layer.forward = mine
    with nn.mc(layer):
        layer(x)
    assert layer.forward is mine


def test_backward_belongs_to_the_latest_pass():
    layer, x = nn.Dropout(0.5, rng=1).eval(), np.ones(64)
    with nn.mc(layer):
        layer(x)
        y = layer(x)
        assert_same(layer.backward(x), y)
    assert_same(layer.backward(x), y)


def test_a_model_that_draws_nothing_warns():
    model = nn.Sequential(nn.Linear(6, 2, rng=1))
    with pytest.warns(UserWarning, match="model has no layer that draws"), nn.mc(model):
        pass
    with pytest.warns(UserWarning, match="no layer that draws"):
        _, variance = nn.mc_predict(model, X, samples=3)
    assert not variance.any()


def test_predict():
    model = deep().eval()
    mean, variance = nn.mc_predict(model, X, samples=40)
    with nn.mc(model):
        ys = np.stack([model(X) for _ in range(40)]).astype(np.float64)
    np.testing.assert_allclose(mean, ys.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variance, ys.var(axis=0), rtol=1e-4)
    assert (mean.dtype, variance.dtype, mean.shape) == (np.float32, np.float32, (5, 2))
    again = nn.mc_predict(model, X, samples=40)
    assert_same(again[0], mean)
    with pytest.raises(ValueError, match="samples has to be at least 1"):
        nn.mc_predict(model, X, samples=0)
    with pytest.raises(TypeError, match="model has to be a Module, but got 3"):
        nn.mc_predict(3, X)


def test_predict_against_theory():
    """One linear layer after dropout: mean w x, variance p / (1 - p) sum (w x)^2, within five standard errors."""
    p, count = 0.3, 4000
    model = nn.Sequential(nn.Dropout(p), nn.Linear(6, 3, bias=False, dtype=np.float64), rng=2).eval()
    x = X[:1].astype(np.float64)
    weight = model[1].weight.data
    wanted_mean, wanted_variance = (weight @ x[0]), p / (1 - p) * (weight**2 @ x[0] ** 2)
    mean, variance = nn.mc_predict(model, x, samples=count)
    assert (np.abs(mean[0] - wanted_mean) <= 5 * np.sqrt(wanted_variance / count)).all()
    assert (np.abs(variance[0] - wanted_variance) <= 5 * wanted_variance * np.sqrt(2 / count)).all()


def test_predict_spares_x_from_layers_that_work_in_place():
    model = nn.Sequential(nn.Dropout(0.5, inplace=True), rng=1).eval()
    x = np.ones((4, 30))
    mean, _ = nn.mc_predict(model, x, samples=20)
    assert (x == 1).all()
    key = fd.Key(1).fold_in(0, role="child").fold_in(0, role="call").fold_in(0, role="part")
    np.testing.assert_allclose(mean, fd.mc_moments(x, 0.5, samples=20, rng=key)[0], rtol=1e-12)


# ---- running moments ----


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128, np.int32])
def test_running_moments(dtype):
    rng = np.random.default_rng(3)
    ys = (1000 + 10 * rng.normal(size=(50, 4, 3))).astype(dtype)
    if np.dtype(dtype).kind == "c":
        ys = ys + dtype(1j) * ys[::-1]
    moments = nn.RunningMoments()
    for y in ys:
        moments.update(y)
    exact = ys.astype(np.complex128 if ys.dtype.kind == "c" else np.float64)
    tight = 1e-12 if moments.variance.dtype == np.float64 else 1e-4
    np.testing.assert_allclose(moments.mean, exact.mean(axis=0), rtol=tight)
    np.testing.assert_allclose(moments.variance, exact.var(axis=0), rtol=tight)
    assert moments.count == 50
    assert moments.mean.dtype == {np.float16: np.float32, np.int32: np.float64}.get(dtype, dtype)
    assert repr(moments) == "RunningMoments(count=50)"


def test_running_moments_bad_input():
    moments = nn.RunningMoments()
    with pytest.raises(RuntimeError, match="call update"):
        _ = moments.mean
    with pytest.raises(RuntimeError, match="call update"):
        _ = moments.variance
    moments.update(np.float32(3))
    assert (moments.mean, moments.variance) == (3, 0)
    for bad, text in ((np.ones(2, np.float32), "shape of those before"), (None, "dtype")):
        with pytest.raises((ValueError, TypeError), match=text):
            moments.update(bad)
    with pytest.raises(TypeError, match="fits into that before, float32, but got float64"):
        moments.update(np.float64(3))
    assert moments.count == 1
