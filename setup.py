"""Build the C core, its Cython layer and libraries for C, with OpenMP where the compiler has one that works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
VERSION = re.search(r'#define FD_VERSION "(.+)"', (ROOT / "csrc" / "fastdrop.h").read_text())[1]

PROBE = """
#include <omp.h>
int main(void)
{
    int n = 0;
#pragma omp parallel num_threads(2)
#pragma omp atomic
    n++;
    return n >= 1 && omp_get_max_threads() >= 1 ? 0 : 1;
}
"""


class BuildWithOpenMP(build_ext):
    """Compiles, links and runs a small program first: a flag that is merely accepted proves nothing."""

    def build_extensions(self) -> None:
        flag = "/openmp" if self.compiler.compiler_type == "msvc" else "-fopenmp"
        wanted = os.environ.get("FASTDROP_NO_OPENMP", "") in ("", "0")
        for extension in self.extensions:
            if wanted and self.openmp_works(flag):
                extension.extra_compile_args.append(flag)
                if flag == "-fopenmp":
                    extension.extra_link_args.append(flag)
            elif wanted:
                text = f"this compiler has no working OpenMP ({flag}): fastdrop is built for ONE THREAD"
                print(f"\n{'*' * 78}\n{text}\n{'*' * 78}\n", file=sys.stderr, flush=True)
                warnings.warn(text, stacklevel=1)
            if self.compiler.compiler_type == "msvc":
                extension.extra_compile_args += ["/O2", "/std:c11", "/experimental:c11atomics"]
            else:
                extension.extra_compile_args += ["-O3"]
                if "-g" not in os.environ.get("CFLAGS", "").split():  # Python's own flags have it: ten megabytes
                    extension.extra_compile_args.append("-g0")
        self.compile_side_by_side()
        super().build_extensions()

    def compile_side_by_side(self) -> None:
        """Let the compiler work on as many files at a time as there are cores: setuptools takes one after the other."""
        compile_some = self.compiler.compile

        def compile_all(sources: list[str], *args: object, **options: object) -> list[str]:
            largest_first = sorted(sources, key=lambda path: "isa_" not in path)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                done = list(pool.map(lambda path: compile_some([path], *args, **options), largest_first))
            return [path for objects in done for path in objects]

        self.compiler.compile = compile_all

    def build_extension(self, extension: Extension) -> None:
        """Put the core's objects into libraries as well, for programs in C: nothing is compiled twice."""
        super().build_extension(extension)
        if extension.name != "fastdrop._core" or self.compiler.compiler_type != "unix" or sys.platform == "darwin":
            return
        sources = [path for path in extension.sources if path.startswith("csrc")]
        objects = self.compiler.object_filenames(sources, output_dir=self.build_temp)
        library, include = (Path(self.build_lib) / "fastdrop" / name for name in ("lib", "include"))
        (library / "pkgconfig").mkdir(parents=True, exist_ok=True)
        (library / "cmake" / "fastdrop").mkdir(parents=True, exist_ok=True)
        include.mkdir(exist_ok=True)
        (library / "libfastdrop.a").unlink(missing_ok=True)
        self.compiler.create_static_lib(objects, "fastdrop", output_dir=str(library))
        link = [*extension.extra_link_args, "-Wl,-soname,libfastdrop.so", "-lm"]
        self.compiler.link_shared_object(objects, str(library / "libfastdrop.so"), extra_postargs=link)
        for header in (ROOT / "csrc").glob("fastdrop*.h"):
            shutil.copy(header, include)
        private = ["-lm", "-pthread", *extension.extra_link_args]
        values = {"VERSION": VERSION, "PRIVATE_LIBS": " ".join(private), "PRIVATE_LIBS_CMAKE": ";".join(private)}
        for template in (ROOT / "csrc" / "package").glob("*.in"):
            text = re.sub("@([A-Z_]+)@", lambda name: values[name[1]], template.read_text())
            folder = library / ("pkgconfig" if template.stem.endswith(".pc") else "cmake/fastdrop")
            (folder / template.stem).write_text(text)

    def copy_extensions_to_source(self) -> None:
        """Put what was built where an editable installation finds it."""
        super().copy_extensions_to_source()
        for name in ("lib", "include"):
            if (Path(self.build_lib) / "fastdrop" / name).is_dir():
                shutil.copytree(Path(self.build_lib) / "fastdrop" / name, ROOT / "fastdrop" / name, dirs_exist_ok=True)

    def openmp_works(self, flag: str) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text(PROBE)
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=[flag])
                link = [flag] if flag == "-fopenmp" else []
                self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link)
                program = Path(folder) / ("probe.exe" if os.name == "nt" else "probe")
                return subprocess.run([str(program)], timeout=60, check=False).returncode == 0
            except Exception as error:  # whatever a compiler may raise: there is no OpenMP then, and the caller says so
                print(f"OpenMP probe: {error}", file=sys.stderr)
                return False


core = Extension(
    "fastdrop._core",
    sources=["fastdrop/_core.pyx", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "csrc").glob("*.c"))],
    depends=sorted(str(p.relative_to(ROOT)) for p in (ROOT / "csrc").glob("*.h")),
    include_dirs=["csrc", numpy.get_include()],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
)

# Only loops around the core's functions, which it gets from fastdrop._core: no second copy of the core.
bench = Extension(
    "fastdrop._bench",
    sources=["fastdrop/_bench.pyx"],
    depends=["csrc/fastdrop.h"],
    include_dirs=["csrc", numpy.get_include()],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
)

setup(
    version=VERSION,
    ext_modules=cythonize([core, bench], build_dir="build/cython"),
    cmdclass={"build_ext": BuildWithOpenMP},
)
