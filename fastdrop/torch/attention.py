"""Attention with dropout of its weights: matrix products by PyTorch, and between them one pass of fastdrop's."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from fastdrop import _core
from fastdrop.geometry import c_strides
from fastdrop.key import Key
from fastdrop.rng import RNGLike
from fastdrop.torch.checks import check_p
from fastdrop.torch.kernels import CODES, WORD, as_array, check_tensor
from fastdrop.torch.keys import as_words, check_generator
from fastdrop.torch.laws import key_tensor, p_tensor
from fastdrop.torch.ops import library

__all__ = ["scaled_dot_product_attention"]

_theirs = F.scaled_dot_product_attention

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


def _row_type(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype is torch.float64 else torch.float32


def _run(x: Tensor, p: Tensor, scale: float, mask: Tensor | None, causal: bool, key: Tensor):
    y = torch.empty_like(x)
    most, total = (torch.empty(x.shape[:-1], dtype=_row_type(x)) for _ in range(2))
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


@torch.library.register_fake("fastdrop::softmax_dropout", lib=library)
def _fake(x: Tensor, p: Tensor, scale: float, mask: Tensor | None, causal: bool, key: Tensor):
    rows = x.new_empty(x.shape[:-1], dtype=_row_type(x))
    return torch.empty_like(x), rows, torch.empty_like(rows)


@torch.library.register_fake("fastdrop::softmax_dropout_backward", lib=library)
def _fake_backward(dy, x, most, total, p, scale, mask, causal, key) -> Tensor:
    return torch.empty_like(x)


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
        ctx.save_for_backward(x, p, mask, key, most, total)

    @staticmethod
    @once_differentiable
    def backward(ctx, dy: Tensor, *of_rows: Tensor):
        x, p, mask, key, most, total = ctx.saved_tensors
        dx = _softmax_backward(dy, x, most, total, p, ctx.scale, mask, ctx.causal, key)
        return dx, None, None, None, None, None


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    rng: RNGLike = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Attend with dropout of the weights; without any it is PyTorch's own function.

    Parameters
    ----------
    query, key, value : Tensor
        Of shapes (..., L, E), (..., S, E) and (..., S, V).
    attn_mask : Tensor, optional
        Of bool, True where a key takes part, or to be added to the scores; it broadcasts to (..., L, S).
    dropout_p : float, default 0
        Probability of dropping a weight. As in PyTorch's function it is applied whenever it is not 0.
    is_causal, scale, enable_gqa
        As there.
    rng, generator
        Where the key of the mask comes from, as for `functional.dropout`.

    Returns
    -------
    Tensor
        Of shape (..., L, V).

    Notes
    -----
    Scale, mask, softmax and dropout are one pass over the scores, and the backward pass keeps two numbers a row in
    place of probabilities and masks. A row that sees no key is zeros. A second derivative there is not; nor, fused, a
    gradient for attn_mask: if it asks for one, softmax and dropout are calls of their own.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> q, k, v = torch.randn(3, 2, 4, 8, 16)
    >>> ft.scaled_dot_product_attention(q, k, v, dropout_p=0.1, is_causal=True).shape
    torch.Size([2, 4, 8, 16])
    """
    if isinstance(dropout_p, (int, float)) and dropout_p == 0.0:
        return _theirs(query, key, value, attn_mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa)
    from fastdrop.torch.functional import dropout

    for name, tensor in (("query", query), ("key", key), ("value", value)):
        check_tensor(tensor, name)
    check_generator(generator, rng)
    p = check_p(dropout_p)
    if attn_mask is not None and is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if enable_gqa:
        key, value = (t.repeat_interleave(query.size(-3) // t.size(-3), -3) for t in (key, value))
    scores = query @ key.transpose(-2, -1)
    factor = 1 / math.sqrt(query.size(-1)) if scale is None else float(scale)
    if attn_mask is not None and attn_mask.dtype is not torch.bool:
        if attn_mask.requires_grad:
            weights = dropout(torch.softmax(scores * factor + attn_mask, -1), p, rng=rng, generator=generator)
            return weights @ value
        attn_mask = attn_mask.to(_row_type(scores))
    law = key_tensor(scores, rng, generator)
    weights = _SoftmaxDropout.apply(scores, p_tensor(p), factor, attn_mask, bool(is_causal), law)[0]
    return weights @ value
