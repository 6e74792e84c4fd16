"""Arrays of other packages as input and `out`: DLPack, the array interface, buffers; what is refused."""

import array
import ctypes
import gc

import numpy as np
import oracle
import pytest
from dlpack_producer import Plain, Producer
from helpers import BFLOAT16, DTYPES, assert_same, numbers

import fastdrop as fd

KEY, P = (31, 4), 0.3
SENTINEL = 3.0


class Interface:
    """An array that offers nothing but ``__array_interface__``."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    @property
    def __array_interface__(self) -> dict:
        return self._values.__array_interface__


class Converts:
    """An array that can only be converted: ``__array__``."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self._values.copy()


WRAPPERS = [Plain, Producer, Interface, memoryview]


def drop(x, out=None, **arguments):
    return fd.dropout(x, P, rng=fd.Key(*KEY), out=out, **arguments)


def wanted(x: np.ndarray) -> np.ndarray:
    return oracle.dropout(x, KEY, P)


# NumPy exports bfloat16 by none of the protocols.
EXPORTED = [(wrap, dtype) for wrap in WRAPPERS for dtype in DTYPES if dtype != BFLOAT16 or wrap is Producer]


@pytest.mark.parametrize(("wrap", "dtype"), EXPORTED, ids=lambda v: getattr(v, "name", None) or v.__name__)
def test_input_and_out(wrap, dtype):
    x, out = numbers((30, 40), dtype), np.full((30, 40), SENTINEL, dtype)
    before = x.copy()
    assert_same(drop(wrap(x)), wanted(x))
    y = drop(wrap(x), wrap(out))
    assert isinstance(y, np.ndarray)
    assert np.shares_memory(y, out)
    assert_same(out, wanted(x))
    assert_same(x, before)
    given = wrap(x)
    drop(given, given)  # in place
    assert_same(x, wanted(before))


@pytest.mark.parametrize("wrap", WRAPPERS, ids=lambda w: w.__name__)
@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[::-2, 3:],
        lambda a: a[:, ::-1],
        lambda a: a[:0],
        lambda a: a[5, 5, ...],
        lambda a: np.asfortranarray(a),
    ],
    ids=["transposed", "sliced", "reversed", "empty", "0-d", "fortran"],
)
def test_layouts(wrap, view):
    x, out = view(numbers((30, 40))), view(np.full((30, 40), SENTINEL, np.float32))
    rest = float(out.base.sum()) - float(out.sum()) if out.base is not None else 0.0
    drop(wrap(x), wrap(out))
    assert_same(out, wanted(x))
    if out.base is not None:
        assert float(out.base.sum()) - float(out.sum()) == pytest.approx(rest)  # nothing else was written


def test_buffers_of_the_standard_library():
    values = numbers(50, np.float64)
    x, floats = array.array("d", values), (ctypes.c_double * 50)()
    drop(x, floats)
    assert_same(np.array(floats), wanted(values))
    drop(x, x)
    assert_same(np.array(x), wanted(values))
    with pytest.raises(ValueError, match="out has to be writeable"):
        drop(x, memoryview(x).toreadonly())


def test_what_can_only_be_converted_is_input_but_no_out():
    x = numbers((4, 6))
    assert_same(drop(Converts(x)), wanted(x))
    for out in (Converts(x), x.tolist(), 3.0, np.float32(3), "text", object(), np.ma.ones((4, 6), np.float32)):
        with pytest.raises(TypeError, match=r"out has to be a NumPy array, an array with .* or None, but got"):
            drop(x, out)


