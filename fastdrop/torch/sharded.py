"""Blocks of larger tensors: `shard=` of plain tensors, and DTensors, whose mask is that of the whole tensor.

Where an element lies in the whole tensor decides, so that each rank makes its part of the mask by itself: nothing is
sent, forward or backward.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor
from torch.autograd import Function

from fastdrop import _core
from fastdrop.alpha import alpha_constants
from fastdrop.integers import product
from fastdrop.shard import Shard
from fastdrop.torch.kernels import CODES, WORD, as_array, mask_steps, scale_of
from fastdrop.torch.keys import as_words
from fastdrop.torch.ops import keep, library, register_by_rows, register_fake, without_jvp

__all__ = ["block", "is_spread", "of_spread"]

library.define("block(Tensor x, Tensor p, Tensor key, Tensor place, str rule) -> Tensor")
_operator = torch.ops.fastdrop.block.default


def _run(x: Tensor, p: Tensor, key: Tensor, place: Tensor, rule: str) -> Tensor:
    """Apply a rule under the mask that begins at place[0] and goes on in steps of the others."""
    y = torch.empty_like(x)
    seed, stream = as_words(key)
    start, *steps = place.tolist()
    p = p.item()
    mask = _core.MaskArguments(tuple(x.shape), start, tuple(steps), seed & WORD, stream & WORD, p, None)
    arrays = as_array(x), as_array(y)
    if rule == "affine":
        _core.affine(mask, *alpha_constants(p), CODES[x.dtype], *arrays, torch.get_num_threads())
    else:
        mask.apply(CODES[x.dtype], *arrays, scale_of(rule, p), torch.get_num_threads())
    return y


library.impl("block", _run, "CPU")


@register_fake("block")
def _fake(x: Tensor, p: Tensor, key: Tensor, place: Tensor, rule: str) -> Tensor:
    return torch.empty_like(x)


register_by_rows("block")


class _Block(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, p: Tensor, key: Tensor, place: Tensor, rule: str) -> Tensor:
        return _operator(x, p, key, place, rule)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _, p, key, place, ctx.rule = inputs
        keep(ctx, p, key, place)

    @staticmethod
    def backward(ctx, dy: Tensor):
        return _apply(dy, *ctx.saved_tensors, "alpha" if ctx.rule == "affine" else ctx.rule), None, None, None, None

    @staticmethod
    def jvp(ctx, dx: Tensor, *of_others: None) -> Tensor:
        return _apply(dx, *ctx.saved_tensors, "alpha" if ctx.rule == "affine" else ctx.rule)


_BlockCompiled = without_jvp(_Block)


def _apply(*operands) -> Tensor:
    return (_BlockCompiled if torch.compiler.is_compiling() else _Block).apply(*operands)


def block(x: Tensor, p: Tensor, key: Tensor, rule: str, shared: list[int], shard: Shard) -> Tensor:
    """Return a block of what the rule makes of the whole tensor.

    Raises
    ------
    ValueError
        If x does not lie in the whole tensor.
    """
    shard.check_block(tuple(x.shape))
    steps = mask_steps(shard.global_shape, shared)
    start = sum(first * step for first, step in zip(shard.origin, steps, strict=True))
    return _apply(x, p, key, torch.tensor([start, *steps], dtype=torch.int64), rule)


def is_spread(x: Tensor) -> bool:
    """Return whether x is a DTensor. Programs that have none need not import what brings them."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(x, module.DTensor)


def of_spread(x: Tensor, p: Tensor, key: Tensor, rule: str, shared: list[int]) -> Tensor:
    """Return what the rule makes of a DTensor, spread as x is.

    Raises
    ------
    ValueError
        If x is a sum that has not been made (Partial), or its parts do not lie side by side.
    """
    return _Spread.apply(x, p, key, rule, shared, False)


class _Spread(Function):
    """Each rank's part by itself, and each rank's part of the gradient, however that is spread: nothing is sent."""

    @staticmethod
    def forward(ctx, x: Tensor, p: Tensor, key: Tensor, rule: str, shared: list[int], sums: bool) -> Tensor:
        from torch.distributed.tensor import DTensor

        ctx.save_for_backward(p, key)
        ctx.rule, ctx.shared = rule, shared
        local = x.to_local()
        y = block(local, p, key, rule, shared, _shard(x, tuple(local.shape), sums))
        return DTensor.from_local(y, x.device_mesh, x.placements, run_check=False, shape=x.shape, stride=x.stride())

    @staticmethod
    def backward(ctx, dy: Tensor):
        rule = "alpha" if ctx.rule == "affine" else ctx.rule
        # Of a sum that is still to be made each rank drops from its summand: that is linear.
        return _Spread.apply(dy, *ctx.saved_tensors, rule, ctx.shared, True), None, None, None, None, None


def _shard(x: Tensor, found: tuple[int, ...], sums: bool) -> Shard:
    """Return where this rank's part lies: axes of the mesh cut what they are left in chunks, as torch.chunk does."""
    from torch.distributed.tensor import Partial, Replicate
    from torch.distributed.tensor import Shard as Cut

    shape = tuple(x.shape)
    product(shape, "the shape of input")
    place = x.device_mesh.get_coordinate()
    if place is None:  # a rank outside of the mesh has nothing
        return Shard((0,) * len(shape), shape)
    begin, left = [0] * len(shape), list(shape)
    for number, ranks, placement in zip(place, x.device_mesh.shape, x.placements, strict=True):
        if isinstance(placement, Replicate) or (sums and isinstance(placement, Partial)):
            continue
        if type(placement) is not Cut:
            raise ValueError(
                f"input has to be a DTensor whose placements are Shard or Replicate, but one is {placement}: "
                "redistribute it before dropout"
            )
        axis = placement.dim % len(shape)
        chunk = -(-left[axis] // ranks)
        first = min(number * chunk, left[axis])
        begin[axis] += first
        left[axis] = min(chunk, left[axis] - first)
    if tuple(left) != found:
        raise ValueError(
            f"input has to be cut into chunks as torch.chunk does, but has {found} here, not {tuple(left)}"
        )
    return Shard(tuple(begin), shape)
