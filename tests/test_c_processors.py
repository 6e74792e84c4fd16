"""Which instruction sets are taken up on which processor, and that nothing is executed which it was not asked for."""

import subprocess

import pytest
from mutants import CHECKS, write_vectors
from test_c_core import SANITIZED, STRICT, build, check, core, run, tool

__all__ = ["build", "core"]  # fixtures

#: Under qemu, what a processor lacks is an illegal instruction.
SSE2_ALONE, LEAST_AVX2 = "Opteron_G1", "Haswell,-fma,-bmi2,-abm,-movbe,-fsgsbase,-erms,-invpcid"
PROCESSORS = {
    SSE2_ALONE: "scalar",
    "Nehalem": "scalar",
    "SandyBridge": "scalar",  # AVX alone
    "IvyBridge": "scalar",  # F16C too
    "Haswell": "scalar avx2",
    LEAST_AVX2: "scalar avx2",
    "Haswell,-xsave": "scalar",  # a system that does not save the registers
    "Haswell,-avx": "scalar",
    "Haswell,-avx2": "scalar",
    "Haswell,-f16c": "scalar",
    "Haswell,-bmi1": "scalar",
    "Haswell,level=6": "scalar",  # no leaf 7
    "EPYC": "scalar avx2",
}
FMA = """
#include <immintrin.h>
__attribute__((target("fma"))) int main(int argc, char **argv)
{
    volatile __m256d a = _mm256_set1_pd(argc);
    (void)argv;
    a = _mm256_fmadd_pd(a, a, a);
    return 0;
}
"""


@pytest.fixture(scope="module")
def x86(tmp_path_factory) -> str:
    """The compiler's name, where it makes programs for x86-64."""
    folder = tmp_path_factory.mktemp("x86")
    (folder / "x86.c").write_text("#ifndef __x86_64__\n#error\n#endif\nint main(void) { return 0; }\n")
    if subprocess.run([tool("gcc"), "x86.c"], cwd=folder, capture_output=True, timeout=60).returncode:
        pytest.skip("this machine's compiler is not for x86-64")
    return "gcc"


@pytest.mark.parametrize("flags", [pytest.param(STRICT, id="strict"), pytest.param(SANITIZED, id="sanitized")])
def test_every_processor(flags, x86, tmp_path, build):
    """All sets of features, answered in the processor's place."""
    check(run([str(build(x86, [*flags, "-fopenmp"], "processors.c"))], tmp_path), "taken up")


@pytest.mark.parametrize("processor", PROCESSORS)
def test_processors(processor, x86, tmp_path, build):
    program = build(x86, [*STRICT, "-fopenmp"], "processors.c")
    printed = run([tool("qemu-x86_64"), "-cpu", processor, str(program)], tmp_path)
    assert f"taken up: {PROCESSORS[processor]}\n" in printed


def test_what_a_processor_lacks_is_refused(x86, tmp_path):
    """If it were not, the next test would prove nothing."""
    (tmp_path / "fma.c").write_text(FMA)
    run([x86, "-O1", "fma.c", "-o", "fma"], tmp_path)
    run([tool("qemu-x86_64"), "-cpu", "Haswell", "./fma"], tmp_path)
    with pytest.raises(AssertionError, match="Illegal instruction"):
        run(["qemu-x86_64", "-cpu", LEAST_AVX2, "./fma"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("processor", [SSE2_ALONE, LEAST_AVX2])
@pytest.mark.parametrize("program", [name for name in CHECKS if name != "layouts"])  # which forks: qemu may fail
def test_nothing_else_is_executed(program, processor, x86, tmp_path, build):
    if program == "connect" and processor == LEAST_AVX2:
        pytest.skip("qemu reads what VMASKMOV masks off, beyond the end of memory")
    emulator, target = tool("qemu-x86_64"), build(x86, [*STRICT, "-fopenmp"], f"{program}.c")
    write_vectors(tmp_path)
    vectors = {"kernels": ["--vectors", "keep.txt"], "noise": ["--vectors", "normal.txt"]}
    names = PROCESSORS[processor].split()
    command = [emulator, "-cpu", processor, str(target), "--quick", *vectors.get(program, []), "--expect", names[-1]]
    printed = run(command, tmp_path)
    check(printed, *names)
    assert ("avx2: " in printed) == ("avx2" in names)
