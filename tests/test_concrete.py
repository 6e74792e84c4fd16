"""Concrete dropout against the rule in NumPy's binary64, element by element, and its gradients by differences."""

import math
import pickle

import numpy as np
import oracle
import oracle_noise
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd
from fastdrop import concrete_law, nn

KEY = (91, 2**63 + 3)
FD_KEY = fd.Key(*KEY)
P, T = 0.3, 0.1


def factors(shape, p=P, t=T, share_axes=(), **place):
    """f = (1 - d) / q and its derivative for the logit, from the oracle's words."""
    words = oracle.noise_words(KEY, oracle.indices(shape, share_axes, **place))
    u, v = oracle_noise.uniform(words)
    with np.errstate(over="ignore"):
        kept = 1 / (
            1 + np.exp((math.log(p) - math.log1p(-p) + np.log(u) - np.log(v)) / t)
        )  # 1 - d, where d is near 1 too
    f = kept / (1 - p)
    return f, f * (p - (1 - kept) / t)


def bound(dtype):
    """Relative: one rounding of the factor and one of the product; in double the exponent's error, 20 / t at most."""
    return {2: 2e-2, 4: 2e-7, 8: 2e-7 if dtype.kind == "c" else 1e-12, 16: 1e-12}[dtype.itemsize]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_rule(dtype, isa):
    shape = (7, 301)
    x = numbers(shape, dtype)
    y = fd.concrete_dropout(x, P, temperature=T, rng=FD_KEY)
    wide = np.complex128 if dtype.kind == "c" else np.float64
    wanted = x.astype(wide) * factors(shape)[0]
    error = np.abs(y.astype(wide) - wanted)
    least = {"float16": 6e-8, "bfloat16": 0.0}.get(dtype.name, 0.0)
    assert (error <= bound(dtype) * np.abs(wanted) + least + 1e-300).all()
    assert_same(fd.concrete_dropout(x, P, temperature=T, rng=FD_KEY, threads=2), y)
    assert_same(fd.concrete_dropout(x.copy(order="F"), P, temperature=T, rng=FD_KEY), y)
    assert_same(fd.concrete_dropout(np.flip(np.flip(x).copy()), P, temperature=T, rng=FD_KEY), y)
    z = x.copy()
    assert fd.concrete_dropout(z, P, temperature=T, rng=FD_KEY, out=z) is z
    assert_same(z, y)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_instruction_sets_agree_to_the_last_bit(dtype):
    from conftest import RUNNABLE

    from fastdrop import _core

    before, x, made = _core.isa(), numbers(5001, dtype), []
    try:
        for name in RUNNABLE:
            _core.set_isa(name)
            y, mask = fd.concrete_dropout_forward(x, P, temperature=2 / 3, rng=FD_KEY)
            made.append((y, *fd.concrete_dropout_backward(y, x, mask)))
    finally:
        _core.set_isa(before)
    for y, dx, dlogit in made[1:]:
        assert_same(y, made[0][0])
        assert_same(dx, made[0][1])
        assert dlogit == made[0][2]


def test_exact_in_double():
    """Where the exponent is small, and at both ends."""
    for p, t in ((1e-9, 0.1), (0.5, 1.0), (1 - 1e-9, 0.1), (0.2, 50.0), (5e-324, 0.1), (0.5, 1e-3)):
        f = factors((4096,), max(p, 2.3e-308), t)[0]
        y = fd.concrete_dropout(np.ones(4096), p, temperature=t, rng=FD_KEY)
        assert np.isfinite(y).all()
        assert (np.abs(y - f) <= (1e-15 + 3e-16 * (30 + abs(math.log(p))) / t) * f + 1e-300).all()


def test_shards_and_shared_axes():
    shape = (6, 5, 8)
    x = numbers(shape, np.float64)
    whole = fd.concrete_dropout(x, P, rng=FD_KEY)
    part = fd.concrete_dropout(x[2:5, 1:, 3:7], P, rng=FD_KEY, shard=fd.Shard((2, 1, 3), shape))
    assert_same(part, whole[2:5, 1:, 3:7])
    shared = fd.concrete_dropout(np.ones(shape), P, rng=FD_KEY, share_axes=2)
    assert np.allclose(shared, factors(shape, share_axes=(2,))[0], rtol=1e-12, atol=0)


