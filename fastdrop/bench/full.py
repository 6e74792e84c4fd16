"""`fastdrop bench --full`: every row, size, dtype, p and number of threads, within a quarter of an hour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from fastdrop import _core
from fastdrop.bench import quick
from fastdrop.bench.extras import InputError, extra
from fastdrop.bench.machine import describe_machine
from fastdrop.bench.plan import Group, Selection
from fastdrop.bench.results import Report, Result

__all__ = ["run_full"]

#: Settings by which thread pools are sized; each worker gets its number of threads in all of them.
POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "FASTDROP_NUM_THREADS",
         "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")  # fmt: skip
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1", "PYTHONWARNINGS": "ignore"}


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker with so many threads."""
    inherited = {name: value for name, value in os.environ.items() if name != "FASTDROP_ISA"}
    inherited["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return inherited | QUIET | dict.fromkeys(POOLS, str(threads))


def run_worker(
    groups: Sequence[Group],
    selection: Selection,
    seconds: float,
    fixed: float | None,
    tell: Callable[[dict], None],
) -> str:
    """Measure groups of one number of threads in a process of its own.

    Parameters
    ----------
    groups : sequence of Group
    selection : Selection
    seconds : float
        For all groups together.
    fixed : float or None
        For each group instead.
    tell : callable
        Gets every message of the worker.

    Returns
    -------
    str
        Empty if all groups were measured, else how the process ended.
    """
    threads = groups[0].case.threads
    job = {
        "threads": threads,
        "isa": _core.isa(),
        "seconds": seconds,
        "fixed": fixed,
        "selection": asdict(selection),
        "groups": [asdict(group) for group in groups],
    }
    command = [sys.executable, "-P", "-m", "fastdrop.bench.worker"]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(threads)
        ) as process,
    ):
        try:
            process.stdin.write(json.dumps(job))
            process.stdin.close()
            for line in process.stdout:
                tell(json.loads(line))
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        if code == 0:
            return ""
        errors.seek(0)
        last = (errors.read().strip().splitlines() or ["nothing on its standard error"])[-1]
        return f"signal {-code}" if code < 0 else f"exit code {code}: {last[:200]}"


def run_full(
    groups: Sequence[Group], selection: Selection, *, minutes: float, fixed: float | None, bar: bool = True
) -> Report:
    """Measure all groups, a process for each number of threads.

    A process that dies, as a broken peer can make it, costs the group it was at: a new process goes on with the next,
    and the report says so.

    Parameters
    ----------
    groups : sequence of Group
    selection : Selection
    minutes : float
        About how long all may take.
    fixed : float or None
        Seconds for each group instead.
    bar : bool, optional
        Show progress on the standard error, if that is a terminal.

    Returns
    -------
    Report

    Raises
    ------
    MissingExtraError
        If tqdm is missing.
    InputError
        If nothing could be measured.
    """
    tqdm = extra("tqdm").tqdm
    report = Report(describe_machine(), full=True)
    start = time.monotonic()
    end = start + 60 * minutes
    hidden = None if bar else True  # None: where it is no terminal
    with tqdm(total=len(groups), unit="group", disable=hidden, file=sys.stderr, dynamic_ncols=True) as shown:
        for threads in dict.fromkeys(group.case.threads for group in groups):
            left = [group for group in groups if group.case.threads == threads]
            weights = sum(group.weight for group in groups if group.case.threads >= threads)
            while left:
                share = sum(group.weight for group in left) / weights
                listener = Listener(left, report, shown)
                ended = run_worker(left, selection, max(1.0, end - time.monotonic()) * share, fixed, listener)
                if not listener.started:
                    raise InputError(f"a process to measure in did not start: {ended}")
                if ended and listener.done < len(left):
                    report.remarks.append(f"{left[listener.done]}: not measured, the process ended with {ended}")
                    listener.advance()
                left = left[listener.done :]
    if not report.results:
        raise InputError("nothing could be measured: " + "; ".join(report.remarks))
    report.machine["measured in"] = f"{(time.monotonic() - start) / 60:.1f} minutes"
    report.small_call = quick.small_call()
    return report


class Listener:
    """Takes a worker's messages: results into the report, the rest into the progress bar."""

    def __init__(self, groups: Sequence[Group], report: Report, shown: object) -> None:
        self.groups, self.report, self.shown = groups, report, shown
        self.done, self.started = 0, False

    def __call__(self, message: dict) -> None:
        """Take one message."""
        self.started = True
        self.report.missing.update(message.get("missing", {}))
        if "results" in message:
            self.report.results += [Result(**result) for result in message["results"]]
            self.advance()
        elif self.done < len(self.groups):
            self.shown.set_postfix_str(f"{self.groups[self.done]}: {message.get('row', 'starting')}"[:76])

    def advance(self) -> None:
        """Go on to the next group."""
        self.done += 1
        self.shown.update()
