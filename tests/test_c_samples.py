"""Many keys of one law in the C core by itself: strict builds, sanitizers.

Nothing of it is written for one instruction set; the kernels it calls have programs of their own.
"""

import pytest
from helpers import NATIVE
from test_c_core import SANITIZED, STRICT, build, check, core, run

__all__ = ["build", "core"]  # fixtures


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_strict_build(compiler, tmp_path, build):
    program = build(compiler, [*STRICT, "-fopenmp"], "samples.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="2"), *NATIVE)


def test_sanitizers(tmp_path, build):
    program = build("gcc", [*SANITIZED, "-fopenmp"], "samples.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="2", ASAN_OPTIONS="detect_leaks=0"), *NATIVE)
