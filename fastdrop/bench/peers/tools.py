"""What the peers share: element types by name, imports that keep quiet, fresh seeds."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TypeVar

import numpy as np

from fastdrop.bench.case import Case, UnsupportedError

__all__ = [
    "cpus",
    "dtype",
    "few_cpus",
    "find",
    "fixed_threads",
    "in_place",
    "ones",
    "only",
    "quiet_import",
    "quiet_start",
    "seeds",
    "shared",
]

Run = TypeVar("Run", bound=Callable[[int], object])

# Threads that a package has started with, and cannot change in this process.
started: dict[str, int] = {}


def find(*packages: str) -> str | None:
    """Return None if the packages are installed, or else a sentence that names the first that is not; imports none."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed"
    return None


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep warnings and greetings of other packages, also those that their C++ parts print, off the terminal."""
    with warnings.catch_warnings(), open(os.devnull, "wb") as nowhere:
        warnings.simplefilter("ignore")
        sys.stderr.flush()
        before = os.dup(2)
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)


def quiet_import(package: str) -> ModuleType:
    """Import a package that is installed; `UnsupportedError` if it does not work here."""
    try:
        if package in sys.modules:
            return sys.modules[package]
        with quiet_start():
            return importlib.import_module(package)
    except ImportError as error:
        raise UnsupportedError(f"{package} is installed but cannot be imported: {error}") from error


def dtype(case: Case) -> np.dtype:
    """Return the case's NumPy element type."""
    if case.dtype == "bfloat16":
        return np.dtype(quiet_import("ml_dtypes").bfloat16) if find("ml_dtypes") is None else _no_bfloat16()
    return np.dtype(case.dtype)


def _no_bfloat16() -> np.dtype:
    raise UnsupportedError("NumPy has bfloat16 only from ml_dtypes, which is not installed")


def ones(case: Case) -> np.ndarray:
    """Return a new array of the case's elements, all 1, so that what is kept shows its factor."""
    return np.ones(case.size, dtype(case))


def shared(case: Case) -> np.ndarray:
    """Return the array that fastdrop's rows work on too, filled with 1 by every row before it is timed.

    Which physical pages an array of a few megabytes gets, huge ones or not, can be worth a third of the time.
    """
    from fastdrop.bench.own_rows import array

    dtype(case)  # says by name what is missing
    return array(case.size, case.dtype)


def only(case: Case, what: str, *dtypes: str) -> None:
    """Refuse a case whose element type is none of `dtypes`."""
    if case.dtype not in dtypes:
        raise UnsupportedError(f"{what} has no {case.dtype}")


def in_place(run: Run, fill: Callable[[int], object]) -> Run:
    """Run once, to compile what is compiled late; have the array filled with 1 now and before each timing."""
    run(1)
    fill(1)
    run.ready = lambda times: fill(1)  # type: ignore[attr-defined]
    return run


def seeds() -> Iterator[int]:
    """Count up, for packages that take a seed a call; never twice the same in a process."""
    return _seeds


_seeds = itertools.count(1)


def cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def few_cpus(threads: int) -> Iterator[None]:
    """Let this thread, and the threads that are started inside, run on `threads` CPUs only.

    Thread pools that size themselves by the CPUs they may use, and take no number, can be kept small in no other way.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-threads:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def fixed_threads(package: str, threads: int) -> bool:
    """Return whether `package` is to be started now, with so many threads; refuse another number later on."""
    if package not in started:
        started[package] = threads
        return True
    if started[package] != threads:
        raise UnsupportedError(
            f"{package} keeps the threads that it started with, {started[package]}: {threads} need another process"
        )
    return False