# ---- DLPack ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"version": None}, {"without_strides": True}, {"byte_offset": 64}, {"device": (3, 0)}]
)
def test_all_that_is_lent_is_given_back_once(options):
    x = numbers((7, 9))
    given = Producer(x, **options)
    assert_same(drop(given), wanted(x))
    gc.collect()
    assert (given.lent, given.returned) == (1, 1)
    y = drop(x, Producer(x.copy()))
    gc.collect()
    assert_same(y, wanted(x))  # the result still holds the memory


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"version": (2, 0)}, "version 2"),
        ({"code": 4, "bits": 8}, "type code 4 with 8 bits"),
        ({"lanes": 4}, "4 lanes"),
        ({"code": 3}, "type code 3"),
    ],
)
def test_refused_exports(options, text):
    x = np.full((4, 6), SENTINEL, np.float32)
    for name, call in (("x", lambda given: drop(given)), ("out", lambda given: drop(x.copy(), given))):
        given = Producer(x, **options)
        with pytest.raises(TypeError, match=rf"{name} has to be readable as an array, but got a Producer: .*{text}"):
            call(given)
        gc.collect()
        assert given.lent == given.returned == 1
    assert (x == SENTINEL).all()


@pytest.mark.parametrize("device", [(2, 1), (4, 0), (8, 0), (13, 0), (77, 3)])
def test_other_devices(device):
    x = np.full((4, 6), SENTINEL, np.float32)
    name = {2: "CUDA", 4: "OpenCL", 8: "Metal", 13: "CUDA managed"}.get(device[0], "DLPack device type 77")
    given = Producer(x, device=device)
    text = f"has to lie in the memory of the CPU, but got a Producer on {name}:{device[1]}"
    with pytest.raises(ValueError, match=f"x {text}"):
        drop(given)
    with pytest.raises(ValueError, match=f"out {text}"):
        drop(x.copy(), given)
    assert given.lent == 0
    assert (x == SENTINEL).all()


@pytest.mark.parametrize(
    ("error", "text", "options"),
    [
        (ValueError, "out has to be writeable", {"flags": 1}),
        (ValueError, "out has to be writeable", {"version": None}),  # which cannot say whether it may be written
        (TypeError, "out has to offer its memory, but a Producer exports a copy", {"flags": 2}),
    ],
)
def test_out_that_may_not_be_written(error, text, options):
    x = np.full((4, 6), SENTINEL, np.float32)
    with pytest.raises(error, match=text):
        drop(np.ones((4, 6), np.float32), Producer(x, **options))
    assert (x == SENTINEL).all()
    assert_same(drop(Producer(x, **options)), wanted(x))


@pytest.mark.parametrize("wrap", WRAPPERS, ids=lambda w: w.__name__)
def test_out_is_checked_like_an_array(wrap):
    x = numbers((4, 6))
    memory = np.full(60, SENTINEL, np.float32)
    cases = {
        "shape": memory[:24],
        "dtype": memory.view(np.int32)[:24].reshape(4, 6),
        "hold each element once": np.lib.stride_tricks.as_strided(memory, (4, 6), (8, 4)),
    }
    for text, out in cases.items():
        with pytest.raises(ValueError, match=f"out has to.*{text}"):
            drop(x, wrap(out))
    assert (memory == SENTINEL).all()
    line = numbers(100)
    before = line.copy()
    with pytest.raises(ValueError, match="overlaps x partly"):
        drop(wrap(line[:-1]), wrap(line[1:]))
    assert_same(line, before)


def test_integers_are_refused_by_their_name():
    for dtype in (np.int64, np.uint8, np.bool_):
        with pytest.raises(TypeError, match=f"x has to be of dtype .* but got {np.dtype(dtype)}"):
            drop(Producer(np.ones(3, dtype)))


# ---- all functions -----------------------------------------------------------------------------------------------

