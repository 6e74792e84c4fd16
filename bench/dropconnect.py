"""DropConnect against the alternatives, in time and in memory: `python bench/dropconnect.py`.

Every contestant computes y, then dx, dweight and dbias, of one layer with a mask for each sample: this library; NumPy,
which makes masks a few samples at a time or keeps them; PyTorch's einsum over masks that are written out. Beside them
the plain affine layer, and one mask for all samples. Times are medians of interleaved rounds in a process with so many
threads; the peak is that of a fresh process (VmHWM) that does one forward and one backward pass and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

Pass = Callable[[], object]
#: Samples whose masks NumPy makes at a time: large enough for its calls, small enough for the cache not to matter.
CHUNK = 8
PLAIN, EACH, SHARED = "plain linear", "fastdrop, a mask each", "fastdrop, one mask"
CHUNKS, STORED, TORCH = "NumPy, masks in chunks", "NumPy, masks stored", "torch, einsum"
APPLY = "plain product + one apply"


@dataclass(frozen=True)
class Problem:
    """One size: x is (batch, inputs) and the weight (outputs, inputs), in float32."""

    batch: int
    outputs: int
    inputs: int
    p: float
    threads: int


def passes(name: str, problem: Problem) -> tuple[Pass, Pass] | None:
    """Return forward and backward of a contestant; None if its library is not installed."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((problem.batch, problem.inputs), np.float32)
    dy = rng.standard_normal((problem.batch, problem.outputs), np.float32)
    if name == TORCH:
        return torch_passes(x, dy, problem)
    if name in (CHUNKS, STORED):
        return numpy_passes(x, dy, problem, name == STORED)
    import fastdrop
    from fastdrop import nn

    fastdrop.set_num_threads(problem.threads)
    if name == APPLY:
        weight = rng.standard_normal((problem.outputs, problem.inputs), np.float32)
        seeds = iter(range(1 << 62))
        return lambda: x @ fastdrop.dropout(weight, problem.p, rng=next(seeds)).T, lambda: None
    if name == PLAIN:
        layer: nn.Module = nn.Linear(problem.inputs, problem.outputs, rng=0)
    else:
        layer = nn.DropConnectLinear(problem.inputs, problem.outputs, problem.p, name == EACH, rng=0)

    def backward() -> None:
        layer.zero_grad()
        layer.backward(dy)

    return lambda: layer(x), backward


def numpy_passes(x, dy, problem: Problem, keep: bool) -> tuple[Pass, Pass]:
    """Masks of a few samples at a time; kept as bools for backward, or made again from the seed."""
    import numpy as np

    shape = (problem.outputs, problem.inputs)
    scale = np.float32(1 / (1 - problem.p))
    weight = np.random.default_rng(1).standard_normal(shape, np.float32)
    bias = np.zeros(problem.outputs, np.float32)
    seeds, latest, stored = iter(range(1 << 62)), [0], []

    def masks():
        rng = np.random.default_rng(latest[0])
        for first in range(0, problem.batch, CHUNK):
            n = min(CHUNK, problem.batch - first)
            yield slice(first, first + n), rng.random((n, *shape), np.float32) >= problem.p

    def forward():
        latest[0] = next(seeds)
        stored[:] = masks() if keep else ()
        y = np.empty((problem.batch, problem.outputs), np.float32)
        for part, mask in stored if keep else masks():
            y[part] = np.matmul(mask * weight, x[part, :, None])[:, :, 0]
        y *= scale
        y += bias
        return y

    def backward():
        dx, dweight = np.empty_like(x), np.zeros_like(weight)
        for part, mask in stored if keep else masks():
            dx[part] = np.matmul(dy[part, None, :], mask * weight)[:, 0]
            dweight += np.einsum("boi,bo,bi->oi", mask, dy[part], x[part])
        return dx * scale, dweight * scale, dy.sum(axis=0)

    return forward, backward


