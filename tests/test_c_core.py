"""The C core by itself: bare builds, strict warnings, sanitizers.

The programs in tests/c compare every runnable kernel with a reference of their own, between guard pages, and print
which instruction sets they ran. A tool that is not installed skips its tests by name.
"""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import NATIVE, VECTORS

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(__file__).parent / "c"
CORE = sorted(str(path) for path in (ROOT / "csrc").glob("*.c"))
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
STRICT, PLAIN = ["-O3", *WARNINGS], ["-O1", *WARNINGS]
SANITIZED = ["-std=c11", "-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SOFT = ["-std=gnu11", "-O2", "-w", "-DFD_SOFT_X86", '-DFD_X86_INTRINSICS="soft_x86.h"', "-isystem", "/usr/include"]
ARM, BIG_ENDIAN = "aarch64-linux-gnu-gcc", "s390x-linux-gnu-gcc"
#: Contraction is off in the source: the flag has to change nothing.
NEON = ["-std=c11", "-O3", "-Wall", "-Wextra", "-Werror", "-static", "-ffp-contract=fast"]
#: Where compiled ones lie, by compiler and flags: for all test files that use `build`.
CORES: dict[tuple[str, ...], Path] = {}


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def run(command: list[str], cwd: Path, limit: float = 570, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=limit, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def compile_core(compiler: str, flags: list[str], folder: Path) -> list[str]:
    """Compile the core's files, as many at a time as there are cores, and return the objects."""
    command = [tool(compiler), *flags, "-c"]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        largest_first = sorted(CORE, key=lambda path: "isa_" not in path)
        list(pool.map(lambda path: run([*command, path], folder), largest_first))
    objects = sorted(str(path) for path in folder.glob("*.o"))
    assert len(objects) == len(CORE)
    return objects


@pytest.fixture(scope="session")
def core(tmp_path_factory):
    """A function that returns the core's objects, compiled only once for each compiler and flags."""

    def objects(compiler: str, flags: list[str]) -> list[str]:
        tool(compiler)
        folder = CORES.get((compiler, *flags))
        if folder is None:
            folder = tmp_path_factory.mktemp("core")
            compile_core(compiler, [*flags, f"-I{PROGRAMS}", f"-I{ROOT / 'csrc'}"], folder)
            CORES[compiler, *flags] = folder
        return sorted(str(path) for path in folder.glob("*.o"))

    return objects


@pytest.fixture(scope="session")
def build(core, tmp_path_factory):
    """A function that compiles one program."""

    def compile_program(compiler: str, flags: list[str], program: str) -> Path:
        objects = core(compiler, flags)
        includes = [f"-I{PROGRAMS}", f"-I{ROOT / 'csrc'}"]
        folder = tmp_path_factory.mktemp("program")
        target = folder / Path(program).stem
        run([tool(compiler), *flags, *includes, str(PROGRAMS / program), *objects, "-o", str(target), "-lm"], folder)
        return target

    return compile_program


@pytest.fixture(scope="module")
def vectors(tmp_path_factory) -> Path:
    """The known answers as lines that a C program reads."""
    path = tmp_path_factory.mktemp("vectors") / "keep.txt"
    fields = ("p", "seed", "stream", "start")
    lines = [f"{' '.join(v[name] for name in fields)} {v['count']:x} {v['packed']}\n" for v in VECTORS["keep"]]
    path.write_text("".join(lines))
    assert len(lines) > 20
    return path


def check(output: str, *names: str) -> None:
    """All checks passed, there were many, and these instruction sets ran."""
    last = output.strip().splitlines()[-1]
    assert last.endswith(" checks, 0 failed"), output
    assert int(last.split()[0]) > 100_000
    for name in names:
        assert f"{name}: " in output


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        pytest.param("gcc", PLAIN, id="gcc-one thread"),
        pytest.param("gcc", [*STRICT, "-fopenmp"], id="gcc-openmp"),
        pytest.param("clang", PLAIN, id="clang-one thread", marks=pytest.mark.slow),
        pytest.param("clang", [*STRICT, "-fopenmp"], id="clang-openmp"),
    ],
)
def test_strict_build_and_all_kernels(compiler, flags, tmp_path, vectors, build):
    program = build(compiler, flags, "kernels.c")
    quick = ["--quick"] if flags == PLAIN else []
    check(run([str(program), "--vectors", str(vectors), *quick], tmp_path), *NATIVE)
    program = build(compiler, flags, "layouts.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="4"), *NATIVE)


def test_address_and_undefined_behaviour_sanitizers(tmp_path, vectors, build):
    program = build("gcc", [*SANITIZED, "-fopenmp"], "kernels.c")
    check(run([str(program), "--quick", "--vectors", str(vectors)], tmp_path), *NATIVE)
    program = build("gcc", [*SANITIZED, "-fopenmp"], "layouts.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="4", ASAN_OPTIONS="detect_leaks=0"), *NATIVE)


def test_bare_build(tmp_path):
    """Without OpenMP or any flag that matters: a shared library that has the public functions and no others."""
    library = tmp_path / "libfastdrop.so"
    objects = compile_core("cc", ["-O1", "-fPIC"], tmp_path)
    run([tool("cc"), "-shared", *objects, "-o", str(library), "-lm"], tmp_path)
    names = run([tool("nm"), "-D", "--defined-only", str(library)], tmp_path).split()
    assert {"fd_dropout", "fd_fill", "fd_apply", "fd_dropout_nd", "fd_isa_select"} <= set(names)
    assert not [name for name in names if name.startswith("fd_kernels") or name.startswith("fd_walk")]


def test_header_is_cpp_too(tmp_path, core):
    source = tmp_path / "user.cpp"
    source.write_text(
        "#include <fastdrop.h>\n#include <vector>\nint main() {\n"
        "    std::vector<float> x(100, 1.0f);\n"
        "    return fd_dropout(fd_key{1, 2}, 0.5, 0, x.size(), FD_F32, x.data(), x.data(), nullptr) != FD_OK;\n}\n"
    )
    objects = core("gcc", [*STRICT, "-fopenmp"])
    flags = ["-std=c++17", "-fopenmp", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'csrc'}"]
    run([tool("g++"), *flags, str(source), *objects, "-o", "user"], tmp_path)
    run([str(tmp_path / "user")], tmp_path)


@pytest.mark.slow
def test_every_layout_at_length(tmp_path, build):
    program = build("gcc", [*STRICT, "-fopenmp"], "layouts.c")
    check(run([str(program)], tmp_path, OMP_NUM_THREADS="4"), *NATIVE)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_sanitizers_at_length(compiler, tmp_path, vectors, build):
    program = build(compiler, SANITIZED, "kernels.c")
    check(run([str(program), "--vectors", str(vectors)], tmp_path), *NATIVE)


@pytest.mark.parametrize("compiler", ["gcc", "clang", ARM])
def test_no_fused_multiply_add(compiler, tmp_path, core):
    """Contraction is off in the source: no flag brings it back, and this one would."""
    flags = {
        "clang": [*STRICT, "-fopenmp"],  # clang takes the pragma, and an option would be stronger
        "gcc": ["-O2", "-ffp-contract=fast", "-mfma"],
        ARM: NEON,
    }
    objects = core(compiler, flags[compiler])
    disassembler = tool("aarch64-linux-gnu-objdump" if compiler == ARM else "objdump")
    lines = [
        line.split("\t")
        for path in objects
        for line in run([disassembler, "-d", "--no-show-raw-insn", path], tmp_path).splitlines()
    ]
    instructions = {fields[-1].split()[0] for fields in lines if len(fields) > 1 and fields[-1].split()}
    instructions |= {fields[1].split()[0] for fields in lines if len(fields) > 1 and fields[1].split()}
    assert len(instructions) > 50
    kinds = ("vfmadd", "vfmsub", "vfnmadd", "vfnmsub", "fmadd", "fmsub", "fnmadd", "fnmsub", "fmla", "fmls")
    assert not sorted(name for name in instructions if name.startswith(kinds))
