"""What the figures were measured on: CPU, instruction set, compiler, versions."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path

import numpy as np

import fastdrop
from fastdrop import _core

__all__ = ["cores", "describe_machine", "versions"]

#: Distributions whose version is told where they are installed.
DISTRIBUTIONS = ("ml_dtypes", "numba", "torch", "jax", "jaxlib", "onnxruntime", "tensorflow", "tensorflow-cpu")


def versions() -> dict[str, str]:
    """Return the versions of fastdrop, Python, NumPy and of every peer that is installed, by name."""
    found = {"fastdrop": fastdrop.__version__, "Python": platform.python_version(), "NumPy": np.__version__}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use; made up where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cpu_name() -> str:
    """Return the CPU's name, with family and model where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in facts and "model" in facts:
        name += f" (family {facts['cpu family']}, model {facts['model']})"
    return name


def describe_machine() -> dict[str, str]:
    """Say what the figures were measured on.

    Returns
    -------
    dict of str to str
        Date, CPU, instruction set in use, versions, compiler.

    Examples
    --------
    >>> from fastdrop.bench import describe_machine
    >>> sorted(describe_machine())
    ['compiler', 'cpu', 'date', 'instruction set', 'system', 'versions']
    """
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": f"{cpu_name()}, {len(cores())} cores",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "instruction set": _core.isa(),
        "compiler": str(fastdrop.build_info()["compiler"]),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }
