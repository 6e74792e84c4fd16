"""DropConnect with a mask for each sample: values, gradients and masks against masks that are written out."""

import numpy as np
import oracle_connect
import pytest
from helpers import BFLOAT16, assert_same

import fastdrop as fd
from fastdrop import _core

KEY = (51, 52)
SHAPES = [
    (1, 1, 1),
    (3, 5, 7),
    (300, 3, 7),
    (130, 5, 1),
    (2, 70, 63),
    (9, 64, 64),
    (5, 33, 65),
    (1, 3, 2047),
    (4, 3, 2048),
    (4, 3, 2049),
    (7, 40, 100),
    (2, 3, 16385),
    (3, 2, 33000),
    (20, 100, 512),
]
FLOATS = [np.dtype(np.float32), np.dtype(np.float64)]
HALVES = [np.dtype(np.float16), BFLOAT16]
every_float = pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
every_p = pytest.mark.parametrize("p", [0.5, 0.1, 1 / 3])


def operands(shape, dtype=np.float32, seed=0):
    """x, weight, bias and dy for (batch, out_features, in_features)."""
    batch, rows, columns = shape
    shapes = ((batch, columns), (rows, columns), (rows,), (batch, rows))
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s).astype(dtype) for s in shapes]


def run(x, weight, bias, dy, p, **more):
    """y and the gradients."""
    y, mask = fd.dropconnect_forward(x, weight, p, bias=bias, rng=fd.Key(*KEY), **more)
    return y, *fd.dropconnect_backward(dy, x, weight, mask)


@every_float
@every_p
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_bit(isa, shape, p, dtype):
    x, weight, bias, dy = operands(shape, dtype)
    keep = oracle_connect.masks(KEY, shape, p)
    y, dx, dweight, dbias = run(x, weight, bias, dy, p)
    assert_same(y, oracle_connect.forward(keep, x, weight, p, bias))
    assert_same(fd.dropconnect(x, weight, p, rng=fd.Key(*KEY)), oracle_connect.forward(keep, x, weight, p))
    wanted = oracle_connect.backward(keep, dy, x, weight, p)
    assert_same(dx, wanted[0])
    assert_same(dweight, wanted[1])
    assert_same(dbias, dy.sum(axis=0))


@every_float
@pytest.mark.parametrize("shape", [(3, 5, 7), (4, 3, 2049), (7, 40, 100), (40, 20, 64)], ids=str)
def test_definition(shape, dtype):
    x, weight, bias, dy = operands(shape, dtype)
    for p in (0.5, 0.2):
        keep = oracle_connect.masks(KEY, shape, p)
        assert 0 < keep.mean() < 1
        # each of n roundings adds at most eps of the sum of magnitudes
        bounds = oracle_connect.explicit(keep, abs(dy), abs(x), abs(weight), p, abs(bias))
        wanted = oracle_connect.explicit(keep, dy, x, weight, p, bias)
        for got, exact, bound in zip(run(x, weight, bias, dy, p), wanted, bounds, strict=True):
            assert got.dtype == dtype
            assert (abs(got - exact) <= max(shape) * np.finfo(dtype).eps * bound).all()


def test_gradients_by_differences():
    x, weight, bias, dy = operands((3, 4, 6), np.float64)
    mask = fd.Mask((3, 4, 6), 0.3, rng=fd.Key(*KEY))

    def loss():
        return float((fd.dropconnect(x, weight, 0.3, bias=bias, rng=fd.Key(*KEY)) * dy).sum())

    for gradient, source in zip(fd.dropconnect_backward(dy, x, weight, mask), (x, weight, bias), strict=True):
        assert gradient.shape == source.shape
        for i in np.ndindex(source.shape):
            before, values = source[i], []
            for step in (1e-6, -1e-6):
                source[i] = before + step
                values.append(loss())
            source[i] = before
            assert (values[0] - values[1]) / 2e-6 == pytest.approx(gradient[i], rel=1e-6, abs=1e-8)


@every_float
@pytest.mark.parametrize("shape", [(40, 100, 512), (2, 2, 70000), (700, 30, 65)], ids=str)
def test_threads_do_not_matter(isa, shape, dtype):
    x, weight, bias, dy = operands(shape, dtype)
    for p in (0.5, 0.1):
        results = []
        for threads in (1, 2, 3, 8):
            y, mask = fd.dropconnect_forward(x, weight, p, bias=bias, rng=1, threads=threads)
            results.append((y, *fd.dropconnect_backward(dy, x, weight, mask, threads=threads)))
        for other in results[1:]:
            for got, wanted in zip(other, results[0], strict=True):
                assert_same(got, wanted)


