"""DropBlock of tensors: squares, or cubes, of each channel are dropped, and the rest is scaled by what is left."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import Function

from fastdrop.dropblock import dropblock2d, dropblock3d
from fastdrop.key import Key
from fastdrop.rng import RNGLike
from fastdrop.torch.kernels import WORD, as_array
from fastdrop.torch.keys import as_words
from fastdrop.torch.laws import key_tensor, p_tensor
from fastdrop.torch.ops import keep, library, register_by_rows, register_fake, without_jvp

__all__ = ["drop_block"]

library.define("drop_block(Tensor x, Tensor p, Tensor key, int block) -> Tensor")
_operator = torch.ops.fastdrop.drop_block.default


def _run(x: Tensor, p: Tensor, key: Tensor, block: int) -> Tensor:
    if p == 0:
        return x.clone()
    seed, stream = as_words(key)
    function = dropblock2d if x.dim() == 4 else dropblock3d
    wide = x.float() if x.dtype is torch.bfloat16 else x  # products are the same ones, rounded once
    y = function(as_array(wide), p.item(), block, rng=Key(seed & WORD, stream & WORD), threads=torch.get_num_threads())
    return torch.from_numpy(y).to(x.dtype)


library.impl("drop_block", _run, "CPU")


@register_fake("drop_block")
def _fake(x: Tensor, p: Tensor, key: Tensor, block: int) -> Tensor:
    return torch.empty_like(x)


register_by_rows("drop_block")


class _DropBlock(Function):
    """Linear in x: the gradient is the same of dy, squares and scale made again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, p: Tensor, key: Tensor, block: int) -> Tensor:
        return _operator(x, p, key, block)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _, p, key, ctx.block = inputs
        keep(ctx, p, key)

    @staticmethod
    def backward(ctx, dy: Tensor):
        return _apply(dy, *ctx.saved_tensors, ctx.block), None, None, None

    @staticmethod
    def jvp(ctx, dx: Tensor, *of_others: None) -> Tensor:
        return _apply(dx, *ctx.saved_tensors, ctx.block)


_DropBlockCompiled = without_jvp(_DropBlock)


def _apply(x: Tensor, p: Tensor, key: Tensor, block: int) -> Tensor:
    return (_DropBlockCompiled if torch.compiler.is_compiling() else _DropBlock).apply(x, p, key, block)


def drop_block(
    x: Tensor, p: float, block: int, rng: RNGLike | Tensor, generator: torch.Generator | None, inplace: bool
) -> Tensor:
    """Return DropBlock of (N, C, H, W) or (N, C, D, H, W) under a key that is given or drawn now."""
    y = _apply(x, p_tensor(p), key_tensor(x, rng, generator), block)
    return x.copy_(y) if inplace else y
