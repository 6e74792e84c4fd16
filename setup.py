"""Build the C core and its Cython layer, with OpenMP where the compiler has one that works.

The package also holds what C, C++ and Cython programs need: headers, libraries, files for pkg-config and CMake. The
libraries are made of the objects that have been compiled for the extension, so they cost no second compilation.
"""

from __future__ import annotations

import gzip
import os
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
HEADER = (ROOT / "csrc" / "fastdrop.h").read_text()
VERSION = re.search(r'#define FD_VERSION "(.+)"', HEADER)[1]
ABI = re.search(r"#define FD_ABI (\d+)", HEADER)[1]

CORE = "fastdrop._core"
#: Where libraries for C are made as well: Linux and its like.
ELF = os.name == "posix" and sys.platform not in ("darwin", "cygwin")

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


class BuildCore(build_ext):
    """Finds OpenMP, compiles side by side, and makes the files for C of the objects of fastdrop._core."""

    def initialize_options(self) -> None:
        super().initialize_options()
        self.made_for_c: list[Path] = []

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
                # The interpreter's own flags may ask for what the libraries should not hold. -g can be asked for again.
                debug = [] if "-g" in os.environ.get("CFLAGS", "").split() else ["-g0"]
                extension.extra_compile_args += ["-O3", "-fno-lto", *debug]
            if ELF:
                # In a program that has linked another libfastdrop, the extension still calls its own core.
                extension.extra_link_args.append("-Wl,-Bsymbolic")
        self.start_afresh_with_other_flags()
        self.compile_side_by_side()
        super().build_extensions()

    def start_afresh_with_other_flags(self) -> None:
        """Setuptools looks at dates alone: it would take what another build has left here, with OpenMP or without."""
        stamp = Path(self.build_temp) / "flags"
        flags = "\n".join(f"{e.name} {e.extra_compile_args} {e.extra_link_args}" for e in self.extensions)
        if not stamp.exists() or stamp.read_text() != flags:
            self.force = True
            self.mkpath(self.build_temp)
            stamp.write_text(flags)

    def build_extension(self, extension: Extension) -> None:
        if extension.name != CORE:
            super().build_extension(extension)
            return
        sources = [path for path in extension.sources if Path(path).parent.name == "csrc"]
        objects = self.compiler.object_filenames(sources, output_dir=self.build_temp)
        if not all(map(os.path.exists, objects)):  # cleaned away behind an extension that looks up to date
            self.force = True
        super().build_extension(extension)
        if ELF:
            self.install_for_c(objects, extension.extra_link_args)

    def install_for_c(self, objects: list[str], link_args: list[str]) -> None:
        """Put headers, libraries, pkg-config and CMake files into the package that is being built."""
        package = Path(self.build_lib) / "fastdrop"
        library = package / "lib"
        for header in sorted((ROOT / "csrc").glob("fastdrop*.h")):
            self.write(package / "include" / header.name, header.read_text())
        self.mkpath(str(library))
        static, shared = library / "libfastdrop.a", library / f"libfastdrop.so.{ABI}"
        static.unlink(missing_ok=True)  # archives are added to
        self.compiler.create_static_lib(objects, "fastdrop", output_dir=str(library))
        # Its threads sleep in its code, so that it stays in memory when it is closed.
        args = [*link_args, f"-Wl,-soname,{shared.name}", "-Wl,-z,defs", "-Wl,-z,nodelete", "-pthread"]
        self.compiler.link_shared_object(objects, str(shared), extra_postargs=args)
        self.made_for_c += [static, shared]
        # What -lfastdrop finds. Wheels hold no symbolic links; linkers read this text instead.
        self.write(library / "libfastdrop.so", f"INPUT({shared.name})\n")
        private = [*(flag for flag in link_args if flag == "-fopenmp"), "-pthread"]
        major, minor = VERSION.split(".")[:2]
        values = {
            "VERSION": VERSION,
            "ABI": ABI,
            "SERIES": f"0[.]{minor}" if major == "0" else major,
            "POINTER_SIZE": str(struct.calcsize("P")),
            "PRIVATE_LIBS": " ".join(private),
            "PRIVATE_LIBS_CMAKE": ";".join(private),
        }
        for template in sorted((ROOT / "csrc" / "package").glob("*.in")):
            folder = library / ("pkgconfig" if ".pc" in template.suffixes else "cmake/fastdrop")
            text = re.sub("@([A-Z_]+)@", lambda match: values[match[1]], template.read_text())
            self.write(folder / template.stem, text)

    def write(self, path: Path, text: str) -> None:
        self.mkpath(str(path.parent))
        path.write_text(text)
        self.made_for_c.append(path)

    def copy_extensions_to_source(self) -> None:
        """An editable installation gets what a wheel holds, beside the sources of the package."""
        super().copy_extensions_to_source()
        for path, copy in self.copies_for_c().items():
            self.mkpath(str(Path(copy).parent))
            self.copy_file(path, copy)

    def copies_for_c(self) -> dict[str, str]:
        package = Path(self.get_finalized_command("build_py").get_package_dir("fastdrop"))
        root = Path(self.build_lib) / "fastdrop"
        return {str(path): str(package / path.relative_to(root)) for path in self.made_for_c}

    def get_outputs(self) -> list[str]:
        return [*super().get_outputs(), *([] if self.inplace else map(str, self.made_for_c))]

    def get_output_mapping(self) -> dict[str, str]:
        return {**super().get_output_mapping(), **(self.copies_for_c() if self.inplace else {})}

    def compile_side_by_side(self) -> None:
        """Let the compiler work on as many files at a time as there are cores: setuptools takes one after the other."""
        compile_some = self.compiler.compile

        def compile_all(sources: list[str], *args: object, **options: object) -> list[str]:
            largest_first = sorted(sources, key=lambda path: "isa_" not in path)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                done = list(pool.map(lambda path: compile_some([path], *args, **options), largest_first))
            return [path for objects in done for path in objects]

        self.compiler.compile = compile_all

    def openmp_works(self, flag: str) -> bool:
        """Compile, link and run a small program: a flag that is merely accepted proves nothing."""
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


class SameSdist(sdist):
    """With SOURCE_DATE_EPOCH an sdist depends on its files alone: setuptools adds the user, modes and the time."""

    def make_archive(self, base_name: str, format: str, root_dir=None, base_dir=None, **who: object) -> str:
        date = os.environ.get("SOURCE_DATE_EPOCH")
        if date is None or format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, **who)

        def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = int(date), 0, 0, "", ""
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        path = f"{base_name}.tar.gz"
        with (
            open(path, "wb") as file,
            gzip.GzipFile("", "wb", 9, file, int(date)) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            archive.add(base_dir, filter=plain)
        return path


core = Extension(
    CORE,
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
    cmdclass={"build_ext": BuildCore, "sdist": SameSdist},
)
