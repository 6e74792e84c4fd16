"""What dropping costs of an LSTM's time step: `python bench/lstm.py`.

`nn.LSTM` goes forward and back over sequences: without dropout, with each kind of it, and with the same kinds on masks
that NumPy makes and keeps for the backward pass. Layers take turns, in a new order each round; what a kind costs is the
median of the differences from the layer without within the same round, divided by the number of time steps, against a
step of the layer without. At most 10 % is what is asked of each kind, of its masks together. BLAS and fastdrop are
given the same number of threads; with one, it is the thread's own time that is measured, so that other work on the
machine counts less.
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
from fastdrop.nn.recurrent_masks import Drops

try:
    import threadpoolctl
except ImportError as error:
    raise SystemExit("bench/lstm.py needs threadpoolctl: pip install '.[bench]' in the checkout") from error

LIMIT = 0.10
PLAIN = "no dropout"
#: Kinds by name: arguments of nn.LSTM as functions of p.
KINDS: dict[str, Callable[[float], dict[str, float | bool]]] = {
    "input": lambda p: {"dropout": p},
    "recurrent": lambda p: {"recurrent_dropout": p},
    "candidate": lambda p: {"candidate_dropout": p},
    "candidate, tied": lambda p: {"candidate_dropout": p, "per_sequence": True},
    "zoneout h": lambda p: {"zoneout_h": p},
    "zoneout c": lambda p: {"zoneout_c": p},
    "zoneout h, c": lambda p: {"zoneout_h": p, "zoneout_c": p},
    "input, recurrent, candidate": lambda p: {"dropout": p, "recurrent_dropout": p, "candidate_dropout": p},
}


class NumpyMask:
    """A mask as NumPy programs make it: float32 with the scale in it, kept for the backward pass."""

    def __init__(self, generator: np.random.Generator, shape: tuple[int, ...], p: float) -> None:
        keep = generator.random(shape, dtype=np.float32) >= p
        self.factor = keep * np.float32(1 / (1 - p))

    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        return np.multiply(x, self.factor, out=out)


class NumpyMasks:
    """One such mask for each time step, or one for all."""

    def __init__(self, generator: np.random.Generator, shape: tuple[int, ...], p: float, fresh: bool) -> None:
        self._make = lambda: NumpyMask(generator, shape, p)
        self._masks: dict[int, NumpyMask] = {}
        self._fresh = fresh

    def at(self, t: int) -> NumpyMask:
        t = t if self._fresh else 0
        if t not in self._masks:
            self._masks[t] = self._make()
        return self._masks[t]


class NumpyZones:
    """Zoneout by np.where on masks of bool."""

    def __init__(self, generator: np.random.Generator, shape: tuple[int, ...], p: float) -> None:
        self._make = lambda: generator.random(shape, dtype=np.float32) >= p
        self._masks: dict[int, np.ndarray] = {}

    def blend(self, t: int, new: np.ndarray, old: np.ndarray) -> None:
        keep = self._masks[t] = self._make()
        np.copyto(new, old, where=~keep)

    def split(self, t: int, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        keep = self._masks[t]
        return np.where(keep, gradient, np.float32(0)), np.where(keep, np.float32(0), gradient)


class NumpyLSTM(nn.LSTM):
    """The same layer on masks of NumPy."""

    generator = np.random.default_rng(0)

    def _drops(self, steps: int, batch: int, inputs: int, hidden: int) -> Drops:
        g, shape = self.generator, (batch, hidden)
        state = NumpyMask(g, shape, self.recurrent_dropout) if self.recurrent_dropout else None
        fresh = not self.per_sequence
        return Drops(
            input=NumpyMask(g, (batch, inputs), self.dropout) if self.dropout else None,
            state=state,
            states=state,  # of all steps: the mask is broadcast over time
            candidate=NumpyMasks(g, shape, self.candidate_dropout, fresh) if self.candidate_dropout else None,
            zone_h=NumpyZones(g, shape, self.zoneout_h) if self.zoneout_h else None,
            zone_c=NumpyZones(g, shape, self.zoneout_c) if self.zoneout_c else None,
        )


@dataclass(frozen=True)
class Shape:
    """Sequences in a batch, their steps, and features of input and state alike."""

    batch: int
    hidden: int
    steps: int = 20

    def __str__(self) -> str:
        return f"batch {self.batch}, hidden {self.hidden}, {self.steps} steps"


SHAPES = (Shape(32, 256), Shape(64, 512))


@dataclass(frozen=True)
class Result:
    """Median microseconds of a time step forward and back without dropout, and what kinds add by library and name."""

    shape: Shape
    p: float
    plain: float
    added: dict[str, dict[str, float]]


def layers(shape: Shape, p: float, kinds: list[str]) -> dict[tuple[str, str], nn.LSTM]:
    """Return the contestants by library and kind."""
    n = shape.hidden
    found: dict[tuple[str, str], nn.LSTM] = {("", PLAIN): nn.LSTM(n, n, rng=0)}
    for name in kinds:
        found["fastdrop", name] = nn.LSTM(n, n, rng=0, **KINDS[name](p))
        found["NumPy", name] = NumpyLSTM(n, n, rng=0, **KINDS[name](p))
    return found


def measure(shape: Shape, p: float, threads: int, seconds: float, kinds: list[str] | None = None) -> Result:
    """Time all layers for about so many seconds, at least five rounds."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((shape.batch, shape.steps, shape.hidden), dtype=np.float32)
    dy = rng.standard_normal(x.shape, dtype=np.float32)
    contestants = layers(shape, p, list(KINDS) if kinds is None else kinds)
    taken: dict[tuple[str, str], list[float]] = {name: [] for name in contestants}
    order, before = list(contestants), fastdrop.get_num_threads()
    fastdrop.set_num_threads(threads)

    clock = time.thread_time if threads == 1 else time.perf_counter

    def both(layer: nn.LSTM) -> float:
        start = clock()
        layer(x)
        layer.backward(dy)
        return (clock() - start) * 1e6 / shape.steps

    try:
        with threadpoolctl.threadpool_limits(threads):
            for layer in contestants.values():
                both(layer)
            end = time.perf_counter() + seconds
            while time.perf_counter() < end or len(taken["", PLAIN]) < 5:
                random.shuffle(order)
                for name in order:
                    taken[name].append(both(contestants[name]))
    finally:
        fastdrop.set_num_threads(before)
    plain = taken["", PLAIN]
    added: dict[str, dict[str, float]] = {"fastdrop": {}, "NumPy": {}}
    for library, name in contestants:
        if library:
            pairs = zip(taken[library, name], plain, strict=True)
            added[library][name] = statistics.median(with_it - without for with_it, without in pairs)
    return Result(shape, p, statistics.median(plain), added)


