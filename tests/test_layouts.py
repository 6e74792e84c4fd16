"""Strides don't matter: the same logical array gets the same mask and the same values."""

import numpy as np
import oracle
import pytest
from helpers import DTYPES, assert_same, numbers

import fastdrop as fd

KEY = (11, 12)
SHAPE = (6, 35, 20)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)


def holes(x: np.ndarray, steps) -> np.ndarray:
    """x's values in a view with steps between the elements; a negative step walks backwards."""
    big = np.zeros([n * abs(s) for n, s in zip(x.shape, steps, strict=True)], dtype=x.dtype)
    view = big[tuple(slice(None, None, s) for s in steps)]
    view[...] = x
    return view


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "axes turned": lambda x: np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0),
    "last two swapped": lambda x: np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2),
    "every second column": lambda x: holes(x, (1, 1, 2)),
    "every third row": lambda x: holes(x, (1, 3, 1)),
    "steps everywhere": lambda x: holes(x, (2, 3, 5)),
    "reversed": lambda x: holes(x, (-1, -1, -1)),
    "last reversed": lambda x: holes(x, (1, 1, -1)),
    "first reversed": lambda x: holes(x, (-1, 1, 1)),
    "reversed with steps": lambda x: holes(x, (-2, 1, -3)),
    "Fortran, reversed": lambda x: holes(x.T, (-1, 1, -1)).T,
    "field of a record": lambda x: _field(x),
}


def _field(x):
    records = np.zeros(x.shape, dtype=[("before", "i1"), ("value", x.dtype), ("after", "i2")])
    records["value"] = x
    return records["value"]


every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda name: name.replace(" ", "-"))


@every_dtype
@every_layout
def test_input(isa, dtype, layout):
    plain = numbers(SHAPE, dtype)
    x = LAYOUTS[layout](plain)
    assert_same(x, plain)
    for p in (0.5, 0.1):
        wanted = oracle.dropout(plain, KEY, p)
        assert_same(fd.dropout(x, p, rng=fd.Key(*KEY)), wanted)
        assert_same(fd.Mask(SHAPE, p, rng=fd.Key(*KEY)).store().apply(x), wanted)
    assert_same(x, plain)


@every_dtype
@every_layout
def test_output_and_in_place(isa, dtype, layout):
    plain = numbers(SHAPE, dtype)
    for p in (0.5, 0.1):
        wanted = oracle.dropout(plain, KEY, p)
        out = LAYOUTS[layout](np.full_like(plain, 7))
        assert fd.dropout(plain, p, rng=fd.Key(*KEY), out=out) is out
        assert_same(out, wanted)
        x = LAYOUTS[layout](plain)
        assert fd.dropout(x, p, rng=fd.Key(*KEY), out=x) is x
        assert_same(x, wanted)


@pytest.mark.parametrize("into", ["Fortran", "last reversed", "steps everywhere"])
@pytest.mark.parametrize("source", ["Fortran", "axes turned", "reversed with steps"])
def test_two_layouts_at_once(isa, source, into):
    plain = numbers(SHAPE)
    out = LAYOUTS[into](np.zeros_like(plain))
    fd.dropout(LAYOUTS[source](plain), 0.1, rng=fd.Key(*KEY), out=out)
    assert_same(out, oracle.dropout(plain, KEY, 0.1))


def test_elements_between_are_left_alone(isa):
    big = np.full((60, 81), 5.0, dtype=np.float32)
    view = big[::3, 1::2]
    view[...] = plain = numbers(view.shape)
    fd.dropout(view, 0.1, rng=fd.Key(*KEY), out=view)
    assert_same(view, oracle.dropout(plain, KEY, 0.1))
    rest = np.ones(big.shape, dtype=bool)
    rest[::3, 1::2] = False
    assert np.all(big[rest] == 5)


@every_dtype
def test_broadcast_input(isa, dtype):
    row = numbers((1, 300), dtype)
    for shape, x in {
        "rows": ((70, 300), np.broadcast_to(row, (70, 300))),
        "columns": ((300, 70), np.broadcast_to(row.T, (300, 70))),
        "one number": ((9, 8, 7), np.broadcast_to(row[0, :1], (9, 8, 7))),
    }.values():
        y = fd.dropout(x, 0.1, rng=fd.Key(*KEY))
        assert_same(y, oracle.dropout(np.array(x), KEY, 0.1))
        assert y.shape == shape
        assert y.flags.writeable


