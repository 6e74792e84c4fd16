"""Where results go: in place, into out=, or into a new array; and what is refused before the first write."""

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd

KEY = (51, 0)
SENTINEL = 3.0


def call_dropout(x, out):
    return fd.dropout(x, 0.3, rng=fd.Key(*KEY), out=out)


def call_forward(x, out):
    return fd.dropout_forward(x, 0.3, rng=fd.Key(*KEY), out=out)[0]


def call_backward(x, out):
    return fd.dropout_backward(x, fd.Mask(x.shape, 0.3, rng=fd.Key(*KEY)), out=out)


def call_apply(x, out):
    return fd.Mask(x.shape, 0.3, rng=fd.Key(*KEY)).apply(x, out=out)


def call_apply_stored(x, out):
    return fd.Mask(x.shape, 0.3, rng=fd.Key(*KEY)).store().apply(x, out=out)


def call_eval(x, out):
    return fd.dropout(x, 0.3, rng=fd.Key(*KEY), training=False, out=out)


def call_p_zero(x, out):
    return fd.dropout(x, 0.0, rng=fd.Key(*KEY), out=out)


DRAWING = [call_dropout, call_forward, call_backward, call_apply, call_apply_stored]
every_call = pytest.mark.parametrize("call", [*DRAWING, call_eval, call_p_zero], ids=lambda c: c.__name__)


def wanted(call, x):
    return oracle.dropout(x, KEY, 0.3) if call in DRAWING else x


@every_call
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_out_and_in_place(isa, call, dtype):
    x = numbers((30, 40), dtype)
    before, out = x.copy(), np.full_like(x, SENTINEL)
    assert call(x, out) is out
    assert_same(out, wanted(call, before))
    assert_same(x, before)
    assert call(x, x) is x
    assert_same(x, wanted(call, before))


@every_call
def test_another_view_of_the_same_memory_is_in_place(call):
    x = numbers((30, 40))
    before, view = x.copy(), x[:]
    assert call(x, view) is view
    assert_same(x, wanted(call, before))


def overlapping():
    line = np.full(1000, SENTINEL, dtype=np.float32)
    square = np.full((20, 20), SENTINEL, dtype=np.float32)
    return {
        "one element later": (line[:-1], line[1:]),
        "one element earlier": (line[1:], line[:-1]),
        "half": (line[:600], line[400:]),
        "reversed": (line, line[::-1]),
        "transposed": (square, square.T),
        "other strides": (line[:500], line[::2]),
        "same start, other strides": (square[:10, ::2], square[:20:2, :10]),
        "read-only view of it, shifted": (line[1:], line[:-1]),
    }


@every_call
@pytest.mark.parametrize("case", overlapping())
def test_partial_overlap(call, case):
    x, out = overlapping()[case]
    with pytest.raises(ValueError, match="out"):
        call(x, out)
    assert np.all(x == SENTINEL)
    assert np.all(out == SENTINEL)


@every_call
def test_interleaved_without_sharing_an_element(isa, call):
    """Two columns of one array interleave in memory and share nothing: allowed."""
    pairs = numbers((500, 2))
    before = pairs.copy()
    call(pairs[:, 0], pairs[:, 1])
    assert_same(pairs[:, 0], before[:, 0])
    assert_same(pairs[:, 1], wanted(call, np.array(before[:, 0])))


