"""The law by itself and all numbers of 16 bits, in the C core: strict builds, sanitizers."""

import pytest
from helpers import NATIVE
from test_c_core import SANITIZED, STRICT, build, check, core, run

__all__ = ["build", "core"]  # fixtures
PROGRAMS = pytest.mark.parametrize("program", ["law.c", "halves.c"])


@PROGRAMS
@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_strict_build(compiler, program, tmp_path, build):
    check(run([str(build(compiler, [*STRICT, "-fopenmp"], program))], tmp_path, OMP_NUM_THREADS="200"), *NATIVE)


@PROGRAMS
def test_sanitizers(program, tmp_path, build):
    command = [str(build("gcc", [*SANITIZED, "-fopenmp"], program)), "--quick"]
    check(run(command, tmp_path, OMP_NUM_THREADS="200", ASAN_OPTIONS="detect_leaks=0"), *NATIVE)
