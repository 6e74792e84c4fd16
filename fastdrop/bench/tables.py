"""The Markdown of a full report: a table for each dtype, p and number of threads, peers from fast to slow."""

from __future__ import annotations

import math

from fastdrop.bench.case import Case
from fastdrop.bench.results import TOO_SLOW, Report, Result, size_name

__all__ = ["format_full", "format_machine", "format_one"]

KINDS = ("roofline", "fastdrop", "idiom", "peer")


def format_machine(report: Report) -> str:
    """Return what the figures were measured on, a fact a line."""
    lines = [f"{name}: {value}" for name, value in report.machine.items()]
    lines += [f"not measured: {name} ({reason})" for name, reason in report.missing.items()]
    return "\n".join(lines)


def format_full(report: Report) -> str:
    """Return all tables of a report.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        Markdown. A cell holds nanoseconds an element and, in brackets, that as a multiple of the in-place scale; a
        number where there is no figure leads to the reason below the table.
    """
    parts = []
    for dtype in dict.fromkeys(r.dtype for r in report.results):
        for threads in sorted({r.threads for r in report.results if r.dtype == dtype}):
            for p in dict.fromkeys(r.p for r in report.results if (r.dtype, r.threads) == (dtype, threads)):
                said = "1 thread" if threads == 1 else f"{threads} threads"
                parts.append(f"**{dtype}, p = {p:g}, {said}**")
                parts.append(format_one(report, dtype, p, threads))
    if report.small_call:
        calls = ", ".join(f"`{name}` {us:.2f} µs" for name, us in report.small_call.items())
        parts.append(f"One call on 16 elements: {calls}.")
    parts += report.remarks
    return "\n\n".join(parts)


def format_one(
    report: Report,
    dtype: str,
    p: float,
    threads: int,
    sizes: tuple[int, ...] | None = None,
    *,
    skip: tuple[str, ...] = (),
) -> str:
    """Return one table: rows by kind, and within a kind from fast to slow; sizes as columns.

    Parameters
    ----------
    report : Report
    dtype, p, threads : str, float, int
        Which cases.
    sizes : tuple of int, optional
        Columns; by default all that most rows were measured at.
    skip : tuple of str, optional
        Rows to leave out.

    Returns
    -------
    str
    """
    wanted = (dtype, p, threads)
    cells = {(r.row, r.size): r for r in report.results if (r.dtype, r.p, r.threads) == wanted and r.row not in skip}
    sizes = sizes or common_sizes(list(cells.values()))
    rows = dict.fromkeys(row for row, size in cells if size in sizes)
    lines = ["| ns an element (× the scale) | " + " | ".join(map(size_name, sizes)) + " |"]
    lines.append("| :--- |" + " ---: |" * len(sizes))
    notes: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: order([cells[row, size] for size in sizes if (row, size) in cells])):
        texts = []
        for size in sizes:
            scale = report.median("in-place scale", Case(size, p, dtype, threads))
            texts.append(cell(cells.get((row, size)), scale, notes))
        lines.append("| " + " | ".join([row, *texts]) + " |")
    return "\n".join(lines) + "".join(f"\n\n{mark}: {note}." for note, mark in notes.items())


def cell(result: Result | None, scale: float | None, notes: dict[str, str]) -> str:
    """Return a cell's text; a reason why it is empty goes to the notes."""
    if result is None:
        return "–"
    if result.median is None and result.note.startswith(TOO_SLOW):
        return result.note.replace(TOO_SLOW, "too slow (") + ")"
    if result.median is None:
        mark = notes.setdefault(result.note.rstrip("."), f"<sup>{len(notes) + 1}</sup>")
        return f"–{mark}"
    text = f"{result.median:.3f}" if result.median < 10 else f"{result.median:.1f}"
    times = result.median / scale if scale else None
    return text if times is None else f"{text} ({times:.2f})" if times < 10 else f"{text} ({times:.0f})"


def common_sizes(results: list[Result]) -> tuple[int, ...]:
    """Return the sizes that are columns: all but those measured for the picture only, if there are others."""
    counts = {size: sum(r.median is not None for r in results if r.size == size) for size in {r.size for r in results}}
    named = {12, 16, 20, 24, 26}
    main = sorted(size for size in counts if size.bit_length() - 1 in named and size & (size - 1) == 0)
    return tuple(main or sorted(counts))


def order(results: list[Result]) -> tuple[int, float]:
    """Return what rows are sorted by: the kind, then the geometric mean of what was measured."""
    measured = [math.log(r.median) for r in results if r.median]
    return KINDS.index(results[0].kind), sum(measured) / len(measured) if measured else math.inf