def refused(x):
    read_only = np.full_like(x, SENTINEL)
    read_only.flags.writeable = False
    room = np.full(x.size + 8, SENTINEL, dtype=x.dtype)
    folded = np.lib.stride_tricks.as_strided(room, x.shape, (x.itemsize * 4, x.itemsize))
    column = np.full((x.shape[0], 1), SENTINEL, dtype=x.dtype)
    writeable_broadcast = np.lib.stride_tricks.as_strided(column, x.shape, (x.itemsize, 0))
    return {
        "another shape": (np.full((*x.shape, 1), SENTINEL, dtype=x.dtype), ValueError),
        "a larger shape": (np.full((x.shape[0] + 1, x.shape[1]), SENTINEL, dtype=x.dtype), ValueError),
        "transposed shape": (np.full(x.shape[::-1], SENTINEL, dtype=x.dtype), ValueError),
        "another dtype": (np.full(x.shape, SENTINEL, dtype=np.float64), ValueError),
        "an integer dtype": (np.full(x.shape, SENTINEL, dtype=np.int32), (TypeError, ValueError)),
        "the other byte order": (np.full(x.shape, SENTINEL, dtype=x.dtype.newbyteorder("S")), (TypeError, ValueError)),
        "read-only": (read_only, ValueError),
        "broadcast": (np.broadcast_to(np.full(x.shape[1], SENTINEL, dtype=x.dtype), x.shape), ValueError),
        "writeable broadcast": (writeable_broadcast, ValueError),
        "self-overlapping": (folded, ValueError),
        "a list": ([[SENTINEL] * x.shape[1]] * x.shape[0], TypeError),
        "masked": (np.ma.masked_array(np.full(x.shape, SENTINEL, dtype=x.dtype)), TypeError),
    }


@every_call
@pytest.mark.parametrize("case", refused(np.zeros((7, 5), dtype=np.float32)))
def test_refused(call, case):
    x = numbers((7, 5))
    before = x.copy()
    out, error = refused(x)[case]
    with pytest.raises(error, match="out"):
        call(x, out)
    assert np.all(np.asarray(out) == SENTINEL)
    assert_same(x, before)


def test_dimensions_of_one_element_may_have_any_stride():
    """A stride that is never taken is no overlap."""
    x = numbers((1, 50))
    out = np.lib.stride_tricks.as_strided(np.zeros(50, dtype=np.float32), (1, 50), (0, 4))
    fd.dropout(x, 0.3, rng=fd.Key(*KEY), out=out)
    assert_same(out, oracle.dropout(x, KEY, 0.3))
    empty = np.lib.stride_tricks.as_strided(np.zeros(1, dtype=np.float32), (0, 50), (0, 0))
    assert fd.dropout(np.zeros((0, 50), dtype=np.float32), 0.3, rng=0, out=empty) is empty


def test_axes_that_interleave():
    """Steps smaller than what lies below them: refused where two elements meet, fine where none do."""
    x = numbers((2, 2))
    memory = np.full(6, SENTINEL, dtype=np.float32)
    apart = np.lib.stride_tricks.as_strided(memory, (2, 2), (8, 12))  # elements 0, 3, 2, 5
    fd.dropout(x, 0.3, rng=fd.Key(*KEY), out=apart)
    assert_same(apart, oracle.dropout(x, KEY, 0.3))
    assert memory[1] == memory[4] == SENTINEL
    meeting = np.lib.stride_tricks.as_strided(np.full(9, SENTINEL, dtype=np.float32), (3, 2), (8, 16))
    with pytest.raises(ValueError, match="out"):
        fd.dropout(numbers((3, 2)), 0.3, rng=0, out=meeting)
    assert np.all(meeting == SENTINEL)


def test_new_result_shares_no_memory():
    x = numbers((40, 50))
    assert not np.shares_memory(fd.dropout(x, 0.3, rng=0), x)


def test_memmap(tmp_path):
    x = np.memmap(tmp_path / "x", dtype=np.float32, mode="w+", shape=(20, 30))
    x[...] = plain = numbers((20, 30))
    y = fd.dropout(x, 0.3, rng=fd.Key(*KEY))
    assert isinstance(y, np.memmap)
    assert_same(y, oracle.dropout(plain, KEY, 0.3))
    fd.dropout(x, 0.3, rng=fd.Key(*KEY), out=x)
    x.flush()
    again = np.fromfile(tmp_path / "x", dtype=np.float32).reshape(20, 30)
    assert_same(again, oracle.dropout(plain, KEY, 0.3))
    read_only = np.memmap(tmp_path / "x", dtype=np.float32, mode="r", shape=(20, 30))
    with pytest.raises(ValueError, match="out"):
        fd.dropout(read_only, 0.3, rng=0, out=read_only)
