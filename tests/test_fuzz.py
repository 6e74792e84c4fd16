"""The C core under a fuzzer: every public function, arguments of all kinds, AddressSanitizer and UBSan watching.

tests/c/fuzz.c says what has to hold. The kept inputs in tests/data/fuzz-corpus are run, then new ones for some seconds;
for an hour by hand: FASTDROP_FUZZ_SECONDS=3600 pytest tests/test_fuzz.py. With FASTDROP_FUZZ_CORPUS=folder the
new ones stay there.
"""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "tests" / "data" / "fuzz-corpus"
SECONDS = int(os.environ.get("FASTDROP_FUZZ_SECONDS", "20"))
FLAGS = ["clang", "-std=c11", "-g1", "-O1", "-fno-sanitize-recover=all", "-I", str(ROOT / "csrc")]
ALL = [*FLAGS, "-fsanitize=fuzzer-no-link,address,undefined"]
#: For kernels: what they compute does not guide the fuzzer, and all of it takes minutes to compile.
KERNELS = [*FLAGS, "-fsanitize=address,alignment"]


def run(command: list[str], limit: float, cwd: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(command[:3])} ...\n{done.stdout[-1000:]}\n{done.stderr[-6000:]}"
    return done.stderr


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory) -> Path:
    if not shutil.which("clang"):
        pytest.skip("clang is not installed")
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "none.c").write_text("int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n > 9; }\n")
    if subprocess.run([*FLAGS, "-fsanitize=fuzzer", "none.c"], cwd=folder, capture_output=True, timeout=60).returncode:
        pytest.skip("this clang has no libFuzzer")
    sources = sorted((ROOT / "csrc").glob("*.c"), key=lambda path: not path.name.startswith("isa_"))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        kinds = [KERNELS if path.name.startswith("isa_") else ALL for path in sources]
        list(pool.map(lambda path, flags: run([*flags, "-c", str(path)], 300, folder), sources, kinds))
    objects = sorted(str(path) for path in folder.glob("*.o"))
    assert len(objects) == len(sources)
    command = [*FLAGS, "-Wall", "-Wextra", "-Werror", "-fsanitize=fuzzer,address,undefined"]
    run([*command, str(ROOT / "tests/c/fuzz.c"), *objects, "-lm", "-o", "fuzz"], 300, folder)
    return folder / "fuzz"


def test_every_function_is_called():
    """All that a public header declares with arguments; without any there is nothing to choose."""
    headers = "".join(path.read_text() for path in (ROOT / "csrc").glob("fastdrop*.h"))
    declared = set(re.findall(r"^\w[\w *]*?\b(fd_\w+)\((?!void\))", headers, re.MULTILINE))
    harness = "".join(path.read_text() for path in (ROOT / "tests" / "c").glob("fuzz*"))
    assert len(declared) >= 46
    assert declared <= set(re.findall(r"\bfd_\w+", harness))


def test_kept_inputs(fuzzer):
    """Some for each family of calls, of all lengths, and `failed-*`, which found something once: each is run."""
    files = sorted(str(path) for path in KEPT.iterdir())
    assert len(files) > 100
    said = run([str(fuzzer), "-timeout=100", *files], 120, fuzzer.parent)
    assert len(re.findall(r"^Executed ", said, re.MULTILINE)) == len(files)


def test_new_inputs(fuzzer, tmp_path):
    found = Path(os.environ.get("FASTDROP_FUZZ_CORPUS", tmp_path))
    limits = ["-max_len=400", "-timeout=100", f"-max_total_time={SECONDS}"]
    said = run([str(fuzzer), *limits, str(found), str(KEPT)], SECONDS + 120, tmp_path)
    runs = int(re.search(r"^Done (\d+) runs", said, re.MULTILINE)[1])
    print(f"{runs} runs in {SECONDS} s")
    assert runs > 20 * SECONDS
    assert re.search(r"^#\d+\s+INITED cov: \d{4,} ", said, re.MULTILINE), "the kept inputs are not read"
