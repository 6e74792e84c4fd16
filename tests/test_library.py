"""C, C++ and Cython against the installed package: headers, libraries, pkg-config, CMake, cimport."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import clean_environment

import fastdrop as fd

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples" / "c"
LIBRARY = Path(fd.get_library_dir())
PACKAGES = {"PKG_CONFIG_PATH": str(LIBRARY / "pkgconfig")}

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="libraries are built on Linux")


def run(*command, cwd=None, **environment):
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean_environment(**environment),
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip


def tool(name):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    return name


def check_minimal(text):
    kept = "".join("1" if keep else "0" for keep in fd.Mask(16, 0.1, rng=fd.Key(42)).to_bool())
    assert f"kept     {kept}" in text
    assert text.startswith(f"fastdrop {fd.__version__}, contract {fd.CONTRACT}, ")


def check_vectors(text):
    lines = text.splitlines()
    for call in range(3):
        kept = fd.Mask(1000, 0.25, rng=fd.Key(42).fold_in(call, "call")).count()
        assert lines[call] == f"call {call}: kept {kept}, gradient the same"
    assert re.fullmatch(r"p = 1\.5: .*p.*", lines[3])


def flags(*options, path=PACKAGES):
    return run(tool("pkg-config"), *options, "fastdrop", **path).split()


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_pkg_config(kind, tmp_path):
    """Programs find what they need by pkg-config alone, the shared library by the path of the folder."""
    assert flags("--modversion") == [fd.__version__]
    if kind == "shared":
        link = [*flags("--libs"), f"-Wl,-rpath,{LIBRARY}"]
    else:
        link = [LIBRARY / "libfastdrop.a", *[flag for flag in flags("--static", "--libs") if flag != "-lfastdrop"]]
    for compiler, source, check in (("cc", "minimal.c", check_minimal), ("c++", "vectors.cpp", check_vectors)):
        strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        program = tmp_path / source.split(".")[0]
        run(tool(compiler), *strict, *flags("--cflags"), EXAMPLES / source, "-o", program, *link)
        check(run(program))
        needed = run(tool("readelf"), "-d", program)
        assert ("libfastdrop.so" in needed) == (kind == "shared")


def test_folders_can_be_moved(tmp_path):
    for folder in (LIBRARY, Path(fd.get_include())):
        shutil.copytree(folder, tmp_path / "elsewhere" / folder.name)
    path = {"PKG_CONFIG_PATH": str(tmp_path / "elsewhere/lib/pkgconfig")}
    program = tmp_path / "minimal"
    link = [*flags("--cflags", "--libs", path=path), f"-Wl,-rpath,{tmp_path / 'elsewhere/lib'}"]
    assert any(str(tmp_path) in flag for flag in link)
    run(tool("cc"), EXAMPLES / "minimal.c", "-o", program, *link)
    check_minimal(run(program))


def test_cmake(tmp_path):
    run(tool("cmake"), "-S", EXAMPLES, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={LIBRARY / 'cmake'}")
    run("cmake", "--build", tmp_path)
    check_minimal(run(tmp_path / "minimal"))
    check_vectors(run(tmp_path / "vectors"))
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(wrong C)\nfind_package(fastdrop 9.0 REQUIRED)\n"
    )
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run("cmake", "-S", wrong, "-B", wrong / "build", f"-DCMAKE_PREFIX_PATH={LIBRARY / 'cmake'}")
    assert "fastdrop" in failed.value.stderr


def test_nothing_but_the_interface_is_exported():
    names = [
        line.split()[-1] for line in run(tool("nm"), "-D", "--defined-only", LIBRARY / "libfastdrop.so").splitlines()
    ]
    headers = " ".join(path.read_text() for path in Path(fd.get_include()).glob("*.h"))
    declared = set(re.findall(r"\b(fd_\w+)\(", headers))
    assert {"fd_dropout", "fd_fill", "fd_dropout_nd", "fd_softmax_dropout"} <= set(names)
    assert set(names) <= declared


def test_cython(tmp_path):
    """The page's module, as it stands."""
    pytest.importorskip("Cython", reason="Cython is not installed")
    page = (ROOT / "docs/how-to/cython.md").read_text()
    sources = dict(re.findall(r"`(\w+\.py[x]?)`:\n\n```(?:cython|py)\n(.*?)```", page, re.DOTALL))
    assert set(sources) == {"noisy.pyx", "build.py"}
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    run(sys.executable, "-P", "build.py", "build_ext", "--inplace", cwd=tmp_path)
    code = (
        "import sys, numpy as np, fastdrop as fd; sys.path.insert(0, '.'); import noisy\n"
        "x = np.ones(1000, np.float32); noisy.drop(x, 0.1, 42)\n"
        "assert (x == fd.dropout(np.ones(1000, np.float32), 0.1, rng=42)).all()\n"
        "try: noisy.drop(x, 2.0, 42)\n"
        "except ValueError as error: print(error)"
    )
    assert "p" in run(sys.executable, "-P", "-c", code, cwd=tmp_path)


def test_missing_libraries_are_told(monkeypatch, tmp_path):
    from fastdrop import library

    monkeypatch.setattr(library, "__file__", str(tmp_path / "library.py"))
    for function in (library.get_include, library.get_library_dir):
        with pytest.raises(FileNotFoundError, match="this build of fastdrop has no"):
            function()
    assert os.path.isdir(fd.__path__[0])
