"""Threads: the same bytes from any number of them, who decides how many, and many Python threads at once."""

import os
import sysconfig
import threading

import numpy as np
import oracle
import pytest
from helpers import answer, assert_same, numbers, run_python

import fastdrop as fd
import fastdrop.threads
from fastdrop import _core

needs_openmp = pytest.mark.skipif(not _core.openmp(), reason="built without OpenMP")
N = 2**20  # far above the size below which a call stays on one thread


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter has a global lock")
def test_import_does_not_bring_the_lock_back():
    """An extension that does not say that it can do without is given the lock, by a warning."""
    code = "import json, sys; import fastdrop, fastdrop._bench; print(json.dumps(sys._is_gil_enabled()))"
    assert answer(code, PYTHON_GIL="") is False


EVERYTHING = """
import hashlib, json
import fastdrop as fd, numpy as np
from fastdrop import _core
from helpers import DTYPES, numbers

def work(threads):
    # the digest of every output, and the teams that made them
    digest, teams = hashlib.sha256(), set()
    for dtype in DTYPES:
        x = numbers((1024, 1031), dtype)
        for p in (0.5, 0.1):
            for layout in (x, x.T, x[:, ::-1], x[::2]):
                digest.update(fd.dropout(layout, p, rng=7, threads=threads).tobytes())
                teams.add(_core.last_team())
    flat = x.reshape(-1).real
    mask = fd.Mask(x.shape, 0.2, rng=7, share_axes=1)
    more = [
        fd.dropout(x, 0.3, rng=7, share_axes=1, threads=threads),
        fd.dropout(x, 0.3, rng=7, share_axes=0, threads=threads),
        fd.dropout(x, np.linspace(0, 1, 1031), rng=7, threads=threads),
        fd.dropout(x, 0.3, rng=7, shard=fd.Shard((5, 6), (2000, 3000)), threads=threads),
        fd.dropout_backward(x, mask, threads=threads),
        fd.dropout_backward(x, fd.Mask(x.shape, 0.2, rng=7).store(), threads=threads),
    ]
    for y in more:
        digest.update(y.tobytes())
    return digest.hexdigest(), sorted(teams)

print(json.dumps([work(threads) for threads in (1, 2, 3, 4)]))
"""


@needs_openmp
def test_same_bytes_from_one_to_four_threads():
    results = answer(EVERYTHING, OMP_NUM_THREADS="4", timeout=120)
    assert [teams for _, teams in results] == [[1], [2], [3], [4]]
    assert len({digest for digest, _ in results}) == 1


@needs_openmp
@pytest.mark.parametrize("name", _core.isas())
def test_four_threads_against_the_oracle(name):
    """Not only equal with each other: right, at sizes whose shares end anywhere."""
    code = """
import json
import fastdrop as fd, numpy as np, oracle
from fastdrop import _core
from helpers import assert_same, numbers
teams = []
for n in (2**18 + 1, 2**19 - 77, 300001):
    x = numbers(n)
    for p in (0.5, 0.1):
        assert_same(fd.dropout(x, p, rng=1, threads=4), oracle.dropout(x, (1, 0), p))
        teams.append(_core.last_team())
print(json.dumps([_core.isa(), teams]))
"""
    assert answer(code, OMP_NUM_THREADS="4", FASTDROP_ISA=name) == [name, [4] * 6]


@needs_openmp
def test_small_arrays_stay_on_one_thread():
    code = """
import json, fastdrop as fd, numpy as np
from fastdrop import _core
fd.dropout(np.ones(2**20), 0.5, rng=0, threads=4)
teams = [_core.last_team()]
for n in (1, 16, 4096):
    fd.dropout(np.ones(n), 0.5, rng=0, threads=4)
    teams.append(_core.last_team())
print(json.dumps(teams))
"""
    assert answer(code, OMP_NUM_THREADS="4") == [4, 1, 1, 1]


@needs_openmp
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no list of threads on this system")
def test_a_team_has_threads_that_work():
    """A loop of four starts three threads, once; all of them then take part, and sleep when there is nothing to do."""
    code = """
import json, os, time, fastdrop as fd, numpy as np

def seconds(thread):
    with open(f"/proc/self/task/{thread}/stat") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")

x = np.ones(2**23, np.float32)
fd.dropout(x, 0.1, rng=0, out=x, threads=1)
before = set(os.listdir("/proc/self/task"))
fd.dropout(x, 0.1, rng=0, out=x, threads=4)
new = set(os.listdir("/proc/self/task")) - before
started = time.perf_counter()
while time.perf_counter() - started < 60 and min(map(seconds, new)) < 0.05:
    fd.dropout(x, 0.1, rng=0, out=x, threads=4)
worked = [seconds(thread) for thread in new]
time.sleep(0.1)
asleep = {thread: seconds(thread) for thread in new}
time.sleep(0.5)
busy = sum(seconds(thread) - asleep[thread] for thread in new)
more = set(os.listdir("/proc/self/task")) - before - new
print(json.dumps([len(new), min(worked) >= 0.05, busy, len(more)]))
"""
    assert answer(code, OMP_NUM_THREADS="4", timeout=120) == [3, True, 0, 0]


@needs_openmp
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no list of threads on this system")
def test_threads_that_can_not_be_started_are_done_without():
    """Without memory for their stacks the caller does all the work, and asks again the next time."""
    code = """
import json, os, resource, fastdrop as fd, numpy as np
x = np.linspace(1, 2, 2**20)
y, wanted = np.empty_like(x), fd.dropout(x, 0.1, rng=3, threads=1)

def work():
    y.fill(0)
    fd.dropout(x, 0.1, rng=3, out=y, threads=3)
    return bool((y == wanted).all()), len(os.listdir("/proc/self/task")) - before

np.array_equal(y, wanted)  # what NumPy sets up at first use is there before memory gets short
before = len(os.listdir("/proc/self/task"))
pages = int(open("/proc/self/statm").read().split()[0])
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**22, limits[1]))
alone = work()
resource.setrlimit(resource.RLIMIT_AS, limits)
print(json.dumps([alone, work()]))
"""
    assert answer(code, OMP_NUM_THREADS="4") == [[True, 0], [True, 2]]


