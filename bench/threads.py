"""Find the size from which a second thread helps: `python bench/threads.py`.

For each size, interleaved: one thread, two threads, and the ratio of their medians, p = 0.5 and p = 0.1, float32 in
place. `FD_SERIAL_ELEMENTS` in csrc/parallel.h is set from this table: below it a call stays on one thread whatever
was asked, so rows below it read 1.0.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

import fastdrop
from fastdrop import bench

ROUNDS = 31


def main() -> None:
    for name, value in bench.describe_machine().items():
        print(f"{name}: {value}")
    seeds = iter(range(1, 1 << 40))
    print(f"{'elements':>10} {'p':>5} {'1 thread':>10} {'2 threads':>10}  two / one")
    for power in range(14, 25):
        x = np.ones(1 << power, np.float32)
        times = max(1, (1 << 20) >> power)
        for p in (0.5, 0.1):
            medians = {}
            record: dict[int, list[float]] = {1: [], 2: []}
            for _ in range(ROUNDS):
                for threads, taken in record.items():
                    x.fill(1)
                    keys = [fastdrop.Key(next(seeds)) for _ in range(times)]
                    start = time.perf_counter()
                    for key in keys:
                        fastdrop.dropout(x, p, rng=key, out=x, threads=threads)
                    taken.append((time.perf_counter() - start) / times / x.size * 1e9)
            medians = {threads: statistics.median(taken) for threads, taken in record.items()}
            print(f"{x.size:>10} {p:>5} {medians[1]:>7.3f} ns {medians[2]:>7.3f} ns  {medians[2] / medians[1]:.2f}")


if __name__ == "__main__":
    main()
