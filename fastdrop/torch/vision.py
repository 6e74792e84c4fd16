"""Functions that timm and torchvision have, with their signatures and errors."""

from __future__ import annotations

import numbers

import torch
from torch import Tensor

from fastdrop.rng import RNGLike
from fastdrop.torch import laws
from fastdrop.torch.blocks import drop_block
from fastdrop.torch.checks import check_call

__all__ = ["drop_block2d", "drop_block3d", "drop_path", "stochastic_depth"]

Generator = torch.Generator | None


def drop_path(
    x: Tensor,
    drop_prob: float = 0.0,
    training: bool = False,
    scale_by_keep: bool = True,
    *,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Drop whole samples, the first axis, with timm's signature (Huang et al. 2016).

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.drop_path(torch.ones(4, 3), 0.5, training=True, rng=1)
    >>> bool((y == y[:, :1]).all())
    True
    """
    p = check_call(x, drop_prob, rng, generator, "x")
    if not training or p == 0.0:
        return x
    return laws.scaled(x, p, "dropout" if scale_by_keep else "unscaled", list(range(1, x.dim())), rng, generator, False)


def stochastic_depth(
    input: Tensor,
    p: float,
    mode: str,
    training: bool = True,
    *,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Drop whole samples (mode "row") or the batch as one (mode "batch"), with torchvision's signature and errors.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> len(ft.functional.stochastic_depth(torch.ones(4, 3), 0.5, "batch", rng=1).unique())
    1
    """
    _check_p(p)
    if mode not in ("batch", "row"):
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
    p = check_call(input, p, rng, generator)
    if not training or p == 0.0:
        return input
    first = 1 if mode == "row" else 0
    return laws.scaled(input, p, "dropout", list(range(first, input.dim())), rng, generator, False)


def drop_block2d(
    input: Tensor,
    p: float,
    block_size: int,
    inplace: bool = False,
    eps: float = 1e-06,
    training: bool = True,
    *,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Drop squares of (N, C, H, W) with torchvision's signature (Ghiasi et al. 2018).

    The rest is scaled by the number of elements over that of those kept: eps, which torchvision adds there, is not
    needed, and taken for its sake. A block larger than the map is as large as the map.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.drop_block2d(torch.ones(2, 3, 8, 8), 0.2, 3, rng=1)
    >>> bool((y == 0).any()), round(float(y.mean()), 6)
    (True, 1.0)
    """
    return _drop_block(input, 4, p, block_size, inplace, training, rng, generator)


def drop_block3d(
    input: Tensor,
    p: float,
    block_size: int,
    inplace: bool = False,
    eps: float = 1e-06,
    training: bool = True,
    *,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Drop cubes of (N, C, D, H, W); everything else is as for `drop_block2d`.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.drop_block3d(torch.ones(2, 3, 4, 8, 8), 0.2, 3, rng=1)
    >>> bool((y == 0).any()), round(float(y.mean()), 6)
    (True, 1.0)
    """
    return _drop_block(input, 5, p, block_size, inplace, training, rng, generator)


def _drop_block(x, ndim, p, block_size, inplace, training, rng, generator) -> Tensor:
    _check_p(p)
    p = check_call(x, p, rng, generator)
    if x.dim() != ndim:
        raise ValueError(f"input should be {ndim} dimensional. Got {x.dim()} dimensions.")
    if isinstance(block_size, bool) or not isinstance(block_size, int) or block_size < 1:
        raise ValueError(f"block_size has to be a whole number from 1 on, but got {block_size!r}")
    if not training or p == 0.0 or 0 in x.shape:
        return x
    return drop_block(x, p, min(block_size, *x.shape[2:]), rng, generator, inplace)


def _check_p(p: object) -> None:
    if isinstance(p, numbers.Real) and not 0.0 <= p <= 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
