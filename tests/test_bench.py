"""The benchmark's clock, its own rows and the loops in C: what is timed is what is said. Nothing depends on speed."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastdrop as fd
from fastdrop import _bench, _core
from fastdrop.arrays import DTYPES
from fastdrop.bench import Case, Row, UnsupportedError, own_rows, plan
from fastdrop.bench.measure import Experience, measure

# ---- the clock ----


def counting_row(name="counts", kind="peer"):
    """A row that records how it is used."""
    calls = []

    def prepare(case):
        if case.dtype == "float64":
            raise UnsupportedError("no float64 here")
        if case.dtype == "float16":
            raise RuntimeError("broken\nin two lines")

        def run(times):
            calls.append(("run", times))

        run.ready = lambda times: calls.append(("ready", times))
        return run

    return Row(name, kind, prepare, per_call=True), calls


def test_every_timing_is_got_ready_for():
    row, calls = counting_row()
    (found,) = measure([(row, Case(8, 0.5))], 0.1)
    assert found.rounds >= 3
    assert [what for what, _ in calls[::2]] == ["ready"] * (len(calls) // 2)
    assert all(ready[1] == run[1] for ready, run in zip(calls[::2], calls[1::2], strict=True))
    assert 0 < found.fastest <= found.lower <= found.median <= found.upper
    assert found.case == Case(8, 0.5)


def test_a_row_that_cannot_says_why_and_the_others_go_on():
    row, _ = counting_row()
    cases = [Case(8, 0.5, "float64"), Case(8, 0.5, "float16"), Case(8, 0.5)]
    unsupported, broken, fine = measure([(row, case) for case in cases], 0.05)
    assert (unsupported.median, unsupported.note) == (None, "no float64 here")
    assert (broken.median, broken.note) == (None, "failed: RuntimeError: broken in two lines")
    assert fine.median > 0
    assert not fine.note


def test_what_would_be_too_slow_is_not_tried():
    row, calls = counting_row()
    known = Experience()
    known.learn(row, Case(1 << 10, 0.5), preparing=5.0, once=1.0)
    entry = (row, Case(1 << 20, 0.5))
    (slow,) = measure([entry], 1.0, experience=known)
    assert slow.note == "too slow: about 1e+03 s a call"
    (long,) = measure([(row, Case(1 << 9, 0.5))], 1.0, frugal=True, experience=known)
    assert long.note == "not measured here: preparing takes 5.0 s"
    assert not calls
    (asked,) = measure([entry], 0.01, longest=math.inf, experience=known)
    assert asked.rounds >= 3


@pytest.mark.parametrize("dtype", plan.DTYPES)
@pytest.mark.parametrize("name", [row.name for row in own_rows.rows()])
def test_own_rows_run(name, dtype):
    row = next(row for row in own_rows.rows() if row.name == name)
    case = Case(1000, 0.1, dtype)
    if name == "Mask.to_packed" and dtype != "float32":
        with pytest.raises(UnsupportedError, match="float32"):
            row.prepare(case)
        return
    run = row.prepare(case)
    for times in (1, 3):
        run.ready(times)
        run(times)
    own_rows.forget_buffers()


def test_kernel_row_drops_in_place_with_a_fresh_key_each_time():
    row = next(row for row in own_rows.rows() if row.name == "kernel")
    run, x = row.prepare(Case(4096, 0.5)), own_rows.array(4096, "float32")
    masks = []
    for _ in range(2):
        run.ready(1)
        assert (x == 1).all()
        run(1)
        assert set(np.unique(x)) == {0.0, 2.0}
        masks.append(x.copy())
    own_rows.forget_buffers()
    assert (masks[0] != masks[1]).any()


def test_rows_of_an_instruction_set_use_it():
    before = _core.isa()
    try:
        for isa in _core.isas():
            rows = {row.name: row for row in own_rows.rows(("scalar", isa))}
            name = "kernel" if isa == "scalar" else f"kernel [{isa}]"
            rows[name].prepare(Case(64, 0.5)).ready(1)
            assert _core.isa() == isa
    finally:
        _core.set_isa(before)
        own_rows.forget_buffers()


# ---- the loops in C ----


@pytest.mark.parametrize("dtype", plan.DTYPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_c_loops_do_what_the_functions_do(dtype, threads):
    x = np.arange(1, 5001).astype(own_rows.dtype_of(dtype))
    y, key, code = np.empty_like(x), fd.Key(7), DTYPES[dtype]
    _bench.drop(x, y, code, 0.1, 6, 2, threads)  # the last of the seeds 6 and 7
    assert y.tobytes() == fd.dropout(x, 0.1, rng=key).tobytes()
    bits = np.empty(625, np.uint8)
    _bench.fill(bits, 0.1, 6, 2, threads)
    mask = fd.Mask(5000, 0.1, rng=key)
    assert (bits == mask.to_packed()).all()
    _bench.apply(bits, x, y, code, 2.0, 1, threads)
    assert y.tobytes() == mask.apply(x, scale=2.0).tobytes()
    _bench.copy(x, y, 2)
    assert y.tobytes() == x.tobytes()


@pytest.mark.parametrize("size", [1, 15, 16, 1000, 100003])
def test_scale_does_every_element_once(size):
    x = np.ones(size, np.float32)
    _bench.scale(x, 2.0, 3)
    assert (x == 8).all()


def test_scale_row_changes_nothing_with_any_threads():
    row = own_rows.rows()[0]
    if not fd.build_info()["openmp"]:
        with pytest.raises(UnsupportedError, match="built without OpenMP"):
            row.prepare(Case(1 << 18, 0.5, threads=2))
    for threads in (1, 2) if fd.build_info()["openmp"] else (1,):
        run, x = row.prepare(Case(1 << 18, 0.5, threads=threads)), own_rows.array(1 << 18, "float32")
        x[:] = np.arange(x.size)
        run(3)
        assert (x == np.arange(x.size)).all()
    own_rows.forget_buffers()


def test_c_loops_refuse_what_would_leave_the_arrays():
    x, bits = np.ones(64, np.float32), np.zeros(8, np.uint8)
    with pytest.raises(ValueError, match="same size"):
        _bench.drop(x, x[:32].copy(), 2, 0.5, 1, 1)
    with pytest.raises(ValueError, match="float32, but is 3"):
        _bench.drop(x, x, 3, 0.5, 1, 1)
    with pytest.raises(ValueError, match="64 elements, but has 7"):
        _bench.apply(bits[:7].copy(), x, x, 2, 1.0, 1)
    with pytest.raises(ValueError, match="core refused"):
        _bench.drop(x, x, 2, 1.5, 1, 1)
    with pytest.raises(TypeError, match="contiguous"):
        _bench.scale(x[::2], 1.0, 1)
    with pytest.raises(TypeError, match="float32"):
        _bench.scale(np.ones(4), 1.0, 1)
    assert (x == 1).all()
