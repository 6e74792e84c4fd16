"""Spatial dropout: whole channels are dropped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.functional import check_flag, dropout
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard

__all__ = ["check_rank", "dropout1d", "dropout2d", "dropout3d", "spatial_axes"]


def spatial_axes(dims: int, channels_last: bool = False) -> tuple[int, ...]:
    """Return the axes over which a channel extends: what `share_axes` is for spatial dropout.

    Parameters
    ----------
    dims : int
        Number of spatial axes: 1 for (N, C, L), 2 for (N, C, H, W), 3 for (N, C, D, H, W).
    channels_last : bool, default False
        Whether channels are the last axis.

    Examples
    --------
    >>> import fastdrop as fd
    >>> fd.spatial_axes(2), fd.spatial_axes(2, channels_last=True)
    ((2, 3), (1, 2))
    """
    first = 1 if channels_last else 2
    return tuple(range(first, first + dims))


def check_rank(x: object, dims: int, channels_last: object, name: str) -> np.ndarray:
    """Return x as an array of batch, channels and `dims` spatial axes.

    Raises
    ------
    TypeError
        If x is of no supported type, or `channels_last` not a bool.
    ValueError
        If x has another number of axes: which of them are channels is never guessed.
    """
    check_flag(channels_last, "channels_last")
    array, _ = as_input(x)
    if array.ndim != dims + 2:
        space = ("L", "H, W", "D, H, W")[dims - 1]
        layout = f"(N, {space}, C)" if channels_last else f"(N, C, {space})"
        raise ValueError(f"x has to have the {dims + 2} axes {layout} for {name}, but got shape {array.shape}")
    return array


def _spatial(dims: int) -> Callable[..., np.ndarray]:
    """Make the function of so many spatial axes."""
    name, space = f"dropout{dims}d", ("L", "H, W", "D, H, W")[dims - 1]
    shape = (2, 3, *(4,) * dims)

    def function(
        x: np.ndarray,
        p: float | np.ndarray = 0.5,
        *,
        rng: RNGLike = None,
        training: bool = True,
        out: np.ndarray | None = None,
        channels_last: bool = False,
        shard: Shard | None = None,
        threads: int | None = None,
    ) -> np.ndarray:
        array = check_rank(x, dims, channels_last, name)
        axes = spatial_axes(dims, bool(channels_last))
        source = x if isinstance(x, np.ndarray) else array
        return dropout(source, p, rng=rng, training=training, out=out, share_axes=axes, shard=shard, threads=threads)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Drop whole channels of x with probability p and scale the kept ones by 1 / (1 - p).

    Parameters
    ----------
    x : array_like, shape (N, C, {space}) or, with `channels_last`, (N, {space}, C)
        float16, bfloat16, float32, float64, complex64 or complex128; any strides.
    p : float or array_like, default 0.5
        Probability of dropping a channel, in [0, 1]; an array has to broadcast to the mask's shape, x's with 1 on
        the spatial axes.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from.
    training : bool, default True
        False returns x as it is.
    out : ndarray, optional
        Where to write: x itself or an array that shares no memory with it.
    channels_last : bool, default False
        Whether channels are the last axis. The same channels are dropped either way.
    shard : Shard, optional
        x is a block of a larger array.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        As `dropout` returns it.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used, x's number of axes included; nothing has been written then.

    Notes
    -----
    One decision for each sample and channel, numbered n * C + c (Tompson, Goroshin, Jain, LeCun and Bregler, CVPR
    2015). For the backward pass call it again with the gradient and the same key, or use `dropout_forward` with
    ``share_axes=spatial_axes({dims})``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y = fd.{name}(np.ones({shape}, np.float32), 0.5, rng=1)
    >>> channels = y.reshape(6, -1)
    >>> bool((channels == channels[:, :1]).all())
    True
    """
    return function


dropout1d = _spatial(1)
dropout2d = _spatial(2)
dropout3d = _spatial(3)
