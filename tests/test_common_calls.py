"""The shortcut of the common calls: it is taken, and gives what the long way gives."""

import pickle

import numpy as np
import pytest
from helpers import assert_same, numbers

import fastdrop as fd
from fastdrop import _core, nn

SHAPES = [(1,), (16,), (3, 5, 7), (65, 100), ()]
DTYPES = ["float16", "float32", "float64", "complex64", "complex128"]


def backward(x, p, rng):
    return fd.dropout_backward(x, fd.Mask(x.shape, p, rng=rng))


def layer(x, p, rng):
    made = nn.Dropout(p, rng=rng)
    return np.stack([made(x), made.backward(x), made(x), made.backward(x)])


CALLS = {
    "dropout": lambda x, p, rng: fd.dropout(x, p, rng=rng),
    "dropout, in place": lambda x, p, rng: fd.dropout(x, p, rng=rng, out=x),
    "forward": lambda x, p, rng: fd.dropout_forward(x, p, rng=rng)[0],
    "forward, in place": lambda x, p, rng: fd.dropout_forward(x, p, rng=rng, out=x)[0],
    "backward": backward,
    "apply": lambda x, p, rng: fd.Mask(x.shape, p, rng=rng).apply(x),
    "apply, in place": lambda x, p, rng: fd.Mask(x.shape, p, rng=rng).apply(x, out=x),
    "layer": layer,
}


@pytest.fixture
def shortcut(monkeypatch):
    """Count the calls that the shortcut has served; `shortcut.closed` closes it."""

    class Shortcut:
        served = 0
        closed = False

        def __call__(self, *arguments):
            y = None if self.closed else run(*arguments)
            self.served += y is not None
            return y

    run, spy = _core.dropout_run, Shortcut()
    monkeypatch.setattr(_core, "dropout_run", spy)
    return spy


@pytest.mark.parametrize("rng", [fd.Key(3, 4), 3, 2**64 - 1], ids=["key", "int", "largest int"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("call", CALLS)
def test_the_long_way_gives_the_same(call, dtype, rng, shortcut):
    for shape in SHAPES:
        for p in (0.5, 0.1, 1e-12):
            x = numbers(shape, dtype)
            shortcut.closed, shortcut.served = False, 0
            quick = CALLS[call](x.copy(), p, rng)
            assert shortcut.served == (4 if call == "layer" else 1)
            shortcut.closed = True
            assert_same(quick, CALLS[call](x.copy(), p, rng))


def test_the_mask_of_the_shortcut_is_the_mask(shortcut):
    """What dropout_forward returns with it is a mask like any other: equal, storable, picklable, of any layout."""
    x = numbers((6, 10), "float32")
    y, mask = fd.dropout_forward(x, 0.3, rng=9)
    assert shortcut.served == 1
    made = fd.Mask((6, 10), 0.3, rng=fd.Key(9))
    assert mask == made
    assert (mask.shape, mask.mask_shape, mask.p, mask.key) == (made.shape, made.mask_shape, 0.3, fd.Key(9))
    again = pickle.loads(pickle.dumps(mask))
    for same in (mask, again, mask.store(), pickle.loads(pickle.dumps(mask.store()))):
        assert_same(same.apply(x), y)
        assert_same(same.apply(np.asfortranarray(x)), y)
        assert_same(same.apply(x, scale=1.0) * np.float32(1 / 0.7), y)
    assert_same(mask.to_bool(), made.to_bool())


@pytest.mark.parametrize(
    "make",
    [
        lambda x: fd.Mask(x.shape, 0.5, rng=1, share_axes=0),
        lambda x: fd.Mask(x.shape, 0.5, rng=1, share_axes=()),
        lambda x: fd.Mask(x.shape, 0.5, rng=1, shard=fd.Shard((1, 0), (9, 10))),
        lambda x: fd.Mask(x.shape, 0.5, rng=1).store(),
        lambda x: fd.Mask(x.shape, np.full(10, 0.5), rng=1),
        lambda x: fd.Mask(x.shape, 0.0, rng=1),
        lambda x: fd.Mask.from_bool(x > 0, 0.5),
    ],
    ids=["shared", "shared along nothing", "shard", "stored", "array p", "p = 0", "from_bool"],
)
def test_other_masks_go_the_long_way(make, shortcut):
    x = numbers((4, 10), "float32")
    mask = make(x)
    scale = 1 / (1 - np.broadcast_to(mask.p, x.shape)).astype(np.float32)
    with np.errstate(all="ignore"):
        wanted = np.where(np.broadcast_to(mask.to_bool(), x.shape), x * scale, np.float32(0))
    assert_same(mask.apply(x), wanted)
    assert_same(fd.dropout_backward(x, mask), wanted)
    assert shortcut.served == 0


def test_a_mask_refuses_another_shape_of_as_many_elements():
    x = np.ones((2, 6), np.float32)
    mask = fd.Mask((3, 4), 0.5, rng=1)
    with pytest.raises(ValueError, match=r"^x has to have the mask's shape \(3, 4\), but got \(2, 6\)$"):
        mask.apply(x, out=x)
    with pytest.raises(ValueError, match=r"^dy has to have the mask's shape \(3, 4\), but got \(2, 6\)$"):
        fd.dropout_backward(x, mask, out=x)
    assert (x == 1).all()


@pytest.mark.parametrize("rng", [-1, 2**64, True], ids=str)
def test_an_int_that_is_no_seed(rng):
    for call in (fd.dropout, fd.dropout_forward):
        with pytest.raises((TypeError, ValueError), match=r"^rng"):
            call(np.ones(3), 0.5, rng=rng)
