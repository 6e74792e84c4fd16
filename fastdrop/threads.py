"""How many threads a call may use."""

from __future__ import annotations

import math
import operator
import os
from pathlib import Path

import numpy as np

from fastdrop import _core

__all__ = ["check_threads", "get_num_threads", "set_num_threads"]

#: Where Linux tells the share of CPU time of this process's control group, versions 2 and 1.
_CGROUP = Path("/sys/fs/cgroup")


def check_threads(threads: object, name: str = "threads") -> int:
    """Return the number of threads to ask for: `threads` itself, or the default for None."""
    if threads is None:
        return _core.get_default_threads()
    if isinstance(threads, (bool, np.bool_)) or not hasattr(threads, "__index__"):
        raise TypeError(f"{name} has to be an int or None, but got {threads!r} of type {type(threads).__name__}")
    number = operator.index(threads)  # type: ignore[arg-type]
    if not 1 <= number < 1 << 31:
        raise ValueError(f"{name} has to be at least 1, but got {number}")
    return number


def set_num_threads(n: int | None) -> None:
    """Set how many threads calls of this process may use where `threads=` is not given.

    Results never depend on it. Limits from outside (OMP_NUM_THREADS, threadpoolctl) still bind, and calls on few
    elements stay on one thread.

    Parameters
    ----------
    n : int or None
        At least 1; None goes back to the default of environment and machine.

    Raises
    ------
    TypeError, ValueError
        If `n` is not an int, or below 1.

    Examples
    --------
    >>> import fastdrop as fd
    >>> fd.set_num_threads(1)
    >>> fd.get_num_threads()
    1
    >>> fd.set_num_threads(None)
    """
    _core.set_default_threads(default_threads() if n is None else check_threads(n, "n"))


def get_num_threads() -> int:
    """Return how many threads a call may use where `threads=` is not given.

    What `set_num_threads` set; before that the environment variable FASTDROP_NUM_THREADS; without it the least of
    OpenMP's limit, the CPUs this process may run on and its control group's quota, as they were at import.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> import fastdrop as fd
    >>> fd.get_num_threads() >= 1
    True
    """
    return _core.get_default_threads()


def default_threads() -> int:
    """Return the default by environment and machine.

    Raises
    ------
    ImportError
        If FASTDROP_NUM_THREADS is set and not a positive int.
    """
    text = os.environ.get("FASTDROP_NUM_THREADS", "").strip()
    if text:
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text) < 1 << 31:
            raise ImportError(f"FASTDROP_NUM_THREADS has to be a whole number from 1 on, but is {text!r}")
        return int(text)
    return max(1, min(_core.max_threads(), _allowed_cpus(), _quota()))


def _allowed_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> int:
    """CPUs that the control group's quota allows, rounded up; many if there is none."""
    try:
        quota, period = (_CGROUP / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (_CGROUP / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (_CGROUP / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return 1 << 20
    try:
        share = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max": no limit
        return 1 << 20
    return math.ceil(share) if share > 0 else 1 << 20
