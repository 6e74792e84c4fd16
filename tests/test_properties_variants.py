"""Properties of every variant: what lies in any layout gives what a copy gives, and nonsense is refused untouched."""

import hypothesis.strategies as st
import numpy as np
import pytest
from helpers import BFLOAT16, DTYPES, assert_same
from hypothesis import given, settings
from test_properties import views

import fastdrop as fd

REAL = DTYPES[:4]
#: Function, name of its number, dtypes, axes, other arguments.
VARIANTS = {
    "dropout": (fd.dropout, "p", DTYPES, 3, {}),
    "dropout2d": (fd.dropout2d, "p", DTYPES, 4, {}),
    "attention": (fd.attention_dropout, "p", DTYPES, 4, {}),
    "variational": (fd.variational_dropout, "p", DTYPES, 3, {}),
    "drop_path": (fd.drop_path, "p", DTYPES, 3, {}),
    "dropblock1d": (fd.dropblock1d, "p", DTYPES, 3, {"block_size": 2}),
    "dropblock2d": (fd.dropblock2d, "p", DTYPES, 4, {"block_size": 2}),
    "token": (fd.token_dropout, "p", DTYPES, 3, {}),
    "alpha": (fd.alpha_dropout, "p", DTYPES, 3, {}),
    "feature_alpha": (fd.feature_alpha_dropout, "p", DTYPES, 3, {}),
    "gaussian": (fd.gaussian_dropout, "p", DTYPES, 3, {}),
    "noise": (fd.gaussian_noise, "sigma", DTYPES, 3, {}),
    "concrete": (fd.concrete_dropout, "p", DTYPES, 3, {}),
    "softmax": (fd.softmax_dropout, "p", REAL, 3, {}),
    "mc": (fd.mc_dropout, "p", DTYPES, 3, {"samples": 3}),
    "bias_act": (fd.dropout_bias_act, "p", REAL, 3, {}),
}
every = pytest.mark.parametrize("name", VARIANTS)
keys = st.builds(fd.Key, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
NONSENSE = {
    "p": [
        -0.1,
        1.5,
        float("nan"),
        float("inf"),
        "much",
        None,
        [0.1, "x"],
        0.5j,
        np.full((2, 3, 5, 7, 11), 0.5),
        object(),
    ],
    "sigma": [-0.1, float("nan"), float("inf"), "much", None, 0.5j, object()],
    "rng": [-1, 2**64, 1.5, "seed", [1, -2], object()],
    "threads": [0, -1, 1.5, "two", 2**40],
    "shard": ["all", (1, 2), 3],
    "x": [
        "text",
        None,
        [["a"]],
        np.ones((2, 2, 2, 2), np.int32),
        np.ones((2, 2, 2, 2), object),
        np.ones((), "M8[s]"),
        {},
    ],
}


def arrays(dtypes, axes):
    return views(st.tuples(*[st.integers(2, 9)] * axes), st.sampled_from(dtypes))


@every
@settings(max_examples=60, deadline=None)
@given(data=st.data(), key=keys, p=st.floats(0.01, 0.95))
def test_a_layout_changes_nothing(name, data, key, p):
    call, number, dtypes, axes, more = VARIANTS[name]
    x = data.draw(arrays(dtypes, axes))
    plain = np.ascontiguousarray(x)
    wanted = call(plain, **{number: p}, rng=key, threads=1, **more)
    assert_same(np.array(call(x, **{number: p}, rng=key, threads=3, **more)), np.array(wanted))
    assert_same(np.array(x), plain)
    out = np.empty_like(wanted)[..., ::-1]
    assert call(x, **{number: p}, rng=key, out=out, **more) is out
    assert_same(np.array(out), np.array(wanted))


@every
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_nonsense_is_refused_before_anything_is_written(name, data):
    call, number, dtypes, axes, more = VARIANTS[name]
    x = data.draw(arrays([d for d in dtypes if d != BFLOAT16], axes))
    good = {number: 0.3, "rng": fd.Key(1), "threads": 2, **more}
    out = np.full_like(call(x, **good), 7)
    before, wrong = x.copy(), data.draw(st.sampled_from([number, "rng", "threads", "x", "out", "shard"]))
    if wrong == "shard" and name in ("noise", "gaussian"):
        wrong = "rng"
    outs = [out[..., :-1], np.full(out.shape, 7, np.int8), "here", [1.0], np.broadcast_to(out[..., :1], out.shape)]
    value = data.draw(st.sampled_from(outs if wrong == "out" else NONSENSE[wrong]))
    arguments = {"x": x, "out": out, **good, wrong: value}
    first = arguments.pop("x")
    with pytest.raises((ValueError, TypeError)) as error:
        call(first, **arguments)
    assert len(str(error.value)) > 15
    assert_same(np.array(x), before)
    assert (out == 7).all()
