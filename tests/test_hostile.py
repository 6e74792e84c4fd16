"""Faults and crowds from outside, each in a process of its own with a time limit; docs/environments.md lists them all.

What must hold is the same each time: the bytes are right, or there is an exception and nothing is lost; and the process
can go on working.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import answer, clean_environment, run_python

import fastdrop as fd
from fastdrop import _core

posix_only = pytest.mark.skipif(os.name != "posix", reason="processes and limits of POSIX")
needs_openmp = pytest.mark.skipif(not _core.openmp(), reason="built without OpenMP")

BEGIN = """
import json, os, threading, time
import fastdrop as fd, numpy as np
from fastdrop import _core
x = np.linspace(1, 2, 2**20)
wanted = fd.dropout(x, 0.1, rng=3, threads=1)

def right(threads=4):
    return bool(np.array_equal(fd.dropout(x, 0.1, rng=3, threads=threads), wanted))
"""

REFUSES = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    static int made;
    const char *most = getenv("MOST_THREADS");
    if (most && made++ >= atoi(most)) return EAGAIN;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, start, argument);
}
"""


@posix_only
@needs_openmp
@pytest.mark.parametrize("most", [0, 1, 2])
def test_system_without_threads_to_give(most, tmp_path):
    """pthread_create refuses: all at once, or after some. GNU OpenMP would end the process here."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    (tmp_path / "refuse.c").write_text(REFUSES)
    build = ["gcc", "-shared", "-fPIC", "refuse.c", "-o", "refuse.so", "-ldl"]
    subprocess.run(build, cwd=tmp_path, check=True, timeout=60)
    code = BEGIN + "print(json.dumps([right(), right(), _core.last_team(), len(os.listdir('/proc/self/task'))]))"
    said = answer(
        code,
        OMP_NUM_THREADS="4",
        OPENBLAS_NUM_THREADS="1",
        LD_PRELOAD=str(tmp_path / "refuse.so"),
        MOST_THREADS=str(most),
    )
    assert said[:2] == [True, True]
    assert said[3] == 1 + most


@posix_only
@needs_openmp
def test_limit_on_processes():
    """RLIMIT_NPROC, which counts threads and does not bind root: so the process becomes another user."""
    code = (
        BEGIN
        + """
import resource
if os.getuid() == 0:
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
try:
    threading.Thread(target=print).start()
    refused = False
except RuntimeError:
    refused = True
print(json.dumps([refused, right(), right(), len(os.listdir("/proc/self/task"))]))
"""
    )
    assert answer(code, OMP_NUM_THREADS="4", OPENBLAS_NUM_THREADS="1") == [True, True, True, 1]


@posix_only
def test_limit_on_memory():
    """No room for the result: MemoryError, and x, the key and the process are what they were."""
    code = (
        BEGIN
        + """
import resource
big = np.ones(2**25)
sums, key = [float(big.sum())], fd.Key(5, 6)
pages = int(open("/proc/self/statm").read().split()[0])
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**26, limits[1]))
refused = []
for call in (
    lambda: fd.dropout(big, 0.1, rng=key),
    lambda: fd.dropout_forward(big, 0.1, rng=key),
    lambda: fd.dropout(big, np.full(2**25, 0.1, np.float32), rng=key),
    lambda: fd.alpha_dropout(big, 0.1, rng=key),
    lambda: fd.mc_dropout(big, 0.1, samples=2, rng=key),
    lambda: fd.softmax_dropout(big.reshape(2**13, -1), 0.1, rng=key),
    lambda: fd.dropconnect(big[: 2**13].reshape(-1, 1), big[: 2**12].reshape(-1, 1), 0.1, rng=key),
):
    try:
        call()
    except MemoryError:
        refused.append(right(1))
sums.append(float(big.sum()))
fd.dropout(big, 0.1, rng=key, out=big)  # needs none
resource.setrlimit(resource.RLIMIT_AS, limits)
whole = np.array_equal(big, fd.dropout(np.ones(2**25), 0.1, rng=key))
print(json.dumps([refused, sums[0] == sums[1], whole, right()]))
"""
    )
    assert answer(code, OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="1") == [[True] * 7, True, True, True]


@posix_only
@needs_openmp
def test_small_stacks():
    """Threads of 256 KiB of stack, the caller's and the pool's: what is deepest needs less than a third."""
    code = BEGIN.replace(
        "import json", "import resource; resource.setrlimit(resource.RLIMIT_STACK, (2**18, 2**18))\nimport json"
    )
    code += """
threading.stack_size(2**18)
done = []

