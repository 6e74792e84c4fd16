"""A one-minute benchmark: dropout against the in-place scale of the same memory and against NumPy.

Every row of a size is timed in turn, in an order that changes each round, and the medians are compared: on a shared
machine a ratio of medians from one run means something, a time alone does not. Kernels are timed inside one call
that repeats them with a fresh key each time, since a branch predictor learns the mask of a key that is used again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import fastdrop
from fastdrop import _bench, _core

__all__ = ["Result", "describe_machine", "main", "measure", "rows"]

SIZES = (1 << 12, 1 << 16, 1 << 20, 1 << 24, 1 << 26)
PROBABILITIES = (0.5, 0.1)
#: One timing lasts about this long, in seconds, so that the clock's resolution does not matter.
VISIT = 2e-3


@dataclass(frozen=True)
class Result:
    """One row at one size.

    Attributes
    ----------
    row : str
        What was timed.
    size : int
        Elements of float32.
    median, fastest : float
        Nanoseconds an element: of all rounds.
    rounds : int
        Number of timings.
    """

    row: str
    size: int
    median: float
    fastest: float
    rounds: int


def describe_machine() -> dict[str, str]:
    """Say what the figures were measured on: CPU, cores, versions, instruction set."""
    info = fastdrop.build_info()
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        family = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("cpu family"))
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model\t"))
        cpu += f" (family {family}, model {model})"
    except (OSError, StopIteration):
        pass
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "instruction set": _core.isa(),
        "versions": f"fastdrop {fastdrop.__version__}, NumPy {np.__version__}, Python {platform.python_version()}",
        "compiler": str(info["compiler"]),
    }


def numpy_idiom(x: np.ndarray, p: float, rng: np.random.Generator) -> np.ndarray:
    """Dropout as most NumPy programs write it."""
    return x * (rng.random(x.shape, dtype=np.float32) >= p) / (1 - p)


def rows(x: np.ndarray, probabilities: tuple[float, ...] = PROBABILITIES) -> dict[str, Callable[[int], object]]:
    """Return what is timed on the float32 array `x`: each a function that does it so many times in a row."""
    rng = np.random.default_rng(1)
    seeds = iter(range(1, 1 << 62))
    mask = fastdrop.Mask(x.shape, 0.5, rng=0).store()

    def numpy_scale(times: int) -> None:
        for _ in range(times):
            np.multiply(x, np.float32(1), out=x)

    def idiom(p: float) -> Callable[[int], None]:
        def run(times: int) -> None:
            for _ in range(times):
                numpy_idiom(x, p, rng)

        return run

    def call(p: float) -> Callable[[int], None]:
        def run(times: int) -> None:
            keys = [fastdrop.Key(next(seeds)) for _ in range(times)]
            for key in keys:
                fastdrop.dropout(x, p, rng=key, out=x, threads=1)

        return run

    def stored(times: int) -> None:
        for _ in range(times):
            mask.apply(x, scale=1.0, out=x, threads=1)

    def kernel(p: float) -> Callable[[int], None]:
        def run(times: int) -> None:
            _bench.drop(x, x, 2, p, next(seeds) << 20, times)

        return run

    table: dict[str, Callable[[int], object]] = {
        "in-place scale": lambda times: _bench.scale(x, 1.0, times),
        "np.multiply in place": numpy_scale,
        "stored mask applied": stored,
    }
    for p in probabilities:
        table[f"kernel p={p}"] = kernel(p)
        table[f"fastdrop.dropout p={p}"] = call(p)
        table[f"NumPy idiom p={p}"] = idiom(p)
    return table


def measure(
    sizes: tuple[int, ...] = SIZES,
    probabilities: tuple[float, ...] = PROBABILITIES,
    *,
    budget: float = 10.0,
    only: Callable[[str], bool] = lambda row: True,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Result]:
    """Time all rows at each size, interleaved, for about `budget` seconds a size.

    Returns
    -------
    list of Result
    """
    results = []
    shuffle = random.Random(1).shuffle
    for size in sizes:
        x = np.ones(size, np.float32)
        table = {name: run for name, run in rows(x, probabilities).items() if only(name)}
        repeats, seconds = {}, 0.0
        for name, run in table.items():
            run(1)
            start = time.perf_counter()
            run(1)
            once = max(time.perf_counter() - start, 1e-7)
            repeats[name] = max(1, int(VISIT / once))
            seconds += repeats[name] * once
        rounds = int(min(41, max(5, budget / seconds)))
        times: dict[str, list[float]] = {name: [] for name in table}
        order = list(table)
        for done in range(rounds):
            progress(f"2^{size.bit_length() - 1} elements: round {done + 1} of {rounds}")
            shuffle(order)
            for name in order:
                x.fill(1)
                start = time.perf_counter()
                table[name](repeats[name])
                times[name].append((time.perf_counter() - start) / repeats[name] / size * 1e9)
        results += [Result(name, size, statistics.median(t), min(t), rounds) for name, t in times.items()]
    return results


def ratio(results: list[Result], row: str, to: str, size: int) -> float:
    """Return the median of `row` as a multiple of the median of `to` at one size."""
    medians = {(r.row, r.size): r.median for r in results}
    return medians[row, size] / medians[to, size]


def format_table(results: list[Result], probabilities: tuple[float, ...] = PROBABILITIES) -> str:
    """Return the results as a Markdown table."""
    head = ["float32 elements", "in-place scale"]
    for p in probabilities:
        head += [f"p = {p}, in place", "times the scale", "NumPy idiom / fastdrop"]
    lines = ["| " + " | ".join(head) + " |", "|" + " ---: |" * len(head)]
    medians = {(r.row, r.size): r.median for r in results}
    for size in sorted({r.size for r in results}):
        cells = [f"2^{size.bit_length() - 1}", f"{medians['in-place scale', size]:.3f} ns"]
        for p in probabilities:
            kernel = f"kernel p={p}"
            cells += [
                f"{medians[kernel, size]:.3f} ns",
                f"{ratio(results, kernel, 'in-place scale', size):.2f}",
                f"{ratio(results, f'NumPy idiom p={p}', f'fastdrop.dropout p={p}', size):.0f}",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def small_call(elements: int = 16, rounds: int = 41, times: int = 2000) -> dict[str, float]:
    """Return the medians, in microseconds, of one call on a small array: fastdrop.dropout and np.multiply in place."""
    x = np.ones(elements, np.float32)
    keys = [fastdrop.Key(seed) for seed in range(times)]
    calls: dict[str, list[float]] = {"fastdrop.dropout p=0.5": [], "fastdrop.dropout p=0.1": [], "np.multiply": []}
    one = np.float32(1)
    for _ in range(rounds):
        for name, record in calls.items():
            x.fill(1)
            p = float(name[-3:]) if "=" in name else 0.0
            start = time.perf_counter()
            if p:
                for key in keys:
                    fastdrop.dropout(x, p, rng=key, out=x)
            else:
                for _ in keys:
                    np.multiply(x, one, out=x)
            record.append((time.perf_counter() - start) / times * 1e6)
    return {name: statistics.median(record) for name, record in calls.items()}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="fastdrop bench", description="Time dropout against NumPy and the roofline.")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each of five sizes, about (default 10)")
    parser.add_argument("--isa", help="instruction set to use: " + ", ".join(_core.isas()))
    parser.add_argument("--json", metavar="FILE", help="also write every row to this file")
    options = parser.parse_args(arguments)
    if not options.seconds > 0:
        parser.error(f"--seconds has to be above 0, but got {options.seconds}")
    before = _core.isa()
    if options.isa:
        try:
            _core.set_isa(options.isa)
        except ValueError as error:
            parser.error(str(error))

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text:60}", end="", file=sys.stderr, flush=True)

    try:
        machine = describe_machine()
        results = measure(budget=options.seconds, progress=progress)
        progress("")
        if sys.stderr.isatty():
            print("\r", end="", file=sys.stderr)
        calls = small_call()
    finally:
        _core.set_isa(before)
    for name, value in machine.items():
        print(f"{name}: {value}")
    print("one thread, a fresh key for every call, medians; ns are per element\n")
    print(format_table(results))
    print("\nThe scale is x *= 1.0 by the same instruction set. The NumPy idiom is")
    print("x * (rng.random(x.shape, dtype=np.float32) >= p) / (1 - p), against fastdrop.dropout(x, p, rng=key, out=x).")
    print("One call on 16 elements: " + ", ".join(f"{name} {us:.2f} us" for name, us in calls.items()))
    if options.json:
        report = {"machine": machine, "results": [asdict(r) for r in results], "small_call_us": calls}
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    return 0