@pytest.mark.parametrize("shape", [(1,), (1, 1, 1), (5, 1, 1), (1, 1, 5), (0,), (3, 0, 2), (), (2,) * 12, (1,) * 32])
def test_odd_shapes(isa, shape):
    x = numbers(shape)
    for p in (0.5, 0.3):
        y = fd.dropout(x, p, rng=fd.Key(*KEY))
        assert_same(y, oracle.dropout(x, KEY, p))
        assert fd.dropout(x.T, p, rng=fd.Key(*KEY)).shape == x.T.shape


@pytest.mark.parametrize("shape", [(3, 16384), (2048, 3), (130, 129), (1, 40000), (40000, 1), (7, 1, 3001)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_shapes_on_the_edges_of_pages(isa, shape, order):
    x = numbers(shape).copy(order=order)
    for p in (0.5, 0.1):
        assert_same(fd.dropout(x, p, rng=fd.Key(*KEY)), oracle.dropout(x, KEY, p))


@every_layout
def test_result_keeps_the_order_of_the_input(layout):
    x = LAYOUTS[layout](numbers(SHAPE))
    assert fd.dropout(x, 0.5, rng=0).strides == np.empty_like(x, order="K").strides


@every_layout
def test_backward_of_any_layout(isa, layout):
    plain = numbers(SHAPE)
    dy = LAYOUTS[layout](plain)
    for store in (False, True):
        _, mask = fd.dropout_forward(plain, 0.2, rng=fd.Key(*KEY), store=store)
        assert_same(fd.dropout_backward(dy, mask), oracle.dropout(plain, KEY, 0.2))


def test_many_short_rows(isa):
    """Rows far shorter than a step, with gaps: each element still finds its own bit."""
    plain = numbers((5000, 3), np.float16)
    x = holes(plain, (1, 2))
    for p in (0.5, 0.1):
        assert_same(fd.dropout(x, p, rng=fd.Key(*KEY)), oracle.dropout(plain, KEY, p))


LARGE = {
    "one row with gaps": (lambda x: holes(x, (2,)), (200_001,)),
    "one row reversed": (lambda x: holes(x, (-1,)), (200_001,)),
    "rows longer than a page with gaps": (lambda x: holes(x, (2, 3)), (5, 40_001)),
    "Fortran, more rows than a tile": (np.asfortranarray, (700, 300)),
    "Fortran, more columns than a tile": (np.asfortranarray, (130, 9000)),
    "Fortran, few long columns": (np.asfortranarray, (40_000, 5)),
    "Fortran, few long rows": (np.asfortranarray, (5, 40_000)),
    "Fortran, reversed": (lambda x: holes(x.T, (-1, -1)).T, (600, 333)),
    "channels last": (lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2), (2, 70, 33, 34)),
    "batches in the middle": (lambda x: np.ascontiguousarray(x.transpose(1, 0, 2)).transpose(1, 0, 2), (60, 50, 70)),
}


@pytest.mark.parametrize("name", LARGE, ids=lambda name: name.replace(" ", "-"))
@pytest.mark.parametrize("dtype", [np.float32, np.complex128], ids=["float32", "complex128"])
def test_large(isa, name, dtype):
    """Past every inner length: runs of bits, tiles of rows and columns, all in and out of place."""
    lay, shape = LARGE[name]
    plain = numbers(shape, dtype)
    for p in (0.5, 0.1):
        wanted = oracle.dropout(plain, KEY, p)
        x = lay(plain)
        out = lay(np.zeros_like(plain))
        fd.dropout(x, p, rng=fd.Key(*KEY), out=out)
        assert_same(out, wanted)
        fd.dropout(x, p, rng=fd.Key(*KEY), out=x)
        assert_same(x, wanted)
        out[...] = 0
        fd.Mask(shape, p, rng=fd.Key(*KEY)).store().apply(lay(plain), out=out)
        assert_same(out, wanted)
