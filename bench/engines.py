"""How fast dropout is inside of other engines: `python bench/engines.py [--rounds N] [--size N]`.

JAX: beside dropout by each of its generators, compiled. Dask: what a block costs beyond the kernel, and how worker
processes scale. DTensor: what a rank does, and what it sends. Contestants take turns in a new order each round;
medians are compared. Engines that are not installed are named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

import fastdrop as fd


def medians(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median time of one call of each, in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
        call()
    for _ in range(rounds):
        for name in random.sample(list(calls), len(calls)):
            start = time.perf_counter()
            calls[name]()
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def jax_rows(rounds: int, size: int) -> None:
    """Print JAX's rows."""
    import jax
    import jax.numpy as jnp

    import fastdrop.jax as fj

    print(f"JAX {jax.__version__}, {size} elements of float32, compiled; milliseconds\n")
    generators = ("threefry2x32", "rbg", "unsafe_rbg", "philox4x32")
    x = jnp.asarray(np.random.default_rng(0).standard_normal(size).astype(np.float32))

    def theirs(x, key, p):
        return jnp.where(jax.random.bernoulli(key, 1 - p, x.shape), x / (1 - p), 0)

    names = ["x * 2", "fastdrop", *generators]
    print(f"| p | what | {' | '.join(names)} | fastest generator / fastdrop |")
    print(f"| ---: | --- |{' ---: |' * (len(names) + 1)}")
    for p in (0.5, 0.1):
        for what in ("forward", "forward + backward"):
            calls = {}
            for name in names:
                if name == "x * 2":  # what a pass over new memory takes, whatever is computed
                    call = jax.jit(lambda x: x * 2.0)
                    calls[name] = lambda call=call: call(x).block_until_ready()
                    continue
                drop = (lambda x, k, p=p: fj.dropout(x, p, rng=k)) if name == "fastdrop" else (
                    lambda x, k, p=p: theirs(x, k, p)
                )  # fmt: skip
                if what != "forward":
                    drop = jax.jit(jax.grad(lambda x, k, drop=drop: (drop(x, k) ** 2).sum()))
                key = jax.random.key(1, impl="threefry2x32" if name == "fastdrop" else name)
                call = jax.jit(drop)
                calls[name] = lambda call=call, key=key: call(x, key).block_until_ready()
            found = medians(calls, rounds)
            ratio = min(found[name] for name in generators) / found["fastdrop"]
            print(f"| {p} | {what} | {' | '.join(f'{found[name]:.2f}' for name in names)} | {ratio:.1f} |", flush=True)


def dask_rows(rounds: int, size: int) -> None:
    """Print Dask's rows."""
    import dask
    import dask.array as da
    from dask.distributed import Client, LocalCluster

    import fastdrop.dask as fdd

    blocks = 8
    print(
        f"\nDask {dask.__version__}, {blocks} chunks of {size} elements of float32, one thread a block; milliseconds\n"
    )
    x = np.random.default_rng(0).standard_normal((blocks, size)).astype(np.float32)
    lazy = da.from_array(x, (1, size))
    print(
        "| p | the kernel on the chunks | Dask, one thread | share beyond the kernel |\n| ---: | ---: | ---: | ---: |"
    )
    for p in (0.5, 0.1):
        graph = fdd.dropout(lazy, p, rng=fd.Key(1))

        def kernel(p=p):
            return [
                fd.dropout(x[i : i + 1], p, rng=fd.Key(1), threads=1, shard=fd.Shard((i, 0), x.shape))
                for i in range(blocks)
            ]

        # One element of each block is asked for, so that blocks go as they come, here as there.
        sums = da.stack([graph[i, 0] for i in range(blocks)])
        found = medians(
            {
                "kernel": lambda kernel=kernel: [y.ravel()[0] for y in kernel()],
                "Dask": lambda sums=sums: sums.compute(scheduler="sync"),
            },
            rounds,
        )
        print(
            f"| {p} | {found['kernel']:.1f} | {found['Dask']:.1f} | {found['Dask'] / found['kernel'] - 1:+.0%} |",
            flush=True,
        )
    print("\n| worker processes | 32 blocks made and dropped in the workers, ms | speed-up |\n| ---: | ---: | ---: |")
    first = None
    for workers in (1, 2):
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            ones = da.ones((32, size), chunks=(1, size), dtype=np.float32)
            total = fdd.dropout(ones, 0.1, rng=fd.Key(1)).sum()
            client.compute(total, sync=True)
            times = []
            for _ in range(max(3, rounds // 4)):
                start = time.perf_counter()
                client.compute(total, sync=True)
                times.append((time.perf_counter() - start) * 1e3)
        first = first or statistics.median(times)
        print(f"| {workers} | {statistics.median(times):.0f} | {first / statistics.median(times):.2f} |", flush=True)


RANKS = """
import json, statistics, sys, time
import torch, torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
import fastdrop as fd, fastdrop.torch as ft

rank, size, folder, n, rounds = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size)
x = distribute_tensor(torch.randn(size, n), init_device_mesh("cpu", (size,)), [Shard(0)]).requires_grad_()
local = torch.randn(1, n, requires_grad=True)

def step(x, shard=None):
    y = ft.functional.dropout(x, 0.1, rng=fd.Key(1), shard=shard)
    return torch.autograd.grad(y, x, y.detach())

with CommDebugMode() as sent:
    step(x)
times = {}
part = fd.Shard((rank, 0), (size, n))
for name, call in (("DTensor", lambda: step(x)), ("its part alone", lambda: step(local, part))):
    call()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        found.append((time.perf_counter() - start) * 1e3)
    times[name] = statistics.median(found)
if rank == 0:
    print(json.dumps([sent.get_total_counts(), times]))
dist.destroy_process_group()
"""


def dtensor_rows(rounds: int, size: int) -> None:
    """Print DTensor's rows."""
    print(f"\nDTensor over gloo, {size} elements of float32 a rank, p = 0.1, forward + backward; milliseconds\n")
    print("| ranks | DTensor | the same part as a plain tensor | collectives |\n| ---: | ---: | ---: | ---: |")
    for ranks in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-P", "-W", "ignore", "-c", RANKS]
            more = [str(ranks), folder, str(size), str(rounds)]
            environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo"}
            processes = [
                subprocess.Popen([*command, str(rank), *more], env=environment, stdout=subprocess.PIPE, text=True)
                for rank in range(ranks)
            ]
            outputs = [process.communicate()[0] for process in processes]
        sent, times = json.loads(outputs[0].splitlines()[-1])
        print(f"| {ranks} | {times['DTensor']:.1f} | {times['its part alone']:.1f} | {sent} |", flush=True)


def main() -> None:
    """Print the tables of what is installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--size", type=int, default=1 << 22)
    arguments = parser.parse_args()
    engines = (("JAX", "jax", jax_rows), ("Dask", "distributed", dask_rows), ("DTensor", "torch", dtensor_rows))
    for name, package, rows in engines:
        if importlib.util.find_spec(package) is None:
            print(f"{name}: {package} is not installed")
        else:
            rows(arguments.rounds, arguments.size)


if __name__ == "__main__":
    main()
