"""Every runnable instruction set in turn, fixed seeds, and a report that says what was really executed."""

from __future__ import annotations

import os
from collections import Counter

import hypothesis
import pytest

import fastdrop
from fastdrop import _core

ALL_ISAS = ("scalar", "avx2", "avx512", "neon")
RUNNABLE = tuple(_core.isas())
AT_START = _core.isa()
executed: Counter[str] = Counter()

os.environ.setdefault("KERAS_BACKEND", "numpy")  # its own choice, TensorFlow, is none that fastdrop.keras has

hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("fixed")


@pytest.fixture(params=RUNNABLE)
def isa(request):
    """The test runs once under every instruction set that this machine has; the name of the one in use."""
    _core.set_isa(request.param)
    try:
        assert _core.isa() == request.param
        executed[request.param] += 1
        yield request.param
        assert _core.isa() == request.param
    finally:
        _core.set_isa(AT_START)


def pytest_report_header(config):
    info = fastdrop.build_info()
    return [
        f"fastdrop {fastdrop.__version__}, contract {fastdrop.CONTRACT}, built by {info['compiler']}",
        f"fastdrop instruction sets: built {_names(info['isas_built'])}; runnable here {_names(RUNNABLE)}; "
        f"in use by default {AT_START}; not tried here {_names(n for n in ALL_ISAS if n not in RUNNABLE)}",
    ]


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("instruction sets that the tests really executed")
    for name in ALL_ISAS:
        count = f"{executed[name]} tests" if executed[name] else "no test"
        terminalreporter.line(f"{name:7} {count}" + (" (does not run here)" if name not in RUNNABLE else ""))


def _names(names) -> str:
    return " ".join(names) or "none"
