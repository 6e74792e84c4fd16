"""Saved states: what is in them, exact resumption, and everything that is refused."""

import copy
import pickle

import numpy as np
import pytest
from helpers import assert_same, numbers

import fastdrop as fd
from fastdrop import nn

X = numbers((40, 12), seed=3)
LABELS = np.random.default_rng(3).integers(4, size=40)


def build(rng=None):
    return nn.Sequential(
        nn.Linear(12, 20), nn.ReLU(), nn.Dropout(0.5), nn.Sequential(nn.Linear(20, 8, bias=False), nn.Dropout(0.2)),
        nn.Linear(8, 4), rng=rng,
    )  # fmt: skip


def train(model, optimizer, steps):
    loss = nn.CrossEntropyLoss()
    for step in steps:
        rows = slice(8 * (step % 5), 8 * (step % 5) + 8)
        optimizer.zero_grad()
        loss(model(X[rows] / 100), LABELS[rows])
        model.backward(loss.backward())
        optimizer.step()


def assert_same_state(one, other):
    assert list(one) == list(other)
    for name in one:
        a, b = np.asarray(one[name]), np.asarray(other[name])
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_what_is_in_a_state():
    model = build(rng=1)
    model(X)
    state = model.state_dict()
    names = "contract 0.weight 0.bias 2.key 2.calls 3.0.weight 3.1.key 3.1.calls 4.weight 4.bias"
    assert list(state) == names.split()
    assert state["contract"] == fd.CONTRACT == 1
    key = fd.Key(1).fold_in(2, role="child")
    assert state["2.key"].dtype == np.uint64
    assert state["2.key"].tolist() == [key.seed, key.stream]
    assert state["2.calls"] == state["3.1.calls"] == 1


def test_a_state_is_a_copy():
    model = build(rng=1)
    state = model.state_dict()
    state["0.weight"][:] = 0
    state["2.key"][:] = 0
    assert model[0].weight.data.any()
    assert model[2].key != fd.Key(0, 0)
    other = model.state_dict()
    model.load_state_dict(other)
    other["0.weight"][:] = 0
    assert model[0].weight.data.any()


@pytest.mark.parametrize("through_file", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda q: nn.SGD(q, lr=0.1),
        lambda q: nn.SGD(q, lr=0.1, momentum=0.9, weight_decay=0.01),
        lambda q: nn.Adam(q, lr=0.01, weight_decay=0.01),
    ],
)
def test_training_resumes_exactly(make, through_file, tmp_path):
    whole = build(rng=5)
    optimizer = make(whole.parameters())
    train(whole, optimizer, range(7))
    saved = whole.state_dict(), optimizer.state_dict()
    train(whole, optimizer, range(7, 15))

    if through_file:
        for name, state in zip(("model", "optimizer"), saved, strict=True):
            np.savez(tmp_path / f"{name}.npz", **state)
        saved = [np.load(tmp_path / f"{name}.npz") for name in ("model", "optimizer")]
    resumed = build()
    optimizer = make(resumed.parameters())
    resumed.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    train(resumed, optimizer, range(7, 15))
    assert_same_state(whole.state_dict(), resumed.state_dict())
    if through_file:
        for file in saved:
            file.close()


def test_state_before_first_use_is_that_of_the_first_use():
    first = build()
    second = build()
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        assert_same(first(X), second(X))


def test_loading_into_layers_in_use_and_with_keys_of_their_own():
    source, target = build(rng=1), build(rng=2)
    source(X)
    for _ in range(3):
        target(X)
    weight = target[0].weight
    target.load_state_dict(source.state_dict())
    assert target[0].weight is weight
    assert_same(source(X), target(X))
    own = nn.Dropout(0.5, rng=9)
    own.load_state_dict(nn.Dropout(0.5, rng=1).state_dict())
    assert own.key == fd.Key(1)


def test_optimizer_made_before_loading_trains_what_was_loaded():
    model = build()
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    model.load_state_dict(build(rng=1).state_dict())
    before = model.state_dict()["0.weight"]
    train(model, optimizer, range(1))
    assert not np.array_equal(model.state_dict()["0.weight"], before)


def broken(change):
    state = build(rng=1).state_dict()
    change(state)
    return state


BAD = {
    "no contract": (lambda s: s.pop("contract"), ValueError, "'contract': 1, but has none"),
    "contract 2": (lambda s: s.update(contract=2), ValueError, "contract 1, but is of 2"),
    "contract 0": (lambda s: s.update(contract=np.int64(0)), ValueError, "contract"),
    "contract as text": (lambda s: s.update(contract="1"), ValueError, "contract"),
    "contract True": (lambda s: s.update(contract=True), ValueError, "contract"),
    "contract None": (lambda s: s.update(contract=None), ValueError, "contract"),
    "contract 1.5": (lambda s: s.update(contract=1.5), ValueError, "contract"),
    "two contracts": (lambda s: s.update(contract=[1, 1]), ValueError, "contract"),
    "missing": (lambda s: s.pop("3.0.weight"), ValueError, r"lacks 3\.0\.weight$"),
    "unknown": (lambda s: s.update(momentum=1), ValueError, "has momentum too many$"),
    "renamed": (lambda s: s.update(x=s.pop("0.bias")), ValueError, r"lacks 0\.bias and has x too many$"),
    "shape": (lambda s: s.update({"4.bias": np.zeros(5, np.float32)}), ValueError, r"4\.bias .*\(4,\), but got \(5,\)"),
    "dtype": (lambda s: s.update({"4.bias": np.zeros(4)}), TypeError, r"4\.bias .*float32, but got float64"),
    "key shape": (lambda s: s.update({"2.key": np.zeros(3, np.uint64)}), TypeError, r"2\.key"),
    "key dtype": (lambda s: s.update({"2.key": np.zeros(2, np.int64)}), TypeError, r"2\.key"),
    "calls negative": (lambda s: s.update({"2.calls": -1}), ValueError, r"2\.calls .* -1"),
    "calls too many": (lambda s: s.update({"3.1.calls": 2**56}), ValueError, r"3\.1\.calls"),
    "calls a float": (lambda s: s.update({"2.calls": 1.0}), TypeError, r"2\.calls"),
    "calls a bool": (lambda s: s.update({"2.calls": True}), TypeError, r"2\.calls"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_states_are_refused_and_change_nothing(case):
    change, error, text = BAD[case]
    model = build(rng=7)
    model(X)
    before = model.state_dict()
    with pytest.raises(error, match=text):
        model.load_state_dict(broken(change))
    assert_same_state(model.state_dict(), before)


def test_a_refused_state_draws_nothing():
    model = build()
    with pytest.raises(ValueError, match="contract"):
        model.load_state_dict({"contract": 3})
    assert model[2].key is None
    nn.Sequential(model, rng=1)
    assert_same(model[0].weight.data, build(rng=fd.Key(1).fold_in(0, role="child"))[0].weight.data)


@pytest.mark.parametrize("state", [None, 3, [("contract", 1)]])
def test_state_has_to_be_a_mapping(state):
    with pytest.raises(TypeError, match="mapping"):
        build().load_state_dict(state)
    with pytest.raises(TypeError, match="mapping"):
        nn.SGD(build().parameters()).load_state_dict(state)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_go_on_alike_and_apart(twin):
    used, fresh = build(rng=4), build(rng=4)
    used(X)
    for model in (used, fresh):
        other = twin(model)
        assert_same(model(X), other(X))
        assert_same_state(model.state_dict(), other.state_dict())
        other[0].weight.data[:] = 0
        assert model[0].weight.data.any()
