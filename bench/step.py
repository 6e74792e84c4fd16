"""What dropout costs of a training step: `python bench/step.py`.

A perceptron of `fastdrop.nn` with two hidden layers does steps of stochastic gradient descent on one batch: without
dropout, with `nn.Dropout`, and with dropout as NumPy programs write it, the mask stored as bools or as float32. Models
of a row take their steps in turn, in a new order each round. What dropout costs is the median of the differences from
the model without within the same round: a step takes so much longer than its dropout that the drift of the machine
between rounds would hide it. BLAS and fastdrop are given the same number of threads.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import fastdrop
from fastdrop import bench, nn

try:
    import threadpoolctl
except ImportError as error:
    raise SystemExit("bench/step.py needs threadpoolctl: pip install '.[bench]' in the checkout") from error


class BoolMaskDropout(nn.Module):
    """Dropout in two lines of NumPy: the mask is an array of bool, the scale a number."""

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, rng

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.keep = self.generator.random(x.shape, dtype=np.float32) >= self.p
        return x * self.keep / (1 - self.p)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy * self.keep / (1 - self.p)


class FloatMaskDropout(BoolMaskDropout):
    """The same with the scale in the mask, which is float32: one pass less each way, four bytes an element."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        keep = self.generator.random(x.shape, dtype=np.float32) >= self.p
        self.mask = keep * np.float32(1 / (1 - self.p))
        return x * self.mask

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy * self.mask


#: What takes the place of dropout in a model: functions of p and a seed. The others are compared with the first.
LAYERS: dict[str, Callable[[float, int], nn.Module | None]] = {
    "no dropout": lambda p, seed: None,
    "fastdrop": lambda p, seed: nn.Dropout(p, rng=seed),
    "fastdrop, in place": lambda p, seed: nn.Dropout(p, inplace=True, rng=seed),
    "NumPy, bool mask": lambda p, seed: BoolMaskDropout(p, np.random.default_rng(seed)),
    "NumPy, float mask": lambda p, seed: FloatMaskDropout(p, np.random.default_rng(seed)),
}


@dataclass(frozen=True)
class Shape:
    """Lengths of the layers from input to output, and rows of a batch."""

    widths: tuple[int, ...]
    batch: int

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.widths))}, batch {self.batch}"


SHAPES = (Shape((256, 512, 512, 10), 64), Shape((1024, 2048, 2048, 10), 256))


@dataclass(frozen=True)
class Row:
    """Median milliseconds of a step without dropout, and what each other layer of LAYERS adds to it."""

    shape: Shape
    p: float
    threads: int
    plain: float
    added: dict[str, float]


def make_step(shape: Shape, layer: Callable[[float, int], nn.Module | None], p: float) -> Callable[[], float]:
    """Return a function that does one step on the same batch and returns the loss before it."""
    modules: list[nn.Module] = []
    for i, (width, following) in enumerate(zip(shape.widths, shape.widths[1:], strict=False)):
        modules.append(nn.Linear(width, following, rng=i))
        if i < len(shape.widths) - 2:
            modules += filter(None, [nn.ReLU(), layer(p, i)])
    model, loss = nn.Sequential(*modules), nn.CrossEntropyLoss()
    optimizer = nn.SGD(model.parameters(), lr=1e-3)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((shape.batch, shape.widths[0]), dtype=np.float32)
    labels = rng.integers(0, shape.widths[-1], shape.batch)

    def step() -> float:
        value = loss(model(x), labels)
        model.backward(loss.backward())
        optimizer.step()
        optimizer.zero_grad()
        return value

    return step


def measure(shape: Shape, p: float, threads: int, seconds: float) -> Row:
    """Time all models for about so many seconds, at least five steps each."""
    steps = {name: make_step(shape, layer, p) for name, layer in LAYERS.items()}
    taken: dict[str, list[float]] = {name: [] for name in steps}
    order, before = list(steps), fastdrop.get_num_threads()
    fastdrop.set_num_threads(threads)
    try:
        with threadpoolctl.threadpool_limits(threads):
            for step in steps.values():
                step()
            end = time.perf_counter() + seconds
            while time.perf_counter() < end or len(taken[order[0]]) < 5:
                random.shuffle(order)
                for name in order:
                    start = time.perf_counter()
                    steps[name]()
                    taken[name].append((time.perf_counter() - start) * 1e3)
    finally:
        fastdrop.set_num_threads(before)
    plain, *others = taken
    added = {
        name: statistics.median(with_it - without for with_it, without in zip(taken[name], taken[plain], strict=True))
        for name in others
    }
    return Row(shape, p, threads, statistics.median(taken[plain]), added)


def format_table(rows: list[Row]) -> str:
    """Return a Markdown table: milliseconds of a step without dropout, and what dropout adds."""
    plain, *others = LAYERS
    head = ["layers", "p", "threads", f"{plain}, ms", *others]
    lines = ["| " + " | ".join(head) + " |", "| --- " + "| ---: " * (len(head) - 1) + "|"]
    for row in rows:
        cells = [str(row.shape), f"{row.p}", f"{row.threads}", f"{row.plain:.2f}"]
        cells += [f"{row.added[name]:+.3f} ({row.added[name] / row.plain * 100:+.1f} %)" for name in others]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="for each row of the table, about (default 15)")
    options = parser.parse_args(arguments)
    for name, value in bench.describe_machine().items():
        print(f"{name}: {value}")
    for pool in threadpoolctl.threadpool_info():
        if pool["user_api"] == "blas":
            print(f"BLAS: {pool['internal_api']} {pool['version']}, kernels for {pool.get('architecture')}")
    print("\nWhat dropout costs of the step: milliseconds and % that it adds to the step without\n")
    print(format_table([measure(s, p, t, options.seconds) for s in SHAPES for p in (0.5, 0.1) for t in (1, 2)]))


if __name__ == "__main__":
    main()