def work():
    a, b = np.ones((64, 512), np.float32), np.ones((300, 512), np.float32)
    fd.dropconnect(a, b, 0.5, rng=1, threads=4)
    fd.gaussian_dropout(x, 0.5, rng=1, threads=4)
    fd.alpha_dropout(x, 0.5, rng=1, threads=4)
    fd.dropout(x.reshape(1024, 1024).T, np.full(1024, 0.2), rng=1, threads=4)
    fd.softmax_dropout(x.reshape(1024, 1024), 0.5, rng=1, threads=4)
    done.append(right())

for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
print(json.dumps(done))
"""
    assert answer(code, OMP_NUM_THREADS="4", OPENBLAS_NUM_THREADS="1") == [True] * 3


@posix_only
def test_one_core():
    """A team of four on one core, which it may not leave: no one waits for another's turn for long."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no CPU affinity on this system")
    code = (
        BEGIN
        + """
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
fd.set_num_threads(None)
started = time.perf_counter()
same = all(right() for _ in range(50))
print(json.dumps([same, fd.get_num_threads(), time.perf_counter() - started]))
"""
    )
    same, default, seconds = answer(code, OMP_NUM_THREADS="4")
    assert (same, default) == (True, 1)
    assert seconds < 30


@pytest.mark.parametrize("shared", [False, True], ids=["own arrays", "shared arrays"])
def test_64_python_threads(shared):
    """All at once, each with a team: on one input and one array of results, or on arrays of their own."""
    code = (
        BEGIN
        + f"""
shared = {shared}
n, failures = 200_000, []
inputs = [x[:n]] * 64 if shared else [x[:n] + i for i in range(64)]
results = np.zeros((64, n)) if shared else [np.zeros(n) for _ in range(64)]
begin = threading.Barrier(64)

def work(i):
    begin.wait(60)
    for p in (0.5, 0.1):
        fd.dropout(inputs[i], p, rng=i, out=results[i], threads=1 + i % 4)
        keep = fd.Mask((n,), p, rng=i).to_bool()
        if not np.array_equal(results[i], np.where(keep, inputs[i] * (1 / (1 - p)), 0)):
            failures.append((i, p))

threads = [threading.Thread(target=work, args=(i,)) for i in range(64)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(90)
print(json.dumps([failures, sum(thread.is_alive() for thread in threads)]))
"""
    )
    assert answer(code, OMP_NUM_THREADS="4", timeout=120) == [[], 0]


@needs_openmp
def test_nested_pools():
    """Teams asked for by the workers of a pool of threads: the right bytes, and one team's threads, not four teams'."""
    code = (
        BEGIN
        + """
from concurrent.futures import ThreadPoolExecutor
right()
before = len(os.listdir("/proc/self/task"))
with ThreadPoolExecutor(4) as pool:
    good = list(pool.map(lambda _: right(), range(64)))
for _ in range(100):  # threads that have ended are listed for a moment more, and a team starts its own as it needs them
    more = len(os.listdir("/proc/self/task")) - before
    if more <= 0:
        break
    time.sleep(0.05)
print(json.dumps([all(good), len(good), more]))
"""
    )
    *found, more = answer(code, OMP_NUM_THREADS="4", timeout=90)
    assert found == [True, 64]
    assert more <= 3  # four teams would be twelve


