"""DropConnect: a linear layer whose weights are dropped, for each sample others; no mask is ever written."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from fastdrop.dropconnect import dropconnect, dropconnect_backward
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.rng import RNGLike
from fastdrop.torch.checks import check_call
from fastdrop.torch.kernels import WORD, as_array, check_tensor
from fastdrop.torch.keys import as_words
from fastdrop.torch.laws import key_tensor, p_tensor
from fastdrop.torch.ops import library, register_fake

__all__ = ["DropConnectLinear", "linear"]

library.define("dropconnect(Tensor x, Tensor weight, Tensor? bias, Tensor p, Tensor key, bool per_sample) -> Tensor")
library.define(
    "dropconnect_backward(Tensor dy, Tensor x, Tensor weight, Tensor p, Tensor key, bool per_sample) "
    "-> (Tensor, Tensor)"
)
_operator = torch.ops.fastdrop.dropconnect.default
_backward_operator = torch.ops.fastdrop.dropconnect_backward.default


def _key(key: Tensor) -> Key:
    seed, stream = as_words(key)
    return Key(seed & WORD, stream & WORD)


def _run(x: Tensor, weight: Tensor, bias: Tensor | None, p: Tensor, key: Tensor, per_sample: bool) -> Tensor:
    options = {"rng": _key(key), "per_sample": per_sample, "threads": torch.get_num_threads()}
    offset = None if bias is None else as_array(bias)
    return torch.from_numpy(dropconnect(as_array(x), as_array(weight), p.item(), bias=offset, **options))


def _run_backward(dy: Tensor, x: Tensor, weight: Tensor, p: Tensor, key: Tensor, per_sample: bool):
    shape = (*((math.prod(x.shape[:-1]),) if per_sample else ()), *weight.shape)
    mask = Mask(shape, p.item(), rng=_key(key))
    arrays = [as_array(t) for t in (dy, x, weight)]
    dx, dweight, *_ = dropconnect_backward(*arrays, mask, threads=torch.get_num_threads())
    return torch.from_numpy(dx), torch.from_numpy(dweight)


library.impl("dropconnect", _run, "CPU")
library.impl("dropconnect_backward", _run_backward, "CPU")


@register_fake("dropconnect")
def _fake(x: Tensor, weight: Tensor, bias: Tensor | None, p: Tensor, key: Tensor, per_sample: bool) -> Tensor:
    return x.new_empty((*x.shape[:-1], weight.shape[0]))


@register_fake("dropconnect_backward")
def _fake_backward(dy: Tensor, x: Tensor, weight: Tensor, p: Tensor, key: Tensor, per_sample: bool):
    return x.new_empty(x.shape), weight.new_empty(weight.shape)


class _DropConnect(Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, p: Tensor, key: Tensor, per_sample: bool) -> Tensor:
        return _operator(x, weight, bias, p, key, per_sample)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        x, weight, bias, p, key, ctx.per_sample = inputs
        ctx.has_bias = bias is not None
        ctx.save_for_backward(x, weight, p, key)

    @staticmethod
    @once_differentiable
    def backward(ctx, dy: Tensor):
        dx, dweight = _backward_operator(dy, *ctx.saved_tensors, ctx.per_sample)
        dbias = dy.reshape(-1, dy.shape[-1]).sum(0) if ctx.has_bias else None
        return dx, dweight, dbias, None, None, None


def linear(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    p: float = 0.5,
    training: bool = True,
    per_sample: bool = True,
    *,
    rng: RNGLike = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return ((mask o weight) s) input + bias: weights are dropped, for each sample others (Wan et al. 2013).

    Parameters
    ----------
    input : Tensor, shape (..., in_features)
        float32 or float64.
    weight : Tensor, shape (out_features, in_features)
    bias : Tensor, shape (out_features,), optional
        Never dropped.
    p : float, default 0.5
        Probability of dropping a weight.
    training : bool, default True
        False multiplies by the mean weights: PyTorch's linear.
    per_sample : bool, default True
        Whether each sample, which is all axes of input but the last, has a mask of its own; else one is for all.
    rng, generator
        Where the key comes from, as for `functional.dropout`.

    Returns
    -------
    Tensor, shape (..., out_features)
        No mask is kept for the backward pass, which makes it again; a second derivative there is not.

    Examples
    --------
    >>> import torch
    >>> from fastdrop.torch.connect import linear
    >>> y = linear(torch.ones(3, 8), torch.ones(2, 8), p=0.5, rng=1)
    >>> y.shape, bool((y % 2 == 0).all())
    (torch.Size([3, 2]), True)
    """
    p = check_call(input, p, rng, generator)
    check_tensor(weight, "weight")
    if input.dtype not in (torch.float32, torch.float64) or weight.dtype is not input.dtype:
        raise TypeError(
            f"input and weight have to be of float32 or float64, both, but are {input.dtype}, {weight.dtype}"
        )
    if input.dim() < 1 or weight.dim() != 2 or input.shape[-1] != weight.shape[1]:
        shapes = f"{tuple(input.shape)} and {tuple(weight.shape)}"
        raise ValueError(
            f"input and weight have to be (..., in_features) and (out_features, in_features), but are {shapes}"
        )
    if not training:
        return F.linear(input, weight, bias)
    return _DropConnect.apply(input, weight, bias, p_tensor(p), key_tensor(input, rng, generator), per_sample)


class DropConnectLinear(nn.Linear):
    """`torch.nn.Linear` whose weights are dropped in training, for each sample others.

    Parameters
    ----------
    in_features, out_features : int
    p : float, default 0.5
        Probability of dropping a weight.
    per_sample : bool, default True
        Whether each sample has a mask of its own; else one is drawn for each call.
    bias : bool, default True

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> layer = ft.DropConnectLinear(8, 2, p=0.25)
    >>> layer(torch.ones(3, 8)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self, in_features: int, out_features: int, p: float = 0.5, per_sample: bool = True, bias: bool = True, **factory
    ) -> None:
        super().__init__(in_features, out_features, bias, **factory)
        self.p = p
        self.per_sample = per_sample

    def forward(self, input: Tensor) -> Tensor:
        """Multiply, in training by weights some of which are dropped."""
        return linear(input, self.weight, self.bias, self.p, self.training, self.per_sample)

    def extra_repr(self) -> str:
        """Return the sizes, and how weights are dropped."""
        return f"{super().extra_repr()}, p={self.p}, per_sample={self.per_sample}"
