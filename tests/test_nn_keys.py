"""Which key a layer uses: derived through containers, calls and parts, against the oracle and the known answers."""

import re

import numpy as np
import oracle
import pytest
from helpers import VECTORS, assert_same, numbers

import fastdrop as fd
from fastdrop import nn

X = numbers((6, 50), seed=1)


def derive(key, *steps):
    for role, number in steps:
        key = oracle.fold_in(key, role, number)
    return key


def expected(key, p, call, *path, x=X):
    """What dropout at `path` of a container with this key makes of x in this call."""
    return oracle.dropout(x, derive(key, *(("child", i) for i in path), ("call", call), ("part", 0)), p)


@pytest.mark.parametrize("answer", VECTORS["derived"], ids=lambda a: a["what"][:40])
def test_derived_known_answers(isa, answer):
    found = re.match(r"Sequential\(\.\.\., rng=(\d+)\), child (\d+), call (\d+):", answer["what"])
    seed, child, call = map(int, found.groups())
    model = nn.Sequential(*(nn.ReLU() for _ in range(child)), nn.Dropout(0.5), rng=seed)
    x = np.abs(X)
    for _ in range(call):
        model(x)
    key = fd.Key(*(int(word, 16) for word in answer["result"]))
    assert_same(model(x), fd.dropout(x, 0.5, rng=key))


def test_there_are_derived_known_answers():
    assert VECTORS["derived"]


@pytest.mark.parametrize("p", [0.5, 0.3])
def test_calls_of_a_layer_with_its_own_key(p):
    layer = nn.Dropout(p, rng=fd.Key(7, 9))
    for call in range(4):
        assert layer.calls == call
        assert_same(layer(X), expected((7, 9), p, call))


def test_nested_containers_hand_on():
    deep, middle, last = nn.Dropout(0.3), nn.Dropout(0.3), nn.Dropout(0.3)
    inner = nn.Sequential(nn.ReLU(), middle, nn.Sequential(deep))
    nn.Sequential(nn.Linear(3, 3), inner, nn.Sequential(), last, rng=5)
    for layer, path in ((middle, (1, 1)), (deep, (1, 2, 0)), (last, (3,))):
        assert layer.key == fd.Key(*derive((5, 0), *(("child", i) for i in path)))
        for call in range(2):
            assert_same(layer(X), expected((5, 0), 0.3, call, *path))


def test_every_child_counts_random_or_not():
    keys = []
    for front in ((), (nn.ReLU(),), (nn.Dropout(0.5),), (nn.Sequential(),)):
        model = nn.Sequential(*front, nn.Dropout(0.5), rng=1)
        keys.append((len(front), model[-1].key))
    assert len({key for place, key in keys if place == 1}) == 1
    assert len({key for _, key in keys}) == 2


def test_own_rng_wins_over_the_containers():
    own, box, linear = nn.Dropout(0.5, rng=11), nn.Sequential(nn.Dropout(0.5), rng=12), nn.Linear(2, 2, rng=14)
    for layer in (own, box):
        layer(X)
    model = nn.Sequential(own, box, nn.Dropout(0.5), linear, rng=13)
    assert linear.key == fd.Key(14)
    assert own.calls == box[0].calls == 1
    assert own.key == fd.Key(11)
    assert box.key == fd.Key(12)
    assert box[0].key == fd.Key(12).fold_in(0, role="child")
    assert model[2].key == fd.Key(13).fold_in(2, role="child")


def test_container_of_a_container_that_got_its_key_later():
    inner = nn.Sequential(nn.Dropout(0.5))
    assert inner.key is None
    assert inner[0].key is None
    nn.Sequential(inner, rng=3)
    assert inner[0].key == fd.Key(3).fold_in(0, role="child").fold_in(0, role="child")


def test_without_a_key_fresh_entropy_at_first_use():
    layers = [nn.Dropout(0.5) for _ in range(3)]
    assert [layer.key for layer in layers] == [None] * 3
    outputs = {layer(X).tobytes() for layer in layers}
    assert len(outputs) == 3
    assert len({layer.key for layer in layers}) == 3
    first = layers[0].key
    layers[0](X)
    assert layers[0].key == first
    weights = {nn.Linear(4, 4).weight.data.tobytes() for _ in range(3)}
    assert len(weights) == 3


def test_evaluation_takes_no_key():
    layer = nn.Dropout(0.5).eval()
    layer(X)
    assert layer.key is None


def test_two_layers_or_calls_never_share_a_mask_unless_given_the_same_key():
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5), rng=0)
    ones = np.ones((6, 50), np.float32)
    outputs = [layer(ones).tobytes() for layer in model for _ in range(3)]
    assert len(set(outputs)) == 6
    same = nn.Dropout(0.5, rng=4), nn.Dropout(0.5, rng=4)
    assert_same(same[0](X), same[1](X))


@pytest.mark.parametrize("p", [0.0, 1.0, 0.2])
def test_counter_advances_whatever_p_is(p):
    layer = nn.Dropout(0.5, rng=2)
    layer(X)
    layer.p = p
    layer(X)
    layer(np.empty((0, 3), np.float32))
    layer.p = 0.5
    assert layer.calls == 3
    assert_same(layer(X), expected((2, 0), 0.5, 3))


