"""fastdrop.torch on DTensors over gloo: every rank has its part of the whole tensor's mask, and nothing is sent."""

import json
import subprocess
import sys

import pytest
from helpers import clean_environment

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import library as registry  # noqa: E402

import fastdrop as fd  # noqa: E402
import fastdrop.torch as ft  # noqa: E402

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed")

START = """
import json, multiprocessing, os, sys
import torch, torch.distributed as dist
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.device_mesh import init_device_mesh
import fastdrop as fd, fastdrop.torch as ft

torch.set_num_threads(1)
folder = sys.argv[1]
KEY = fd.Key(5, 9)
whole = torch.randn(7, 10, 5, generator=torch.Generator().manual_seed(1))
wanted = torch.from_numpy(fd.dropout(whole.numpy(), 0.3, rng=KEY))

def rank_runs(work, rank, size, name, answers):
    dist.init_process_group("gloo", init_method=f"file://{folder}/{name}", rank=rank, world_size=size)
    answers.put((rank, work(rank, size, name, init_device_mesh("cpu", (size,)))))
    dist.destroy_process_group()

def run(work, size, name):
    # PyTorch is imported once, and ranks are forked.
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    ranks = [context.Process(target=rank_runs, args=(work, rank, size, name, answers)) for rank in range(size)]
    for process in ranks:
        process.start()
    found = dict(answers.get(timeout=120) for _ in ranks)
    for process in ranks:
        process.join()
        assert process.exitcode == 0
    return [found[rank] for rank in range(size)]
"""

PLACEMENTS = (
    START
    + """
def check(rank, size, name, line):
    meshes = [(line, [[Shard(0)], [Shard(1)], [Shard(2)], [Shard(-1)], [Replicate()]])]
    if size == 4:
        square = init_device_mesh("cpu", (2, 2), mesh_dim_names=("a", "b"))
        two = [[Shard(0), Shard(1)], [Shard(1), Shard(0)], [Shard(0), Shard(0)], [Replicate(), Shard(2)]]
        meshes.append((square, [*two, [Shard(1), Replicate()]]))
    found = {}
    for mesh, all_placements in meshes:
        for placements in all_placements:
            name = str(placements)
            x = distribute_tensor(whole, mesh, placements).requires_grad_()
            with CommDebugMode() as sent:
                y = ft.functional.dropout(x, 0.3, rng=KEY)
                (dx,) = torch.autograd.grad(y, x, y.detach())
            found[name + " sends nothing"] = sent.get_total_counts() == 0
            found[name + " placements"] = y.placements == x.placements == dx.placements and y.shape == whole.shape
            found[name + " forward"] = torch.equal(y.detach().full_tensor(), wanted)
            found[name + " backward"] = torch.equal(dx.full_tensor(), ft.functional.dropout(wanted, 0.3, rng=KEY))
            y, full = ft.functional.dropout1d(x.detach(), 0.3, rng=KEY), ft.functional.dropout1d(whole, 0.3, rng=KEY)
            found[name + " channels"] = torch.equal(y.full_tensor(), full)
            y = ft.functional.alpha_dropout(x.detach(), 0.3, training=True, rng=KEY)
            full = ft.functional.alpha_dropout(whole, 0.3, True, rng=KEY)
            found[name + " alpha"] = torch.equal(y.full_tensor(), full)

    # Gradients stay as they come: a sum not made yet, or cut along another axis.
    x = distribute_tensor(whole, line, [Replicate()]).requires_grad_()
    y = ft.functional.dropout(x, 0.3, rng=KEY)
    summand = DTensor.from_local(whole * (rank + 1), line, [Partial()], run_check=False)
    cut = distribute_tensor(whole, line, [Shard(1)])
    with CommDebugMode() as sent:
        of_sum, of_cut = (torch.autograd.grad(y, x, dy, retain_graph=True)[0] for dy in (summand, cut))
    found["gradients send nothing"] = sent.get_total_counts() == 0
    found["gradients' placements"] = of_sum.placements == summand.placements and of_cut.placements == cut.placements
    found["gradient of a sum"] = torch.allclose(of_sum.full_tensor(), wanted * (size * (size + 1) / 2))
    found["gradient cut otherwise"] = torch.equal(of_cut.full_tensor(), wanted)

    x = distribute_tensor(whole, line, [Shard(0)])
    torch.manual_seed(3)
    y = ft.Dropout(0.3)(x)
    torch.manual_seed(3)
    found["module, seeded alike"] = torch.equal(y.full_tensor(), ft.Dropout(0.3)(whole))
    z = x.clone()
    same = ft.functional.dropout(z, 0.3, inplace=True, rng=KEY) is z
    found["in place"] = same and torch.equal(z.full_tensor(), wanted)
    local = ft.functional.dropout(x.to_local(), 0.3, rng=KEY)
    forgotten = DTensor.from_local(local, line, [Shard(0)], run_check=False, shape=x.shape, stride=x.stride())
    found["control: local origin differs"] = not torch.equal(forgotten.full_tensor(), wanted)
    chunk = -(-len(whole) // size)
    first = min(rank * chunk, len(whole))
    part = ft.functional.dropout(whole[first : first + chunk], 0.3, rng=KEY, shard=fd.Shard((first, 0, 0), (7, 10, 5)))
    found["plain tensor with shard"] = torch.equal(part, wanted[first : first + chunk])

    rows = size * (size + 1) // 2
    uneven = DTensor.from_local(torch.ones(1 + rank, 10), line, [Shard(0)], run_check=False,
                                shape=torch.Size((rows, 10)), stride=(10, 1))
    errors = []
    for bad in (DTensor.from_local(whole, line, [Partial()], run_check=False), uneven):
        try:
            ft.functional.dropout(bad, 0.3, rng=KEY)
            errors.append("")
        except ValueError as caught:
            errors.append(str(caught))
    return found, errors

print(json.dumps([run(check, size, f"of {size}") for size in (2, 3, 4)]))
"""
)

