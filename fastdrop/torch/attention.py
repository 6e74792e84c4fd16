"""Attention with dropout of its weights: matrix products by PyTorch, and between them one pass of fastdrop's."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from fastdrop.rng import RNGLike
from fastdrop.torch.checks import check_p
from fastdrop.torch.kernels import check_tensor
from fastdrop.torch.keys import check_generator
from fastdrop.torch.laws import key_tensor, p_tensor
from fastdrop.torch.softmax import row_type, softmax_dropout

__all__ = ["scaled_dot_product_attention"]

_theirs = F.scaled_dot_product_attention


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
    place of probabilities and masks. A row that sees no key is zeros. There is no fused gradient for attn_mask: if it
    asks for one, softmax and dropout are calls of their own.

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
        attn_mask = attn_mask.to(row_type(scores))
    law = key_tensor(scores, rng, generator)
    weights = softmax_dropout(scores, p_tensor(p), factor, attn_mask, bool(is_causal), law)
    return weights @ value
