"""fork() after a parallel call, and Ctrl-C in a long one: each in a process of its own, with a time limit."""

import os
import signal
import subprocess
import sys
import time

import pytest
from helpers import answer, clean_environment, run_python

from fastdrop import _core

posix_only = pytest.mark.skipif(os.name != "posix", reason="fork and signals of POSIX")

FORK = """
import hashlib, json, os
import fastdrop as fd, numpy as np
from fastdrop import _core

x = np.linspace(1, 2, 2**20)

def digest():
    return hashlib.sha256(fd.dropout(x, 0.1, rng=3, threads=4).tobytes()).hexdigest()

before = digest()
team = _core.last_team()
read, write = os.pipe()
child = os.fork()
if child == 0:
    try:
        first, child_team = digest(), _core.last_team()
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if digest() == first else 3)
        good = os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) == 0
        os.write(write, json.dumps([first, child_team, good]).encode())
        os._exit(0)
    finally:
        os._exit(9)
os.close(write)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
said = json.loads(os.read(read, 1000))
after, team_after = digest(), _core.last_team()
print(json.dumps([status, said[0] == before == after, team, said[1], said[2], team_after]))
"""


@posix_only
def test_fork_after_a_parallel_call():
    """No thread lives on in the child, which starts its own, and neither waits for the other's."""
    status, same, team, child_team, grandchild, team_after = answer(FORK, OMP_NUM_THREADS="4", timeout=60)
    assert (status, same, grandchild) == (0, True, True)
    assert team == child_team == team_after == (4 if _core.openmp() else 1)


@posix_only
def test_fork_while_another_thread_is_in_a_call():
    """The child does not wait for a loop that only its parent finishes."""
    code = """
import json, os, threading, fastdrop as fd, numpy as np
from fastdrop import _core
x, y = np.ones(2**24, np.float32), np.linspace(1, 2, 2**20)
wanted, stop = fd.dropout(y, 0.1, rng=3, threads=1), threading.Event()

def work():
    while not stop.is_set():
        fd.dropout(x, 0.1, rng=0, out=x, threads=4)

worker = threading.Thread(target=work)
worker.start()
codes = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        os._exit(0 if (fd.dropout(y, 0.1, rng=3, threads=4) == wanted).all() and _core.last_team() in (1, 4) else 3)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
worker.join()
print(json.dumps(codes))
"""
    assert answer(code, OMP_NUM_THREADS="4", timeout=60) == [0] * 20


@posix_only
def test_fork_before_any_parallel_call():
    """A child of a process that never ran a team may use one."""
    code = """
import json, os, fastdrop as fd, numpy as np
from fastdrop import _core
child = os.fork()
fd.dropout(np.ones(2**20), 0.5, rng=0, threads=4)
if child == 0:
    os._exit(_core.last_team())
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), _core.last_team()]))
"""
    team = 4 if _core.openmp() else 1
    assert answer(code, OMP_NUM_THREADS="4") == [team, team]


@posix_only
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method, tmp_path):
    """Keys, masks and shards travel to workers, and the workers' blocks make the whole."""
    script = tmp_path / "blocks.py"
    script.write_text(
        f"""
import multiprocessing
import fastdrop as fd, numpy as np

def block(job):
    x, mask, key, shard = job
    y = fd.dropout(x, 0.1, rng=key, shard=shard, threads=2)
    assert np.array_equal(mask.apply(x), y)
    return y

if __name__ == "__main__":
    x, key = np.linspace(1, 2, 600_000).reshape(600, 1000), fd.Key(1, 2)
    whole = fd.dropout(x, 0.1, rng=key, threads=4)
    jobs = []
    for first in range(0, 600, 300):
        rows, shard = x[first : first + 300], fd.Shard((first, 0), x.shape)
        jobs.append((rows, fd.Mask(rows.shape, 0.1, rng=key, shard=shard), key, shard))
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        parts = pool.map(block, jobs)
    assert np.array_equal(np.concatenate(parts), whole)
"""
    )
    command = [sys.executable, str(script)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr


LONG = """
import signal, sys, time
import fastdrop as fd, numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
mask = fd.Mask((2**14, 2**22), 0.1, rng=0)
out = np.ones(2**27, dtype=np.float16)
print("ready", flush=True)
started = time.perf_counter()
try:
    while time.perf_counter() - started < 20:
        CALL
except KeyboardInterrupt:
    y = fd.dropout(np.ones(1000), 0.5, rng=0)
    big = fd.dropout(np.ones(2**20), 0.5, rng=0, threads=2)
    print("interrupted", int(np.count_nonzero(y) > 0), int(np.count_nonzero(big) > 0), flush=True)
    sys.exit(0)
print("finished", flush=True)
"""
CALLS = {
    "count": "mask.count()",
    "dropout": "fd.dropout(out, 0.1, rng=0, out=out, threads=1)",
    "dropout on two threads": "fd.dropout(out, 0.1, rng=0, out=out, threads=2)",
    "store": "fd.Mask((2**33,), 0.1, rng=0).store()",
}


@posix_only
@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c(call):
    """Ctrl-C ends a long call soon, and the process can go on working."""
    env = clean_environment(OMP_NUM_THREADS="2")
    command = [sys.executable, "-P", "-c", LONG.replace("CALL", CALLS[call])]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.4)
            sent = time.perf_counter()
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=15)
            seconds = time.perf_counter() - sent
        finally:
            process.kill()
    assert (process.returncode, stdout, stderr) == (0, "interrupted 1 1\n", "")
    assert seconds < 8


@posix_only
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_ctrl_c_in_the_child_of_a_thread():
    """Signals belong to the main thread; where a thread has forked, that is the main thread of the child."""
    code = """
import os, signal, threading, time
import fastdrop as fd

def work():
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_REAL, 0.4)
        try:
            fd.Mask((2**14, 2**24), 0.1, rng=0).count()
        except KeyboardInterrupt:
            os._exit(7)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

signal.signal(signal.SIGALRM, signal.default_int_handler)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    done = run_python(code, timeout=60)
    assert (done.returncode, done.stdout) == (0, "7\n"), done.stderr


INSIDE = """
import json, signal
import fastdrop as fd, numpy as np

class Stop(Exception):
    pass

def stop(number, frame):
    raise Stop

signal.signal(signal.SIGALRM, stop)
out = np.ones(2**28, dtype=np.float16)
fd.dropout(np.ones(5), 0.1, rng=0, threads=THREADS)  # what the first call imports is not to be stopped
signal.setitimer(signal.ITIMER_REAL, 0.004)
try:
    fd.dropout(out, 0.1, rng=fd.Key(0), out=out, threads=THREADS)
    said = "finished"
except Stop:
    said = "stopped"
print(json.dumps([said, bool(np.any(out[:10000] == 0)), bool(np.all(out[-10000:] == 1))]))
"""


@posix_only
@pytest.mark.parametrize("threads", [1, 2])
def test_any_signal_handler_is_heard_inside_a_call(threads):
    """One call, stopped between its parts by the exception of the handler: the start is written, the end is not."""
    assert answer(INSIDE.replace("THREADS", str(threads)), OMP_NUM_THREADS="2") == ["stopped", True, True]
