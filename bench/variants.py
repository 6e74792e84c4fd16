"""Every variant of dropout against NumPy and PyTorch: `python bench/variants.py`.

One row a variant: our time, that of what NumPy composes (float32 masks, no array made anew), PyTorch's where it has the
operation and is installed, and whether the goal is met. Where memory is the limit, `pass` is NumPy's time for reading
and writing the same arrays once, and "a pass has" the ratio that would give: no more can be asked of anybody.
Contestants of a row take turns, in a new order each round, and each call has a seed of its own; medians are compared.
Values stay as they are, for results go into arrays of their own. All run on one thread. Rows are in variant_rows.py
and variant_more_rows.py; one whose function this fastdrop lacks is named in the table and again in the end.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import time
from collections.abc import Callable

if __name__ == "__main__":  # before anything makes threads
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FASTDROP_NUM_THREADS"):
        os.environ[_name] = "1"

import numpy as np
import variant_more_rows as more
from variant_rows import NUMPY, OURS, PASS, PLAIN, ROWS, TORCH, Row, Setting

import fastdrop as fd

__all__ = ["format_row", "main", "measure", "more"]

#: One timing lasts at least about this long, in seconds.
VISIT = 2e-3
HEAD = ["variant", "p", "ours", NUMPY, TORCH, PLAIN, PASS, "ratios", "a pass has", "goals", "", "what NumPy does"]
SEEDS = itertools.count(1)


def timed(call: Callable[[int], object], times: int) -> float:
    """Return the milliseconds of one call, each with a seed that was never used."""
    seeds = list(itertools.islice(SEEDS, times))
    start = time.perf_counter()
    for seed in seeds:
        call(seed)
    return (time.perf_counter() - start) * 1e3 / times


def measure(row: Row, size: int, p: float, rounds: int) -> dict[str, float]:
    """Return the median milliseconds of a row's contestants."""
    calls = row.make(Setting(size, p, row.dtype))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call(next(SEEDS))  # buffers, caches, the first use of a key
    for _ in range(rounds):
        for name in random.sample(list(calls), len(calls)):
            once = timed(calls[name], 1)  # brings the row's arrays into the cache as well
            times[name].append(timed(calls[name], max(1, int(VISIT * 1e3 / once))))
    return {name: statistics.median(values) for name, values in times.items()}


def format_row(row: Row, p: float, medians: dict[str, float]) -> str:
    """Return a line of the table."""
    name = row.name if row.dtype is np.float32 else f"{row.name}, {np.dtype(row.dtype).name}"
    cells = [name, f"{p:g}"]
    cells += [f"{medians[who]:.3f} ms" if who in medians else "-" for who in (OURS, NUMPY, TORCH, PLAIN, PASS)]
    cells.append(", ".join(f"{goal.ratio(medians):.2f}" for goal in row.goals))
    bounds = [goal.bound(medians) for goal in row.goals]
    cells.append(", ".join("-" if bound is None else f"{bound:.2f}" for bound in bounds))
    cells.append(", ".join(str(goal) for goal in row.goals))
    cells.append("met" if all(goal.met(medians) for goal in row.goals) else "NOT MET")
    cells.append(row.numpy + (f" ({row.note})" if row.note else ""))
    return "| " + " | ".join(cells) + " |"


def torch_version() -> str:
    """Return what is said of PyTorch, and keep it to one thread."""
    try:
        import torch
    except ImportError:
        return "skipped, not installed"
    torch.set_num_threads(1)
    return str(torch.__version__)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="2^12 elements, one p and three rounds: whether it all runs"
    )
    parser.add_argument("--size", type=int, default=1 << 20, help="elements (default 2^20)")
    parser.add_argument("--p", type=float, nargs="+", default=[0.5, 0.1], help="probabilities of dropping")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", metavar="TEXT,...", help="only rows whose name holds one of these")
    options = parser.parse_args(arguments)
    size, rounds = (1 << 12, 3) if options.quick else (options.size, options.rounds)
    before = fd.get_num_threads()
    fd.set_num_threads(1)
    print(f"NumPy {np.__version__}; torch: {torch_version()}")
    for name, value in fd.build_info().items():
        print(f"{name}: {value}")
    print(f"about {size} elements, one thread, medians of {rounds} rounds\n")
    print("| " + " | ".join(HEAD) + " |\n| --- " + "| ---: " * 6 + "| --- " * 5 + "|", flush=True)
    missing: list[str] = []
    missed: list[str] = []
    try:
        for row in ROWS:
            if not any(text in row.name for text in options.only.split(",")):
                continue
            if row.missing():
                missing.append(row.name)
                lacks = ", ".join(f"fastdrop.{name}" for name in row.missing())
                left = "| " * (len(HEAD) - 2) + "|"
                print(f"| {row.name} | NOT RUN: this fastdrop has no {lacks} {left}", flush=True)
                continue
            for p in options.p[:1] if options.quick else options.p:
                line = format_row(row, p, measure(row, size, p, rounds))
                if "| NOT MET |" in line:
                    missed.append(f"{row.name} ({np.dtype(row.dtype).name}, p = {p:g})")
                print(line, flush=True)
    finally:
        fd.set_num_threads(before)
    print(f"\ngoals not met: {', '.join(missed) or 'none'}\nrows not run: {', '.join(missing) or 'none'}")


if __name__ == "__main__":
    main()
