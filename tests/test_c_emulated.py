"""Every C program on instruction sets that a machine may lack: NEON, AVX-512 by portable intrinsics, s390x.

SIMDe's intrinsics are compiled for 64-bit Arm, so that its own implementation runs and not this machine's instructions.
"""

from pathlib import Path

import pytest
from mutants import CHECKS, write_vectors
from test_c_core import ARM, BIG_ENDIAN, NEON, SOFT, build, check, core, run, tool

__all__ = ["build", "core"]  # fixtures

#: Compiler, flags, emulator, and what has to run.
TARGETS = {
    "neon": (ARM, NEON, "qemu-aarch64", ("scalar", "neon")),
    "avx512": (ARM, [*SOFT, "-static"], "qemu-aarch64", ("scalar", "avx2", "avx512")),
    "s390x": (BIG_ENDIAN, ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static"], "qemu-s390x", ("scalar",)),
}
LONG = [pytest.param(name, marks=pytest.mark.slow) for name in CHECKS if name != "kernels"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("program", ["kernels", *LONG])
def test_emulated(program, target, tmp_path, build):
    compiler, flags, emulator, names = TARGETS[target]
    emulator = tool(emulator)
    if target == "avx512" and not Path("/usr/include/simde/x86/avx512.h").exists():
        pytest.skip("libsimde-dev is not installed")
    write_vectors(tmp_path)
    vectors = {"kernels": ["--vectors", "keep.txt"], "noise": ["--vectors", "normal.txt"]}
    command = [emulator, str(build(compiler, flags, f"{program}.c")), "--quick", "--expect", names[-1]]
    printed = run([*command, *vectors.get(program, [])], tmp_path)
    print(printed)
    check(printed, *names)
