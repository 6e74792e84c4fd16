"""PyTorch's dropout and fastdrop.torch side by side: `python bench/torch_dropout.py [--picture FILE.png]`.

Three tables: one call (forward without a gradient, forward, forward and backward), the bytes that are kept for the
backward pass, and training steps of a transformer encoder and of a perceptron, without dropout, with PyTorch's, and
after `fastdrop.torch.replace(model)`. Contestants take turns in a new order each round; medians are compared.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import fastdrop
import fastdrop.torch as ft

THEIRS, OURS, WITHOUT = "PyTorch", "fastdrop", "p = 0"


def measure(calls: dict[str, Callable[[], object]], rounds: int, seconds: float) -> dict[str, float]:
    """Return the median time of one call of each, in microseconds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    counts = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        counts[name] = max(1, int(seconds / (time.perf_counter() - start)))
    for _ in range(rounds):
        for name in random.sample(list(calls), len(calls)):
            start = time.perf_counter()
            for _ in range(counts[name]):
                calls[name]()
            times[name].append((time.perf_counter() - start) * 1e6 / counts[name])
    return {name: statistics.median(values) for name, values in times.items()}


def call_rows(rounds: int) -> None:
    """Print the times of one call."""
    print("| elements | p | what | PyTorch, µs | fastdrop, µs | ratio |\n| ---: | ---: | --- | ---: | ---: | ---: |")
    for size in (16, 1 << 12, 1 << 20):
        for p in (0.5, 0.1):
            x, dy = torch.randn(size), torch.randn(size)
            leaf = x.clone().requires_grad_()
            kinds = {
                "forward, no gradient": lambda drop, x=x, p=p: drop(x, p),
                "in place": lambda drop, x=x, p=p: drop(x, p, True, True),
                "forward": lambda drop, leaf=leaf, p=p: drop(leaf, p),
                "forward + backward": lambda drop, leaf=leaf, p=p, dy=dy: torch.autograd.grad(drop(leaf, p), leaf, dy),
            }
            for what, call in kinds.items():
                calls = {
                    THEIRS: lambda call=call: call(F.dropout),
                    OURS: lambda call=call: call(ft.functional.dropout),
                }
                median = measure(calls, rounds, 2e-3)
                ratio = median[THEIRS] / median[OURS]
                print(
                    f"| {size} | {p} | {what} | {median[THEIRS]:.1f} | {median[OURS]:.1f} | {ratio:.2f} |", flush=True
                )
                x.normal_()


def bytes_kept(drop: Callable[[torch.Tensor, float], torch.Tensor], x: torch.Tensor) -> int:
    """Return the bytes of the tensors that a call keeps for its backward pass."""
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes) or t, lambda t: t):
        drop(x, 0.5)
    return sum(kept)


def memory_rows() -> None:
    """Print what is kept for the backward pass."""
    size = 1 << 20
    x = torch.randn(size, requires_grad=True)
    print("\n| kept for the backward pass, 2^20 float32 | bytes an element |\n| --- | ---: |")
    for name, drop in ((THEIRS, F.dropout), (OURS, ft.functional.dropout)):
        print(f"| {name} | {bytes_kept(drop, x) / size:.3f} |")


def encoder(p: float) -> tuple[nn.Module, torch.Tensor]:
    """Return a small transformer encoder and a batch of 16 x 128 tokens."""
    layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=p, batch_first=True)
    return nn.TransformerEncoder(layer, 2), torch.randn(16, 128, 256)


def perceptron(p: float) -> tuple[nn.Module, torch.Tensor]:
    """Return 784-1024-1024-10 and a batch of 256."""
    sizes, layers = (784, 1024, 1024), []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(p)]
    return nn.Sequential(*layers, nn.Linear(1024, 10)), torch.randn(256, 784)


def step_of(model: nn.Module, x: torch.Tensor) -> Callable[[], None]:
    """Return a training step."""
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        model(x).square().mean().backward()
        optimiser.step()

    return step


def train_rows(rounds: int, threads: list[int]) -> list[tuple[str, dict[str, float]]]:
    """Print and return the times of training steps."""
    print("\n| training step | threads | p = 0, ms | PyTorch, ms | fastdrop, ms | cost gone |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    rows = []
    for name, make, p in (("encoder, p = 0.1", encoder, 0.1), ("perceptron, p = 0.5", perceptron, 0.5)):
        for count in threads:
            torch.set_num_threads(count)
            ours, x = make(p)
            ft.replace(ours)
            calls = {WITHOUT: step_of(*make(0.0)), THEIRS: step_of(*make(p)), OURS: step_of(ours, x)}
            median = {who: value / 1e3 for who, value in measure(calls, rounds, 0).items()}
            gone = (median[THEIRS] - median[OURS]) / (median[THEIRS] - median[WITHOUT])
            cells = " | ".join(f"{median[who]:.1f}" for who in (WITHOUT, THEIRS, OURS))
            print(f"| {name} | {count} | {cells} | {100 * gone:.0f} % |", flush=True)
            rows.append((f"{name}\n{count} thread{'s' if count > 1 else ''}", median))
    return rows


def draw(rows: list[tuple[str, dict[str, float]]], file: Path) -> None:
    """Draw how much longer a step takes than without dropout."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    places = np.arange(len(rows))
    for i, (who, colour) in enumerate(((THEIRS, "#8d99ae"), (OURS, "#d1495b"))):
        more = [100 * (median[who] / median[WITHOUT] - 1) for _, median in rows]
        label = "nn.Dropout" if who == THEIRS else "after fastdrop.torch.replace(model)"
        bars = axes.bar(places + 0.38 * (i - 0.5), more, 0.36, label=label, color=colour)
        axes.bar_label(bars, [f"{value:+.0f} %" for value in more], fontsize=9)
    axes.set_xticks(places, [name for name, _ in rows])
    axes.set_ylabel("time of a training step over p = 0, %")
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two rounds: whether it all runs")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="draw the training steps")
    options = parser.parse_args()
    cores = torch.get_num_threads()
    info = fastdrop.build_info()
    print(
        f"torch {torch.__version__}, fastdrop {info['version']} ({info['isa']}), {platform.machine()}, {cores} cores\n"
    )
    torch.set_num_threads(1)
    call_rows(2 if options.quick else 31)
    memory_rows()
    rows = train_rows(2 if options.quick else 21, sorted({1, cores}))
    if options.picture:
        draw(rows, options.picture)


if __name__ == "__main__":
    main()