def format_table(result: Result) -> str:
    """Return a Markdown table and a line that says whether the limit is met."""
    ours, theirs = result.added["fastdrop"], result.added["NumPy"]
    lines = [
        f"{result.shape}, p = {result.p}: {result.plain:.0f} us a time step, forward and back, without dropout",
        "",
        "| kind | fastdrop adds, us | of the step | NumPy adds, us | of the step |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name in ours:
        cells = [f"{added[name]:.1f} | {added[name] / result.plain * 100:.1f} %" for added in (ours, theirs)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    worst = max(ours, key=lambda name: ours[name])
    share = ours[worst] / result.plain
    verdict = "met" if share <= LIMIT else "NOT MET"
    return "\n".join([*lines, "", f"at most {LIMIT:.0%} for each: {verdict}, {worst} costs most, {share:.1%}"])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each table, about (default 20)")
    parser.add_argument("--threads", type=int, default=1, help="of BLAS and fastdrop (default 1)")
    parser.add_argument("--p", type=float, nargs="+", default=[0.5, 0.2], help="probabilities of dropping")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), metavar="KIND", help=", ".join(map(repr, KINDS)))
    options = parser.parse_args(arguments)
    for name, value in bench.describe_machine().items():
        print(f"{name}: {value}")
    print(f"float32, {options.threads} thread(s)")
    for shape in SHAPES:
        for p in options.p:
            result = measure(shape, p, options.threads, options.seconds, options.kinds)
            print("\n" + format_table(result), flush=True)


if __name__ == "__main__":
    main()
