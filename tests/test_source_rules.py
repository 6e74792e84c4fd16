"""Rules of the source that a reader can't check by eye: layers, forbidden calls and flags, lengths, one version."""

import re
from pathlib import Path

import pytest

import fastdrop

ROOT = Path(__file__).parent.parent
CSRC = sorted(p for p in (ROOT / "csrc").iterdir() if p.suffix in (".c", ".h"))
PYTHON = sorted(p for p in (ROOT / "fastdrop").rglob("*") if p.suffix in (".py", ".pyx", ".pxd", ".pyi"))


def code(path: Path) -> str:
    """The text without comments and string literals."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.S)
    return re.sub(r'"(\\.|[^"\\\n])*"', '""', text)


def users(pattern: str) -> set[str]:
    return {path.name for path in CSRC if re.search(pattern, path.read_text() if "include" in pattern else code(path))}


def test_the_files_are_there():
    assert len(CSRC) > 20
    assert len(PYTHON) > 10


@pytest.mark.parametrize(
    ("what", "pattern", "allowed"),
    [
        ("intrinsics", r"#include\s*(<(immintrin|arm_neon)\.h>|FD_X86_INTRINSICS)", r"isa_\w+\.c"),
        ("OpenMP", r"#\s*pragma omp|\bomp_\w+\(", r"parallel\.c"),
        ("cpuid", r"\b__get_cpuid|\bxgetbv", r"cpu\.c"),
        ("the environment", r"\bgetenv\(", r"dispatch\.c"),
        ("fork handlers and threads", r"\bpthread_\w+\(", r"(parallel|pool)\.c"),
        ("memory, output, exits", r"\b(malloc|calloc|realloc|printf|fprintf|puts|abort|exit|_exit)\(", r"(?!)"),
        ("Python", r"#include\s*[<\"](Python|numpy/)", r"(?!)"),
        ("libm", r"#include\s*<math\.h>", r"(?!)"),
    ],
)
def test_layers(what, pattern, allowed):
    found = users(pattern)
    assert not {name for name in found if not re.fullmatch(allowed, name)}, what
    if allowed != r"(?!)":
        assert found, f"the pattern for {what} finds nothing any more"


def test_no_flag_breaks_other_machines_or_results():
    flags = re.compile("|".join(["-march=" + "native", "-ffast" + "-math", "-O" + "fast"]))
    files = [ROOT / "setup.py", ROOT / "pyproject.toml", *CSRC]
    assert not [path.name for path in files if flags.search(path.read_text())]


@pytest.mark.parametrize("path", [*CSRC, *PYTHON], ids=lambda p: p.name)
def test_files_stay_readable(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 350
    assert max(map(len, lines), default=0) <= 130
    assert "\t" not in path.read_text()


def test_every_c_file_says_what_it_is():
    for path in CSRC:
        assert path.read_text().startswith(f"/* {path.name}: "), path.name


def test_one_version():
    version = re.search(r'#define FD_VERSION "(.+)"', (ROOT / "csrc" / "fastdrop.h").read_text())[1]
    assert fastdrop.__version__ == version
    assert re.search(r'^dynamic = \["version"\]', (ROOT / "pyproject.toml").read_text(), re.M)
    assert not re.search(r"^version\s*=", (ROOT / "pyproject.toml").read_text(), re.M)
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_contract_is_one():
    assert re.search(r"#define FD_CONTRACT 1$", (ROOT / "csrc" / "fastdrop.h").read_text(), re.M)
    assert fastdrop.CONTRACT == 1