def test_changing_one_p_moves_no_other_mask():
    def second(p):
        model = nn.Sequential(nn.Dropout(p), nn.Dropout(0.5), rng=6)
        model(np.ones((6, 50)))
        return model[1](X)

    assert_same(second(0.0), second(0.9))


def test_counter_stands_still_in_evaluation_backward_and_after_errors():
    layer = nn.Dropout(0.5, rng=2)
    layer(X)
    layer.backward(X)
    layer.eval()(X)
    layer.backward(X)
    layer.train()
    for bad in (np.arange(3), np.ma.ones(3), "x"):
        with pytest.raises(TypeError):
            layer(bad)
    layer.p = np.full(7, 0.5)
    with pytest.raises(ValueError, match="broadcast"):
        layer(X)
    layer.p = 0.5
    assert layer.calls == 1
    assert_same(layer(X), expected((2, 0), 0.5, 1))


def test_layer_used_before_a_container_takes_over_its_key_and_counts_anew():
    layer, linear = nn.Dropout(0.5), nn.Linear(50, 50)
    layer(X)
    linear(X)
    drawn = linear.weight.data.copy()
    nn.Sequential(layer, linear, rng=8)
    assert_same(layer(X), expected((8, 0), 0.5, 0, 0))
    assert_same(linear.weight.data, drawn)


def test_rng_is_drawn_once_after_all_arguments_were_checked():
    generator, twin = np.random.default_rng(3), np.random.default_rng(3)
    for build in (
        lambda: nn.Dropout(1.5, rng=generator),
        lambda: nn.Dropout(0.5, inplace=1, rng=generator),
        lambda: nn.Dropout(0.5, share_axes="ab", rng=generator),
        lambda: nn.Linear(0, 3, rng=generator),
        lambda: nn.Linear(3, 3, dtype=int, rng=generator),
        lambda: nn.Sequential(3, rng=generator),
    ):
        with pytest.raises((TypeError, ValueError)):
            build()
    assert nn.Dropout(0.5, rng=generator).key == fd.Key(*oracle.key_from_rng(twin))
    assert nn.Sequential(rng=generator).key == fd.Key(*oracle.key_from_rng(twin))


@pytest.mark.parametrize("make", [nn.Dropout, lambda rng: nn.Linear(2, 2, rng=rng), nn.Sequential])
@pytest.mark.parametrize(
    ("rng", "error"), [(True, TypeError), (1.5, TypeError), (-1, ValueError), (1 << 64, ValueError), (np, TypeError)]
)
def test_bad_rng(make, rng, error):
    with pytest.raises(error, match="rng"):
        make(rng=rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("inputs", "outputs"), [(3, 2), (1, 1), (64, 10), (300, 70)])
def test_initial_values(inputs, outputs, dtype):
    layer = nn.Linear(inputs, outputs, rng=fd.Key(5, 6), dtype=dtype)
    words = oracle.noise_words(derive((5, 6), ("part", 5)), np.arange(inputs * outputs + outputs))
    values = (2 * ((words.astype(np.float64) + 0.5) / 2**32) - 1) / np.sqrt(np.float64(inputs))
    assert_same(layer.weight.data.reshape(-1), values[: inputs * outputs].astype(dtype))
    assert_same(layer.bias.data, values[inputs * outputs :].astype(dtype))
    assert np.abs(values).max() < 1 / np.sqrt(inputs)


def test_initial_values_wait_for_the_containers_key():
    layer = nn.Linear(20, 5)
    optimizer = nn.Adam(layer.parameters())
    nn.Sequential(nn.ReLU(), layer, rng=9)
    wanted = nn.Linear(20, 5, rng=fd.Key(9).fold_in(1, role="child"))
    assert_same(layer.bias.data, wanted.bias.data)
    assert_same(layer.weight.data, wanted.weight.data)
    assert optimizer.parameters[0] is layer.weight


def test_initial_values_without_bias_are_those_with():
    assert_same(nn.Linear(7, 3, bias=False, rng=1).weight.data, nn.Linear(7, 3, rng=1).weight.data)


def test_one_seed_gives_one_run():
    def run(seed):
        model = nn.Sequential(nn.Linear(50, 30), nn.ReLU(), nn.Dropout(0.5), nn.Linear(30, 4), rng=seed)
        return np.concatenate([model(X) for _ in range(3)])

    assert_same(run(21), run(21))
    assert not np.array_equal(run(21), run(22))


def test_a_module_has_one_place():
    layer, box = nn.Dropout(0.5), nn.Sequential(nn.ReLU())
    for modules in ((layer, layer), (layer, nn.Sequential(layer)), (nn.Sequential(box), nn.ReLU(), box), (box, box[0])):
        with pytest.raises(ValueError, match="one place"):
            nn.Sequential(*modules)
    with pytest.raises(TypeError, match="child 1"):
        nn.Sequential(layer, np.tanh)
