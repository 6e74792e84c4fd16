"""One mask on every engine: `python bench/same_bytes.py`.

Each row is an engine, how the array was cut up, and how many workers there were; its digest is compared with that of
plain NumPy. The controls do what programs without a mask law do, and have to differ. Engines that are not installed are
named. Each engine runs in a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

import fastdrop as fd

SHAPE, P, KEY = (24, 36, 32), 0.3, fd.Key(7)
#: Partition, workers, digest, and whether it has to be that of plain NumPy.
Row = tuple[str, int, str, bool]


def array() -> np.ndarray:
    """Return what is dropped from."""
    return np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)


def digest(y: object) -> str:
    """Return the digest of an array's bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(y).tobytes()).hexdigest()[:16]


def with_numpy() -> Iterator[Row]:
    """Threads, blocks in any order, and a file."""
    x = array()
    for threads in (1, 2, 4):
        yield "whole", threads, digest(fd.dropout(x, P, rng=KEY, threads=threads)), True
    y = np.empty_like(x)
    for row in reversed(range(0, 24, 5)):
        for column in range(0, 36, 11):
            part = np.s_[row : row + 5, column : column + 11]
            y[part] = fd.dropout(x[part], P, rng=KEY, shard=fd.Shard((row, column, 0), SHAPE))
    yield "blocks of 5 x 11 x 32, last first", 1, digest(y), True
    yield "Fortran order", 1, digest(fd.dropout(np.asfortranarray(x), P, rng=KEY)), True
    with tempfile.TemporaryDirectory() as folder:
        file = np.memmap(os.path.join(folder, "x"), np.float32, "w+", shape=SHAPE)
        file[:] = x
        yield "a file, in place", 1, digest(fd.dropout(file, P, rng=KEY, out=file)), True


def with_torch() -> Iterator[Row]:
    """Memory formats, the compiler, and DTensors over gloo."""
    import torch

    import fastdrop.torch as ft

    x = torch.from_numpy(array())
    call = ft.functional.dropout
    yield "whole", 1, digest(call(x, P, rng=KEY)), True
    image = x.reshape(2, 12, 36, 32).contiguous(memory_format=torch.channels_last)
    yield "channels_last", 1, digest(call(image, P, rng=KEY).reshape(SHAPE)), True
    compiled = torch.compile(lambda x: call(x, P, rng=7), backend="aot_eager", fullgraph=True)
    yield "torch.compile", 1, digest(compiled(x)), True
    rows = [call(part, P, rng=KEY, shard=fd.Shard((6 * i, 0, 0), SHAPE)) for i, part in enumerate(x.split(6))]
    yield "shard=, 4 pieces", 1, digest(torch.cat(rows)), True
    for size in (2, 3, 4):
        for name, found in on_ranks(size).items():
            yield f"DTensor {name}", size, found, "control" not in name


