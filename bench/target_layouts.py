"""Targets beside the plain in-place kernel: out of place, small calls, packed masks, layouts, arrays of p."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

import fastdrop
from fastdrop.bench import Case, Row
from fastdrop.bench.own_rows import array
from fastdrop.bench.results import size_name

SEEDS = itertools.count(1 << 40, 1 << 20)
SIDE = 2048  # 2048 x 2048 is 2^22


class Call:
    """Calls of ``fastdrop.dropout`` on an array, in place, with keys made before the clock starts."""

    def __init__(self, x: np.ndarray, p: object, **options: object) -> None:
        self.x, self.p, self.options = x, p, options
        self.keys: list[fastdrop.Key] = []

    def ready(self, times: int) -> None:
        """Refill, make keys."""
        self.x.fill(1)
        seed = next(SEEDS)
        self.keys = [fastdrop.Key(seed + i) for i in range(times)]

    def __call__(self, times: int) -> None:
        """Drop so many times."""
        x, p, options = self.x, self.p, self.options
        for key in self.keys:
            fastdrop.dropout(x, p, rng=key, out=x, **options)


def call_row(name: str, make: Callable[[Case], Call]) -> Row:
    """Return a row of such calls."""
    return Row(name, "fastdrop", make, per_call=True)


def multiply(x: np.ndarray, factor: object, out: np.ndarray) -> Callable[[int], None]:
    """Return what multiplies so many times."""

    def run(times: int) -> None:
        for _ in range(times):
            np.multiply(x, factor, out=out)

    return run


def multiply_out_of_place(case: Case) -> Callable[[int], None]:
    """``np.multiply(x, s, out=y)``."""
    return multiply(array(case.size, case.dtype), np.float32(1), array(case.size, case.dtype, "y"))


def multiply_in_place(case: Case) -> Callable[[int], None]:
    """``np.multiply(x, s, out=x)``."""
    x = array(case.size, case.dtype)
    return multiply(x, np.float32(1), x)


def overhead_batches(batch_type: type, own: dict[str, Row]) -> list:
    """Out of place from 2^24, calls on few elements, `Mask.to_packed`."""
    batches = []
    bound = Row("np.multiply out of place", "roofline", multiply_out_of_place, per_call=True)
    for size in (1 << 24, 1 << 26):
        batch = batch_type(f"out of place {size_name(size)}")
        kernel, other = batch.add(own["kernel, out of place"], Case(size, 0.5)), batch.add(bound, Case(size, 0.5))
        text = f"out of place, p = 0.5, {size_name(size)}: times np.multiply(x, s, out=y)"
        batch.ask(f"out of place {size_name(size)}", text, kernel, other, 1.1)
        batches.append(batch)
    small = call_row("fastdrop.dropout", lambda case: Call(array(case.size, case.dtype), case.p))
    bound = Row("np.multiply", "roofline", multiply_in_place, per_call=True)
    for size, limit in ((16, 1.0), (4096, 1.6)):
        batch = batch_type(f"calls {size}")
        for p in (0.5, 0.1):
            call = batch.add(small, Case(size, p))
            batch.ask(
                f"call {size} p={p}", f"one call on {size:,} elements, p = {p}: microseconds", call, None, limit, "us"
            )
            if size == 16:
                other = batch.add(bound, Case(size, 0.5))
                batch.ask(f"call {size} p={p} multiply", f"one call on {size} elements, p = {p}: times np.multiply's",
                          call, other, 2.0)  # fmt: skip
        batches.append(batch)
    for size in (1 << 20, 1 << 24):
        batch = batch_type(f"packed {size_name(size)}")
        for p, limit in ((0.5, 0.02), (0.1, 0.10)):
            packed = batch.add(own["Mask.to_packed"], Case(size, p))
            text = f"Mask.to_packed(), p = {p}, {size_name(size)}: nanoseconds an element"
            batch.ask(f"packed p={p} {size_name(size)}", text, packed, None, limit, "ns")
        batches.append(batch)
    return batches


def square(order: str) -> np.ndarray:
    """Return a float32 array of 2^22 elements in C or Fortran order."""
    return np.ones((SIDE, SIDE), np.float32, order=order)


#: Layouts of 2^22 float32 elements, none of them contiguous in C order.
LAYOUTS: dict[str, Callable[[], np.ndarray]] = {
    "Fortran-ordered": lambda: square("F"),
    "transposed": lambda: square("C").T,
    "sliced": lambda: np.ones((SIDE, 2 * SIDE), np.float32)[:, ::2],
}
CHANNELS = (32, 128, 32, 32)


def multiply_channels(case: Case) -> Callable[[int], None]:
    """Multiply a tensor by a factor for each sample and channel."""
    x = np.ones(CHANNELS, np.float32)
    return multiply(x, np.ones((*CHANNELS[:2], 1, 1), np.float32), x)


def layout_batches(batch_type: type, own: dict[str, Row]) -> list:
    """Layouts against the contiguous array, shared axes against a broadcast multiply, arrays of p against one p."""
    batches = []
    plain = call_row("contiguous", lambda case: Call(square("C"), case.p, threads=1))
    for p in (0.5, 0.1):
        batch, case = batch_type(f"layouts p = {p}"), Case(SIDE * SIDE, p)
        contiguous = batch.add(plain, case)
        for name, make in LAYOUTS.items():
            row = call_row(name, lambda case, make=make: Call(make(), case.p, threads=1))
            text = f"{name}, p = {p}, 2^22: times the contiguous time"
            batch.ask(f"layout {name} p={p}", text, batch.add(row, case), contiguous, 2.5)
        batches.append(batch)
    batch, case = batch_type("shared axes and arrays of p"), Case(SIDE * SIDE, 0.1)
    shared = call_row("shared", lambda case: Call(np.ones(CHANNELS, np.float32), case.p, threads=1, share_axes=(2, 3)))
    bound = Row("broadcast multiply", "roofline", multiply_channels, per_call=True)
    text = "shared axes (N, C, 1, 1) of (32, 128, 32, 32): times a broadcast multiply"
    batch.ask("shared axes", text, batch.add(shared, case), batch.add(bound, case), 1.05)
    contiguous = batch.add(plain, case)
    rows_p = np.linspace(0.1, 0.3, SIDE)[:, None]
    for name, p, limit in (("per row", rows_p, 1.3), ("for every element", np.tile(rows_p, SIDE), 8.0)):
        row = call_row(f"p {name}", lambda case, p=p: Call(square("C"), p, threads=1))
        batch.ask(f"p {name}", f"a p {name}, 2^22: times one p = 0.1", batch.add(row, case), contiguous, limit)
    batches.append(batch)
    return batches
