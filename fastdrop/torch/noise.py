"""Gaussian dropout and Gaussian noise of tensors: an operator, its derivatives, and the two functions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import Function

from fastdrop import _core
from fastdrop.geometry import shared_axes
from fastdrop.key import Key
from fastdrop.noise_law import ADD, MULTIPLY, check_gaussian_p, check_sigma, gaussian_sigma
from fastdrop.rng import RNGLike
from fastdrop.torch.checks import check_p
from fastdrop.torch.kernels import CODES, WORD, as_array, check_tensor, mask_steps
from fastdrop.torch.keys import as_words, check_generator
from fastdrop.torch.laws import axes_of, key_tensor, shared_of
from fastdrop.torch.ops import keep, library, register_by_rows, register_fake, without_jvp

__all__ = ["gaussian_dropout", "gaussian_noise"]

library.define("noise(Tensor x, float sigma, Tensor key, int[] shared, int kind) -> Tensor")
_operator = torch.ops.fastdrop.noise.default


def _run(x: Tensor, sigma: float, key: Tensor, shared: list[int], kind: int) -> Tensor:
    y = torch.empty_like(x)
    seed, stream = as_words(key)
    place = 0, mask_steps(tuple(x.shape), shared)
    arrays = as_array(x), as_array(y)
    _core.noise(Key(seed & WORD, stream & WORD), kind, sigma, *place, CODES[x.dtype], *arrays, torch.get_num_threads())
    return y


library.impl("noise", _run, "CPU")


@register_fake("noise")
def _fake(x: Tensor, sigma: float, key: Tensor, shared: list[int], kind: int) -> Tensor:
    return torch.empty_like(x)


register_by_rows("noise")


class _Noise(Function):
    """What is added does not depend on x, and what is multiplied by is made again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, sigma: float, key: Tensor, axes: int, kind: int) -> Tensor:
        return _operator(x, sigma, key, shared_of(axes), kind)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _, ctx.sigma, key, ctx.axes, ctx.kind = inputs
        keep(ctx, key)

    @staticmethod
    def backward(ctx, dy: Tensor):
        return _again(ctx, dy), None, None, None, None

    @staticmethod
    def jvp(ctx, dx: Tensor, *of_others: None) -> Tensor:
        return _again(ctx, dx)


_NoiseCompiled = without_jvp(_Noise)


def _again(ctx, d: Tensor) -> Tensor:
    if ctx.kind == ADD:
        return d.clone()  # an output that is an input would be taken for a view
    return _apply(d, ctx.sigma, *ctx.saved_tensors, ctx.axes, ctx.kind)


def _apply(*operands) -> Tensor:
    return (_NoiseCompiled if torch.compiler.is_compiling() else _Noise).apply(*operands)


def _noise(x: Tensor, sigma: float, kind: int, share_axes, inplace: bool, rng, generator) -> Tensor:
    shared = list(shared_axes(share_axes, x.dim())) if share_axes else []
    y = _apply(x, sigma, key_tensor(x, rng, generator), axes_of(shared), kind)
    return x.copy_(y) if inplace else y


def gaussian_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    share_axes: tuple[int, ...] = (),
    rng: RNGLike = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Multiply each element by 1 + sigma z, where z is standard normal and sigma² = p / (1 - p).

    Parameters
    ----------
    input : Tensor
        As for `dropout`.
    p : float, default 0.5
        In [0, 1).
    training, inplace, rng, generator
        As for `dropout`.
    share_axes : tuple of int, default ()
        Axes along which one z is shared.

    Returns
    -------
    Tensor
        As of `fastdrop.gaussian_dropout` under the same key; no noise is kept for the backward pass.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.gaussian_dropout(torch.ones(100_000), 0.5, rng=1)
    >>> abs(float(y.mean()) - 1) < 0.02, abs(float(y.std()) - 1) < 0.02
    (True, True)
    """
    check_tensor(input)
    check_generator(generator, rng)
    sigma = gaussian_sigma(check_gaussian_p(check_p(p)))
    if not training:
        return input
    return _noise(input, sigma, MULTIPLY, share_axes, inplace, rng, generator)


def gaussian_noise(
    input: Tensor,
    sigma: float,
    training: bool = True,
    inplace: bool = False,
    *,
    share_axes: tuple[int, ...] = (),
    rng: RNGLike = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Add sigma z to each element, where z is standard normal.

    Parameters
    ----------
    sigma : float
        Standard deviation, from 0 on and finite.
    input, training, inplace, share_axes, rng, generator
        As for `gaussian_dropout`.

    Returns
    -------
    Tensor
        As of `fastdrop.gaussian_noise` under the same key.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.gaussian_noise(torch.zeros(100_000), 3.0, rng=1)
    >>> abs(float(y.mean())) < 0.05, abs(float(y.std()) - 3) < 0.05
    (True, True)
    """
    check_tensor(input)
    check_generator(generator, rng)
    sigma = check_sigma(sigma)
    if not training:
        return input
    return _noise(input, sigma, ADD, share_axes, inplace, rng, generator)
