"""Zoneout: function and layer."""

import math

import mixes
import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers, specials

import fastdrop as fd
from fastdrop import nn

KEY = (82, 2**51 + 3)
RNG = fd.Key(*KEY)
EVERY = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)


def pair(shape, dtype=np.float32):
    return numbers(shape, dtype), numbers(shape, dtype, seed=1)


def keep_of(x, p, share_axes=()):
    return np.broadcast_to(oracle.keep_mask(KEY, x.shape, p, share_axes), x.shape)


@pytest.mark.parametrize("p", [0.5, 0.1, 0.0, 1.0])
@EVERY
def test_values(isa, dtype, p):
    new, old = pair((7, 301), dtype)
    keep = keep_of(new, p)
    zero = np.zeros((), dtype)
    for threads in (1, 2):
        h, mask = fd.zoneout_forward(new, old, p, rng=RNG, threads=threads)
        assert_same(h, np.where(keep, new, old))
        d_new, d_old = fd.zoneout_backward(new, mask, threads=threads)
        assert_same(d_new, np.where(keep, new, zero))
        assert_same(d_old, np.where(keep, zero, new))
    assert mask.nbytes == 0
    for a, b in zip(fd.zoneout_backward(new, mask.store()), (d_new, d_old), strict=True):
        assert_same(a, b)
    assert_same(fd.zoneout(new, old, p, training=False), mixes.blend(new, old, p))


@EVERY
def test_special_numbers_are_copied(isa, dtype):
    new = specials(dtype)
    old = new[::-1]
    assert_same(fd.zoneout(new, old, 0.5, rng=RNG), np.where(keep_of(new, 0.5), new, old))
    assert_same(fd.zoneout(new, old, 0.3, training=False), mixes.blend(new, old, 0.3))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 2047, 2049, 40_001])
def test_sizes_and_threads(isa, size):
    new, old = pair(size)
    for p in (0.5, 0.3):
        h, mask = fd.zoneout_forward(new, old, p, rng=RNG, threads=2)
        assert_same(h, np.where(keep_of(new, p), new, old))
        d_new, d_old = fd.zoneout_backward(new, mask, threads=2)
        assert_same(d_new + d_old, new)


def test_layouts_and_places_to_write_to(isa):
    new, old = pair((5, 6, 70))
    keep = keep_of(new, 0.3)
    wanted = np.where(keep, new, old)
    for a in mixes.layouts(new).values():
        for b in mixes.layouts(old).values():
            assert_same(fd.zoneout(a, b, 0.3, rng=RNG), wanted)
            for place in (0, 1):
                both = [np.array(v, order="K", copy=True) for v in (a, b)]
                assert fd.zoneout(*both, 0.3, rng=RNG, out=both[place]) is both[place]
                assert_same(both[place], wanted)
        mask = fd.Mask(new.shape, 0.3, rng=RNG)
        dh = np.array(a, copy=True)
        other = np.empty((70, 6, 5), np.float32).T
        d_new, d_old = fd.zoneout_backward(dh, mask, out=(dh, other))
        assert d_new is dh
        assert d_old is other
        assert_same(d_new, np.where(keep, new, np.float32(0)))
        assert_same(d_old, np.where(keep, np.float32(0), new))


def test_shared_axes_and_shards(isa):
    new, old = pair((6, 5, 40))
    for axes in (0, 1, (0, 2), (1, 2), (0, 1, 2)):
        keep = keep_of(new, 0.4, axes if isinstance(axes, tuple) else (axes,))
        assert_same(fd.zoneout(new, old, 0.4, rng=RNG, share_axes=axes), np.where(keep, new, old))
    whole = fd.zoneout(new, old, 0.4, rng=RNG)
    part = fd.Shard(origin=(2, 1, 7), global_shape=new.shape)
    assert_same(fd.zoneout(new[2:, 1:, 7:], old[2:, 1:, 7:], 0.4, rng=RNG, shard=part), whole[2:, 1:, 7:])


def test_evaluation_is_the_mean_over_masks():
    new, old = pair(50, np.float64)
    passes = 4000
    total = sum(fd.zoneout(new, old, 0.3, rng=fd.Key(1).fold_in(i)) for i in range(passes))
    bound = 5 * np.abs(new - old) * math.sqrt(0.3 * 0.7 / passes) + 1e-9
    assert (np.abs(total / passes - fd.zoneout(new, old, 0.3, training=False)) < bound).all()


