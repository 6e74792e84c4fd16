"""Blocks and chosen rows of the C core by themselves: strict builds, sanitizers."""

import pytest
from helpers import NATIVE
from test_c_core import SANITIZED, STRICT, build, check, core, run

__all__ = ["build", "core"]  # fixtures


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_strict_build(compiler, tmp_path, build):
    program = build(compiler, [*STRICT, "-fopenmp"], "rows.c")
    check(run([str(program)], tmp_path, OMP_NUM_THREADS="2"), *NATIVE)


def test_sanitizers(tmp_path, build):
    program = build("gcc", [*SANITIZED, "-fopenmp"], "rows.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="2", ASAN_OPTIONS="detect_leaks=0"), *NATIVE)
