"""The demo's picture: learning curves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fastdrop.demo.extras import InputError, extra
from fastdrop.demo.report import Results

__all__ = ["check_out", "draw_curves"]

#: Colours that stay apart for colour-blind eyes and in grey, from no dropout to most.
COLOURS = ("#000000", "#d55e00", "#0072b2", "#009e73")


def check_out(out: str | Path) -> Path:
    """Return where the picture goes, before any work.

    Parameters
    ----------
    out : str or Path
        A file that ends in .png, or a folder that is there.

    Raises
    ------
    InputError
        If nothing can be written there.
    """
    path = Path(out)
    if path.is_dir():
        path /= "fastdrop-demo.png"
    if path.suffix.lower() != ".png":
        raise InputError(f"--out has to be a folder or a file that ends in .png, but is {out}")
    if not path.parent.is_dir():
        raise InputError(f"--out has to be in a folder that is there, but there is no {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"--out has to be where a file can be written, but {path} can't be")
    return path


def draw_curves(tables: Mapping[str, Results], title: str, path: Path) -> None:
    """Draw a panel for each table: test (full) and train (dashed) accuracy over epochs, mean and error over seeds.

    Parameters
    ----------
    tables : mapping
        Results by the panel's title.
    title : str
        Of the picture.
    path : Path
        Of the PNG file to write.

    Raises
    ------
    MissingExtraError
        If matplotlib is missing.
    InputError
        If the file can't be written.
    """
    figure = extra("matplotlib.figure").Figure(figsize=(6 * len(tables), 5), layout="constrained")
    axes = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for panel, (name, results) in zip(axes, tables.items(), strict=True):
        for (p, trainings), colour in zip(results.items(), COLOURS, strict=False):
            epochs = trainings[0].epochs
            curves = np.array([t.curve for t in trainings]) * 100  # seeds, epochs, (train, test)
            for which, style in ((1, "-"), (0, "--")):
                mean = curves[:, :, which].mean(axis=0)
                panel.plot(
                    epochs,
                    mean,
                    style,
                    color=colour,
                    linewidth=1.8 if which else 1.0,
                    label=f"p = {p:g}" if which else None,
                )
                if len(trainings) > 1:
                    error = curves[:, :, which].std(axis=0, ddof=1) / np.sqrt(len(trainings))
                    panel.fill_between(epochs, mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)
            left_on = [t.left_on.test * 100 for t in trainings if t.left_on is not None]
            if left_on:
                panel.plot(
                    epochs[-1],
                    np.mean(left_on),
                    "x",
                    color=colour,
                    markersize=9,
                    markeredgewidth=2,
                    label=f"p = {p:g}, left on while testing",
                    clip_on=False,
                )
        panel.set(title=name, xlabel="epoch")
        panel.grid(alpha=0.3)
    axes[0].set_ylabel("accuracy in % (full: test, dashed: train)")
    axes[0].legend(loc="lower right")  # where clean labels leave room
    figure.suptitle(title)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror or error}") from error
