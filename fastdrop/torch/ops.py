"""Operators that PyTorch knows: what `torch.compile`, functorch and dispatch modes see of fastdrop.

Key and p are operands, a tensor of two 64-bit integers and one float64: neither makes a graph anew.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch import library as registry
from torch.autograd import Function

from fastdrop.torch import kernels
from fastdrop.torch.keys import as_words, draw

__all__ = ["alpha", "draw_key", "keep", "library", "register_by_rows", "register_fake", "scaled", "without_jvp"]

library = registry.Library("fastdrop", "DEF")
# What is drawn depends on the state of a generator: no two calls are one, and none may be made again.
library.define("draw_key(Tensor x, Generator? generator) -> Tensor", tags=(torch.Tag.nondeterministic_seeded,))
library.define("scaled(Tensor x, Tensor p, Tensor key, int[] shared, str rule) -> Tensor")
library.define("alpha(Tensor x, Tensor p, Tensor key, int[] shared) -> Tensor")
draw_key = torch.ops.fastdrop.draw_key.default
scaled = torch.ops.fastdrop.scaled.default
alpha = torch.ops.fastdrop.alpha.default


def register_fake(name: str):
    """Return a decorator for the function that says which shape and type an operator's results have."""
    return registry.register_fake(f"fastdrop::{name}", lib=library)


def _draw_key(x: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.tensor(draw(generator), dtype=torch.int64)


def _scaled(x: Tensor, p: Tensor, key: Tensor, shared: list[int], rule: str) -> Tensor:
    y = torch.empty_like(x)
    kernels.scaled(x, y, p.item(), rule, as_words(key), shared)
    return y


def _alpha(x: Tensor, p: Tensor, key: Tensor, shared: list[int]) -> Tensor:
    y = torch.empty_like(x)
    kernels.alpha(x, y, p.item(), as_words(key), shared)
    return y


library.impl("draw_key", _draw_key, "CPU")
library.impl("scaled", _scaled, "CPU")
library.impl("alpha", _alpha, "CPU")


@register_fake("draw_key")
def _fake_key(x: Tensor, generator: torch.Generator | None) -> Tensor:
    return x.new_empty(2, dtype=torch.int64)


@register_fake("scaled")
def _fake_scaled(x: Tensor, p: Tensor, key: Tensor, shared: list[int], rule: str) -> Tensor:
    return torch.empty_like(x)


@register_fake("alpha")
def _fake_alpha(x: Tensor, p: Tensor, key: Tensor, shared: list[int]) -> Tensor:
    return torch.empty_like(x)


# ---- gradients of direct calls; laws.py brings functions of its own, since functorch asks for more ----


def _keep(ctx, inputs, output) -> None:
    _, p, key, ctx.shared, *rule = inputs
    ctx.rule = rule[0] if rule else "alpha"
    ctx.save_for_backward(p, key)


def _scaled_backward(ctx, dy: Tensor):
    return scaled(dy, *ctx.saved_tensors, ctx.shared, ctx.rule), None, None, None, None


def _alpha_backward(ctx, dy: Tensor):
    return scaled(dy, *ctx.saved_tensors, ctx.shared, ctx.rule), None, None, None


registry.register_autograd("fastdrop::scaled", _scaled_backward, setup_context=_keep, lib=library)
registry.register_autograd("fastdrop::alpha", _alpha_backward, setup_context=_keep, lib=library)


# ---- vmap: one key for all, or one for each, as its `randomness` says ----


def _vmap_draw_key(info, in_dims, x: Tensor, generator: torch.Generator | None):
    if info.randomness == "error":
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
            "randomness flags on vmap or perform the randomness operation out of vmap"
        )
    if info.randomness == "same":
        return draw_key(x.select(in_dims[0], 0), generator), None
    return torch.stack([draw_key(row, generator) for row in x.unbind(in_dims[0])]), 0


def _for_each_key(operator, in_dims, x: Tensor, p: Tensor, key: Tensor, shared: list[int], *rule: str):
    """Call it for each row and its key, or once for all rows, which share the decisions of one."""
    x_dim, _, key_dim = in_dims[:3]
    if key_dim is None:
        return operator(x.movedim(x_dim, 0), p, key, [0, *(axis + 1 for axis in shared)], *rule), 0
    keys = key.unbind(key_dim)
    rows = x.unbind(x_dim) if x_dim is not None else [x] * len(keys)
    return torch.stack([operator(row, p, one, shared, *rule) for row, one in zip(rows, keys, strict=True)]), 0


def _vmap_scaled(info, in_dims, x: Tensor, p: Tensor, key: Tensor, shared: list[int], rule: str):
    return _for_each_key(scaled, in_dims, x, p, key, shared, rule)


def _vmap_alpha(info, in_dims, x: Tensor, p: Tensor, key: Tensor, shared: list[int]):
    return _for_each_key(alpha, in_dims, x, p, key, shared)


registry.register_vmap("fastdrop::draw_key", _vmap_draw_key, lib=library)
registry.register_vmap("fastdrop::scaled", _vmap_scaled, lib=library)
registry.register_vmap("fastdrop::alpha", _vmap_alpha, lib=library)


def keep(ctx, *tensors: Tensor | None) -> None:
    """Keep tensors for derivatives of either mode."""
    ctx.save_for_backward(*tensors)
    ctx.save_for_forward(*tensors)


def without_jvp(function: type[Function]) -> type[Function]:
    """Return its like for code that is compiled: torch.compile refuses a Function that has forward-mode derivatives."""
    return type(f"{function.__name__}Compiled", (function,), {"jvp": Function.jvp})


def register_by_rows(name: str) -> None:
    """Let vmap call an operator for each row: each may have a key of its own, and none is in another's order."""
    operator = getattr(torch.ops.fastdrop, name).default

    def rule(info, in_dims, *operands):
        rows = [
            operator(*(x.select(d, i) if isinstance(d, int) else x for x, d in zip(operands, in_dims, strict=True)))
            for i in range(info.batch_size)
        ]
        if isinstance(rows[0], Tensor):
            return torch.stack(rows), 0
        columns = tuple(torch.stack(column) for column in zip(*rows, strict=True))
        return columns, (0,) * len(columns)

    registry.register_vmap(f"fastdrop::{name}", rule, lib=library)
