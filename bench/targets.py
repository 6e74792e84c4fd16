"""Print the project's speed targets beside what this machine shows: `python bench/targets.py [--isa avx2]`.

Ratios of medians, each from one interleaved run, a fresh key for every call (see bench/README.md). The exit code says
nothing about speed: machines differ, and a timed test is no test.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from target_explanations import explanation
from target_rows import GROUPS, ISAS, Batch, Target

from fastdrop import _core
from fastdrop.bench import describe_machine, own_rows, peers
from fastdrop.bench.command import show_progress
from fastdrop.bench.machine import cores
from fastdrop.bench.measure import measure
from fastdrop.bench.results import Result


@dataclass(frozen=True)
class Outcome:
    """A target and what was measured; None where it could not be, and `note` says why."""

    target: Target
    measured: float | None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it is met; None where nothing was measured."""
        return None if self.measured is None else self.measured <= self.target.limit

    def line(self) -> str:
        """Return the line of the table."""
        target = self.target
        said = {True: "met", False: "NOT MET", None: f"not measured: {self.note}"}[self.met]
        value = "" if self.measured is None else f"{self.measured:.3f}"
        line = f"{target.text:78} {value:>8}  <= {target.limit:<5g} {said}"
        return line if self.met is not False else f"{line}\n    {self.explanation()}"

    def explanation(self) -> str:
        """Return what is known of a target that is not met."""
        return explanation(self.target.key)


def evaluate(batch: Batch, results: Sequence[Result]) -> list[Outcome]:
    """Compare a batch's targets with its results, which are in the order of its entries."""
    outcomes = []
    for target in batch.targets:
        under = target.under if isinstance(target.under, tuple) else (target.under,)
        used = [results[k] for k in (target.over, *under) if k is not None]
        missing = [r for r in used if r.median is None]
        if missing:
            outcomes.append(Outcome(target, None, missing[0].note))
            continue
        value = used[0].median
        if target.unit == "us":
            value *= used[0].size / 1000
        elif len(used) == 4:
            value = value / used[1].median / (used[2].median / used[3].median)
        elif len(used) == 2:
            value /= used[1].median
        outcomes.append(Outcome(target, value))
    return outcomes


def choose(names: str, isa: str) -> tuple[list[Batch], list[str]]:
    """Return the batches of the groups named (all for an empty text), and why whole groups are left out."""
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(GROUPS)
    for name in wanted:
        if name not in GROUPS:
            raise ValueError(f"--only has to be of {', '.join(GROUPS)}, but got {name!r}")
    left_out, batches = [], []
    for name in wanted:
        if name == "threads" and (len(cores()) < 2 or not _core.openmp()):
            left_out.append("threads: this needs two cores and a build with OpenMP")
            continue
        found = GROUPS[name](isa)
        if not found:
            left_out.append(f"{name}: {peers.rows()[1].get('LIBXSMM', 'no such row')}")
        batches += found
    return batches, left_out


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    usable = [isa for isa in ISAS if isa in _core.isas()]
    parser.add_argument("--isa", help="instruction set: " + ", ".join(usable) + " (default: the best)")
    parser.add_argument("--seconds", type=float, default=7.0, help="for each batch that is measured together (7)")
    parser.add_argument("--only", default="", metavar="GROUP,...", help="of " + ", ".join(GROUPS))
    parser.add_argument("--json", metavar="FILE", help="also write the table to this file")
    options = parser.parse_args(arguments)
    if not usable:
        print(f"There are targets for {' and '.join(ISAS)} only; here run {', '.join(_core.isas())}.")
        return 0
    isa = options.isa or (_core.isa() if _core.isa() in usable else usable[-1])
    if isa not in usable:
        parser.error(f"--isa has to be of {', '.join(usable)}, which run here and have targets, but is {isa}")
    if not options.seconds > 0:
        parser.error(f"--seconds has to be above 0, but got {options.seconds:g}")
    before = _core.isa()
    _core.set_isa(isa)
    if isa == "avx2":
        os.environ.setdefault("LIBXSMM_TARGET", "hsw")  # the peer is held to the same instructions
    try:
        batches, left_out = choose(options.only, isa)
        machine = describe_machine()
        for name, value in machine.items():
            print(f"{name}: {value}")
        outcomes = []
        for number, batch in enumerate(batches):
            show_progress(f"{number + 1} of {len(batches)}: {batch.name}")
            results = measure(batch.entries, options.seconds, longest=options.seconds / 4, seed=number)
            own_rows.forget_buffers()
            here = evaluate(batch, results)
            show_progress("")
            print("\n".join(["", *(outcome.line() for outcome in here)]), flush=True)
            outcomes += here
    except ValueError as error:
        parser.error(str(error))
    finally:
        _core.set_isa(before)
    for reason in left_out:
        print(f"\nnot measured: {reason}")
    counts = {met: sum(outcome.met is met for outcome in outcomes) for met in (True, False, None)}
    print(f"\n{counts[True]} met, {counts[False]} not met, {counts[None]} not measured")
    if options.json:
        rows = [
            vars(o.target) | {"measured": o.measured, "met": o.met, "note": o.note,
                              "explanation": o.explanation() if o.met is False else ""}
            for o in outcomes
        ]  # fmt: skip
        report = {"machine": machine, "isa": isa, "targets": rows, "left out": left_out}
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
