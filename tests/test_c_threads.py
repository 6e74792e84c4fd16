"""Threads of the C core by themselves: several callers at once, forks, ThreadSanitizer, OpenMP's teams.

tests/c/threads.c returns 10 + the threads that its last loop was offered to, so that a build on one thread can't pass.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [str(ROOT / "tests" / "c" / "threads.c"), *sorted(str(path) for path in (ROOT / "csrc").glob("*.c"))]


# What the runtime of clang asks for: its OpenMP is not built for the sanitizer.
QUIET = "ignore_noninstrumented_modules=1"


def run(compiler, flags, folder, forks=0):
    """Compile, run with four threads allowed, return the exit code and what was said."""
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    program = str(folder / "threads")
    build = [compiler, "-std=gnu11", *flags, "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'csrc'}", *SOURCES]
    done = subprocess.run([*build, "-o", program, "-lm"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    env = {**os.environ, "OMP_NUM_THREADS": "4", "OMP_DYNAMIC": "false", "TSAN_OPTIONS": QUIET}
    done = subprocess.run([program, str(forks)], capture_output=True, text=True, timeout=300, env=env)
    return done.returncode, done.stderr


def test_callers_and_forks(tmp_path):
    """Children of a process that is in the middle of calls run teams of their own, and none waits for ever."""
    assert run("gcc", ["-O2", "-fopenmp"], tmp_path, forks=20) == (14, "")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_races(compiler, tmp_path):
    """OpenMP is only asked for limits, so that its runtime need not be built for the sanitizer."""
    assert run(compiler, ["-g", "-O1", "-fsanitize=thread", "-fopenmp"], tmp_path) == (14, "")


def test_teams_of_openmp(tmp_path):
    """What systems without POSIX threads get. A child of a process that has run a team stays on one thread."""
    assert run("gcc", ["-O2", "-fopenmp", "-DFD_OPENMP_TEAMS"], tmp_path, forks=5) == (14, "")