def torch_passes(x, dy, problem: Problem) -> tuple[Pass, Pass] | None:
    """Masks of the whole batch written out as numbers, and automatic differentiation."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(problem.threads)
    shape = (problem.batch, problem.outputs, problem.inputs)
    weight = torch.randn(shape[1:], requires_grad=True)
    bias = torch.zeros(problem.outputs, requires_grad=True)
    inputs, gradient = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)
    latest = []

    def forward():
        mask = torch.empty(shape).bernoulli_(1 - problem.p)
        y = torch.einsum("boi,oi,bi->bo", mask, weight, inputs) / (1 - problem.p) + bias
        latest[:] = [y]
        return y

    def backward():
        return torch.autograd.grad(latest[0], (inputs, weight, bias), gradient, retain_graph=True)

    return forward, backward


# ---- measuring, in processes of their own ----


def child(arguments: list[str], threads: int) -> dict:
    """Run this file once more with so many threads and return what it prints."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FASTDROP_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads))
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peak() -> int:
    """Return the most bytes of memory that this process has had; of this program alone where the system says that."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def measure_memory(name: str, problem: Problem) -> dict:
    """Return the peak after one forward and one backward pass."""
    both = passes(name, problem)
    if both is None:
        return {}
    for one in both:
        one()
    return {"peak": peak()}


def timed(one: Pass, times: int) -> float:
    """Return the milliseconds of one pass."""
    start = time.perf_counter()
    for _ in range(times):
        one()
    return (time.perf_counter() - start) * 1e3 / times


def measure_times(names: list[str], problem: Problem, rounds: int) -> dict:
    """Return the median milliseconds of both passes by contestant. A short pass is repeated for 2 ms."""
    contestants = {name: both for name in names if (both := passes(name, problem)) is not None}
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in contestants}
    for turn in range(rounds + 1):
        for name in random.sample(list(contestants), len(contestants)):
            for one, times in zip(contestants[name], taken[name], strict=True):
                once = timed(one, 1)
                if turn:  # the first round warms up
                    times.append(timed(one, int(2 / once)) if once < 1 else once)
    return {name: [statistics.median(times) for times in both] for name, both in taken.items()}


# ---- the table ----


def table(problem: Problem, rounds: int) -> list[str]:
    """Measure one size and return the lines of its table, and of what is asked of it."""
    names = [PLAIN, APPLY, SHARED, EACH, CHUNKS, STORED, TORCH]
    work = json.dumps(asdict(problem))
    times = child(["--times", json.dumps(names), work, str(rounds)], problem.threads)
    peaks = {name: child(["--memory", name, work], problem.threads).get("peak", 0) for name in names if name in times}
    head = ["", "forward", "backward", "both / ours", "peak", "of plain linear's"]
    lines = [f"\nbatch {problem.batch}, {problem.outputs} x {problem.inputs} weights, p = {problem.p}\n"]
    lines += ["| " + " | ".join(head) + " |", "| --- " + "| ---: " * (len(head) - 1) + "|"]
    for name in names:
        if name not in times:
            lines.append(f"| {name} | skipped: not installed | | | | |")
            continue
        forward, backward = times[name]
        cells = [name, f"{forward:.2f} ms", f"{backward:.2f} ms", f"{sum(times[name]) / sum(times[EACH]):.2f}"]
        cells += [f"{peaks[name] / 2**20:.0f} MiB", f"{peaks[name] / peaks[PLAIN]:.3f}"]
        if name == APPLY:
            cells[2:4] = ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"- peak of a mask each: {peaks[EACH] / peaks[PLAIN]:.3f} of the plain layer's, at most 1.10"]
    for name, least in ((CHUNKS, 10), (STORED, 10), (TORCH, 1)):
        if name in times:
            forward, backward = (theirs / ours for theirs, ours in zip(times[name], times[EACH], strict=True))
            lines.append(f"- {name} / a mask each: forward {forward:.1f}, backward {backward:.1f}, at least {least}")
    lines.append(f"- one mask / ({APPLY}): forward {times[SHARED][0] / times[APPLY][0]:.2f}, at most 1.10")
    return lines


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small size and three rounds")
    parser.add_argument("--threads", type=int, default=1, help="of every contestant (default 1)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--p", type=float, nargs="+", default=[0.5, 0.1], help="probabilities of dropping")
    parser.add_argument("--memory", nargs=2, metavar=("NAME", "PROBLEM"), help=argparse.SUPPRESS)
    parser.add_argument("--times", nargs=3, metavar=("NAMES", "PROBLEM", "ROUNDS"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.memory:
        print(json.dumps(measure_memory(options.memory[0], Problem(**json.loads(options.memory[1])))))
        return
    if options.times:
        names, problem, rounds = options.times
        print(json.dumps(measure_times(json.loads(names), Problem(**json.loads(problem)), int(rounds))))
        return
    from fastdrop import bench

    for name, value in bench.describe_machine().items():
        print(f"{name}: {value}")
    rounds = 3 if options.quick else options.rounds
    print(f"float32, {options.threads} thread(s), medians of {rounds} rounds; peaks of fresh processes")
    for shape in [(16, 48, 64)] if options.quick else [(128, 1024, 1024), (32, 256, 256)]:
        for p in options.p[:1] if options.quick else options.p:
            print("\n".join(table(Problem(*shape, p, options.threads), rounds)), flush=True)


if __name__ == "__main__":
    main()