def test_extremes():
    new, old = pair((3, 4))
    new[0, 0], old[0, 1] = np.inf, np.nan
    for training in (True, False):
        assert_same(fd.zoneout(new, old, 0.0, training=training), new)
        assert_same(fd.zoneout(new, old, 1.0, training=training), old)
    assert fd.zoneout(new, old, 0.5, training=False, eval_mode="identity") is new
    out = np.empty_like(new)
    assert_same(fd.zoneout(new, old, 0.5, training=False, eval_mode="identity", out=out), new)
    assert fd.zoneout(np.empty((0, 3)), np.empty((0, 3))).shape == (0, 3)
    h, mask = fd.zoneout_forward(np.array(2.0), np.array(3.0), 0.5, rng=RNG)
    assert_same(h, np.where(keep_of(h, 0.5), 2.0, 3.0))
    assert fd.zoneout_backward(h, mask)[1].shape == ()


def test_key_is_drawn_whatever_p_is():
    for p, training, draws in ((0.0, True, 1), (0.5, True, 1), (0.5, False, 0)):
        g, h = np.random.default_rng(3), np.random.default_rng(3)
        fd.zoneout(np.ones(2), np.ones(2), p, rng=g, training=training)
        for _ in range(draws):
            oracle.key_from_rng(h)
        assert g.integers(1 << 40) == h.integers(1 << 40)


def test_layer():
    layer, (new, old), dh = nn.Zoneout(0.4, rng=9), pair((5, 6)), numbers((5, 6), seed=2)
    with pytest.raises(RuntimeError, match="backward belongs to the latest forward"):
        layer.backward(dh)
    for call in range(3):
        key = fd.Key(9).fold_in(call, role="call").fold_in(0, role="part")
        h, mask = fd.zoneout_forward(new, old, 0.4, rng=key)
        assert_same(layer(new, old), h)
        for a, b in zip(layer.backward(dh), fd.zoneout_backward(dh, mask), strict=True):
            assert_same(a, b)
    saved = layer.state_dict()
    h = layer(new, old)
    other = nn.Zoneout(0.4, rng=1)
    other.load_state_dict(saved)
    assert_same(other(new, old), h)
    layer.eval()
    assert_same(layer(new, old), mixes.blend(new, old, 0.4))
    d_new, d_old = layer.backward(dh)
    assert_same(d_new, dh * np.float32(1 - 0.4))
    assert_same(d_old, dh * np.float32(0.4))
    assert layer.calls == 4
    same = nn.Zoneout(0.4, "identity").eval()
    assert same(new, old) is new
    assert_same(same.backward(dh)[0], dh)
    assert_same(same.backward(np.full_like(dh, np.inf))[1], np.zeros_like(dh))
    assert repr(layer) == "Zoneout(p=0.4, eval_mode='expectation')"


@pytest.mark.parametrize("call", [fd.zoneout, fd.zoneout_forward, lambda *a, **k: nn.Zoneout(*a[2:], **k)(*a[:2])])
def test_bad_input(call):
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match="between 0 and 1, but got -1"):
        call(x, x, -1)
    with pytest.raises(TypeError, match="p has to be one number"):
        call(x, x, np.array([0.1, 0.2, 0.3]))
    with pytest.raises(ValueError, match=r"old has to have the shape of new, \(2, 3\), but got \(3,\)"):
        call(x, np.ones(3))
    with pytest.raises(TypeError, match="old has to have the dtype of new, float64, but got float32"):
        call(x, np.ones((2, 3), np.float32))


def test_more_bad_input():
    x = np.ones(4)
    memory = np.full(6, 7.0)
    for eval_mode in ("mean", None):
        with pytest.raises(ValueError, match="eval_mode has to be 'expectation' or 'identity'"):
            fd.zoneout(x, x, eval_mode=eval_mode)
        with pytest.raises(ValueError, match="eval_mode"):
            nn.Zoneout(eval_mode=eval_mode)
    with pytest.raises(ValueError, match="overlaps old partly"):
        fd.zoneout(x, memory[:4], out=memory[1:5])
    mask = fd.Mask(4, 0.5, rng=1)
    with pytest.raises(ValueError, match="share no memory with each other"):
        fd.zoneout_backward(x, mask, out=(memory[:4], memory[1:5]))
    with pytest.raises(TypeError, match="tuple of two"):
        fd.zoneout_backward(x, mask, out=memory[:4])
    with pytest.raises(ValueError, match="mask's shape"):
        fd.zoneout_backward(np.ones(3), mask)
    with pytest.raises(TypeError, match="mask has to be a Mask"):
        fd.zoneout_backward(x, None)
    assert (memory == 7).all()
