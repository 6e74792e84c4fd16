"""fastdrop.jax: the bits of `fastdrop.dropout` under every transformation, one compilation, clear errors."""

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

import jax.numpy as jnp  # noqa: E402

import fastdrop as fd  # noqa: E402
import fastdrop.jax as fj  # noqa: E402

KEY = fd.Key(0x1234_5678_9ABC_DEF0, 0xFEDC_BA98_7654_3210)


def normal(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def same(a, b):
    assert a.dtype == b.dtype
    assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64"])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 1, 5), (2, 300_001)], ids=str)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_bits_of_the_numpy_function(dtype, shape, p):
    x = normal(*shape).astype(jnp.dtype(dtype))
    wanted = fd.dropout(x, p, rng=KEY)
    same(fj.dropout(jnp.asarray(x), p, rng=KEY), wanted)
    same(jax.jit(lambda x: fj.dropout(x, p, rng=KEY))(x), wanted)


def test_double_precision():
    with jax.enable_x64(True):
        for dtype in ("float64", "complex128"):
            x = normal(50, 3, dtype=dtype)
            same(fj.dropout(x, 0.1, rng=KEY), fd.dropout(x, 0.1, rng=KEY))
        shard = (jnp.array([2**40, 0]), (2**41, 3))
        wanted = fd.dropout(x[:4], 0.1, rng=KEY, shard=fd.Shard((2**40, 0), (2**41, 3)))
        same(fj.dropout(x[:4], 0.1, rng=KEY, shard=shard), wanted)
        same(fj.dropout(x[:4], 0.1, rng=KEY, shard=fd.Shard((2**40, 0), (2**41, 3))), wanted)


def from_words(words):
    k = [int(word) for word in words] + [0, 0]
    return fd.Key(k[0] | k[1] << 32, k[2] | k[3] << 32)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_keys_of_jax(impl):
    x = normal(300)
    key = jax.random.key(123, impl=impl)
    words = jax.random.key_data(key)
    wanted = fd.dropout(x, 0.3, rng=from_words(words))
    for rng in (key, words, np.asarray(words)):
        same(fj.dropout(x, 0.3, rng=rng), wanted)
        same(jax.jit(lambda x, rng: fj.dropout(x, 0.3, rng=rng))(x, rng), wanted)
    same(fj.dropout(x, 0.3, rng=jax.random.PRNGKey(5)), fd.dropout(x, 0.3, rng=from_words(jax.random.PRNGKey(5))))
    same(fj.dropout(x, 0.3, rng=17), fd.dropout(x, 0.3, rng=17))


def test_nothing_is_compiled_for_another_key_or_p():
    traced = []

    @jax.jit
    def call(x, p, key, origin):
        traced.append(1)
        return fj.dropout(x, p, rng=key, shard=(origin, (100, 6)))

    x = normal(4, 6)
    for step in range(6):
        p, key = 0.05 + 0.15 * step, jax.random.key(step)
        wanted = fd.dropout(x, p, rng=from_words(jax.random.key_data(key)), shard=fd.Shard((step, 0), (100, 6)))
        same(call(x, fj.p_bits(p), key, jnp.array([step, 0])), wanted)
    assert len(traced) == 1
    compiled = []

    def hear(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(hear)
    try:
        jax.clear_caches()
        fj.dropout(x, 0.1, rng=fd.Key(0))
        assert compiled
        compiled.clear()
        for step in range(6):
            fj.dropout(x, 0.1 + 0.1 * step, rng=fd.Key(step))
        assert not compiled
    finally:
        jax.monitoring.clear_event_listeners()


def test_p_as_an_argument_is_what_its_dtype_holds():
    x = normal(5000)
    call = jax.jit(lambda x, p: fj.dropout(x, p, rng=1))
    same(call(x, 0.1), fd.dropout(x, float(np.float32(0.1)), rng=1))
    same(call(x, jnp.bfloat16(0.1)), fd.dropout(x, float(jnp.bfloat16(0.1)), rng=1))
    same(call(x, jnp.float16(0.1)), fd.dropout(x, float(np.float16(0.1)), rng=1))
    same(call(x, fj.p_bits(0.1)), fd.dropout(x, 0.1, rng=1))


def test_shared_axes_and_shards():
    whole = normal(6, 7, 8)
    wanted = fd.dropout(whole, 0.4, rng=KEY, share_axes=1)
    same(fj.dropout(whole, 0.4, rng=KEY, share_axes=1), wanted)
    block = whole[2:5, 1:, 3:]
    for shard in (fd.Shard((2, 1, 3), whole.shape), ((2, 1, 3), whole.shape), (jnp.array([2, 1, 3]), whole.shape)):
        same(fj.dropout(block, 0.4, rng=KEY, share_axes=(1,), shard=shard), wanted[2:5, 1:, 3:])


def test_derivatives():
    x, tangent = normal(4, 50), normal(4, 50, seed=1)

    def call(x):
        return fj.dropout(x, 0.3, rng=KEY, share_axes=0)

    y, slope = jax.jvp(call, (x,), (tangent,))
    same(y, fd.dropout(x, 0.3, rng=KEY, share_axes=0))
    same(slope, fd.dropout(tangent, 0.3, rng=KEY, share_axes=0))
    (gradient,) = jax.vjp(call, x)[1](jnp.asarray(tangent))
    same(gradient, fd.dropout(tangent, 0.3, rng=KEY, share_axes=0))
    factors = np.asarray(fd.dropout(np.ones_like(x), 0.3, rng=KEY, share_axes=0))
    hessian = jax.hessian(lambda x: (call(x) ** 2).sum())(x).reshape(200, 200)
    np.testing.assert_allclose(hessian, np.diag(2 * factors.ravel() ** 2), rtol=1e-6)
    both = jax.grad(jax.checkpoint(lambda x: (call(x) ** 2).sum()))(x), jax.grad(lambda x: (call(x) ** 2).sum())(x)
    same(*both)
    same(jax.linearize(call, x)[1](tangent), slope)
    with pytest.raises(TypeError, match="p has to be a constant: dropout has no derivative for it"):
        jax.grad(lambda p: fj.dropout(x, p, rng=1).sum())(0.5)
    twice = jax.grad(lambda a: fj.dropout(a["x"], 0.3, rng=a["key"]).sum(), allow_int=True)
    assert twice({"x": jnp.asarray(x), "key": jax.random.PRNGKey(0)})["key"].dtype == jax.dtypes.float0


def test_vmap():
    x = normal(5, 4, 30)
    keys = jax.random.split(jax.random.key(1), 5)

    def call(x, key, p=0.3):
        return fj.dropout(x, p, rng=key, share_axes=0)

    each = np.stack(
        [fd.dropout(a, 0.3, rng=from_words(jax.random.key_data(k)), share_axes=0) for a, k in zip(x, keys, strict=True)]
    )
    same(jax.vmap(call)(x, keys), each)
    same(jax.jit(jax.vmap(call))(x, keys), each)
    same(jax.vmap(call, (0, None))(x, keys[0]), np.stack([call(a, keys[0]) for a in x]))
    same(jax.vmap(call, (1, None), 1)(x, keys[0]), np.stack([call(x[:, i], keys[0]) for i in range(4)], 1))
    same(jax.vmap(call, (None, 0))(x[0], keys), np.stack([call(x[0], k) for k in keys]))
    ps = jnp.linspace(0.1, 0.9, 5)
    same(jax.vmap(call)(x, keys, ps), np.stack([call(*one) for one in zip(x, keys, ps, strict=True)]))
    nested = jax.vmap(jax.vmap(call, (0, None)), (0, 0))(x, keys)
    same(nested, np.stack([np.stack([call(row, k) for row in a]) for a, k in zip(x, keys, strict=True)]))
    gradients = jax.vmap(jax.grad(lambda x, key: (call(x, key) ** 2).sum()))(x, keys)
    same(
        gradients, np.stack([jax.grad(lambda x, k=k: (call(x, k) ** 2).sum())(a) for a, k in zip(x, keys, strict=True)])
    )


def test_inside_loops_and_training():
    x = normal(8, 6)

    def step(carry, key):
        return fj.dropout(jnp.tanh(carry), 0.2, rng=key), carry.sum()

    keys = jax.random.split(jax.random.key(3), 4)
    scanned, _ = jax.lax.scan(step, jnp.asarray(x), keys)
    by_hand = jnp.asarray(x)
    for key in keys:
        by_hand, _ = jax.jit(step)(by_hand, key)
    same(scanned, by_hand)
    assert fj.dropout(x, 0.5, rng=1, training=False) is not None
    same(fj.dropout(x, 0.5, rng=1, training=False), x)


BAD = [
    (TypeError, "x has to be of dtype float16, bfloat16, float32, float64, complex64, complex128, but got int32",
     lambda x: fj.dropout(jnp.arange(3), 0.5, rng=1)),
    (TypeError, "x has to be an array, but got 'abc' of type str", lambda x: fj.dropout("abc", 0.5, rng=1)),
    (TypeError, "x has to be an array that is not masked",
     lambda x: fj.dropout(np.ma.ones(3, np.float32), 0.5, rng=1)),
    (ValueError, "dropout probability has to be between 0 and 1, but got 1.5", lambda x: fj.dropout(x, 1.5, rng=1)),
    (TypeError, "p has to be a number, a scalar of a floating dtype, or its bits, but got int32 of shape ()",
     lambda x: fj.dropout(x, jnp.array(1), rng=1)),
    (TypeError, "p has to be one number, but got an array of shape (2,)", lambda x: fj.dropout(x, [0.1, 0.2], rng=1)),
    (TypeError, "rng has to be a Key, an int, a key of jax.random or the words of one, but got None",
     lambda x: fj.dropout(x, 0.5, rng=None)),
    (TypeError, "but got Generator(PCG64)", lambda x: fj.dropout(x, 0.5, rng=np.random.default_rng(1))),
    (TypeError, "rng has to be one key, but got keys of shape (3,): jax.vmap takes one for each row",
     lambda x: fj.dropout(x, 0.5, rng=jax.random.split(jax.random.key(0), 3))),
    (TypeError, "rng has to be a Key, an int, a key of jax.random or the words of one, but got uint32 of shape (3,)",
     lambda x: fj.dropout(x, 0.5, rng=np.zeros(3, np.uint32))),
    (ValueError, "-1", lambda x: fj.dropout(x, 0.5, rng=-1)),
    (TypeError, "shard has to be a Shard, a pair (origin, global_shape) or None, but got 3",
     lambda x: fj.dropout(x, 0.5, rng=1, shard=3)),
    (ValueError, "shard has to lie within global_shape (4, 5)",
     lambda x: fj.dropout(x, 0.5, rng=1, shard=((1, 0), (4, 5)))),
    (ValueError, "shard has to have an origin and a length for each axis", lambda x: fj.dropout(x, 0.5, rng=1,
                                                                                           shard=((1,), (4,)))),
    (TypeError, "origin has to hold an integer for each axis",
     lambda x: fj.dropout(x, 0.5, rng=1, shard=(jnp.ones(2), (4, 5)))),
    (ValueError, "an origin from 2**31 on needs jax_enable_x64",
     lambda x: fj.dropout(x, 0.5, rng=1, shard=((2**31, 0), (2**32, 5)))),
    (ValueError, "global_shape has to have at most 2**62 elements",
     lambda x: fj.dropout(x, 0.5, rng=1, shard=((0, 0), (2**60, 5)))),
    (TypeError, "training has to be a bool", lambda x: fj.dropout(x, 0.5, rng=1, training="yes")),
    (ValueError, "mesh and spec have to be given both, or x has to be an array with a NamedSharding",
     lambda x: fj.sharded_dropout(x, 0.5, rng=1)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "call"), BAD, ids=[text for _, text, _ in BAD])
def test_bad_input(kind, text, call):
    with pytest.raises(kind) as caught:
        call(jnp.ones((4, 5)))
    assert text in str(caught.value)


def test_what_only_a_run_can_tell_is_an_error_of_the_run():
    x = jnp.ones((4, 5))
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"probability has to be between 0 and 1, but got 1\.5"):
        jax.jit(lambda p: fj.dropout(x, p, rng=1))(1.5).block_until_ready()
    with pytest.raises(jax.errors.JaxRuntimeError, match="from 1 on does not lie in axis 0"):
        jax.jit(lambda o: fj.dropout(x, 0.5, rng=1, shard=(o, (4, 5))))(jnp.array([1, 0])).block_until_ready()
    same(jax.jit(lambda p: fj.dropout(x, p, rng=1))(0.5), fd.dropout(np.ones((4, 5), np.float32), 0.5, rng=1))


def test_a_missing_or_old_jax_is_named(monkeypatch):
    import sys

    from fastdrop.jax import extra

    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r"needs JAX 0.6 or later: install it with pip install '.\[jax\]'"):
        extra.require_jax()
    monkeypatch.setitem(sys.modules, "jax", type(sys)("jax"))
    sys.modules["jax"].__version__ = "0.4.35"
    with pytest.raises(ImportError, match=r"needs JAX 0\.6 or later, but got 0\.4\.35"):
        extra.require_jax()
