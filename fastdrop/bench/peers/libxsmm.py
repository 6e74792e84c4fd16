"""LIBXSMM's dropout primitive, through the C driver ``bench/peers/libxsmm.c``.

``LIBXSMM_ROOT`` names the folder that has LIBXSMM's ``include`` and ``lib``. The driver is compiled when it is first
asked for, into a temporary folder. Code is generated for the instruction set that fastdrop uses at that time, or for
``LIBXSMM_TARGET`` if that is set, and the rows' names carry its name ("hsw" is AVX2; "skx", "clx", "cpx" and "spr" are
AVX-512): a process has one.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from fastdrop import _core
from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.peers.tools import in_place, seeds, shared

__all__ = ["missing", "rows", "target"]

#: In the checkout that the package runs from or, when it is installed, the one in the current folder.
PLACES = (Path(__file__).parents[3], Path.cwd())
DRIVER = next((d for place in PLACES if (d := place / "bench" / "peers" / "libxsmm.c").is_file()), Path("libxsmm.c"))
DTYPES = ("float32", "bfloat16", "float16")
KINDS = {"in place, no mask": 0, "in place, bit mask": 1, "backward": 2}


class Driver:
    """The compiled driver; `OSError` says why there is none."""

    version: Callable[[], bytes]
    target: Callable[[bytes | None], bytes]
    create: Callable[[int, int, int, float, int, int, int], int | None]
    run: Callable[[int, int, int], None]
    destroy: Callable[[int], None]

    def __init__(self, root: Path, wanted: str | None) -> None:
        if not DRIVER.is_file():
            raise OSError(f"its driver, {DRIVER.name}, is found in bench/peers of a checkout: run from there")
        if not (root / "include" / "libxsmm.h").is_file():
            raise OSError(f"LIBXSMM_ROOT, {root}, has no include/libxsmm.h")
        with tempfile.TemporaryDirectory(prefix="fastdrop-bench-") as folder:
            library = Path(folder) / "driver.so"
            places = [f"-I{root / 'include'}", f"-L{root / 'lib'}", f"-Wl,-rpath,{root / 'lib'}"]
            command = [*shlex.split(os.environ.get("CC", "cc")), "-std=c11", "-O2", "-fopenmp", "-fPIC", "-shared"]
            command += [*places, str(DRIVER), "-o", str(library), "-lxsmm", "-lpthread", "-lrt", "-ldl", "-lm"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except FileNotFoundError as error:
                raise OSError(f"there is no C compiler: {command[0]}") from error
            if done.returncode:
                raise OSError(f"its driver does not compile: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
            self.loaded = ctypes.CDLL(str(library))
        handle, number, length = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
        for name, result, *arguments in (
            ("version", ctypes.c_char_p),
            ("target", ctypes.c_char_p, ctypes.c_char_p),
            ("create", handle, number, number, length, ctypes.c_float, number, ctypes.c_uint, handle),
            ("run", None, handle, length, handle),
            ("destroy", None, handle),
        ):
            function = getattr(self.loaded, f"peer_{name}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        self.name = self.target(wanted.encode() if wanted else None).decode()


@cache
def driver() -> Driver | str:
    """Return the driver, or the reason why there is none."""
    root = os.environ.get("LIBXSMM_ROOT")
    if not root:
        return "LIBXSMM_ROOT is not set"
    wanted = {"avx2": "hsw"}.get(_core.isa()) if "LIBXSMM_TARGET" not in os.environ else None
    try:
        return Driver(Path(root), wanted)
    except OSError as error:
        return str(error)


def missing() -> str | None:
    """Return why LIBXSMM can't run here, or None."""
    found = driver()
    return found if isinstance(found, str) else None


def target() -> str:
    """Return LIBXSMM's name of the instruction set that it generates code for."""
    found = driver()
    if isinstance(found, str):
        raise UnsupportedError(found)
    return found.name


class State:
    """A case's generated code, generator and mask (little-endian bits, 1 where kept)."""

    def __init__(self, kind: int, case: Case) -> None:
        found = driver()
        if isinstance(found, str):
            raise UnsupportedError(found)
        if case.dtype not in DTYPES:
            raise UnsupportedError(f"LIBXSMM's dropout has no {case.dtype}")
        self.driver, self.handle = found, None
        self.mask = np.zeros((case.size + 15) // 16 * 2, np.uint8)
        what = (kind, DTYPES.index(case.dtype), case.size, case.p, case.threads, next(seeds()), self.mask.ctypes.data)
        self.handle = found.create(*what)
        if not self.handle:
            raise UnsupportedError(f"LIBXSMM generates no code for {case}")

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.driver.destroy(self.handle)


def prepare(case: Case, kind: int) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Prepare one of the three primitives; ``run`` returns the array and the bytes of the mask."""
    state, x = State(kind, case), shared(case)
    if kind == KINDS["backward"]:
        forward = State(KINDS["in place, bit mask"], case)
        forward.driver.run(forward.handle, 1, x.ctypes.data)
        state.mask[:] = forward.mask
    call, handle, address = state.driver.run, state.handle, x.ctypes.data

    def run(times: int) -> tuple[np.ndarray, np.ndarray]:
        call(handle, times, address)
        return x, state.mask

    return in_place(run, x.fill)


def rows() -> list[Row]:
    """Return LIBXSMM's rows, named after its instruction set."""
    return [
        Row(f"LIBXSMM {target()}, {what}", "peer", partial(prepare, kind=kind), per_call=False)
        for what, kind in KINDS.items()
    ]
