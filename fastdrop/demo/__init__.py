"""``fastdrop demo``: a worked example, then networks trained on handwritten digits with and without dropout.

The main entry is `run`; needs the extra `demo` (scikit-learn, matplotlib, tqdm).
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import fastdrop as fd
from fastdrop.demo.data import load_digits, load_file, make_split
from fastdrop.demo.extras import InputError, MissingExtraError, extra
from fastdrop.demo.plot import check_out, draw_curves
from fastdrop.demo.report import MISTAKE, PROBABILITIES, summary, table
from fastdrop.demo.training import REGIME, Digest, train
from fastdrop.demo.worked_example import example_text

__all__ = ["InputError", "MissingExtraError", "run"]

NOTES = """\
train, test: accuracy in evaluation mode (but for the last row), against the labels trained on and the true ones;
gap: train - test; worst unit: test accuracy lost when that hidden unit is removed that costs most. All in points of
a percent, mean and standard error over the seeds. seconds: of one training; in dropout: of these, in the dropout
layer's two passes; NumPy mask: the same with x * (rng.random(...) >= p) / (1 - p), timed in between."""


def run(
    data: str | Path | None = None,
    out: str | Path = "fastdrop-demo.png",
    seeds: int = 10,
    epochs: int | None = None,
    digest: bool = False,
) -> None:
    """Run the demo: prints to stdout, shows progress on stderr, writes a picture.

    Parameters
    ----------
    data : str or Path, optional
        File of `numpy.savez` with arrays X (rows, features) and y (rows,); scikit-learn's digits by default.
    out : str or Path
        PNG file to write, or the folder for it.
    seeds : int
        The seeds 0 to `seeds` - 1 are used.
    epochs : int, optional
        Other than the fixed number.
    digest : bool
        Whether to print a SHA-256 over all masks and dropout outputs: it depends on no instruction set of fastdrop.

    Raises
    ------
    InputError
        If `data` or `out` can't be used.
    MissingExtraError
        If scikit-learn, matplotlib or tqdm is missing.
    """
    begun = time.perf_counter()
    path = check_out(out)
    source = None if data is None else load_file(data)
    print(example_text(), flush=True)
    extra("matplotlib.figure")
    tqdm = extra("tqdm").tqdm
    source = source or load_digits()
    regime = REGIME if epochs is None else replace(REGIME, epochs=epochs)
    hashed = Digest() if digest else None
    tables = {"labels as they are": 0.0, f"{regime.noise:.0%} of the training labels replaced": regime.noise}
    results = {name: {p: [] for p in PROBABILITIES} for name in tables}
    total = len(tables) * seeds * len(PROBABILITIES)
    # Matrices this small gain nothing from a second BLAS thread; waiting for it on a busy machine took 50 times longer.
    one_thread = extra("threadpoolctl").threadpool_limits(1, user_api="blas")
    with one_thread, tqdm(total=total, unit="training", file=sys.stderr, leave=False) as progress:
        for name, noise in tables.items():
            for seed in range(seeds):
                key = fd.Key(seed)
                split = make_split(source, key, regime.train_rows, noise)
                for p in PROBABILITIES:
                    progress.set_description(f"{name}: seed {seed}, p = {p:g}")
                    results[name][p].append(train(split, p, key, regime, left_on=p == MISTAKE, digest=hashed))
                    progress.update()
    rows, features = split.x_train.shape
    print(f"\n{source.name}: {rows} rows to train on, {len(split.x_test)} to test on; {features} inputs,")
    print(f"{regime.hidden} hidden units (ReLU, dropout), {split.classes} classes; Adam with {regime.learning_rate:g},")
    which = "seed 0" if seeds == 1 else f"seeds 0 to {seeds - 1}"
    print(f"batches of {regime.batch}, {regime.epochs} epochs; {which}")
    for name in tables:
        print(f"\n{name[0].upper()}{name[1:]}\n{table(results[name])}\n{summary(results[name])}")
    print(f"\n{NOTES}")
    if hashed is not None:
        print(f"\ndigest of all masks and dropout outputs: {hashed.hexdigest()}")
    title = f"Dropout on {source.name}: {rows} rows to train on, mean of {seeds} seed{'s' * (seeds > 1)}"
    draw_curves(results, title, path)
    print(f"\nlearning curves: {path} ({time.perf_counter() - begun:.0f} s in all)")
