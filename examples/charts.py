"""The pictures of the examples on real data."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from common import Results, average, column, extra

from fastdrop.demo.report import mean_and_error

__all__ = ["COLOURS", "draw_results", "panel_of_bars", "save_picture"]

#: Colours that stay apart for colour-blind eyes and in grey; the first is that of the network without dropout.
COLOURS = ("#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")


def panel_of_bars(panel: Any, results: Results, metric: str, label: str) -> None:
    """Draw a point for each seed, lines that join the same seed's, and the means, side by side for the variants."""
    names = list(results)
    values = np.array([column(results[name], metric) for name in names], float)
    panel.plot(range(len(names)), values, color="0.75", linewidth=0.8, zorder=1)
    for i in range(len(names)):
        colour = COLOURS[i % len(COLOURS)]
        mean, error = mean_and_error(values[i])
        panel.plot([i] * values.shape[1], values[i], "o", color=colour, markersize=4, alpha=0.6, zorder=2)
        panel.errorbar(
            i, mean, 0 if np.isnan(error) else error, fmt="_", color=colour, markersize=26, capsize=5, zorder=3
        )
    panel.set_xticks(range(len(names)), [textwrap.fill(name, 12) for name in names], fontsize=8)
    panel.margins(x=0.08)
    panel.set_title("each seed; mean ± standard error", fontsize=10)
    panel.set_ylabel(label)
    panel.grid(alpha=0.3, axis="y")


def panel_of_curves(panel: Any, results: Results, label: str, axis: str) -> None:
    """Draw learning curves, rows of (step, train, test): means over the seeds, and the standard error of test."""
    for (name, outcomes), colour in zip(results.items(), COLOURS, strict=False):
        (steps, seen, test), error = (part.T for part in average(outcomes, "curve"))
        panel.plot(steps, test, color=colour, label=name)
        panel.plot(steps, seen, "--", color=colour, linewidth=1)
        panel.fill_between(steps, test - error[2], test + error[2], color=colour, alpha=0.2, linewidth=0)
    panel.set(xlabel=axis, ylabel=f"{label} (full: test, dashed: train)")
    panel.grid(alpha=0.3)
    panel.legend()


def draw_results(results: Results, metric: str, label: str, axis: str, title: str, path: Path) -> None:
    """Draw learning curves beside the last value of each seed.

    Parameters
    ----------
    results : dict
        Each outcome has a "curve": rows of (step, train, test).
    metric : str
        What `panel_of_bars` shows.
    label, axis : str
        What is measured, in which unit; what a step is.
    title : str
    path : Path
    """
    figure = extra("matplotlib.figure").Figure(figsize=(10.4, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    panel_of_curves(left, results, label, axis)
    panel_of_bars(right, results, metric, f"test: {label}")
    figure.suptitle(title)
    save_picture(figure, path)


def save_picture(figure: Any, path: Path) -> None:
    """Write a figure as PNG and say where. The 256 colours it uses most come close to all: a third of the bytes."""
    image, stream = extra("PIL.Image"), io.BytesIO()
    figure.savefig(stream, dpi=100)
    colours = image.open(stream).convert("RGB").quantize(256, method=image.Quantize.MAXCOVERAGE)
    colours.save(path, optimize=True)
    print(f"\npicture: {path}")