TRAINING = (
    START
    + """
from torch.distributed.checkpoint import load, save

def steps(weight, first, last, line):
    for step in range(first, last):
        x = distribute_tensor(torch.randn(12, 6, generator=torch.Generator().manual_seed(step)), line, [Shard(0)])
        h = ft.functional.dropout(x @ weight, 0.4, rng=KEY.fold_in(step, role="step"))
        (gradient,) = torch.autograd.grad(h.square().sum(), weight)
        weight = (weight - 0.01 * gradient.redistribute(line, [Replicate()])).detach().requires_grad_()
    return weight

def train(rank, size, name, line):
    weight = distribute_tensor(torch.ones(6, 4), line, [Replicate()]).requires_grad_()
    if name == "resume":
        state = {"weight": weight.detach()}
        load(state, checkpoint_id=f"{folder}/state")
        weight = state["weight"].requires_grad_()
    weight = steps(weight, *{"whole": (0, 6), "begin": (0, 3), "resume": (3, 6)}[name], line)
    if name == "begin":
        save({"weight": weight.detach()}, checkpoint_id=f"{folder}/state")
    ones = distribute_tensor(torch.ones(12, 4), line, [Shard(0)])
    mask = ft.functional.dropout(ones, 0.4, rng=KEY.fold_in(5, role="step")).full_tensor()
    return weight.detach().to_local().tolist(), mask.tolist()

print(json.dumps([run(train, size, name) for size, name in ((2, "whole"), (4, "begin"), (3, "resume"))]))
"""
)


def printed(code, folder):
    environment = clean_environment(OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo")
    command = [sys.executable, "-P", "-W", "ignore", "-c", code, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_placement(tmp_path):
    for size, ranks in zip((2, 3, 4), printed(PLACEMENTS, tmp_path), strict=True):
        for found, errors in ranks:
            assert len(found) == 8 + 6 * (10 if size == 4 else 5)
            assert all(found.values()), (size, [name for name, good in found.items() if not good])
            assert "has to be a DTensor whose placements are Shard or Replicate, but one is" in errors[0]
        assert "has to be cut into chunks as torch.chunk does" in errors[1]  # of the last rank


def test_saved_on_four_and_resumed_on_three(tmp_path):
    whole, _, resumed = printed(TRAINING, tmp_path)
    wanted = torch.tensor(whole[0][0])
    for weight, mask in resumed:
        torch.testing.assert_close(torch.tensor(weight), wanted, rtol=1e-5, atol=1e-6)  # sums by another order
        assert mask == whole[0][1]


def test_blocks_of_plain_tensors():
    x = torch.randn(6, 7, 8, requires_grad=True)
    whole = ft.functional.dropout(x, 0.3, rng=4, share_axes=(1,))
    block = x[2:, 3:, 1:5]
    shard = fd.Shard((2, 3, 1), (6, 7, 8))
    y = ft.functional.dropout(block, 0.3, rng=4, share_axes=(1,), shard=shard)
    assert torch.equal(y, whole[2:, 3:, 1:5])
    (dx,) = torch.autograd.grad(y.square().sum(), x)
    (wanted,) = torch.autograd.grad(whole[2:, 3:, 1:5].square().sum(), x)
    assert torch.equal(dx, wanted)
    z = block.detach().clone()
    assert ft.functional.dropout(z, 0.3, inplace=True, rng=4, share_axes=(1,), shard=shard) is z
    assert torch.equal(z, y)
    wide = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: ft.functional.dropout(x, 0.3, rng=4, shard=fd.Shard((5, 5), (9, 9))), wide, check_batched_grad=True
    )
    with pytest.raises(ValueError, match="shard has to lie within global_shape"):
        ft.functional.dropout(wide, 0.3, rng=4, shard=fd.Shard((8, 0), (9, 9)))
    key, p = torch.tensor([4, 0]), torch.tensor(0.3, dtype=torch.float64)
    registry.opcheck(torch.ops.fastdrop.block.default, (wide.detach(), p, key, torch.tensor([3, 9, 1]), "affine"))
