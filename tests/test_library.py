"""C, C++ and Cython programs against the installed package: what the pages show, examples/c, how it is found.

The blocks of a page are written to the files that their first lines name, and its shell blocks run as they stand. Every
program prints what it kept, which has to be what Python keeps.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import clean_environment
from test_docs import FENCE, ROOT

import fastdrop as fd
from fastdrop import installed as places

EXAMPLES = ROOT / "examples/c"
LIBRARY = Path(fd.get_library_dir())
HEADERS = sorted((ROOT / "csrc").glob("fastdrop*.h"))
FILE_NAME = re.compile(r"^(?:/\* |// |# )(\S+\.\w+)(?: \*/)?\n")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
KEPT = fd.dropout(np.ones(16, np.float32), 0.1, rng=fd.Key(42))
NEEDS = {"pkg-config": r"\bpkg-config", "cmake": r"\bcmake", "c++": r"\bc\+\+ ", "cc": r"\bcc "}
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="libraries are built on Linux")


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def run(command, folder: Path, **environment: str) -> str:
    """Run a command, where `python` and pkg-config know the fastdrop under test, and return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = clean_environment(PATH=path, PKG_CONFIG_PATH=str(LIBRARY / "pkgconfig"), **environment)
    shell = ["bash", "-euo", "pipefail", "-c", command] if isinstance(command, str) else command
    done = subprocess.run(shell, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def page_of(name: str, folder: Path) -> list[str]:
    """Write the files of a page, and return its shell blocks."""
    page, shell = (ROOT / "docs/how-to" / name).read_text(), []
    for _, language, text in FENCE.findall(page):
        named = FILE_NAME.match(text)
        if named:
            (folder / named[1]).write_text(text)
            assert len(text.splitlines()) <= 15, f"{named[1]} is short enough to be read at a glance"
        elif language.strip() == "sh":
            shell.append(text)
    return shell


def kept_numbers(text: str) -> np.ndarray:
    """The last line of numbers."""
    return np.array(text.strip().splitlines()[-1].split(), np.float32)


C_PAGE = ["pkg-config", "static", "c++", "cmake", "sources"]
#: The last one compiles the whole core by one command.
BLOCKS = [pytest.param(k, id=name, marks=[pytest.mark.slow] * (name == "sources")) for k, name in enumerate(C_PAGE)]


@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_of_the_c_page(block, tmp_path):
    shell = page_of("c.md", tmp_path)
    assert len(shell) == len(C_PAGE)
    command = shell[block]
    if C_PAGE[block] == "sources":
        shutil.copytree(ROOT / "csrc", tmp_path / "csrc")
        assert "-O3" in command
        command = command.replace("-O3", "-O1")  # half a minute for a whole one
    for name, pattern in NEEDS.items():
        if re.search(pattern, command):
            tool(name)
    assert np.allclose(kept_numbers(run(command, tmp_path)), KEPT, rtol=1e-5)


def test_block_of_the_cython_page(tmp_path):
    pytest.importorskip("Cython", reason="Cython is not installed")
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    tool("cc")
    (command,) = page_of("cython.md", tmp_path)
    assert np.array_equal(kept_numbers(run(command, tmp_path, CFLAGS="-O0 -g0")), KEPT)  # what Cython writes is long
    refused = "import noisy, numpy\ntry: noisy.drop(numpy.ones(3, 'f4'), 1.5, 1)\nexcept ValueError as e: print(e)"
    assert "between 0 and 1" in run([sys.executable, "-c", refused], tmp_path)


def check_examples(run_example) -> None:
    """What the examples print is what Python has."""
    kept = "".join(map(str, fd.Mask(16, 0.1, rng=fd.Key(42)).to_bool().astype(int)))
    assert f"kept     {kept}" in run_example("minimal")
    mask = fd.Mask((4, 3, 5, 8), 0.25, rng=fd.Key(7), share_axes=(1, 2)).to_bool()[:, 0, 0]
    lines = [f"image {n} {''.join(map(str, row.astype(int)))}" for n, row in enumerate(mask)]
    assert run_example("channels").splitlines() == lines
    calls = [fd.Mask(1000, 0.25, rng=fd.Key(42).fold_in(call, "call")).count() for call in range(3)]
    printed = run_example("vectors").splitlines()
    assert printed[:-1] == [f"call {c}: kept {kept}, gradient the same" for c, kept in enumerate(calls)]
    assert printed[-1].startswith("p = 1.5: ")


def test_examples_by_cmake_from_a_package_that_was_moved(tmp_path):
    tool("cmake")
    root = tmp_path / "another place/fastdrop"
    grafted = LIBRARY.parents[1] / "fastdrop_kernels.libs"
    if grafted.exists():  # a wheel that auditwheel has repaired
        shutil.copytree(grafted, root.parent / grafted.name)
    shutil.copytree(LIBRARY, root / "lib")
    shutil.copytree(fd.get_include(), root / "include")
    run(["cmake", "-S", str(EXAMPLES), "-B", "build", f"-Dfastdrop_ROOT={root}"], tmp_path)
    made = run(["cmake", "--build", "build", "--verbose"], tmp_path)
    assert str(root) in made
    assert str(LIBRARY) not in made
    check_examples(lambda name: run([str(tmp_path / "build" / name)], tmp_path))
    assert run([str(tmp_path / "build/minimal_static")], tmp_path) == run([str(tmp_path / "build/minimal")], tmp_path)


def test_cmake_refuses_a_later_version(tmp_path):
    tool("cmake")
    lines = ["cmake_minimum_required(VERSION 3.16)", "project(asks NONE)"]
    asks = [(0.1, True), (fd.__version__, True), ("0.99", False), ("1.0", False), ("0.0.9", False)]
    for version, _ in asks:
        lines += [f"find_package(fastdrop {version} QUIET CONFIG)", f'message("{version} ${{fastdrop_FOUND}}")']
        lines += ["unset(fastdrop_DIR CACHE)"]
    (tmp_path / "CMakeLists.txt").write_text("\n".join(lines))
    command = ["bash", "-c", f"cmake -S . -B build -Dfastdrop_ROOT='{LIBRARY.parent}' 2>&1 | grep '^[01]'"]
    found = [line.split() for line in run(command, tmp_path).splitlines()]
    assert found == [[str(version), "1" if fits else "0"] for version, fits in asks]


def test_examples_by_pkg_config_without_warnings(tmp_path):
    tool("pkg-config")
    rpath = "-Wl,-rpath,$(pkg-config --variable=libdir fastdrop)"
    flags = f"{' '.join(WARNINGS)} $(pkg-config --cflags --libs fastdrop) {rpath}"
    for source in sorted(EXAMPLES.glob("*.c*")):
        language = f"{tool('cc')} -std=c11" if source.suffix == ".c" else f"{tool('c++')} -std=c++17"
        run(f"{language} {source} {flags} -o {source.stem}", tmp_path)
    check_examples(lambda name: run([f"./{name}"], tmp_path))
    assert run(["pkg-config", "--modversion", "fastdrop"], tmp_path).strip() == fd.__version__


@pytest.mark.parametrize(("compiler", "language"), [("cc", "c99"), ("c++", "c++98")])
def test_header_is_c99_and_old_cpp(compiler, language, tmp_path):
    (tmp_path / "user").write_text("#include <fastdrop.h>\nint main(void) { return fd_abi() - FD_ABI; }\n")
    flags = [f"-std={language}", "-x", language[:-2], "-I", fd.get_include(), *WARNINGS, "-fsyntax-only"]
    assert run([tool(compiler), *flags, "user"], tmp_path) == ""


# ---- what is installed -------------------------------------------------------------------------------------------


def test_installed_headers_are_those_of_this_build():
    installed = sorted(Path(fd.get_include()).iterdir())
    assert [path.name for path in installed] == [path.name for path in HEADERS]
    assert [path.read_text() for path in installed] == [path.read_text() for path in HEADERS]


def declared() -> set[str]:
    """The functions that the headers declare."""
    text = re.sub(r"/\*.*?\*/", "", "".join(path.read_text() for path in HEADERS), flags=re.S)
    return set(re.findall(r"\b(fd_\w+)\([^)]*\);", text))


def test_extension_keeps_to_its_own_core(tmp_path):
    """Also in a process that has another library's functions of the same names in front."""
    (tmp_path / "other.c").write_text("int fd_dropout(void) { return 3; }\nint fd_dropout_nd(void) { return 3; }\n")
    run([tool("cc"), "-shared", "-fPIC", "other.c", "-o", "other.so"], tmp_path)
    code = "import numpy, fastdrop; print(*fastdrop.dropout(numpy.ones(16, 'f4'), 0.1, rng=42))"
    printed = run([sys.executable, "-c", code], tmp_path, LD_PRELOAD=str(tmp_path / "other.so"))
    assert np.array_equal(kept_numbers(printed), KEPT)
    code = "import ctypes; print(ctypes.CDLL(None).fd_dropout())"
    assert run([sys.executable, "-c", code], tmp_path, LD_PRELOAD=str(tmp_path / "other.so")).strip() == "3"


def test_shared_library_may_be_closed(tmp_path):
    """Its threads sleep in its code: it stays in memory."""
    code = """
import _ctypes, ctypes, glob, sys, time
library = ctypes.CDLL(glob.glob(sys.argv[1] + "/libfastdrop.so.*")[0])
how, n = (ctypes.c_int64 * 3)(2, 0, 0), 1 << 22
class Key(ctypes.Structure): _fields_ = [("seed", ctypes.c_uint64), ("stream", ctypes.c_uint64)]
size, real, pointer = ctypes.c_uint64, ctypes.c_double, ctypes.c_void_p
library.fd_dropout.argtypes = [Key, real, size, size, ctypes.c_int, pointer, pointer, pointer]
x = (ctypes.c_float * n)()
print(*[library.fd_dropout(Key(1, 0), 0.1, 0, n, 2, x, x, how) for _ in range(5)])
_ctypes.dlclose(library._handle)
time.sleep(0.1)
"""
    assert run([sys.executable, "-c", code, str(LIBRARY)], tmp_path).split() == ["0"] * 5


def test_shared_library_exports_the_header_and_nothing_else():
    (library,) = LIBRARY.glob("libfastdrop.so.*")
    lines = run([tool("nm"), "-D", "--defined-only", str(library)], LIBRARY).splitlines()
    assert len(declared()) > 40
    assert {line.split()[-1] for line in lines} == declared()


def test_cython_declares_all_of_the_header():
    text = "".join(path.read_text() for path in Path(fd.__file__).parent.glob("_capi*.pxd"))
    assert declared() == set(re.findall(r"\b(fd_\w+)\(", text))
    header = re.sub(r"/\*.*?\*/", "", "".join(path.read_text() for path in HEADERS), flags=re.S)
    constants = set(re.findall(r"\bFD_\w+(?=\s*[,=\n]|\s*\})", header)) | set(re.findall(r"#define (FD_\w+) ", header))
    constants -= {name for name in constants if f"#ifndef {name}\n" in header}
    assert len(constants) > 50
    assert not sorted(name for name in constants if not re.search(rf"\b{name}\b", text))


def test_the_library_that_runs_tells_its_version():
    library = ctypes.CDLL(str(next(LIBRARY.glob("libfastdrop.so.*"))))
    library.fd_version.restype = ctypes.c_char_p
    assert library.fd_version().decode() == fd.__version__
    header = (ROOT / "csrc/fastdrop.h").read_text()
    assert re.search(r"#define FD_ABI (\d+)", header)[1] == str(library.fd_abi())
    major, minor, patch = (int(number) for number in re.findall(r"\d+", fd.__version__))
    assert re.search(r"#define FD_VERSION_NUMBER (\d+)", header)[1] == str(major * 10000 + minor * 100 + patch)


def test_missing_libraries_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "__file__", str(tmp_path / "library.py"))
    for function in (places.get_include, places.get_library_dir):
        with pytest.raises(FileNotFoundError, match="this build of fastdrop has no"):
            function()
