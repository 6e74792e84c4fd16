"""How many threads a call may use."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from fastdrop import _core
from fastdrop.integers import integer

__all__ = ["check_threads", "default_threads", "follow_main_thread", "get_num_threads", "set_num_threads"]

#: Where Linux keeps the control groups: version 2 there, version 1's quotas of CPU time in a folder of their own.
_CGROUP = Path("/sys/fs/cgroup")


def follow_main_thread() -> None:
    """Tell C which thread handles signals: in the child of a fork it is the one that has forked."""
    _core.set_main_thread(threading.main_thread().ident or 0)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _core.set_main_thread(threading.get_ident()))


def check_threads(threads: object, name: str = "threads") -> int:
    """Return the number of threads to ask for: `threads` itself, or the default for None."""
    if threads is None:
        return _core.get_default_threads()
    number = integer(threads, name)
    if not 1 <= number < 1 << 31:
        raise ValueError(f"{name} has to be between 1 and 2**31 - 1, but got {number}")
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
        If `n` is not an int, or below 1; for None, if the environment variable FASTDROP_NUM_THREADS is no such number.

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
    OpenMP's limit, the CPUs this process may run on and its control groups' quotas, as they were when fastdrop was
    imported.

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
    """Return the default by environment and machine, read now.

    Raises
    ------
    ValueError
        If FASTDROP_NUM_THREADS is set and not a positive int.
    """
    text = os.environ.get("FASTDROP_NUM_THREADS", "").strip()
    if text:
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:20]) < 1 << 31):
            raise ValueError(f"FASTDROP_NUM_THREADS has to be an integer between 1 and 2**31 - 1, but is {text!r}")
        return int(text)
    return max(1, min(_core.max_threads(), _allowed_cpus(), _quota()))


def _allowed_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> int:
    """Return the CPUs that the least quota of the process's control groups allows, rounded up; many without one."""
    least = min(_share(group) for group in _groups())
    return math.ceil(least) if least < 1 << 20 else 1 << 20


def _groups() -> Iterator[Path]:
    """Yield the folders of the groups that may hold a quota: the process's own and all that it lies in.

    In a container the mount itself is the group, and the path that the process is told need not exist there.
    """
    yield from (_CGROUP, _CGROUP / "cpu")
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" or "cpu" in controllers.split(","):
            folder = _CGROUP if number == "0" else _CGROUP / "cpu"
            for part in Path(path).parts[1:]:
                folder /= part
                yield folder


def _share(group: Path) -> float:
    """Return the CPUs of one control group by itself, of version 2 or 1; infinity where there is no limit."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        except OSError:
            return math.inf
    try:
        share = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max": no limit
        return math.inf
    return share if share > 0 else math.inf