def test_more_than_one_thread_is_used():
    x, weight, _, dy = operands((64, 256, 256))
    most = min(2, _core.max_threads())
    _, mask = fd.dropconnect_forward(x, weight, 0.5, rng=1, threads=2)
    assert _core.last_team() == most
    fd.dropconnect(x, weight, 0.5, rng=1, threads=1)
    assert _core.last_team() == 1
    fd.dropconnect_backward(dy, x, weight, mask, threads=1)
    assert _core.last_team() == 1


@pytest.mark.parametrize("dtype", HALVES, ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(5, 33, 65), (3, 300, 1000)], ids=str)
def test_narrow_types_are_widened(isa, shape, dtype):
    """Products and sums in float32, one rounding at the end; 300 x 1000 weights are widened in two parts."""
    x, weight, bias, dy = operands(shape, dtype)
    wide = [a.astype(np.float32) for a in (x, weight, bias, dy)]
    keep = oracle_connect.masks(KEY, shape, 0.5)
    y, dx, dweight, dbias = run(x, weight, bias, dy, 0.5)
    assert_same(y, oracle_connect.forward(keep, wide[0], wide[1], 0.5, wide[2]).astype(dtype))
    parts = []
    step = max(1, (1 << 18) // shape[2])
    for first in range(0, shape[1], step):
        rows = slice(first, first + step)
        parts.append(oracle_connect.backward(keep[:, rows], wide[3][:, rows], wide[0], wide[1][rows], 0.5))
    assert len(parts) == (2 if shape[1] == 300 else 1)
    assert_same(dx, sum(part[0] for part in parts).astype(dtype))
    assert_same(dweight, np.concatenate([part[1] for part in parts]).astype(dtype))
    assert_same(dbias, wide[3].sum(axis=0).astype(dtype))


def test_an_overflow_is_an_infinity_without_a_warning():
    x, weight = np.full((2, 4), 60000, np.float16), np.full((3, 4), 60000, np.float16)
    assert np.isinf(fd.dropconnect(x, weight, 0.0, rng=1)).all()
    assert np.isinf(fd.dropconnect(x, weight, 2.0**-40, rng=1)).all()


LAYOUTS = {
    "Fortran": lambda a: np.asfortranarray(a),
    "every other": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2],
    "wide rows": lambda a: np.concatenate([a, a], axis=1)[:, : a.shape[1]],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "rows backwards": lambda a: a[::-1].copy()[::-1],
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "read-only": lambda a: np.broadcast_to(a, a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [FLOATS[0], HALVES[0]], ids=lambda d: d.name)
def test_layouts_do_not_matter(layout, dtype):
    x, weight, bias, dy = operands((6, 40, 66), dtype)
    wanted = run(x, weight, bias, dy, 0.1)
    to = LAYOUTS[layout]
    got = run(to(x), to(weight), np.repeat(bias, 2)[::2], to(dy), 0.1)
    for a, b in zip(got, wanted, strict=True):
        assert_same(a, b)


def test_leading_axes_are_the_batch():
    x, weight, bias, dy = operands((12, 5, 7))
    wanted = run(x, weight, bias, dy, 0.5)
    got = run(x.reshape(2, 3, 2, 7), weight, bias, dy.reshape(2, 3, 2, 5), 0.5)
    assert_same(got[0], wanted[0].reshape(2, 3, 2, 5))
    assert_same(got[1], wanted[1].reshape(2, 3, 2, 7))
    assert_same(got[2], wanted[2])
    alone = run(x[0], weight, bias, dy[0], 0.5)
    assert_same(alone[0], wanted[0][0])  # one sample has the mask of the first of many
    assert_same(alone[1], wanted[1][0])
    swapped = x.reshape(3, 4, 7).transpose(1, 0, 2)
    assert_same(fd.dropconnect(swapped, weight, rng=1), fd.dropconnect(swapped.copy(), weight, rng=1))


@pytest.mark.parametrize("p", [0.5, 0.1])
@pytest.mark.parametrize("shape", [(6, 40, 66), (10, 7, 5), (3, 4, 2100), (2, 2, 17000)], ids=str)
def test_stored_bits_and_masks_from_elsewhere(isa, shape, p):
    x, weight, bias, dy = operands(shape)
    wanted = run(x, weight, bias, dy, p)[1:]
    mask = fd.Mask(shape, p, rng=fd.Key(*KEY))
    for other in (mask, mask.store(), fd.Mask.from_bool(oracle_connect.masks(KEY, shape, p), p)):
        for got, want in zip(fd.dropconnect_backward(dy, x, weight, other, threads=2), wanted, strict=True):
            assert_same(got, want)
