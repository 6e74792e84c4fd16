"""Softmax with dropout between the matrix products of attention: operators, and their derivatives of either mode."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd import Function

from fastdrop import _core
from fastdrop.geometry import c_strides
from fastdrop.key import Key
from fastdrop.torch.kernels import CODES, WORD, as_array
from fastdrop.torch.keys import as_words
from fastdrop.torch.laws import scaled_by_tensors
from fastdrop.torch.ops import keep, library, register_by_rows, register_fake, without_jvp

__all__ = ["row_type", "softmax_dropout"]

library.define(
    "softmax_dropout(Tensor x, Tensor p, float scale, Tensor? mask, bool causal, Tensor key) "
    "-> (Tensor, Tensor, Tensor)"
)
library.define(
    "softmax_dropout_backward(Tensor dy, Tensor x, Tensor most, Tensor sum, Tensor p, float scale, Tensor? mask, "
    "bool causal, Tensor key) -> Tensor"
)
_softmax = torch.ops.fastdrop.softmax_dropout.default
_softmax_backward = torch.ops.fastdrop.softmax_dropout_backward.default


def _law(x: Tensor, p: Tensor, scale: float, mask: Tensor | None, causal: bool, key: Tensor) -> tuple:
    seed, stream = as_words(key)
    seen = None if mask is None else as_array(mask.expand(x.shape))
    place = 0, c_strides(tuple(x.shape))
    return Key(seed & WORD, stream & WORD), p.item(), *place, scale, seen, causal, 0, CODES[x.dtype]


def row_type(x: Tensor) -> torch.dtype:
    """Return the type that is computed in, which maxima and sums of rows are kept in."""
    return torch.float64 if x.dtype is torch.float64 else torch.float32


def _run(x: Tensor, p: Tensor, scale: float, mask: Tensor | None, causal: bool, key: Tensor):
    y = torch.empty_like(x)
    most, total = (torch.empty(x.shape[:-1], dtype=row_type(x)) for _ in range(2))
    rows = as_array(most), as_array(total)
    _core.softmax_dropout(
        *_law(x, p, scale, mask, causal, key), as_array(x), as_array(y), *rows, torch.get_num_threads()
    )
    return y, most, total


def _run_backward(
    dy: Tensor,
    x: Tensor,
    most: Tensor,
    total: Tensor,
    p: float,
    scale: float,
    mask: Tensor | None,
    causal: bool,
    key: Tensor,
) -> Tensor:
    dx = torch.empty_like(x)
    arrays = [as_array(t) for t in (x, most, total, dy, dx)]
    _core.softmax_dropout_backward(*_law(x, p, scale, mask, causal, key), *arrays, torch.get_num_threads())
    return dx


library.impl("softmax_dropout", _run, "CPU")
library.impl("softmax_dropout_backward", _run_backward, "CPU")


@register_fake("softmax_dropout")
def _fake(x: Tensor, p: Tensor, scale: float, mask: Tensor | None, causal: bool, key: Tensor):
    rows = x.new_empty(x.shape[:-1], dtype=row_type(x))
    return torch.empty_like(x), rows, torch.empty_like(rows)


@register_fake("softmax_dropout_backward")
def _fake_backward(dy, x, most, total, p, scale, mask, causal, key) -> Tensor:
    return torch.empty_like(x)


register_by_rows("softmax_dropout")
register_by_rows("softmax_dropout_backward")

# With s = softmax(scale x + mask), k = 0 or 1 / (1 - p) and sums over a row: y = k s, and for a gradient dy of y
#     dx = scale s (g - r),  g = k dy,  r = sum(g s).
# Derivatives of that are of use to few, and made of PyTorch's own functions.


def _probabilities(x: Tensor, scale: float, mask: Tensor | None, causal: bool) -> Tensor:
    z = x.to(row_type(x)) * scale
    if mask is not None:
        z = z.masked_fill(~mask, -math.inf) if mask.dtype is torch.bool else z + mask
    if causal:
        z = z.masked_fill(~torch.ones(z.shape[-2:], dtype=torch.bool).tril(), -math.inf)
    blind = (z == -math.inf).all(-1, keepdim=True)  # rows that see no key are zeros
    return torch.softmax(z.masked_fill(blind, 0.0), -1).masked_fill(blind, 0.0)


def _sum(x: Tensor) -> Tensor:
    return x.sum(-1, keepdim=True)


class _SoftmaxDropout(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, p: Tensor, scale: float, mask: Tensor | None, causal: bool, key: Tensor):
        return _softmax(x, p, scale, mask, causal, key)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        x, p, ctx.scale, mask, ctx.causal, key = inputs
        _, most, total = output
        ctx.mark_non_differentiable(most, total)
        keep(ctx, x, p, mask, key, most, total)

    @staticmethod
    def backward(ctx, dy: Tensor, *of_rows: Tensor):
        x, p, mask, key, most, total = ctx.saved_tensors
        function = _SoftmaxBackwardCompiled if torch.compiler.is_compiling() else _SoftmaxBackward
        dx = function.apply(dy, x, most, total, p, ctx.scale, mask, ctx.causal, key)
        return dx, None, None, None, None, None

    @staticmethod
    def jvp(ctx, of_x: Tensor, *of_others: None):
        x, p, mask, key, _, _ = ctx.saved_tensors
        s = _probabilities(x, ctx.scale, mask, ctx.causal)
        return scaled_by_tensors(_of_softmax(s, ctx.scale * of_x).to(x.dtype), p, key), None, None


class _SoftmaxBackward(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dy, x, most, total, p, scale: float, mask: Tensor | None, causal: bool, key: Tensor) -> Tensor:
        return _softmax_backward(dy, x, most, total, p, scale, mask, causal, key)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        dy, x, _, _, p, ctx.scale, mask, ctx.causal, key = inputs
        keep(ctx, dy, x, p, mask, key)

    @staticmethod
    def backward(ctx, u: Tensor):
        dy, x, p, mask, key = ctx.saved_tensors
        s, g = _probabilities(x, ctx.scale, mask, ctx.causal), scaled_by_tensors(dy, p, key)
        r, q = _sum(g * s), _sum(u * s)
        of_dy = scaled_by_tensors((ctx.scale * s * (u - q)).to(dy.dtype), p, key)
        of_x = ctx.scale**2 * _of_softmax(s, u * (g - r) - g * q)
        return of_dy, of_x.to(x.dtype), *7 * [None]

    @staticmethod
    def jvp(ctx, of_dy: Tensor | None, of_x: Tensor | None, *of_others: None) -> Tensor:
        dy, x, p, mask, key = ctx.saved_tensors
        s, g = _probabilities(x, ctx.scale, mask, ctx.causal), scaled_by_tensors(dy, p, key)
        of_s = torch.zeros_like(s) if of_x is None else _of_softmax(s, ctx.scale * of_x)
        of_g = torch.zeros_like(g) if of_dy is None else scaled_by_tensors(of_dy, p, key)
        of_r = _sum(of_g * s + g * of_s)
        return (ctx.scale * (of_s * (g - _sum(g * s)) + s * (of_g - of_r))).to(x.dtype)


_SoftmaxDropoutCompiled = without_jvp(_SoftmaxDropout)
_SoftmaxBackwardCompiled = without_jvp(_SoftmaxBackward)


def _of_softmax(s: Tensor, change: Tensor) -> Tensor:
    """Return by how much s changes with its exponents, or what a gradient of s is for them: it is symmetric."""
    return s * (change - _sum(s * change))


def softmax_dropout(x: Tensor, p: Tensor, scale: float, mask: Tensor | None, causal: bool, key: Tensor) -> Tensor:
    """Return dropout of softmax(scale x + mask) over the last axis, in one pass; backward keeps two numbers a row."""
    function = _SoftmaxDropoutCompiled if torch.compiler.is_compiling() else _SoftmaxDropout
    return function.apply(x, p, scale, mask, causal, key)[0]
