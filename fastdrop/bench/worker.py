"""A process that measures for one number of threads, on as many cores: no peer can quietly use more.

Thread pools are made when a package is imported and size themselves by the cores that they may use, so the cores are
set here before anything is imported. The parent writes a job to the standard input, one JSON object; answers are JSON
lines on what was the standard output, which packages that print to it get no hold of.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from typing import IO, Any

from fastdrop.bench.case import Case, Row
from fastdrop.bench.plan import Group, Selection

__all__ = ["main", "run_job"]


def keep_to_cores(threads: int) -> None:
    """Keep this process, and whatever it starts, to so many cores; the last ones, for the first serve interrupts."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def run_job(job: dict[str, Any], out: IO[str]) -> None:
    """Measure the groups of a job and write a line for each.

    Parameters
    ----------
    job : dict
        ``groups`` (of `Group` as dicts), ``selection`` (as a dict), ``seconds`` for all together, ``isa``, and
        ``fixed``: seconds for each group instead, or None.
    out : text file
        Gets ``{"missing": ...}``, then ``{"row": ...}`` as work goes on and ``{"results": [...]}`` after each group.
    """
    from fastdrop import _core
    from fastdrop.bench import own_rows, peers
    from fastdrop.bench.measure import Experience, measure

    def say(**message: object) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    _core.set_isa(job["isa"])
    selection = Selection(**job["selection"])
    isas = (job["isa"], *(isa for isa in _core.isas() if isa not in ("scalar", job["isa"])))
    others, missing = peers.rows()
    say(missing=missing)
    groups = [Group(**{**group, "case": Case(**group["case"])}) for group in job["groups"]]
    weights = sum(group.weight for group in groups)
    experience, deadline = Experience(), time.monotonic() + job["seconds"]
    for number, group in enumerate(groups):
        seconds = job["fixed"] or max(1.0, (deadline - time.monotonic()) * group.weight / max(weights, 1e-9))
        weights -= group.weight
        table = [*own_rows.rows(isas if group.isas else isas[:1]), *others]
        entries = [(row, group.case) for row in table if wanted(row, selection)]
        results = measure(
            entries,
            seconds,
            frugal=group.frugal,
            experience=experience,
            progress=lambda row: say(row=row),
            seed=number,
        )
        own_rows.forget_buffers()
        say(results=[asdict(result) for result in results])


def wanted(row: Row, selection: Selection) -> bool:
    """Whether a row is measured: what was selected, and what all else is compared with."""
    return selection.wants(row.name) or row.name in ("in-place scale", "kernel", "fastdrop.dropout")


def main() -> int:
    """Do the job on the standard input."""
    job = json.loads(sys.stdin.read())
    keep_to_cores(job["threads"])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    run_job(job, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
