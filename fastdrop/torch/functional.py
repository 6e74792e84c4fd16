"""What `torch.nn.functional` has of dropout: the same signatures, errors and warnings, and where keys come from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fastdrop.geometry import shared_axes
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard
from fastdrop.torch import laws
from fastdrop.torch.checks import check_call
from fastdrop.torch.noise import gaussian_dropout, gaussian_noise
from fastdrop.torch.sharded import block, is_spread
from fastdrop.torch.vision import drop_block2d, drop_block3d, drop_path, stochastic_depth

__all__ = [
    "alpha_dropout",
    "drop_block2d",
    "drop_block3d",
    "drop_path",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
    "gaussian_dropout",
    "gaussian_noise",
    "stochastic_depth",
]

Generator = torch.Generator | None


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    share_axes: tuple[int, ...] = (),
    shard: Shard | None = None,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Set elements to zero with probability p and scale the others by 1 / (1 - p).

    Parameters
    ----------
    input : Tensor
        On the CPU: float16, bfloat16, float32, float64, complex64 or complex128, of any shape and strides.
    p : float, default 0.5
        Probability of dropping, in [0, 1].
    training : bool, default True
        False returns input as it is.
    inplace : bool, default False
        Whether to write to input.
    share_axes : tuple of int, default ()
        Axes along which one decision is shared.
    shard : Shard, optional
        input is a block of a larger tensor, and gets its part of that tensor's mask.
    rng : Key, int, Tensor, numpy.random.Generator or None, optional
        Where the key comes from, as for `fastdrop.dropout`: the same key gives the same mask, and needs no state of a
        generator when a checkpointed part is run again. A tensor holds seed and stream, two numbers of int64 (the bits
        of unsigned ones); under `torch.compile` it has to be that or an int.
    generator : torch.Generator, optional
        Where the key is drawn from without `rng`; PyTorch's default generator, which `torch.manual_seed` sets, else.

    Returns
    -------
    Tensor
        Of input's shape, dtype and layout. Only the key is kept for the backward pass, which makes the mask again.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.
    RuntimeError
        For a leaf that requires a gradient, or a tensor whose elements share memory, in place.

    Notes
    -----
    The mask is that of `fastdrop.dropout` under the same key, whatever the memory format: it follows the elements'
    order in the shape. A dropped element is +0 even if it was NaN, where PyTorch keeps NaN.

    A DTensor, spread over ranks as Shard and Replicate, gets the mask of the whole tensor, and nothing is sent. Its key
    has to be the same on all ranks: give one, or seed their generators alike.

    Examples
    --------
    >>> import torch
    >>> import fastdrop as fd
    >>> import fastdrop.torch as ft
    >>> x = torch.ones(2, 4)
    >>> y = ft.functional.dropout(x, 0.5, rng=fd.Key(42))
    >>> bool((y.numpy() == fd.dropout(x.numpy(), 0.5, rng=fd.Key(42))).all())
    True
    """
    p = check_call(input, p, rng, generator)
    if not training:
        return input
    shared = shared_axes(share_axes, input.dim()) if share_axes else ()
    if shard is not None:
        y = block(input, laws.p_tensor(p), laws.key_tensor(input, rng, generator), "dropout", list(shared), shard)
        return input.copy_(y) if inplace else y
    return laws.scaled(input, p, "dropout", list(shared), rng, generator, inplace)


def dropout1d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Drop whole channels of (N, C, L) or (C, L); everything else is as for `dropout`.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.dropout1d(torch.ones(3, 4, 5), rng=1)
    >>> bool((y == y[:, :, :1]).all())
    True
    """
    return _channels(F.dropout1d, 1, input, p, training, inplace, rng, generator)


def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Drop whole channels of (N, C, H, W); ranks that PyTorch warns of are treated, and warned of, as it does.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.dropout2d(torch.ones(2, 3, 4, 5), rng=1)
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """
    return _channels(F.dropout2d, None, input, p, training, inplace, rng, generator)


def dropout3d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Drop whole channels of (N, C, D, H, W) or (C, D, H, W); everything else is as for `dropout`.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.dropout3d(torch.ones(2, 3, 4, 5, 6), rng=1)
    >>> bool((y == y[:, :, :1, :1, :1]).all())
    True
    """
    return _channels(F.dropout3d, 3, input, p, training, inplace, rng, generator)


def alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    share_axes: tuple[int, ...] = (),
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Drop to SELU's limit and keep mean and variance (Klambauer et al. 2017); `training` is False by default.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> len(ft.functional.alpha_dropout(torch.zeros(100), 0.3, training=True, rng=1).unique())
    2
    """
    p = check_call(input, p, rng, generator)
    if not training:
        return input
    shared = shared_axes(share_axes, input.dim()) if share_axes else ()
    return laws.alpha(input, p, list(shared), rng, generator, inplace)


def feature_alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    rng: RNGLike = None,
    generator: Generator = None,
) -> Tensor:
    """Alpha dropout of whole channels of (N, C, ...).

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> y = ft.functional.feature_alpha_dropout(torch.zeros(2, 3, 4), 0.5, training=True, rng=1)
    >>> bool((y == y[:, :, :1]).all())
    True
    """
    p = check_call(input, p, rng, generator)
    if not training:
        return input
    shared = _below_channels(input, 2)
    return laws.alpha(input, p, shared, rng, generator, inplace)


def _below_channels(x: Tensor, first: int) -> list[int]:
    if x.dim() < first:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return list(range(first, x.dim()))


def _channels(theirs, spatial, x, p, training, inplace, rng, generator) -> Tensor:
    """Drop channels, the second axis, or the first of an input that PyTorch gives a batch of one.

    It does so where there are not `spatial` axes behind batch and channels.
    """
    p = check_call(x, p, rng, generator)
    theirs(x.to_local() if is_spread(x) else x, 0.5, training=False)  # its texts, if the rank is wrong or ambiguous
    if not training:
        return x
    shared = _below_channels(x, 2 if spatial is None or x.dim() == spatial + 2 else 1)
    return laws.scaled(x, p, "dropout", shared, rng, generator, inplace)