MASK = fd.Mask((6, 8), P, rng=fd.Key(*KEY))
CALLS = {
    "mask.apply": lambda w, x, out: MASK.apply(w(x), out=out),
    "backward": lambda w, x, out: fd.dropout_backward(w(x), MASK, out=out),
    "p": lambda w, x, out: fd.dropout(w(x), w(np.full((6, 1), 0.2)), rng=1, out=out),
    "eval": lambda w, x, out: fd.dropout(w(x), P, rng=1, training=False, out=out),
    "alpha": lambda w, x, out: fd.alpha_dropout(w(x), P, rng=1, out=out),
    "gaussian": lambda w, x, out: fd.gaussian_dropout(w(x), P, rng=1, out=out),
    "noise": lambda w, x, out: fd.gaussian_noise(w(x), 0.5, rng=1, out=out),
    "concrete": lambda w, x, out: fd.concrete_dropout(w(x), P, rng=1, out=out),
    "drop_path": lambda w, x, out: fd.drop_path(w(x), P, rng=1, out=out),
    "dropblock": lambda w, x, out: fd.dropblock1d(w(x[:, None]), P, 3, rng=1, out=out and w(out.values[:, None])),
    "softmax": lambda w, x, out: fd.softmax_dropout(w(x), P, mask=w(x > 0), rng=1, out=out),
    "bias": lambda w, x, out: fd.dropout_bias(w(x), w(x[0]), P, rng=1, out=out),
    "residual": lambda w, x, out: fd.dropout_residual(w(x), w(x + 1), P, rng=1, out=out),
    "connect": lambda w, x, out: fd.dropconnect(w(x), w(numbers((8, 8), seed=2)), p=P, rng=1, out=out),
    "consistent": lambda w, x, out: fd.consistent_dropout(w(x), w(np.arange(6)), P, rng=1, out=out),
    "zoneout": lambda w, x, out: fd.zoneout(w(x), w(x + 1), P, rng=1, out=out),
    "embedding": lambda w, x, out: fd.embedding_dropout(w(x), w(np.arange(6)[::-1]), P, rng=1, out=out),
    "samples": lambda w, x, out: fd.mc_dropout_backward(w(np.stack([x, x])), _samples(), out=out),
    "from_bool": lambda w, x, out: fd.Mask.from_bool(w(x > 0), P).apply(w(x), out=out),
}


def _samples():
    return fd.mc_dropout_forward(np.ones((6, 8), np.float32), P, samples=2, rng=1)[1]


@pytest.mark.parametrize("name", CALLS)
def test_every_function(name):
    x, out = numbers((6, 8)), np.full((6, 8), SENTINEL, np.float32)
    result = CALLS[name](lambda a: a, x, None)
    got = CALLS[name](Producer, x, Producer(out))
    assert np.shares_memory(got, out)
    assert_same(out, result.reshape(out.shape))
    assert_same(CALLS[name](Producer, x, None), result)


def test_ids_in_foreign_memory():
    ids, out = np.arange(40), np.zeros(40, np.int64)
    keep = fd.word_dropout(ids, 0.5, replacement=-1, rng=2)
    fd.word_dropout(Producer(ids), 0.5, replacement=-1, rng=2, out=Producer(out))
    assert np.array_equal(out, keep)


def test_memory_that_other_operands_have_is_refused():
    x = numbers((2, 6, 8))
    before = x.copy()
    with pytest.raises(ValueError, match="share no memory with dy"):
        fd.mc_dropout_backward(x, _samples(), out=Producer(x[0]))
    scores, y = x[0], x[1].copy()
    _, law = fd.softmax_dropout_forward(scores, P, rng=1)
    with pytest.raises(ValueError, match="share no memory with x"):
        fd.softmax_dropout_backward(y, scores, law, out=Producer(scores))
    with pytest.raises(ValueError, match="share no memory"):
        fd.embedding_dropout(scores, np.arange(6), P, rng=1, out=Producer(scores))
    with pytest.raises(ValueError, match="share no memory"):
        fd.dropconnect(scores, np.ones((8, 8), np.float32), p=P, rng=1, out=Producer(scores))
    assert_same(x, before)
    p = np.full((6, 8), 0.5)
    drawn = oracle.dropout(np.ones((6, 8)), KEY, 0.5)
    fd.dropout(np.ones((6, 8)), Producer(p), rng=fd.Key(*KEY), out=p)  # foreign probabilities are read before
    assert_same(p, drawn)