def test_statistics():
    """The share of d above 1/2 is p exactly: log p - log q + log u - log(1-u) > 0 where u > q."""
    n = 200_000
    y = fd.concrete_dropout(np.ones(n), P, temperature=T, rng=3)
    dropped = (y < 0.5 / (1 - P)).mean()
    assert abs(dropped - P) < 5 * math.sqrt(P * (1 - P) / n)
    f = factors((n,))[0]
    assert abs(y.mean() - 1) < 0.02
    assert abs(f.mean() - 1) < 0.02
    cold = fd.concrete_dropout(np.ones(1000), 0.5, temperature=1e-4, rng=3)
    assert (np.minimum(np.abs(cold), np.abs(cold - 2)) < 1e-6).mean() > 0.99


@pytest.mark.parametrize("t", [0.1, 2 / 3])
def test_gradients_by_differences(t):
    shape, eps = (4, 33), 1e-6
    x, dy = numbers(shape, np.float64, 1), numbers(shape, np.float64, 2)
    _, mask = fd.concrete_dropout_forward(x, P, temperature=t, rng=FD_KEY)
    dx, dlogit = fd.concrete_dropout_backward(dy, x, mask)
    f, slope = factors(shape, P, t)
    assert np.allclose(dx, dy * f, rtol=1e-11, atol=0)
    assert math.isclose(dlogit, float((dy * x * slope).sum()), rel_tol=1e-9)
    logit = math.log(P) - math.log1p(-P)
    loss = [
        float((dy * fd.concrete_dropout(x, 1 / (1 + math.exp(-(logit + e))), temperature=t, rng=FD_KEY)).sum())
        for e in (eps, -eps)
    ]
    assert math.isclose(dlogit, (loss[0] - loss[1]) / (2 * eps), rel_tol=1e-4, abs_tol=1e-3)


def test_gradient_of_the_logit_does_not_depend_on_layout_or_threads():
    x, dy = numbers((40, 50, 70), np.float32, 1), numbers((40, 50, 70), np.float32, 2)
    _, mask = fd.concrete_dropout_forward(x, P, rng=FD_KEY)
    wanted = fd.concrete_dropout_backward(dy, x, mask)[1]
    for threads in (1, 2):
        assert fd.concrete_dropout_backward(dy, np.asfortranarray(x), mask, threads=threads)[1] == wanted
    gradient = dy.copy()
    dx, dlogit = fd.concrete_dropout_backward(gradient, x, mask, out=gradient)
    assert dx is gradient
    assert dlogit == wanted
    z = x + 1j * x
    _, mask = fd.concrete_dropout_forward(z, P, rng=FD_KEY)
    assert isinstance(fd.concrete_dropout_backward(z, z, mask)[1], float)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_gradient_of_the_logit_is_summed_in_double(dtype, isa):
    """Shared axes and a shard, whose numbers of blocks' first elements are not those of their places."""
    whole, origin, axes = (9, 4, 40), (3, 1, 7), (1,)
    x, dy = numbers(whole, dtype, 1)[3:, 1:3, 7:], numbers(whole, dtype, 2)[3:, 1:3, 7:]
    place = {"share_axes": axes, "shard": fd.Shard(origin, whole)}
    _, mask = fd.concrete_dropout_forward(x, P, temperature=2 / 3, rng=FD_KEY, **place)
    slope = factors(x.shape, P, 2 / 3, axes, origin=origin, global_shape=whole)[1]
    wide = np.complex128 if dtype.kind == "c" else np.float64
    terms = (np.conj(dy.astype(wide)) * x.astype(wide)).real * slope
    got = fd.concrete_dropout_backward(dy, x, mask)[1]
    assert abs(got - math.fsum(terms.ravel())) <= 1e-13 * np.abs(terms).sum()