def on_ranks(size: int) -> dict[str, str]:
    """Return digests from so many processes that PyTorch's gloo connects."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        ranks = [context.Process(target=rank_runs, args=(rank, size, folder, answers)) for rank in range(size)]
        for process in ranks:
            process.start()
        found = answers.get(timeout=120)
        for process in ranks:
            process.join()
    return found


def rank_runs(rank: int, size: int, folder: str, answers) -> None:
    """Run one rank; the first one answers."""
    import torch
    from torch import distributed
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

    import fastdrop.torch as ft

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size)
    line, x = init_device_mesh("cpu", (size,)), torch.from_numpy(array())
    meshes = [(line, [Shard(0)]), (line, [Shard(1)]), (line, [Replicate()])]
    if size == 4:
        meshes += [(init_device_mesh("cpu", (2, 2)), [Shard(1), Shard(2)])]
    found = {}
    for mesh, placements in meshes:
        y = ft.functional.dropout(distribute_tensor(x, mesh, placements), P, rng=KEY)
        found["x".join(map(str, placements))] = digest(y.full_tensor())
    local = ft.functional.dropout(distribute_tensor(x, line, [Shard(0)]).to_local(), P, rng=KEY)
    forgotten = DTensor.from_local(local, line, [Shard(0)], run_check=False, shape=x.shape, stride=x.stride())
    found["control: each rank numbers from 0"] = digest(forgotten.full_tensor())
    if rank == 0:
        answers.put(found)
    distributed.destroy_process_group()


def with_jax() -> Iterator[Row]:
    """Compiled, mapped, and spread over four devices of this machine."""
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
    import jax
    from jax.sharding import NamedSharding
    from jax.sharding import PartitionSpec as Spec

    import fastdrop.jax as fj

    x = array()
    yield "whole", 1, digest(fj.dropout(x, P, rng=KEY)), True
    yield "jit", 1, digest(jax.jit(lambda x: fj.dropout(x, P, rng=KEY))(x)), True
    for shape, names in (((4,), ("a",)), ((2, 2), ("a", "b"))):
        mesh = jax.make_mesh(shape, names)
        for spec in (Spec("a"), Spec(None, "a")) if len(names) == 1 else (Spec("a", "b"), Spec(None, ("b", "a"))):
            y = fj.sharded_dropout(jax.device_put(x, NamedSharding(mesh, spec)), P, rng=KEY)
            yield f"devices {shape}, {spec}", 4, digest(y), True
    mesh = jax.make_mesh((4,), ("a",))
    spread = jax.device_put(x, NamedSharding(mesh, Spec("a")))
    local = jax.shard_map(lambda x: fj.dropout(x, P, rng=KEY), mesh=mesh, in_specs=Spec("a"), out_specs=Spec("a"))
    yield "control: each device numbers from 0", 4, digest(jax.jit(local)(spread)), False


def with_keras() -> Iterator[Row]:
    """The first call of a layer of seed 7, on the back end that the environment names."""
    import keras

    import fastdrop.keras as fk

    y = fk.Dropout(P, seed=7)(keras.ops.convert_to_tensor(array()), training=True)
    yield f"back end {keras.backend.backend()}", 1, digest(keras.ops.convert_to_numpy(y)), True


def with_dask() -> Iterator[Row]:
    """Chunks, schedulers, and processes of a cluster."""
    import dask.array as da
    from dask.distributed import Client, LocalCluster

    import fastdrop.dask as fdd

    x = array()
    chunkings = [SHAPE, (5, 11, 32), (24, 1, 32), ((1, 2, 21), (30, 6), (32,))]
    for chunks in chunkings:
        y = fdd.dropout(da.from_array(x, chunks), P, rng=KEY)
        yield f"chunks {chunks}", 1, digest(y.compute(scheduler="threads")), True
    for workers in (1, 2, 4):
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            y = fdd.dropout(da.from_array(x, (5, 11, 32)), P, rng=KEY)
            yield "cluster of processes, chunks (5, 11, 32)", workers, digest(client.compute(y, sync=True)), True
    local = da.from_array(x, (5, 11, 32)).map_blocks(lambda block: fd.dropout(block, P, rng=KEY), dtype=x.dtype)
    yield "control: each block numbers from 0", 1, digest(local.compute(scheduler="sync")), False
    own = da.random.RandomState(7).uniform(size=SHAPE, chunks=(5, 11, 32)) >= P
    yield (
        "control: dask.array.random",
        1,
        digest(da.where(own, da.from_array(x, (5, 11, 32)) / (1 - P), 0).compute()),
        False,
    )


ENGINES: dict[str, tuple[Callable[[], Iterator[Row]], tuple[str, ...], dict[str, str]]] = {
    "NumPy": (with_numpy, (), {}),
    "PyTorch": (with_torch, ("torch",), {}),
    "JAX": (with_jax, ("jax",), {}),
    "Keras, NumPy": (with_keras, ("keras",), {"KERAS_BACKEND": "numpy"}),
    "Keras, PyTorch": (with_keras, ("keras", "torch"), {"KERAS_BACKEND": "torch"}),
    "Keras, JAX": (with_keras, ("keras", "jax"), {"KERAS_BACKEND": "jax"}),
    "Dask": (with_dask, ("dask", "distributed"), {}),
}


def rows_of(engine: str) -> list[Row]:
    """Return an engine's rows, from a process of its own."""
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo"} | ENGINES[engine][2]
    command = [sys.executable, "-W", "ignore", __file__, "--engine", engine]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{engine}: {done.stderr}")
    return [tuple(row) for row in json.loads(done.stdout.splitlines()[-1])]


def main() -> int:
    """Print the table; 1 if a row is not what it has to be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, help="print this engine's rows as JSON")
    engine = parser.parse_args().engine
    if engine:
        print(json.dumps(list(ENGINES[engine][0]())))
        return 0
    wanted, failed, count = digest(fd.dropout(array(), P, rng=KEY)), 0, 0
    print(f"{SHAPE} of float32, p = {P}, {KEY}: {wanted}\n")
    print("| engine | partition | workers | digest | as plain NumPy |\n| --- | --- | ---: | --- | --- |")
    missing = []
    for name, (_, packages, _) in ENGINES.items():
        absent = [package for package in packages if importlib.util.find_spec(package) is None]
        if absent:
            missing.append(f"{name}: {', '.join(absent)}")
            continue
        for partition, workers, found, same in rows_of(name):
            good = (found == wanted) == same
            failed, count = failed + (not good), count + 1
            verdict = ("yes" if same else "no, as it should be") if good else "**WRONG**"
            print(f"| {name} | {partition} | {workers} | {found} | {verdict} |", flush=True)
    print(f"\n{count} rows, {failed} wrong" + "".join(f"\nnot installed: {entry}" for entry in missing))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
