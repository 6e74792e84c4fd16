"""Blocks and chosen rows of the C core by themselves: strict builds, sanitizers, emulated instruction sets."""

from pathlib import Path

import pytest
from test_c_core import ARM, NEON, SANITIZED, SOFT, STRICT, build, check, core, run, tool

__all__ = ["build", "core"]  # fixtures


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_strict_build(compiler, tmp_path, build):
    program = build(compiler, [*STRICT, "-fopenmp"], "rows.c")
    check(run([str(program)], tmp_path, OMP_NUM_THREADS="2"), "scalar")


def test_sanitizers(tmp_path, build):
    program = build("gcc", [*SANITIZED, "-fopenmp"], "rows.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="2", ASAN_OPTIONS="detect_leaks=0"), "scalar")


@pytest.mark.slow
def test_neon_under_qemu(tmp_path, build):
    emulator = tool("qemu-aarch64")
    program = build(ARM, NEON, "rows.c")
    check(run([emulator, str(program), "--quick", "--expect", "neon"], tmp_path), "scalar", "neon")


@pytest.mark.slow
def test_avx512_and_avx2_by_portable_intrinsics(tmp_path, build):
    emulator = tool("qemu-aarch64")
    if not Path("/usr/include/simde/x86/avx512.h").exists():
        pytest.skip("libsimde-dev is not installed")
    program = build(ARM, [*SOFT, "-static"], "rows.c")
    check(run([emulator, str(program), "--quick", "--expect", "avx512"], tmp_path), "scalar", "avx2", "avx512")