@pytest.mark.parametrize(
    "shape",
    [(), (1,), (999,), (1000,), (1001,), (3, 999), (3, 1001), (5, 7, 90), (7, 1, 2500), (2100, 1, 3), (4, 0, 9)],
)
def test_blocks_are_the_array_in_order(shape, monkeypatch):
    monkeypatch.setattr(concrete_law, "BLOCK", 1000)
    flat = np.arange(math.prod(shape)).reshape(shape)
    parts = [flat[place].ravel() for place in concrete_law._blocks(shape)]
    assert all(0 < part.size <= 1000 for part in parts)
    assert np.array_equal(np.concatenate([*parts, np.empty(0, int)]), flat.ravel())
    x = numbers(shape, np.float64)
    _, mask = fd.concrete_dropout_forward(x, P, temperature=1.0, rng=FD_KEY)
    terms = x * x * factors(shape, P, 1.0)[1]
    assert abs(fd.concrete_dropout_backward(x, x, mask)[1] - terms.sum()) <= 1e-12 * np.abs(terms).sum()


def test_products_for_the_logit_do_not_overflow():
    x = np.full(100, 2e38, np.float32)
    _, mask = fd.concrete_dropout_forward(x, P, temperature=1.0, rng=FD_KEY)
    dlogit = fd.concrete_dropout_backward(x, x, mask)[1]
    assert math.isclose(dlogit, float(np.float64(x[0])) ** 2 * factors((100,), P, 1.0)[1].sum(), rel_tol=1e-10)
    x[7] = np.inf
    assert math.isinf(fd.concrete_dropout_backward(x, x, mask)[1])


def test_law():
    """It is a value that may be sent elsewhere, and applies to any type."""
    x = numbers((4, 30))
    y, mask = fd.concrete_dropout_forward(x, P, temperature=0.5, rng=FD_KEY, share_axes=1)
    again = pickle.loads(pickle.dumps(mask))
    assert again == mask
    assert hash(again) == hash(mask)
    assert len(pickle.dumps(mask)) < 1000
    assert (mask.shape, mask.mask_shape, mask.shard, mask.nbytes) == ((4, 30), (4, 1), None, 0)
    assert (mask.p, mask.temperature, mask.key) == (P, 0.5, FD_KEY)
    assert_same(again.apply(x), y)
    with pytest.raises(ValueError, match=r"x has to have the mask's shape \(4, 30\), but got \(30, 4\)"):
        mask.apply(x.T)


def test_edges():
    x = numbers(9)
    assert fd.concrete_dropout(x, 0.0, rng=1) is x
    assert fd.concrete_dropout(x, 0.2, training=False) is x
    y, mask = fd.concrete_dropout_forward(x, 0.0, rng=1, out=np.empty_like(x))
    assert_same(y, x)
    dx, dlogit = fd.concrete_dropout_backward(x, x, mask)
    assert_same(dx, x)
    assert dlogit == 0.0
    assert fd.concrete_dropout(np.empty((0, 3)), 0.2, rng=1).shape == (0, 3)
    assert fd.concrete_dropout(np.float64(2.0), 0.2, rng=1).shape == ()
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    fd.concrete_dropout(x, 0.0, rng=one)
    fd.concrete_dropout(x, 0.5, rng=two)
    assert one.integers(1 << 60) == two.integers(1 << 60)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"p": 1.0}, ValueError, "p has to be below 1 for concrete dropout"),
        ({"p": -0.1}, ValueError, "between 0 and 1, but got -0.1"),
        ({"p": [0.1, 0.2]}, TypeError, "p has to be one number"),
        ({"temperature": 0.0}, ValueError, "temperature has to be a finite number above 0, but got 0.0"),
        ({"temperature": math.nan}, ValueError, "temperature has to be a finite number above 0"),
        ({"temperature": math.inf}, ValueError, "temperature has to be a finite number above 0"),
        ({"temperature": 5e-324}, ValueError, "temperature has to be a finite number above 0"),
        ({"temperature": True}, TypeError, "temperature has to be a real number"),
        ({"x": np.ones(3, int)}, TypeError, "x has to be of dtype"),
        ({"training": 1}, TypeError, "training has to be a bool"),
        ({"rng": np.random}, TypeError, "default_rng"),
    ],
)
def test_bad_input_writes_nothing(arguments, error, text):
    out = np.full(3, 7.0)
    with pytest.raises(error, match=text):
        fd.concrete_dropout(**({"x": np.ones(3), "p": 0.2, "rng": 1, "out": out} | arguments))
    assert (out == 7).all()


