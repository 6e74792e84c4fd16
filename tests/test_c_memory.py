"""The C test programs under valgrind, and under ThreadSanitizer where they use threads.

AddressSanitizer and UBSan are in each program's own test file; valgrind also sees values that were never written.
"""

import pytest
from helpers import NATIVE
from mutants import CHECKS
from test_c_core import PLAIN, build, check, core, run, tool

__all__ = ["build", "core"]  # fixtures

SHORT = ["rows.c"]
LONG = [f"{name}.c" for name in CHECKS if f"{name}.c" not in SHORT]
#: The pool is made of POSIX threads and atomics, which the sanitizer understands; OpenMP is only asked for limits. Its
#: runtime is not built for the sanitizer, hence the option; there are no suppressions.
RACES = ["-std=c11", "-O1", "-g1", "-fsanitize=thread", "-fopenmp"]
THREADED = [f"{name}.c" for name in CHECKS if name not in ("kernels", "halves")]  # which run on one


@pytest.mark.parametrize("program", [*SHORT, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
def test_valgrind(program, tmp_path, build):
    checker = tool("valgrind")
    path = build("gcc", PLAIN, program)
    names = [name for name in NATIVE if name != "avx512"]  # which valgrind does not know
    check(run([checker, "-q", "--error-exitcode=9", str(path), "--quick"], tmp_path, limit=1200), *names)


def test_valgrind_sees_what_it_should(tmp_path):
    """A branch on a value that was never written."""
    checker = tool("valgrind")
    (tmp_path / "wrong.c").write_text("int main(void) { volatile int x[9]; return x[5] > 3 ? 1 : 2; }\n")
    run([tool("gcc"), "-w", "-O0", "wrong.c", "-o", "wrong"], tmp_path)
    with pytest.raises(AssertionError, match="uninitialised"):
        run([checker, "-q", "--error-exitcode=9", "./wrong"], tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_thread_sanitizer_sees_what_it_should(compiler, tmp_path):
    """Two threads that count with one number."""
    (tmp_path / "race.c").write_text(
        "#include <pthread.h>\nstatic int n;\n"
        "static void *count(void *p) { for (int i = 0; i < 1000; i++) n++; return p; }\n"
        "int main(void) { pthread_t t; pthread_create(&t, 0, count, 0); count(0); return pthread_join(t, 0); }\n"
    )
    run([tool(compiler), *RACES, "race.c", "-o", "race"], tmp_path)
    with pytest.raises(AssertionError, match="data race"):
        run(["./race"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("program", THREADED)
def test_no_races(program, tmp_path, build):
    path = build("clang", RACES, program)
    options = "ignore_noninstrumented_modules=1 die_after_fork=0"  # a child of layouts.c starts threads
    check(run([str(path), "--quick"], tmp_path, OMP_NUM_THREADS="4", TSAN_OPTIONS=options), *NATIVE)
