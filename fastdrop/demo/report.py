"""The demo's tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from fastdrop.demo.training import Outcome, Training

__all__ = ["PROBABILITIES", "paired_difference", "summary", "table"]

PROBABILITIES = (0.0, 0.2, 0.5, 0.8)
#: The probability whose networks are also tested with dropout left on.
MISTAKE = 0.5

#: Results of one table: for each p the trainings of all seeds, in the order of the seeds.
Results = Mapping[float, Sequence[Training]]


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error, NaN for a single value."""
    error = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    return float(np.mean(values)), error


def paired_difference(results: Results, p: float, reference: float = 0.0) -> tuple[float, float]:
    """Return how much test accuracy is higher with `p` than with `reference`: mean over seeds and standard error."""
    pairs = zip(results[p], results[reference], strict=True)
    return mean_and_error([one.outcome.test - other.outcome.test for one, other in pairs])


def _cell(values: Sequence[float]) -> str:
    mean, error = (100 * v for v in mean_and_error(values))
    return f"{mean:.2f}" + ("" if math.isnan(error) else f" ± {error:.2f}")


def _accuracies(outcomes: Sequence[Outcome]) -> list[str]:
    return [
        _cell([o.train for o in outcomes]),
        _cell([o.test for o in outcomes]),
        _cell([o.train - o.test for o in outcomes]),
        _cell([o.worst_unit for o in outcomes]),
    ]


def _times(p: float, trainings: Sequence[Training]) -> list[str]:
    names = ("seconds", "dropout_seconds", "numpy_seconds")
    seconds, dropout, idiom = (float(np.mean([getattr(t, name) for t in trainings])) for name in names)
    shares = ((dropout, seconds), (idiom, seconds - dropout + idiom))
    cells = [f"{1000 * part:.0f} ms, {100 * part / whole:4.1f} %" for part, whole in shares]
    return [f"{seconds:.2f}", cells[0], cells[1] if p else "-"]  # without dropout, programs leave it out


def table(results: Results) -> str:
    """Return one table as text: a row for each p, and one for the network that is tested with dropout left on."""
    head = ["", "train %", "test %", "gap", "worst unit", "seconds", "in dropout", "NumPy mask"]
    rows = [head]
    for p, trainings in results.items():
        rows.append([f"p = {p:g}", *_accuracies([t.outcome for t in trainings]), *_times(p, trainings)])
    mistaken = [t.left_on for t in results.get(MISTAKE, ()) if t.left_on is not None]
    if mistaken:
        rows.append([f"p = {MISTAKE:g}, left on while testing", *_accuracies(mistaken), "as above", "", ""])
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for name, *cells in rows:
        aligned = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([name.ljust(widths[0]), *aligned]))
    return "\n".join(line.rstrip() for line in [lines[0], "-" * len(lines[0]), *lines[1:]])


def summary(results: Results) -> str:
    """Return one line on what dropout did to test accuracy, seed by seed."""
    difference, error = paired_difference(results, MISTAKE)
    seeds = len(results[MISTAKE])
    text = f"p = {MISTAKE:g} against p = 0, test accuracy: {100 * difference:+.2f} points"
    if math.isnan(error):
        return f"{text} (one seed: no standard error)"
    times = f", {difference / error:+.1f} standard errors" if error > 0 else ""
    return f"{text}, standard error {100 * error:.2f} (paired over {seeds} seeds){times}"
