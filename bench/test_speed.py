"""pytest-benchmark suite: `pytest bench --benchmark-only`, a group for each size, p, dtype and number of threads.

The rows are those of `fastdrop bench --full`, peers included; here each is a test, so that runs can be saved and
compared (--benchmark-save, --benchmark-compare) and picked by name (-k "65536 and float32"). Within a group all rows do
the same work, repeated as often. A peer that is not installed is skipped by name. Nothing here fails by being slow.
"""

from __future__ import annotations

import pytest

from fastdrop import _core
from fastdrop.bench import Case, UnsupportedError, describe_machine, own_rows, peers
from fastdrop.bench.machine import cores
from fastdrop.bench.results import size_name

pytestmark = pytest.mark.filterwarnings("ignore")  # what other packages warn of is not at stake here

CASES = [
    *(Case(1 << power, p) for power in (12, 16, 20, 24) for p in (0.5, 0.1)),
    *(Case(1 << 20, p, dtype) for dtype in ("float16", "bfloat16", "float64") for p in (0.5, 0.1)),
    *(Case(1 << power, p, threads=2) for power in (20, 24) for p in (0.5, 0.1)),
]
AVAILABLE, MISSING = peers.rows()
ROWS = {row.name: row for row in (*own_rows.rows(), *AVAILABLE)}
#: Elements that one timing works on, at least, and seconds that all timings of a row may take.
WORK, LONGEST = 1 << 20, 2.0


def case_name(case: Case) -> str:
    """Return the group's name."""
    threads = "1 thread" if case.threads == 1 else f"{case.threads} threads"
    return f"{case.dtype}, p = {case.p}, {size_name(case.size)}, {threads}"


def case_id(case: Case) -> str:
    """Return the group's name in letters that -k understands."""
    return f"{case.dtype}-p{case.p}-{case.size}-threads{case.threads}"


@pytest.fixture(autouse=True)
def tidy():
    """Free what a test has allocated, and keep the instruction set."""
    before = _core.isa()
    yield
    _core.set_isa(before)
    own_rows.forget_buffers()


@pytest.mark.parametrize("name", [*ROWS, *MISSING])
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_row(benchmark, case, name):
    benchmark.group = case_name(case)
    if name in MISSING:
        pytest.skip(f"{name}: {MISSING[name]}")
    if case.threads > len(cores()):
        pytest.skip(f"{case.threads} threads need as many cores")
    try:
        run = ROWS[name].prepare(case)
    except UnsupportedError as error:
        pytest.skip(f"{name}: {error}")
    times = max(1, WORK // case.size)
    ready = getattr(run, "ready", lambda times: None)
    ready(times)
    start = benchmark._timer()
    run(times)
    once = benchmark._timer() - start
    rounds = max(3, min(21, int(LONGEST / max(once, 1e-6))))
    benchmark.extra_info.update(describe_machine(), elements=case.size, repetitions=times)

    def setup() -> None:  # whatever ready returns is not for pedantic, which would take it for arguments
        ready(times)

    benchmark.pedantic(run, args=(times,), setup=setup, rounds=rounds)
    if benchmark.enabled:
        benchmark.extra_info["ns an element"] = benchmark.stats.stats.median / times / case.size * 1e9
        assert benchmark.stats.stats.rounds == rounds
