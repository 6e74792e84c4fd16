"""Continuous noise of the C core by itself: strict builds, sanitizers, every word."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from helpers import NATIVE
from test_c_core import SANITIZED, STRICT, build, check, core, run

__all__ = ["build", "core"]  # fixtures

VECTORS = json.loads((Path(__file__).parent / "data" / "noise_vectors.json").read_text())


@pytest.fixture(scope="module")
def normals(tmp_path_factory) -> str:
    """The known answers as lines that the C program reads."""
    path = tmp_path_factory.mktemp("normals") / "normal.txt"
    path.write_text("".join(f"{' '.join(entry)}\n" for entry in VECTORS["normal"]))
    return str(path)


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_strict_build(compiler, tmp_path, normals, build):
    program = build(compiler, [*STRICT, "-fopenmp"], "noise.c")
    check(run([str(program), "--vectors", normals], tmp_path, OMP_NUM_THREADS="2"), *NATIVE)
    program = build(compiler, [*STRICT, "-fopenmp"], "concrete.c")
    check(run([str(program)], tmp_path, OMP_NUM_THREADS="2"), *NATIVE)


def test_sanitizers(tmp_path, normals, build):
    program = build("gcc", [*SANITIZED, "-fopenmp"], "noise.c")
    command = [str(program), "--quick", "--vectors", normals]
    check(run(command, tmp_path, OMP_NUM_THREADS="2", ASAN_OPTIONS="detect_leaks=0"), *NATIVE)
    program = build("gcc", [*SANITIZED, "-fopenmp"], "concrete.c")
    check(run([str(program), "--quick"], tmp_path, OMP_NUM_THREADS="2", ASAN_OPTIONS="detect_leaks=0"), *NATIVE)


@pytest.mark.slow
def test_every_word_against_the_exact_quantile(tmp_path, build):
    """Within 6 units in the last place in float, 1e-14 in double, and odd: all 2^32 words, in minutes on all cores."""
    program, parts, seen = build("gcc", [*STRICT, "-fopenmp"], "quantile.c"), len(os.sched_getaffinity(0)), 0
    edges = [str((k << 31) // parts) for k in range(parts + 1)]
    commands = [[str(program), "--from", first, "--to", end] for first, end in pairwise(edges)]
    with ThreadPoolExecutor(parts) as pool:
        for output in pool.map(lambda command: run(command, tmp_path, limit=3000), commands):
            check(output)
            seen += int(output.strip().splitlines()[-1].split()[0])
    assert seen > 2**31
