"""Mutation testing of the C core: plant one fault after the other, and see that the programs of tests/c go red.

    python tests/mutants.py                      # all of tests/data/mutants.toml, most of an hour on one core
    python tests/mutants.py --only bits.h,law.c  # those of some files
    python tests/mutants.py --quick              # every eighth

A mutant is compiled in a copy of csrc: what includes the changed file, and no more, at -Og. The C programs, which know
the core by its shared library alone, run until one fails, crashes or takes too long; what all of them pass is a
survivor. What every instruction set shares is compiled for plain C first, and for AVX2 too if it survives that. Kernels
of NEON are cross-compiled and run by qemu, and so are those of AVX-512, on top of SIMDe's portable intrinsics.

Ends with an error if a mutant survives that the list does not explain, or if one that it does is killed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parent
CSRC = TESTS.parent / "csrc"
LIST = TESTS / "data" / "mutants.toml"
LIMIT = 30  # seconds for one program, which takes one or two
CHECKS = ["law", "halves", "concrete", "rows", "softmax", "connect", "noise", "mix", "kernels", "samples", "layouts"]


@dataclass(frozen=True)
class Mutant:
    file: str
    text: str
    replacement: str
    breaks: str
    why: str = ""  # it survives

    def apply(self, source: str) -> str:
        if source.count(self.text) != 1:
            raise SystemExit(f"{self.file}: {self.text!r} stands there {source.count(self.text)} times")
        return source.replace(self.text, self.replacement)


def read_list() -> list[Mutant]:
    groups = tomllib.loads(LIST.read_text())
    return [Mutant(name, *entry) for name, group in groups.items() for entry in group["mutants"]]


def run(command: list[str], folder: Path, limit: float = 600, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMP_DYNAMIC": "false", "FASTDROP_ISA": "", **environment}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=limit, errors="replace")


def must(command: list[str], folder: Path) -> str:
    done = run(command, folder)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    return done.stdout


@dataclass
class Build:
    """The core compiled in one way, and the programs that know it by its shared library."""

    name: str
    compiler: str
    flags: list[str]
    tables: set[str]  # instruction sets built in
    emulator: list[str] = field(default_factory=list)
    expect: str = ""  # the one that has to run
    folder: Path = Path()
    users: dict[str, set[str]] = field(default_factory=dict)  # which .c files include a file

    def copy_sources(self, folder: Path) -> None:
        shutil.copytree(CSRC, folder, dirs_exist_ok=True)
        target = folder / "target.h"
        text = target.read_text()
        for name in {"AVX2", "AVX512", "NEON"} - self.tables:
            text = text.replace(f"#define FD_BUILT_{name} 1", f"#define FD_BUILT_{name} 0")
        target.write_text(text)

    def compile(self, source: str, folder: Path) -> None:
        includes = [f"-I{folder}", f"-I{TESTS / 'c'}"]
        must([*self.compiler.split(), *self.flags, "-fPIC", "-MMD", *includes, "-c", source], folder)

    def link(self, objects: list[Path], folder: Path) -> None:
        command = [*self.compiler.split(), "-shared", "-fopenmp", "-Wl,-Bsymbolic", "-o", "libfastdrop.so"]
        must([*command, *map(str, objects), "-lm"], folder)

    def compile_program(self, program: str, folder: Path) -> None:
        command = [*self.compiler.split(), *self.flags, f"-I{folder}", f"-I{TESTS / 'c'}"]
        must([*command, str(TESTS / "c" / f"{program}.c"), "-o", program, "libfastdrop.so", "-lm"], folder)

    def prepare(self, work: Path) -> None:
        """Compile what has no fault. The folder may be there from another run."""
        self.folder = work / self.name
        sources = sorted(path.name for path in CSRC.glob("*.c"))
        if not (self.folder / "done").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.copy_sources(self.folder)
            for source in sources:
                self.compile(source, self.folder)
            self.link(sorted(self.folder.glob("*.o")), self.folder)
            for program in [*CHECKS, "threads", "processors"]:
                self.compile_program(program, self.folder)
            if killer := self.killed_by(self.folder):
                raise SystemExit(f"{killer} fails without any fault ({self.name})")
            (self.folder / "done").touch()
        for source in sources:
            words = (self.folder / source).with_suffix(".d").read_text().replace("\\\n", " ").split()[1:]
            for path in words:
                self.users.setdefault(Path(path).name, set()).add(source)

    def programs(self) -> list[tuple[str, list[str], int]]:
        """Name, arguments, exit status without a fault. `threads` ends with 10 + the size of its last team."""
        expect = ["--expect", self.expect] if self.expect else []
        vectors = {
            "kernels": ["--vectors", str(self.folder.parent / "keep.txt")],
            "noise": ["--vectors", str(self.folder.parent / "normal.txt")],
        }
        arguments = {name: [*vectors.get(name, []), *expect] for name in CHECKS}
        checks = [(name, ["--quick", *arguments[name]], 0) for name in CHECKS]
        if self.emulator:  # qemu may fail where a process with threads forks, as that of layouts does
            return [check for check in checks if check[0] != "layouts"]
        return [("processors", [], 0), *checks, ("threads", ["20"], 14)]

    def killed_by(self, folder: Path) -> str:
        """The first program that goes red on the library in a folder; empty if there is none."""
        for name, arguments, wanted in self.programs():
            emulator = [*self.emulator, "-E", f"LD_LIBRARY_PATH={folder}"] if self.emulator else []
            try:
                program = folder / name if (folder / name).exists() else self.folder / name
                command = [*emulator, str(program), *arguments]
                limit, threads = LIMIT * (10 if emulator else 1), "200" if name == "law" else "4"
                done = run(command, folder, limit, LD_LIBRARY_PATH=str(folder), OMP_NUM_THREADS=threads)
            except subprocess.TimeoutExpired:
                return f"{name} (hangs)"
            if done.returncode < 0:
                return f"{name} (crash)"
            if done.returncode != wanted:
                return name
        return ""

    def judge(self, mutant: Mutant) -> str:
        users = self.users.get(mutant.file, set())
        if not users:
            raise SystemExit(f"{mutant.file}: not part of the build {self.name}")
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as scratch:
            folder = Path(scratch)
            self.copy_sources(folder)
            path = folder / mutant.file
            path.write_text(mutant.apply(path.read_text()))
            for source in sorted(users):
                self.compile(source, folder)
            fresh = {path.name for path in folder.glob("*.o")}
            rest = [path for path in self.folder.glob("*.o") if path.name not in fresh]
            self.link([*folder.glob("*.o"), *rest], folder)
            if "cpu.c" in users:  # which is a part of that program
                self.compile_program("processors", folder)
            return self.killed_by(folder)


NATIVE = ["-std=gnu11", "-Og", "-w", "-fopenmp"]
SOFT = ["-DFD_SOFT_X86", '-DFD_X86_INTRINSICS="soft_x86.h"', "-idirafter", "/usr/include"]
QEMU = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
ARM = "aarch64-linux-gnu-gcc"
BUILDS = {
    "scalar": Build("scalar", "gcc", NATIVE, set()),
    "avx2": Build("avx2", "gcc", NATIVE, {"AVX2"}, [], "avx2"),
    "neon": Build("neon", ARM, NATIVE, {"NEON"}, QEMU, "neon"),
    "avx512": Build("avx512", ARM, [*NATIVE, *SOFT], {"AVX512"}, QEMU, "avx512"),
}


def builds_of(file: str) -> list[str]:
    """Where a mutant of a file is tried, one after the other until it is killed."""
    for name in ("neon", "avx512", "avx2"):
        if name in file:
            return [name]
    return ["scalar"] if "scalar" in file else ["scalar", "avx2"]


def write_vectors(work: Path) -> None:
    """The known answers as lines, as tests/test_c_core.py and tests/test_c_noise.py write them."""
    keep = json.loads((TESTS / "data" / "mask_vectors.json").read_text())["keep"]
    names = ("p", "seed", "stream", "start")
    lines = [f"{' '.join(v[name] for name in names)} {v['count']:x} {v['packed']}\n" for v in keep]
    (work / "keep.txt").write_text("".join(lines))
    normal = json.loads((TESTS / "data" / "noise_vectors.json").read_text())["normal"]
    (work / "normal.txt").write_text("".join(f"{' '.join(entry)}\n" for entry in normal))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="FILES", help="names of files in csrc, with commas between")
    parser.add_argument("--quick", action="store_true", help="every eighth mutant")
    parser.add_argument("--work", type=Path, help="keep what has no fault in this folder, for the next run")
    parser.add_argument("--vectors", type=Path, metavar="FOLDER", help="only write what kernels and noise read there")
    options = parser.parse_args()
    if options.vectors:
        write_vectors(options.vectors)
        return 0
    mutants = read_list()
    if options.only:
        mutants = [mutant for mutant in mutants if mutant.file in options.only.split(",")]
    if options.quick:
        mutants = mutants[::8]
    killed, survivors, wrong = 0, [], 0
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work = work.resolve()
        work.mkdir(parents=True, exist_ok=True)
        write_vectors(work)
        for mutant in mutants:
            began, killer = time.monotonic(), ""
            for name in builds_of(mutant.file):
                build = BUILDS[name]
                if not build.users:
                    build.prepare(work)
                killer = killer or build.judge(mutant)
                if killer:
                    break
            killed += bool(killer)
            if not killer:
                survivors.append(mutant)
            wrong += bool(killer) == bool(mutant.why)
            verdict = f"killed by {killer}" if killer else "SURVIVED"
            print(f"{verdict:28} {mutant.file:22} {mutant.breaks} ({time.monotonic() - began:.0f} s)", flush=True)
    same = sum(bool(mutant.why) for mutant in survivors)
    print(f"\n{killed} of {len(mutants)} killed, {same} explained, {wrong} not as listed")
    for mutant in survivors:
        print(f"  {mutant.file}: {mutant.text}  ->  {mutant.replacement}\n    {mutant.why or 'NO TEST NOTICES'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
