"""fastdrop.jax on several devices and in several processes: the mask of the whole array, and nothing sent about."""

import json
import re
import socket
import subprocess
import sys

import pytest
from helpers import clean_environment

pytest.importorskip("jax", reason="JAX is not installed")

START = """
import hashlib, json, sys
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
import fastdrop as fd, fastdrop.jax as fj
KEY = fd.Key(5, 9)
whole = np.random.default_rng(0).standard_normal((8, 12, 4)).astype(np.float32)
wanted = fd.dropout(whole, 0.3, rng=KEY)
"""

DEVICES = """
from jax.sharding import AxisType

assert len(jax.devices()) == 4
kind = getattr(AxisType, sys.argv[1])
square = jax.make_mesh((2, 2), ("a", "b"), axis_types=(kind,) * 2)
line = jax.make_mesh((4,), ("a",), axis_types=(kind,))
words = jnp.array([5, 0, 9, 0], jnp.uint32)

def check(mesh, spec):
    x = jax.device_put(whole, NamedSharding(mesh, spec))
    call = jax.jit(lambda x, key: fj.sharded_dropout(x, 0.3, rng=key, mesh=mesh, spec=spec)).lower(x, words).compile()
    y = call(x, words)
    text = call.as_text()
    if sys.argv[1] == "Explicit":  # the type says how x is spread, and dropout needs nothing more
        call = jax.jit(lambda x: fj.dropout(x, 0.3, rng=KEY)).lower(x).compile()
        text += call.as_text()
        assert (np.asarray(call(x)) == wanted).all()
    sent = [word for word in ("all-gather", "all-reduce", "all-to-all", "collective-permute") if word in text]
    return [str(spec), sent, bool((np.asarray(y) == wanted).all()), y.sharding.is_equivalent_to(x.sharding, 3)]

report = [check(square, spec) for spec in (P(), P(None, "b"), P("a", "b"), P("b", None, "a"), P(None, ("b", "a")))]
report += [check(line, spec) for spec in (P("a"), P(None, None, "a"))]

x = jax.device_put(whole, NamedSharding(square, P("a", "b")))
assert (np.asarray(fj.sharded_dropout(x, 0.3, rng=KEY)) == wanted).all()
shared = fj.sharded_dropout(x, 0.3, rng=KEY, share_axes=1)
assert (np.asarray(shared) == fd.dropout(whole, 0.3, rng=KEY, share_axes=1)).all()
loss = lambda x: (fj.sharded_dropout(x, 0.3, rng=KEY, mesh=square, spec=P("a", "b")) ** 2).sum()
assert (np.asarray(jax.jit(jax.grad(loss))(x)) == fd.dropout(2 * wanted, 0.3, rng=KEY)).all()
if sys.argv[1] == "Explicit":
    with jax.set_mesh(square):
        loss = lambda x: (fj.dropout(x, 0.3, rng=KEY) ** 2).sum()
        assert (np.asarray(jax.grad(loss)(x)) == fd.dropout(2 * wanted, 0.3, rng=KEY)).all()

local = jax.shard_map(lambda x: fj.dropout(x, 0.3, rng=KEY), mesh=line, in_specs=P("a"), out_specs=P("a"))
forgotten = bool((np.asarray(jax.jit(local)(jax.device_put(whole, NamedSharding(line, P("a"))))) == wanted).all())
plain = jax.jit(lambda x: fj.dropout(x, 0.3, rng=KEY))(jax.device_put(whole, NamedSharding(line, P("a"))))
try:
    fj.sharded_dropout(jnp.ones((6, 2)), 0.3, rng=KEY, mesh=line, spec=P("a"))
    uneven = ""
except ValueError as error:
    uneven = str(error)
print(json.dumps([report, forgotten, bool((np.asarray(plain) == wanted).all()), uneven]))
"""


@pytest.mark.parametrize("axes", ["Auto", "Explicit"])
def test_four_devices(axes):
    environment = clean_environment(XLA_FLAGS="--xla_force_host_platform_device_count=4")
    done = subprocess.run(
        [sys.executable, "-P", "-c", START + DEVICES, axes],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    report, forgotten, plain, uneven = json.loads(done.stdout)
    assert len(report) == 7
    for spec, sent, *equal in report:
        assert not sent, spec
        assert equal == [True, True], spec
    assert not forgotten  # each device would have had the mask of the first block
    assert plain
    assert re.search("divisible|evenly divide", uneven)


PROCESS = """
jax.distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
assert len(jax.devices()) == 4 and len(jax.local_devices()) == 2
mesh = jax.make_mesh((4,), ("a",))
sharding = NamedSharding(mesh, P("a"))
x = jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])
y = jax.jit(lambda x: fj.sharded_dropout(x, 0.3, rng=KEY, mesh=mesh, spec=P("a")))(x)
rows = {shard.index[0].start or 0: bool((np.asarray(shard.data) == wanted[shard.index]).all())
        for shard in y.addressable_shards}
print(json.dumps(rows))
"""


def test_two_processes():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = clean_environment(XLA_FLAGS="--xla_force_host_platform_device_count=2")
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", START + PROCESS, address, str(rank)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        answers = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    rows = {}
    for process, (out, err) in zip(processes, answers, strict=True):
        assert process.returncode == 0, err
        rows |= json.loads(out.splitlines()[-1])
    assert rows == {"0": True, "2": True, "4": True, "6": True}