@posix_only
@pytest.mark.parametrize("call", ["out=big, threads=1", "out=big, threads=4"], ids=["one thread", "team"])
def test_interpreter_ends_while_a_thread_is_in_a_call(call):
    """A daemon thread does not keep the process from ending, nor make it crash."""
    code = (
        BEGIN
        + f"""
big, inside = np.ones(2**26, np.float32), threading.Event()

def work():
    while True:
        inside.set()
        fd.dropout(big, 0.1, rng=0, {call})

threading.Thread(target=work, daemon=True).start()
inside.wait(30)
time.sleep(0.05)
print("end", flush=True)
"""
    )
    for _ in range(3):
        done = run_python(code, OMP_NUM_THREADS="4", timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


LATE = """
#include <unistd.h>
__attribute__((destructor)) static void late(void) { usleep(500000); }
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads' priorities as Linux has them")
def test_call_that_goes_on_when_the_interpreter_is_no_more(tmp_path):
    """A long call asks for signals between its parts: here there is half a second in which nobody is left to be asked.

    On one core, a thread of low priority is still in the same part of its call when the interpreter has ended.
    """
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    (tmp_path / "late.c").write_text(LATE)
    subprocess.run(["gcc", "-shared", "-fPIC", "late.c", "-o", "late.so"], cwd=tmp_path, check=True, timeout=60)
    code = (
        BEGIN
        + f"""
import ctypes
ctypes.CDLL({str(tmp_path / "late.so")!r})
os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
big, inside = np.ones(2**28, np.float16), threading.Event()

def work():
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    inside.set()
    fd.dropout(big, 0.1, rng=0, out=big, threads=1)

threading.Thread(target=work, daemon=True).start()
inside.wait(30)
time.sleep(0.02)
print("end", flush=True)
"""
    )
    for _ in range(3):
        done = run_python(code, FASTDROP_ISA="scalar", timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@posix_only
def test_joblib(tmp_path):
    """Workers of loky and of joblib's threads, in a parent that has run a team."""
    pytest.importorskip("joblib", reason="joblib is not installed")
    script = tmp_path / "work.py"
    script.write_text("""
import joblib
import fastdrop as fd, numpy as np

def block(rows, key, shard):
    return fd.dropout(rows, 0.1, rng=key, shard=shard, threads=2)

if __name__ == "__main__":
    x, key = np.linspace(1, 2, 600_000).reshape(600, 1000), fd.Key(1, 2)
    whole = fd.dropout(x, 0.1, rng=key, threads=4)
    for backend in ("loky", "threading"):
        jobs = (joblib.delayed(block)(x[i : i + 100], key, fd.Shard((i, 0), x.shape)) for i in range(0, 600, 100))
        parts = joblib.Parallel(2, backend=backend)(jobs)
        assert np.array_equal(np.concatenate(parts), whole), backend
    print("good")
""")
    command = [sys.executable, str(script)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "good\n"


OTHERS = {
    "torch": "import torch; torch.set_num_threads(2); a = torch.ones(2**20); other = lambda: torch.sqrt(a)",
    "sklearn": """
from sklearn.metrics import pairwise_distances_argmin
a = np.random.default_rng(0).random((2000, 10))
other = lambda: pairwise_distances_argmin(a, a[:200])
""",
}


@needs_openmp
@pytest.mark.parametrize("package", OTHERS)
def test_alternated_with_another_openmp(package):
    """Packages with teams of OpenMP, scikit-learn's wheel with a runtime of its own: calls in turn are right, and no
    slower by the milliseconds that teams on the same cores cost each other; and so is the child of a fork."""
    pytest.importorskip(package, reason=f"{package} is not installed")
    code = (
        BEGIN
        + OTHERS[package]
        + """
y = np.empty_like(x)

def seconds(between):
    times = []
    for _ in range(30):
        between()
        started = time.perf_counter()
        fd.dropout(x, 0.1, rng=3, out=y, threads=2)
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]

other()
alone, in_turn = seconds(lambda: None), seconds(other)
files = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
runtimes = sorted(name for name in map(os.path.basename, files) if name.startswith(("libgomp", "libomp", "libiomp")))
child = os.fork()
if child == 0:
    os._exit(0 if right() else 3)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps([bool(np.array_equal(y, wanted)), right(), status, runtimes, alone, in_turn]))
"""
    )
    same, after, status, runtimes, alone, in_turn = answer(code, OMP_NUM_THREADS="2", timeout=90)
    assert (same, after, status) == (True, True, 0)
    assert in_turn < 5 * alone + 0.01
    assert runtimes
    if len(runtimes) < 2:
        pytest.skip(f"this {package} shares fastdrop's OpenMP runtime, {runtimes[0]}: right, but not two of them")


NESTED = """
#include <fastdrop.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1 << 20, LOOPS = 4 };

int main(void)
{
    float *x = malloc(N * sizeof *x), *alone = malloc(N * sizeof *x);
    int wrong = 0, teams = 0;
    for (int i = 0; i < N; i++) x[i] = 1.0f + (float)i;
    wrong += fd_dropout((fd_key){1, 2}, 0.1, 0, N, FD_F32, x, alone, NULL) != FD_OK;
#pragma omp parallel num_threads(LOOPS) reduction(+ : wrong, teams)
    {
        const fd_exec how = {4, NULL, NULL};
        float *y = malloc(N * sizeof *y);
        wrong += fd_dropout((fd_key){1, 2}, 0.1, 0, N, FD_F32, x, y, &how) != FD_OK;
        wrong += memcmp(y, alone, N * sizeof *y) != 0;
        teams += fd_last_team() != 1;
    }
    return wrong ? 1 : teams ? 2 : 0;
}
"""


@needs_openmp
def test_call_inside_a_parallel_region(tmp_path):
    """From C, in the midst of a team of OpenMP: each call stays on the thread that makes it."""
    folder = Path(fd.__file__).parent
    if not (folder / "lib" / "libfastdrop.so").exists():
        pytest.skip("the C library is not built")
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    (tmp_path / "nested.c").write_text(NESTED)
    places = [f"-I{folder / 'include'}", f"-L{folder / 'lib'}", f"-Wl,-rpath,{folder / 'lib'}"]
    build = ["gcc", "-O2", "-fopenmp", *places, "nested.c", "-o", "nested", "-lfastdrop"]
    subprocess.run(build, cwd=tmp_path, check=True, timeout=60)
    env = clean_environment(OMP_NUM_THREADS="4")
    assert subprocess.run([str(tmp_path / "nested")], env=env, timeout=60).returncode == 0
