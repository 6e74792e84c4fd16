"""What the examples on real data share: options, runs over seeds in several processes, tables."""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np

import fastdrop as fd
from fastdrop.demo.plot import check_out
from fastdrop.demo.report import mean_and_error

__all__ = ["NONE", "Results", "average", "column", "extra", "options", "run_all", "table", "verdict"]

#: The variant that all others are compared with.
NONE = "none"
#: Numbers of one training by name, or whole curves.
Outcome = Mapping[str, Any]
#: For each variant the outcomes of all seeds, in the order of the seeds.
Results = dict[str, list[Outcome]]


def extra(name: str) -> ModuleType:
    """Import a module of the extra `examples`, or say how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = {"sklearn": "scikit-learn", "PIL": "pillow"}.get(name.split(".")[0], name.split(".")[0])
        raise ImportError(
            f"this example needs {package}, which can't be imported ({error}); "
            "from the checkout: pip install '.[examples]'"
        ) from error


def options(text: str, picture: str, seeds: int, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line: `seeds`, `out`, `quick`, `jobs`.

    Parameters
    ----------
    text : str
        What the program does.
    picture : str
        Name of the file it writes, unless told otherwise.
    seeds : int
        How many seeds, unless told otherwise; 2 with `--quick`.
    arguments : sequence of str, optional
        Instead of those of the process.
    """
    parser = argparse.ArgumentParser(description=text.strip().splitlines()[0])
    parser.add_argument("--seeds", type=int, metavar="N", help=f"use the seeds 0 to N - 1 (default: {seeds})")
    parser.add_argument("--out", default=picture, metavar="PNG", help="the picture to write (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="tiny networks, to see that everything runs")
    parser.add_argument("--jobs", type=int, default=_processors(), help="processes (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    if chosen.seeds is None:
        chosen.seeds = 2 if chosen.quick else seeds
    for name in ("seeds", "jobs"):
        if getattr(chosen, name) < 1:
            parser.error(f"--{name} has to be at least 1, but is {getattr(chosen, name)}")
    try:
        chosen.out = check_out(chosen.out)
    except ValueError as error:
        parser.error(str(error))
    extra("matplotlib.figure")  # now, not after the work
    return chosen


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    # Each process computes on one thread: matrices this small gain nothing from a second one.
    fd.set_num_threads(1)
    extra("threadpoolctl").threadpool_limits(1, user_api="blas")


class _SameProcess:
    """Stands in for a pool where one process is enough: starting another would take longer than a quick run."""

    def submit(self, function: Callable[..., Outcome], *arguments: Any) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(function(*arguments))
        return future

    def __enter__(self) -> _SameProcess:
        _start_worker()
        return self

    def __exit__(self, *exception: object) -> None: ...


def run_all(train: Callable[..., Outcome], variants: Sequence[str], chosen: argparse.Namespace) -> Results:
    """Call ``train(variant, seed, quick)`` for all variants and seeds, and return what came out.

    The result does not depend on the number of processes: a training takes all its randomness from its seed.

    Parameters
    ----------
    train : callable
        A function of the program's module.
    variants : sequence of str
    chosen : Namespace
        What `options` returned.
    """
    begun = time.perf_counter()
    tasks = [(name, seed) for seed in range(chosen.seeds) for name in variants]
    done: dict[tuple[str, int], Outcome] = {}
    workers = min(chosen.jobs, len(tasks))
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, _start_worker) if workers > 1 else _SameProcess()
    progress = extra("tqdm").tqdm(total=len(tasks), unit="training", file=sys.stderr, leave=False)
    with progress, pool:
        futures = {}
        for name, seed in tasks:
            futures[future := pool.submit(train, name, seed, chosen.quick)] = name, seed
            future.add_done_callback(lambda _: progress.update())
        try:
            for future, task in futures.items():
                done[task] = future.result()
        finally:
            for future in futures:
                future.cancel()  # what has not begun, after an error or Ctrl-C; nothing else
    count = "one process" if workers == 1 else f"{workers} processes"
    print(f"{len(tasks)} trainings in {time.perf_counter() - begun:.0f} s on {count}\n")
    return {name: [done[name, seed] for seed in range(chosen.seeds)] for name in variants}


def column(outcomes: Sequence[Outcome], name: str) -> list[Any]:
    """Return one number, or curve, of all seeds."""
    return [outcome[name] for outcome in outcomes]


def average(outcomes: Sequence[Outcome], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the seeds of a curve, point by point, and its standard error (0 for one seed)."""
    values = np.array(column(outcomes, name), float)
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros(values.shape[1:])
    return values.mean(axis=0), error


def differences(results: Results, name: str, metric: str, reference: str = NONE) -> tuple[float, float]:
    """Return how much a metric is higher than for the reference: mean over seeds and standard error, paired."""
    pairs = zip(results[name], results[reference], strict=True)
    return mean_and_error([one[metric] - other[metric] for one, other in pairs])


def _cell(mean: float, error: float, digits: int, sign: str = "") -> str:
    return f"{mean:{sign}.{digits}f}" + ("" if np.isnan(error) else f" ± {error:.{digits}f}")


def table(results: Results, metrics: Mapping[str, str], compared: str, digits: int = 2) -> str:
    """Return a table as text: mean ± standard error over the seeds, and the paired difference to no dropout.

    Parameters
    ----------
    results : dict
    metrics : mapping
        Title of each column, by the metric's name in the outcomes.
    compared : str
        The metric whose differences are shown.
    digits : int
        After the decimal point.
    """
    rows = [["", *metrics.values(), f"{metrics[compared]}: difference"]]
    for name, outcomes in results.items():
        cells = [_cell(*mean_and_error(column(outcomes, metric)), digits) for metric in metrics]
        last = "" if name == NONE else _cell(*differences(results, name, compared), digits, "+")
        rows.append([name, *cells, last])
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def verdict(results: Results, metric: str, unit: str, *, low_is_good: bool = False, digits: int = 2) -> str:
    """Return a sentence for each variant: better, worse, or not told apart from no dropout.

    A difference counts when its 95 % interval, by Student's t over the seeds, leaves out 0.
    """
    lines = []
    for name in results:
        if name == NONE:
            continue
        mean, error = differences(results, name, metric)
        if np.isnan(error):
            lines.append(f"{name}: {mean:+.{digits}f} {unit} (one seed: no interval)")
            continue
        reach = float(extra("scipy.stats").t.ppf(0.975, len(results[name]) - 1)) * error
        if abs(mean) <= reach:
            word = "no difference that these seeds could show"
        else:
            word = "better than none" if (mean < 0) == low_is_good else "WORSE than none"
        low, high = (f"{mean + sign * reach:+.{digits}f}" for sign in (-1, 1))
        lines.append(f"{name}: {word} ({mean:+.{digits}f} {unit}; 95 % interval {low} to {high})")
    return "\n".join(lines)
