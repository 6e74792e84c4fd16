"""The C test programs under valgrind, and under ThreadSanitizer where they use threads.

AddressSanitizer and UBSan are in each program's own test file; valgrind also sees values that were never written.
"""

import pytest
from test_c_core import PLAIN, build, check, core, run, tool

__all__ = ["build", "core"]  # fixtures

SHORT = ["rows.c"]
LONG = ["softmax.c", "connect.c", "concrete.c", "samples.c", "mix.c", "noise.c", "layouts.c", "kernels.c"]
#: The pool is made of POSIX threads and atomics, which the sanitizer understands; OpenMP is only asked for limits. Its
#: runtime is not built for the sanitizer, hence the option; there are no suppressions.
RACES = ["-std=c11", "-O1", "-g1", "-fsanitize=thread", "-fopenmp"]
THREADED = ["layouts.c", "samples.c", "mix.c", "softmax.c", "connect.c", "rows.c"]


@pytest.mark.parametrize("program", [*SHORT, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
def test_valgrind(program, tmp_path, build):
    checker = tool("valgrind")
    path = build("gcc", PLAIN, program)
    check(run([checker, "-q", "--error-exitcode=9", str(path), "--quick"], tmp_path), "scalar")


def test_valgrind_sees_what_it_should(tmp_path):
    """A branch on a value that was never written."""
    checker = tool("valgrind")
    (tmp_path / "wrong.c").write_text("int main(void) { volatile int x[9]; return x[5] > 3 ? 1 : 2; }\n")
    run([tool("gcc"), "-w", "-O0", "wrong.c", "-o", "wrong"], tmp_path)
    with pytest.raises(AssertionError, match="uninitialised"):
        run([checker, "-q", "--error-exitcode=9", "./wrong"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("program", THREADED)
def test_no_races(program, tmp_path, build):
    path = build("clang", RACES, program)
    options = "ignore_noninstrumented_modules=1 die_after_fork=0"  # a child of layouts.c starts threads
    check(run([str(path), "--quick"], tmp_path, OMP_NUM_THREADS="4", TSAN_OPTIONS=options), "scalar")
