"""Masks applied to tensors: at once where nothing else looks on, by way of the operators everywhere else."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from fastdrop.rng import RNGLike
from fastdrop.torch import kernels, ops, sharded
from fastdrop.torch.keys import Words, as_words, draw, given, is_key

__all__ = [
    "alpha",
    "axes_of",
    "is_plain",
    "key_tensor",
    "p_tensor",
    "scaled",
    "scaled_by_tensors",
    "shared_of",
]


def is_plain(x: Tensor) -> bool:
    """Return whether nothing but eager PyTorch will see a call: no compiler, functorch, mode, tangent or subclass."""
    return (
        type(x) in (Tensor, torch.nn.Parameter)
        and not torch.compiler.is_compiling()
        and x.is_cpu
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._functorch.peek_interpreter_stack() is None
        and forward_ad._current_level < 0
        and not torch._C._functorch.is_legacy_batchedtensor(x)  # gradients by the batch: is_grads_batched=True
    )


def key_tensor(x: Tensor, rng: RNGLike | Tensor, generator: torch.Generator | None) -> Tensor:
    """Return the key as an operand: given, or drawn by an operator of its own."""
    if rng is None:
        return torch.tensor(draw(generator), dtype=torch.int64) if sharded.is_spread(x) else ops.draw_key(x, generator)
    return rng if is_key(rng) else torch.tensor(given(rng), dtype=torch.int64)


def p_tensor(p: float) -> Tensor:
    """Return p as an operand. A sum, since compilers that take numbers for constants keep those of sums variable."""
    return torch.zeros((), dtype=torch.float64) + p


def _words(rng: RNGLike | Tensor, generator: torch.Generator | None) -> Words:
    if rng is None:
        return draw(generator)
    return as_words(rng) if is_key(rng) else given(rng)


# ---- in eager mode: the core is called on the tensors' memory ----


class _Scaled(Function):
    """kept ? x scale : 0, whose gradient is the same of dy, again and again. A law is p, rule, key and shared axes."""

    @staticmethod
    def forward(ctx, x: Tensor, law: tuple, inplace: bool) -> Tensor:
        ctx.law = law
        y = x if inplace else torch.empty_like(x)
        kernels.scaled(x, y, *law)
        if inplace:
            ctx.mark_dirty(x)
        return y

    @staticmethod
    def backward(ctx, dy: Tensor):
        if dy.requires_grad or not is_plain(dy):
            return _again(dy, *ctx.law), None, None
        dx = torch.empty_like(dy)
        kernels.scaled(dy, dx, *ctx.law)
        return dx, None, None


class _Alpha(Function):
    @staticmethod
    def forward(ctx, x: Tensor, p: float, key: Words, shared: list[int], inplace: bool) -> Tensor:
        ctx.law = p, "alpha", key, shared
        y = x if inplace else torch.empty_like(x)
        kernels.alpha(x, y, p, key, shared)
        if inplace:
            ctx.mark_dirty(x)
        return y

    @staticmethod
    def backward(ctx, dy: Tensor):
        return _again(dy, *ctx.law), None, None, None, None


def _again(dy: Tensor, p: float, rule: str, key: Words, shared: list[int]) -> Tensor:
    if is_plain(dy):
        return _Scaled.apply(dy, (p, rule, key, shared), False)
    return _scaled(dy, p_tensor(p), torch.tensor(key, dtype=torch.int64), axes_of(shared), rule)


# ---- everywhere else: by operators, which compilers and transforms understand ----


def axes_of(shared: list[int]) -> int:
    """Return axes as the bits of a number: PyTorch's transforms take a list apart as if it had tensors in it."""
    return sum(1 << axis for axis in shared)


def shared_of(axes: int) -> list[int]:
    """Return the axes that `axes_of` made a number of."""
    return [axis for axis in range(axes.bit_length()) if axes >> axis & 1]