PRECEDENCE = f"""
import json, sys
import fastdrop as fd, numpy as np
from fastdrop import _core
x = np.ones({N}, dtype=np.float32)
setting, argument = (None if a == "-" else int(a) for a in sys.argv[1:])
if setting:
    fd.set_num_threads(setting)
fd.dropout(x, 0.5, rng=0, threads=argument)
print(json.dumps([fd.get_num_threads(), _core.last_team()]))
"""


@needs_openmp
@pytest.mark.parametrize(
    ("environment", "setting", "argument", "default", "team"),
    [
        ({}, "3", "2", 3, 2),
        ({"FASTDROP_NUM_THREADS": "2"}, "3", "4", 3, 4),
        ({"FASTDROP_NUM_THREADS": "2"}, "3", "-", 3, 3),
        ({"FASTDROP_NUM_THREADS": "2"}, "-", "-", 2, 2),
        ({"FASTDROP_NUM_THREADS": "1"}, "-", "-", 1, 1),
        ({"FASTDROP_NUM_THREADS": "1"}, "-", "4", 1, 4),
    ],
)
def test_who_decides(environment, setting, argument, default, team):
    """Argument, then set_num_threads, then FASTDROP_NUM_THREADS."""
    got = answer(PRECEDENCE, setting, argument, OMP_NUM_THREADS="4", **environment)
    assert got == [default, team]


@needs_openmp
@pytest.mark.parametrize("limits", [{"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "4", "OMP_THREAD_LIMIT": "1"}])
def test_limits_of_openmp_bind_the_default(limits):
    assert answer(PRECEDENCE, "-", "-", **limits) == [1, 1]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_affinity_binds_the_default():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" + PRECEDENCE
    assert answer(code, "-", "-", OMP_NUM_THREADS="4")[0] == 1


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_quota_of_the_control_group_binds_the_default(files, cpus, tmp_path, monkeypatch):
    """Files as Linux shows them to a process in a container, of both versions; None: no limit."""
    monkeypatch.delenv("FASTDROP_NUM_THREADS", raising=False)
    monkeypatch.setattr(fastdrop.threads, "_CGROUP", tmp_path)
    monkeypatch.setattr(fastdrop.threads, "_allowed_cpus", lambda: 8)
    monkeypatch.setattr(fastdrop.threads._core, "max_threads", lambda: 8)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    before = fd.get_num_threads()
    try:
        fd.set_num_threads(None)  # asks the environment and the machine again
        assert fd.get_num_threads() == (cpus or 8)
    finally:
        fd.set_num_threads(before)


@needs_openmp
def test_threadpoolctl_binds():
    pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    code = f"""
import json, fastdrop as fd, numpy as np, threadpoolctl
from fastdrop import _core
x = np.ones({N}, dtype=np.float32)
teams = []
for limit in (1, 2, 3):
    with threadpoolctl.threadpool_limits(limits=limit):
        fd.dropout(x, 0.5, rng=0, threads=4)
        teams.append(_core.last_team())
print(json.dumps(teams))
"""
    assert answer(code, OMP_NUM_THREADS="4") == [1, 2, 3]


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "99999999999999999999"])
def test_bad_environment_setting(value):
    """Refused with the variable, the value and what is allowed: at import, or by the first call that would use it."""
    code = "import fastdrop as fd, numpy as np; fd.dropout(np.ones(9), 0.5, rng=0); print('went through')"
    done = run_python(code, FASTDROP_NUM_THREADS=value)
    assert done.returncode != 0
    assert "went through" not in done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert "FASTDROP_NUM_THREADS" in last
    assert value in last


def test_set_and_get():
    before = fd.get_num_threads()
    assert before >= 1
    try:
        for n in (1, 2, np.int64(5)):
            fd.set_num_threads(n)
            assert fd.get_num_threads() == n
            with pytest.raises(ValueError, match="0"):
                fd.set_num_threads(0)
            assert fd.get_num_threads() == n
    finally:
        fd.set_num_threads(None)
    assert fd.get_num_threads() == before


def test_many_python_threads_at_once():
    """Calls that run side by side, each with threads of its own, don't disturb each other."""
    x = numbers(200_000)
    wanted = {seed: oracle.dropout(x, (seed, 0), 0.1 + 0.4 * (seed % 2)) for seed in range(8)}
    failures, start = [], threading.Barrier(8)

    def work(seed):
        try:
            start.wait(30)
            for repeat in range(12):
                p = 0.1 + 0.4 * (seed % 2)
                y, mask = fd.dropout_forward(x, p, rng=seed, threads=1 + repeat % 2)
                assert_same(y, wanted[seed])
                assert_same(mask.store().apply(x), wanted[seed])
        except Exception as error:  # an assertion in a thread would be lost
            failures.append((seed, error))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []


def test_other_python_threads_run_during_a_call():
    """The lock of the interpreter is not held: a counter moves on while a long call works."""
    x = np.ones(2**26, dtype=np.float32)
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    counter = threading.Thread(target=count)
    counter.start()
    try:
        before = counted[0]
        fd.dropout(x, 0.1, rng=0, out=x, threads=1)
        during = counted[0] - before
    finally:
        stop.set()
        counter.join(30)
    assert during > 1000
