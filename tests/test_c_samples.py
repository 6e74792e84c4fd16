"""Many keys of one law in the C core by itself: strict builds, sanitizers, another architecture.

Nothing of it is written for one instruction set; the kernels it calls have programs of their own.
"""

import pytest
from test_c_core import ARM, NEON, SANITIZED, STRICT, build, check, core, run, tool

__all__ = ["build", "core"]  # fixtures


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_strict_build(compiler, tmp_path, build):
    program = build(compiler, [*STRICT, "-fopenmp"], "samples.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="2"), "scalar")


def test_sanitizers(tmp_path, build):
    program = build("gcc", [*SANITIZED, "-fopenmp"], "samples.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="2", ASAN_OPTIONS="detect_leaks=0"), "scalar")


@pytest.mark.slow
def test_neon_under_qemu(tmp_path, build):
    emulator = tool("qemu-aarch64")
    program = build(ARM, NEON, "samples.c")
    check(run([emulator, str(program), "--quick", "--expect", "neon"], tmp_path), "scalar", "neon")
