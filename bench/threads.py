"""Find the size from which more threads help: `python bench/threads.py [--threads 2]`.

For each size, interleaved and in a new order each round: one thread and several, p = 0.5, p = 0.1 and the in-place
scale, which is dropout with a p so small that everything is kept, so that all pass through the same call. Two
constants of the core are set from this table: `FD_SERIAL_ELEMENTS` (csrc/parallel.h), below which a call stays on one
thread whatever was asked, and `FD_WAKE_ELEMENTS` (csrc/pool.h), below which sleeping threads are not woken for a single
call. Up to 2^19 elements a timing is of many calls one after the other, from 2^20 on of one.

Other processes disturb several threads more than one. Rounds are not filtered: run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from dataclasses import dataclass

import numpy as np

import fastdrop
from fastdrop import bench

#: Rounds to 0 of 2^40, so that the kernel is the in-place scale.
KEEP_ALL = 2.0**-42
PROBABILITIES = (0.5, 0.1, KEEP_ALL)
#: More threads may not take longer than one by more than this.
SLOWER = 1.05
#: Dropout with p = 0.5 on several threads against the scale on as many, from these elements on.
TIMES_THE_SCALE, FROM = 1.15, 1 << 20


@dataclass(frozen=True)
class Row:
    """Median microseconds of a call on so many float32 in place, by p, on one thread and on several."""

    elements: int
    one: dict[float, float]
    many: dict[float, float]

    def gain(self, p: float) -> float:
        """Return the time on several threads as a share of that on one."""
        return self.many[p] / self.one[p]

    def times_the_scale(self) -> float:
        """Return the time of p = 0.5 on several threads as a multiple of that of the scale on as many."""
        return self.many[0.5] / self.many[KEEP_ALL]


def measure(elements: int, threads: int, rounds: int) -> Row:
    """Time one size."""
    x, seeds = np.ones(elements, np.float32), iter(range(1, 1 << 62))
    times = max(1, (1 << 19) // elements)
    taken: dict[tuple[float, int], list[float]] = {(p, n): [] for p in PROBABILITIES for n in (1, threads)}
    order = list(taken)
    for _ in range(rounds):
        random.shuffle(order)
        for p, team in order:
            x.fill(1)
            keys = [fastdrop.Key(next(seeds)) for _ in range(times)]
            start = time.perf_counter()
            for key in keys:
                fastdrop.dropout(x, p, rng=key, out=x, threads=team)
            taken[p, team].append((time.perf_counter() - start) / times * 1e6)
    one, many = ({p: statistics.median(taken[p, n]) for p in PROBABILITIES} for n in (1, threads))
    return Row(elements, one, many)


def format_row(row: Row) -> str:
    """Return one line of the table."""
    cells = [f"2^{row.elements.bit_length() - 1}"]
    for p in PROBABILITIES:
        cells += [f"{row.one[p]:.2f}", f"{row.many[p]:.2f}", f"{row.gain(p):.2f}"]
    return "| " + " | ".join([*cells, f"{row.times_the_scale():.2f}"]) + " |"


def format_head(threads: int) -> str:
    """Return the head of the table."""
    head = ["float32"]
    for name in ("p = 0.5", "p = 0.1", "scale"):
        head += [f"{name}: 1 thread, us", f"{threads}, us", "share"]
    return "\n".join(["| " + " | ".join([*head, "p = 0.5 / scale"]) + " |", "|" + " ---: |" * (len(head) + 1)])


def verdicts(rows: list[Row], threads: int) -> list[str]:
    """Return for both requirements whether they are met, and where not."""
    slower = [
        f"2^{r.elements.bit_length() - 1} p = {p} ({r.gain(p):.2f})"
        for r in rows
        for p in PROBABILITIES[:2]
        if r.gain(p) > SLOWER
    ]
    far = [
        f"2^{r.elements.bit_length() - 1} ({r.times_the_scale():.2f})"
        for r in rows
        if r.elements >= FROM and r.times_the_scale() > TIMES_THE_SCALE
    ]
    lines = {
        f"{threads} threads at no size slower than one by more than {SLOWER - 1:.0%}": slower,
        f"{threads} threads, p = 0.5, from 2^{FROM.bit_length() - 1} up at most {TIMES_THE_SCALE} times the scale": far,
    }
    return [f"{what}: " + (f"NOT MET at {', '.join(where)}" if where else "met") for what, where in lines.items()]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="to compare one thread with (default 2)")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--powers", type=int, nargs="+", default=list(range(14, 25)), help="sizes, as powers of two")
    options = parser.parse_args(arguments)
    for name, value in bench.describe_machine().items():
        print(f"{name}: {value}")
    print(f"\n{format_head(options.threads)}")
    rows = []
    for power in options.powers:
        rows.append(measure(1 << power, options.threads, options.rounds))
        print(format_row(rows[-1]), flush=True)
    print("\n" + "\n".join(verdicts(rows, options.threads)))


if __name__ == "__main__":
    main()