class _ScaledOperator(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, p: Tensor, key: Tensor, axes: int, rule: str) -> Tensor:
        return ops.scaled(x, p, key, shared_of(axes), rule)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _, p, key, ctx.axes, ctx.rule = inputs
        ops.keep(ctx, p, key)

    @staticmethod
    def backward(ctx, dy: Tensor):
        return _scaled(dy, *ctx.saved_tensors, ctx.axes, ctx.rule), None, None, None, None

    @staticmethod
    def jvp(ctx, dx: Tensor, *of_others: None) -> Tensor:
        return _scaled(dx, *ctx.saved_tensors, ctx.axes, ctx.rule)


_ScaledCompiled = ops.without_jvp(_ScaledOperator)


def _scaled(x: Tensor, p: Tensor, key: Tensor, axes: int, rule: str) -> Tensor:
    return (_ScaledCompiled if torch.compiler.is_compiling() else _ScaledOperator).apply(x, p, key, axes, rule)


class _AlphaOperator(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, p: Tensor, key: Tensor, axes: int) -> Tensor:
        return ops.alpha(x, p, key, shared_of(axes))

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _, p, key, ctx.axes = inputs
        ops.keep(ctx, p, key)

    @staticmethod
    def backward(ctx, dy: Tensor):
        return _scaled(dy, *ctx.saved_tensors, ctx.axes, "alpha"), None, None, None

    @staticmethod
    def jvp(ctx, dx: Tensor, *of_others: None) -> Tensor:
        return _scaled(dx, *ctx.saved_tensors, ctx.axes, "alpha")


_AlphaCompiled = ops.without_jvp(_AlphaOperator)


def _alpha(x: Tensor, p: Tensor, key: Tensor, axes: int) -> Tensor:
    return (_AlphaCompiled if torch.compiler.is_compiling() else _AlphaOperator).apply(x, p, key, axes)


def scaled_by_tensors(x: Tensor, p: Tensor, key: Tensor) -> Tensor:
    """Return dropout of x, p and key being operands; it has derivatives of any order and mode."""
    return _scaled(x, p, key, 0, "dropout")


# ---- either ----


def _check_in_place(x: Tensor) -> None:
    if not x.is_contiguous() and any(step == 0 and n > 1 for step, n in zip(x.stride(), x.shape, strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )
    if x.is_leaf and x.requires_grad and torch.is_grad_enabled():
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


def _place(x: Tensor, inplace: bool) -> Tensor:
    """Return where to write, with the version that autograd counts."""
    if not inplace:
        return torch.empty_like(x)
    torch.autograd.graph.increment_version(x)
    return x


def _anywhere(x: Tensor, p: float, key: Tensor, shared: list[int], rule: str) -> Tensor:
    if sharded.is_spread(x):
        return sharded.of_spread(x, p_tensor(p), key, rule, shared)
    if rule == "affine":
        return _alpha(x, p_tensor(p), key, axes_of(shared))
    return _scaled(x, p_tensor(p), key, axes_of(shared), rule)


def scaled(
    x: Tensor,
    p: float,
    rule: str,
    shared: list[int],
    rng: RNGLike | Tensor,
    generator: torch.Generator | None,
    inplace: bool,
) -> Tensor:
    """Return kept ? x scale : 0 under a key that is given or drawn now; the rule says which scale."""
    if not is_plain(x):
        y = _anywhere(x, p, key_tensor(x, rng, generator), shared, rule)
        return x.copy_(y) if inplace else y
    if inplace:
        _check_in_place(x)
    law = p, rule, _words(rng, generator), shared
    if x.requires_grad and torch.is_grad_enabled():
        return _Scaled.apply(x, law, inplace)
    y = _place(x, inplace)
    kernels.scaled(x, y, *law)
    return y


def alpha(
    x: Tensor, p: float, shared: list[int], rng: RNGLike | Tensor, generator: torch.Generator | None, inplace: bool
) -> Tensor:
    """Return alpha dropout of x under a key that is given or drawn now."""
    if not is_plain(x):
        y = _anywhere(x, p, key_tensor(x, rng, generator), shared, "affine")
        return x.copy_(y) if inplace else y
    if inplace:
        _check_in_place(x)
    law = p, _words(rng, generator), shared
    if x.requires_grad and torch.is_grad_enabled():
        return _Alpha.apply(x, *law, inplace)
    y = _place(x, inplace)
    kernels.alpha(x, y, *law)
    return y
