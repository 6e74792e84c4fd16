"""The law by itself and all numbers of 16 bits, in the C core: strict builds, sanitizers, emulated instruction sets."""

from pathlib import Path

import pytest
from test_c_core import ARM, BIG_ENDIAN, NEON, SANITIZED, SOFT, STRICT, build, check, core, run, tool

__all__ = ["build", "core"]  # fixtures
PROGRAMS = pytest.mark.parametrize("program", ["law.c", "halves.c"])


@PROGRAMS
@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_strict_build(compiler, program, tmp_path, build):
    check(run([str(build(compiler, [*STRICT, "-fopenmp"], program))], tmp_path, OMP_NUM_THREADS="200"), "scalar")


@PROGRAMS
def test_sanitizers(program, tmp_path, build):
    command = [str(build("gcc", [*SANITIZED, "-fopenmp"], program)), "--quick"]
    check(run(command, tmp_path, OMP_NUM_THREADS="200", ASAN_OPTIONS="detect_leaks=0"), "scalar")


@pytest.mark.slow
@PROGRAMS
def test_neon_under_qemu(program, tmp_path, build):
    emulator = tool("qemu-aarch64")
    target = build(ARM, NEON, program)
    check(run([emulator, str(target), "--quick", "--expect", "neon"], tmp_path), "scalar", "neon")


@pytest.mark.slow
@PROGRAMS
def test_big_endian_under_qemu(program, tmp_path, build):
    emulator = tool("qemu-s390x")
    target = build(BIG_ENDIAN, ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static"], program)
    check(run([emulator, str(target), "--quick"], tmp_path), "scalar")


@pytest.mark.slow
@PROGRAMS
def test_avx512_and_avx2_by_portable_intrinsics(program, tmp_path, build):
    emulator = tool("qemu-aarch64")
    if not Path("/usr/include/simde/x86/avx512.h").exists():
        pytest.skip("libsimde-dev is not installed")
    target = build(ARM, [*SOFT, "-static"], program)
    check(run([emulator, str(target), "--quick", "--expect", "avx512"], tmp_path), "scalar", "avx2", "avx512")