def test_bad_backward():
    x = np.ones(4)
    _, mask = fd.concrete_dropout_forward(x, 0.2, rng=1)
    with pytest.raises(TypeError, match="mask has to be a ConcreteMask"):
        fd.concrete_dropout_backward(x, x, fd.Mask(4, 0.2, rng=1))
    with pytest.raises(ValueError, match="x has to have the mask's shape"):
        fd.concrete_dropout_backward(x, np.ones(5), mask)
    with pytest.raises(ValueError, match="dy has to have the mask's shape"):
        fd.concrete_dropout_backward(np.ones(5), x, mask)


def test_layer():
    layer = nn.ConcreteDropout(P, rng=FD_KEY)
    x = numbers((5, 6), np.float64)
    with pytest.raises(RuntimeError, match="forward"):
        layer.backward(x)
    y = layer(x)
    key = FD_KEY.fold_in(0, role="call").fold_in(0, role="part")
    assert_same(y, fd.concrete_dropout(x, layer.p, rng=key))
    dx = layer.backward(y)
    _, mask = fd.concrete_dropout_forward(x, layer.p, rng=key)
    wanted = fd.concrete_dropout_backward(y, x, mask)
    assert_same(dx, wanted[0])
    assert float(layer.p_logit.grad[0]) == wanted[1]
    assert layer.calls == 1
    assert layer.eval()(x) is x
    assert layer.backward(y) is y
    twin = nn.ConcreteDropout(0.5, rng=1)
    twin.load_state_dict(layer.state_dict())
    assert_same(twin.train()(x), layer.train()(x))
    layer.p = 0.25
    assert math.isclose(layer.p, 0.25)
    for bad in (0.0, 1.0, 2.0):
        with pytest.raises(ValueError, match=r"p has to be|between 0 and 1"):
            nn.ConcreteDropout(bad)


def test_regulariser_and_its_gradients():
    layer, linear = nn.ConcreteDropout(P, rng=1), nn.Linear(8, 3, rng=2, dtype=np.float64)
    weights = {"weight": linear.weight}

    def value(logit=None):
        probe = nn.ConcreteDropout(P, rng=1)
        if logit is not None:
            probe.p_logit.data = np.array([logit])
        return probe.regulariser({"weight": linear.weight}, 8, weight=0.3, entropy=0.7)

    got = layer.regulariser(weights, 8, weight=0.3, entropy=0.7)
    w = linear.weight.data
    assert math.isclose(
        got, 0.3 * (w**2).sum() / (1 - P) + 5.6 * (P * math.log(P) + (1 - P) * math.log(1 - P)), rel_tol=1e-12
    )
    logit, eps = float(layer.p_logit.data[0]), 1e-6
    assert math.isclose(
        float(layer.p_logit.grad[0]), (value(logit + eps) - value(logit - eps)) / (2 * eps), rel_tol=1e-6
    )
    wanted = 0.6 * w / (1 - layer.p)
    linear.weight.grad = None
    layer.regulariser(weights, 8, weight=0.3, entropy=0.7)
    assert np.allclose(linear.weight.grad, wanted)


def test_p_is_learnt():
    """Where every bit of noise costs, p goes down."""
    layer, steps = nn.ConcreteDropout(0.1, rng=5), 200
    optimizer = nn.Adam(nn.Sequential(layer).parameters(), lr=0.05)
    x = np.random.default_rng(0).standard_normal((64, 16))
    for _ in range(steps):
        layer.zero_grad()
        y = layer(x)
        layer.backward(2 * y / y.size)  # the loss is the mean of y², which dropping makes larger
        optimizer.step()
    assert layer.p < 0.05
