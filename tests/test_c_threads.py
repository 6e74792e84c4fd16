"""Threads of the C core by themselves: several callers at once, forks, ThreadSanitizer, OpenMP's teams.

tests/c/threads.c returns 10 + the threads that its last loop was offered to, so that a build on one thread can't pass.
"""

import os
import subprocess
from pathlib import Path

import pytest
from test_c_core import STRICT, WARNINGS, build, core, run, tool
from test_c_memory import RACES

__all__ = ["build", "core"]  # fixtures
ROOT = Path(__file__).parent.parent


def outcome(program: Path, forks: int = 0) -> tuple[int, str]:
    """Run with four threads allowed; return the exit code and what was said."""
    options = "ignore_noninstrumented_modules=1"  # clang's OpenMP is not built for the sanitizer
    env = {**os.environ, "OMP_NUM_THREADS": "4", "OMP_DYNAMIC": "false", "TSAN_OPTIONS": options}
    done = subprocess.run([str(program), str(forks)], capture_output=True, text=True, timeout=300, env=env)
    return done.returncode, done.stderr


def test_callers_and_forks(build):
    """Children of a process that is in the middle of calls run teams of their own, and none waits for ever."""
    assert outcome(build("gcc", [*STRICT, "-fopenmp"], "threads.c"), forks=20) == (14, "")


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_no_races(compiler, build):
    """OpenMP is only asked for limits, so that its runtime need not be built for the sanitizer."""
    assert outcome(build(compiler, RACES, "threads.c")) == (14, "")


def test_teams_of_openmp(tmp_path, core):
    """What systems without POSIX threads get. A child of a process that has run a team stays on one thread."""
    users = [path for path in (ROOT / "csrc").glob("*.c") if '"pool.h"' in path.read_text()]
    assert len(users) > 1
    others = [path for path in core("gcc", [*STRICT, "-fopenmp"]) if Path(path).stem not in {u.stem for u in users}]
    program = tmp_path / "threads"
    sources = [*map(str, users), str(ROOT / "tests" / "c" / "threads.c")]
    flags = ["-O2", *WARNINGS, "-fopenmp", "-DFD_OPENMP_TEAMS", f"-I{ROOT / 'csrc'}"]
    run([tool("gcc"), *flags, *sources, *others, "-o", str(program), "-lm"], tmp_path)
    assert outcome(program, forks=5) == (14, "")
