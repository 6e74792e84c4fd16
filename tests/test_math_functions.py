"""exp, GELU and its derivative: within 4 units in the last place, special values, the same bits everywhere."""

import math

import numpy as np
import pytest
from helpers import assert_same

import fastdrop as fd
from fastdrop import _core

EXP, GELU, SLOPE, TANH, TANH_SLOPE = range(5)
NAMES = ["exp", "gelu", "gelu slope", "gelu_tanh", "gelu_tanh slope"]
FACTOR = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715
erfc = np.frompyfunc(math.erfc, 1, 1)


def compute(f, x) -> np.ndarray:
    x = np.ascontiguousarray(x)
    y = np.empty_like(x)
    _core.map_function(f, x, y)
    return y


def reference(f, x) -> np.ndarray:
    """In float64, good enough for float32."""
    x = x.astype(np.float64)
    if f == EXP:
        return np.exp(x)
    if f in (GELU, SLOPE):
        phi = erfc(-x / math.sqrt(2)).astype(np.float64) / 2
        return x * phi if f == GELU else phi + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    v = FACTOR * (x + CUBIC * x**3)
    s = 1 / (1 + np.exp(-v))
    return x * s if f == TANH else s * (1 + x * FACTOR * (1 + 3 * CUBIC * x * x) / (1 + np.exp(v)))


def floats(f) -> np.ndarray:
    """Every 4001st float32 of those where the result is an ordinary number; all of them were tried once."""
    top = 88.7 if f == EXP else 13.0 if f in (GELU, SLOPE) else 10.0
    bits = np.arange(0, int(np.float32(top).view(np.uint32)), 4001, dtype=np.uint32)
    positive = bits.view(np.float32)
    return np.concatenate([positive, -positive])


@pytest.mark.parametrize("f", range(5), ids=NAMES)
def test_float32(f, isa):
    x = floats(f)
    with np.errstate(over="ignore", under="ignore"):
        wanted = reference(f, x)
    y = compute(f, x)
    ordinary = (np.abs(wanted) >= 2.0**-126) & np.isfinite(wanted.astype(np.float32))
    wanted = np.where(ordinary, wanted, 1)
    error = np.abs(y - wanted) / 2.0 ** (np.floor(np.log2(np.abs(wanted))) - 23)
    assert ordinary.sum() > x.size / 20
    assert error[ordinary].max() <= (1.1 if f == EXP else 1.5), x[ordinary][error[ordinary].argmax()]


@pytest.mark.parametrize("f", range(5), ids=NAMES)
def test_float64_against_exact_values(f):
    mp = pytest.importorskip("mpmath", reason="mpmath is not installed: no exact values")
    with mp.workdps(50):
        rng = np.random.default_rng(f)
        span = 700 if f == EXP else 37 if f in (GELU, SLOPE) else 20
        x = np.concatenate([rng.uniform(-span, span, 500), rng.normal(size=500), -(2.0 ** rng.uniform(-40, 0, 100))])
        factor = 2 * mp.sqrt(2 / mp.pi)

        def exact(a):
            if f == EXP:
                return mp.exp(a)
            if f in (GELU, SLOPE):
                phi = mp.erfc(-a / mp.sqrt(2)) / 2
                return a * phi if f == GELU else phi + a * mp.exp(-a * a / 2) / mp.sqrt(2 * mp.pi)
            v = factor * (a + mp.mpf("0.044715") * a**3)
            s = 1 / (1 + mp.exp(-v))
            slope = factor * (1 + 3 * mp.mpf("0.044715") * a * a)
            return a * s if f == TANH else s + a * slope * s * (1 - s)

        for a, y in zip(x.tolist(), compute(f, x).tolist(), strict=True):
            wanted = exact(mp.mpf(a))
            unit = mp.mpf(2) ** (mp.floor(mp.log(abs(wanted), 2)) - 52)
            error = abs(y - wanted)
            assert error <= 4 * unit or (f == TANH_SLOPE and error <= mp.mpf(2) ** -53), (a, float(error / unit))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values(dtype, isa):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e9, -1e9, 1e30, -1e30], dtype)
    nan, inf = np.nan, np.inf
    assert_same(compute(EXP, x), np.array([nan, inf, 0, 1, 1, inf, 0, inf, 0], dtype))
    for f in (GELU, TANH):
        assert_same(compute(f, x), np.array([nan, inf, -0.0, 0, -0.0, 1e9, -0.0, 1e30, -0.0], dtype))
    for f in (SLOPE, TANH_SLOPE):
        assert_same(np.abs(compute(f, x)), np.array([nan, 1, 0, 0.5, 0.5, 1, 0, 1, 0], dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", range(5), ids=NAMES)
def test_the_same_bits_everywhere(f, dtype):
    rng = np.random.default_rng(1)
    wide = -(2.0 ** rng.uniform(-140, 7, 3000))
    x = np.concatenate([rng.uniform(-110, 110, 3001), rng.normal(size=3000), wide, -wide]).astype(dtype)
    found = []
    for name in _core.isas():
        _core.set_isa(name)
        found.append(compute(f, x))
    for y in found:
        assert_same(y, found[0])
    assert_same(np.concatenate([compute(f, x[i : i + 7]) for i in range(0, x.size, 7)]), found[0])


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_fused_with_dropout(dtype, activation, isa):
    f = GELU if activation == "gelu" else TANH
    real = np.float64 if dtype == np.float64 else np.float32
    rng = np.random.default_rng(2)
    x, dy = (rng.normal(size=(7, 301)) * 3).astype(dtype), rng.normal(size=(7, 301)).astype(dtype)
    scale = real(1 / (1 - 0.3))
    for bias in (None, rng.normal(size=301).astype(dtype)):
        h = x.astype(real) if bias is None else x.astype(real) + bias.astype(real)
        y, mask = fd.dropout_bias_act_forward(x, bias, 0.3, activation=activation, rng=5)
        keep = mask.to_bool()
        assert_same(y, np.where(keep, compute(f, h) * scale, real(0)).astype(dtype))
        dx = fd.dropout_bias_act_backward(dy, x, bias, mask, activation=activation)
        assert_same(dx, np.where(keep, dy.astype(real) * scale * compute(f + 1, h), real(0)).astype(dtype))


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh"])
def test_fused_gradient_by_differences(activation):
    rng = np.random.default_rng(3)
    x, bias, dy = rng.normal(size=(4, 5)), rng.normal(size=5), rng.normal(size=(4, 5))
    mask = fd.dropout_bias_act_forward(x, bias, 0.4, activation=activation, rng=9)[1]
    dx = fd.dropout_bias_act_backward(dy, x, bias, mask, activation=activation)
    h = 1e-6
    up, down = (fd.dropout_bias_act(x + s * h, bias, 0.4, activation=activation, rng=9) for s in (1, -1))
    np.testing.assert_allclose((up - down) / (2 * h) * dy, dx, atol=1e-8)


def test_coefficients_come_from_their_script():
    pytest.importorskip("mpmath", reason="mpmath is not installed: the coefficients can't be derived")
    from pathlib import Path

    import math_coefficients

    written = (Path(__file__).parent.parent / "csrc" / "math_coefficients.h").read_text()
    assert math_coefficients.header() == written
