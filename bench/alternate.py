"""Whether dropout and another library's threads get in each other's way: `python bench/alternate.py`.

A program does not call dropout alone: a matrix product comes before it and after it, with threads of its own that may
spin for a while when they are done. For each partner and size: dropout on one thread and on several, alone and in turn
with the partner, and the partner alone and in turn with dropout. Blocks of the five come in a new order each round, a
pause before each lets all threads fall asleep, and the medians are compared. The partner also takes dropout's memory
out of the caches: what that costs is in the column of one thread.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import fastdrop
from fastdrop import bench

try:
    import threadpoolctl
except ImportError as error:
    raise SystemExit("bench/alternate.py needs threadpoolctl: pip install '.[bench]' in the checkout") from error

P = 0.1
#: Seconds: OpenBLAS's threads stay awake for about 0.03 when they have nothing to do.
PAUSE = 0.06
#: A block lasts about so many seconds, and holds at least four calls.
BLOCK = 0.008

Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """Medians in microseconds.

    Attributes
    ----------
    one, many : float
        Dropout alone on one thread and on several.
    one_in_turn, many_in_turn : float
        The same, each call after one of the partner.
    partner, partner_in_turn : float
        The partner alone, and each call after dropout on several threads.
    """

    name: str
    elements: int
    one: float
    many: float
    one_in_turn: float
    many_in_turn: float
    partner: float
    partner_in_turn: float


def partners(threads: int) -> Iterator[tuple[str, Call]]:
    """Yield what dropout is alternated with; says so if torch is not there."""
    for n in (128, 512):
        a, b, c = (np.ones((n, n), np.float32) for _ in range(3))
        yield f"np.matmul {n}", lambda a=a, b=b, c=c: np.matmul(a, b, out=c)
    try:
        import torch
    except ImportError:
        print("torch: skipped, not installed")
        return
    torch.set_num_threads(threads)
    s, t, u = (torch.ones((512, 512)) for _ in range(3))
    yield "torch.matmul 512", lambda: torch.matmul(s, t, out=u)
    v = torch.ones(1 << 20)
    yield "torch relu 2^20", lambda: torch.nn.functional.relu(v)


def in_turn(first: Call, second: Call | None, times: int) -> tuple[list[float], list[float]]:
    """Return the microseconds of each call, without the first of each, which may have to wake threads."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(times):
        start = time.perf_counter()
        first()
        middle = time.perf_counter()
        taken[0].append((middle - start) * 1e6)
        if second is not None:
            second()
            taken[1].append((time.perf_counter() - middle) * 1e6)
    return taken[0][1:], taken[1][1:]


def measure(name: str, partner: Call, elements: int, threads: int, rounds: int) -> Row:
    """Time one partner with dropout on so many float32 elements in place."""
    x, seeds = np.ones(elements, np.float32), iter(range(1, 1 << 62))

    def dropout(team: int) -> Call:
        return lambda: fastdrop.dropout(x, P, rng=fastdrop.Key(next(seeds)), out=x, threads=team)

    one, many = dropout(1), dropout(threads)
    blocks = {
        ("one", ""): (one, None),
        ("many", ""): (many, None),
        ("partner", ""): (partner, None),
        ("", "one_in_turn"): (partner, one),
        ("partner_in_turn", "many_in_turn"): (partner, many),
    }
    taken: dict[str, list[float]] = {row: [] for names in blocks for row in names}
    order = list(blocks)
    for _ in range(rounds):
        random.shuffle(order)
        for names in order:
            x.fill(1)  # scaled again and again, values would end at zero or infinity
            first, second = blocks[names]
            start = time.perf_counter()
            in_turn(first, second, 1)
            once = time.perf_counter() - start
            time.sleep(PAUSE)
            for row, times in zip(names, in_turn(first, second, max(4, min(20, int(BLOCK / once)))), strict=True):
                taken[row] += times
    return Row(name, elements, **{row: statistics.median(times) for row, times in taken.items() if row})


def format_table(rows: list[Row], threads: int) -> str:
    """Return a Markdown table: times in microseconds, and the ratios that show a collapse."""
    many = f"{threads} threads"
    head = ["partner", "elements", "1 thread, alone", "in turn", f"{many}, alone", "in turn", f"{many} / 1, in turn"]
    head += ["partner, alone", "in turn", "in turn / alone"]
    lines = ["| " + " | ".join(head) + " |", "| --- " + "| ---: " * (len(head) - 1) + "|"]
    for r in rows:
        times = [r.one, r.one_in_turn, r.many, r.many_in_turn]
        cells = [r.name, f"2^{r.elements.bit_length() - 1}", *(f"{t:.0f} us" for t in times)]
        cells += [f"{r.many_in_turn / r.one_in_turn:.2f}", f"{r.partner:.0f} us", f"{r.partner_in_turn:.0f} us"]
        lines.append("| " + " | ".join([*cells, f"{r.partner_in_turn / r.partner:.2f}"]) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="of dropout and of the partner (default 2)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--powers", type=int, nargs="+", default=[16, 18, 20, 22], help="sizes, as powers of two")
    parser.add_argument("--only", default="", help="partners whose name has this text in it")
    options = parser.parse_args(arguments)
    for name, value in bench.describe_machine().items():
        print(f"{name}: {value}")
    with threadpoolctl.threadpool_limits(options.threads):
        rows = [
            measure(name, partner, 1 << power, options.threads, options.rounds)
            for name, partner in partners(options.threads)
            if options.only in name
            for power in options.powers
        ]
    print(f"dropout p = {P}, float32, in place; medians of {options.rounds} interleaved rounds\n")
    print(format_table(rows, options.threads))


if __name__ == "__main__":
    main()
