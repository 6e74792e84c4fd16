"""`fastdrop bench`: float32, one thread, p = 0.5 and 0.1, the in-place scale and the NumPy idiom, in a minute."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import numpy as np

import fastdrop
from fastdrop.bench import own_rows, peers
from fastdrop.bench.case import Case
from fastdrop.bench.machine import describe_machine
from fastdrop.bench.measure import measure
from fastdrop.bench.results import Report, size_name

__all__ = ["IDIOM", "PROBABILITIES", "SIZES", "format_quick", "run_quick", "small_call"]

SIZES = (1 << 12, 1 << 16, 1 << 20, 1 << 24, 1 << 26)
PROBABILITIES = (0.5, 0.1)
IDIOM = "NumPy idiom"
ONCE = (own_rows.SCALE, "np.multiply in place")  # a row without a p is measured once
EACH = ("kernel", "fastdrop.dropout", IDIOM)


def run_quick(
    sizes: tuple[int, ...] = SIZES,
    *,
    seconds: float = 10.0,
    progress: Callable[[str], None] = lambda text: None,
) -> Report:
    """Measure the quick table in this process, with the instruction set in use.

    Parameters
    ----------
    sizes : tuple of int, optional
        Numbers of float32 elements.
    seconds : float, optional
        About how long each size takes.
    progress : callable, optional
        Told what is being done.

    Returns
    -------
    Report

    Examples
    --------
    >>> from fastdrop.bench.quick import format_quick, run_quick
    >>> print(format_quick(run_quick((4096,), seconds=0.05)))  # doctest: +ELLIPSIS
    | float32 elements | in-place scale | p = 0.5, in place | ...
    """
    table = {row.name: row for row in (*own_rows.rows(), *peers.FAMILIES["NumPy"].rows())}
    report = Report(describe_machine())
    for size in sizes:
        entries = [(table[name], Case(size, PROBABILITIES[0])) for name in ONCE]
        entries += [(table[name], Case(size, p)) for p in PROBABILITIES for name in EACH]

        def tell(row: str, size: int = size) -> None:
            progress(f"{size_name(size)} elements: {row}")

        report.results += measure(entries, seconds, longest=math.inf, progress=tell)
        own_rows.forget_buffers()
    report.small_call = small_call()
    return report


def format_quick(report: Report) -> str:
    """Return the quick table as Markdown: a line for each size.

    Parameters
    ----------
    report : Report
        It has to hold the rows of `run_quick`; a full one does.

    Returns
    -------
    str
    """
    head = ["float32 elements", own_rows.SCALE]
    for p in PROBABILITIES:
        head += [f"p = {p}, in place", "times the scale", "NumPy idiom / fastdrop"]
    lines = ["| " + " | ".join(head) + " |", "|" + " ---: |" * len(head)]
    sizes = {r.size for r in report.results if r.row == "kernel" and r.dtype == "float32" and r.threads == 1}
    for size in sorted(sizes):
        first = Case(size, PROBABILITIES[0])
        cells = [size_name(size), number(report.median(own_rows.SCALE, first), "{:.3f} ns")]
        for p in PROBABILITIES:
            # the scale knows no p: a full run has measured it beside each, a quick one once
            case = Case(size, p)
            beside = case if report.median(own_rows.SCALE, case) else first
            kernel, scale = report.median("kernel", case), report.median(own_rows.SCALE, beside)
            times = kernel / scale if kernel and scale else None
            idiom = report.ratio(IDIOM, "fastdrop.dropout", case)
            cells += [number(kernel, "{:.3f} ns"), number(times, "{:.2f}"), number(idiom, "{:.0f}")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float | None, form: str) -> str:
    """Return a number as text, a dash where there is none."""
    return "–" if value is None else form.format(value)


def small_call(elements: int = 16, rounds: int = 41, times: int = 2000) -> dict[str, float]:
    """Return medians, in microseconds, of one call on a small array.

    Parameters
    ----------
    elements : int, optional
        Of the float32 array.
    rounds, times : int, optional
        Number of timings, and of calls in each.

    Returns
    -------
    dict of str to float
        ``fastdrop.dropout(x, p, rng=key, out=x)`` at p = 0.5 and 0.1, and ``np.multiply(x, s, out=x)``.

    Examples
    --------
    >>> from fastdrop.bench.quick import small_call
    >>> sorted(small_call(rounds=1, times=10))
    ['fastdrop.dropout p=0.1', 'fastdrop.dropout p=0.5', 'np.multiply']
    """
    x = np.ones(elements, np.float32)
    one = np.float32(1)
    keys = [fastdrop.Key(seed) for seed in range(times)]

    def dropout(p: float) -> None:
        for key in keys:
            fastdrop.dropout(x, p, rng=key, out=x)

    def multiply(_: float) -> None:
        for _ in keys:
            np.multiply(x, one, out=x)

    calls = {"fastdrop.dropout p=0.5": (dropout, 0.5), "fastdrop.dropout p=0.1": (dropout, 0.1)}
    calls["np.multiply"] = (multiply, 0.0)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (work, p) in calls.items():
            x.fill(1)
            start = time.perf_counter()
            work(p)
            taken[name].append((time.perf_counter() - start) / times * 1e6)
    return {name: statistics.median(record) for name, record in taken.items()}
