"""Variational dropout of sequences: one mask for all time steps."""

from __future__ import annotations

import operator

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.functional import check_flag, dropout, dropout_backward, dropout_forward
from fastdrop.mask import Mask
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard

__all__ = ["variational_dropout", "variational_dropout_backward", "variational_dropout_forward"]


def variational_dropout(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    time_axis: int = 1,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Drop features of whole sequences with probability p and scale the kept ones by 1 / (1 - p).

    Parameters
    ----------
    x : array_like, shape (batch, time, ...)
        Sequences; float16, bfloat16, float32, float64, complex64 or complex128; any strides.
    p : float or array_like, default 0.5
        Probability of dropping a feature for all time steps of a sequence, in [0, 1]; an array has to broadcast to the
        mask's shape, x's with 1 on the time axis.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from.
    training : bool, default True
        False returns x as it is.
    time_axis : int, default 1
        Which axis is time: 0 for (time, batch, features). The same features are dropped either way.
    out : ndarray, optional
        Where to write: x itself or an array that shares no memory with it.
    shard : Shard, optional
        x is a block of a larger array; its place on the time axis does not matter.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        As `dropout` returns it.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Notes
    -----
    Gal and Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks", NeurIPS 2016;
    also called locked dropout. Decisions are numbered in x's shape without the time axis. In a recurrent network the
    state is masked likewise, before the product with the recurrent weights: one mask for all gates and steps, which is
    `dropout` of each state with the same key.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y = fd.variational_dropout(np.ones((2, 5, 8), np.float32), 0.5, rng=1)
    >>> bool((y == y[:, :1]).all()), sorted(set(y.ravel().tolist()))
    (True, [0.0, 2.0])
    """
    check_flag(training, "training")
    array, axis = _sequences(x, time_axis)
    source = x if isinstance(x, np.ndarray) else array
    return dropout(source, p, rng=rng, training=training, out=out, share_axes=axis, shard=shard, threads=threads)


def variational_dropout_forward(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    rng: RNGLike = None,
    time_axis: int = 1,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `variational_dropout` does, and return the mask as well: `variational_dropout_backward` takes it.

    Parameters
    ----------
    x, p, rng, time_axis, out, shard, threads
        As for `variational_dropout`.

    Returns
    -------
    y : ndarray
        As `variational_dropout` returns it.
    mask : Mask
        The law of these decisions; nothing is stored.

    Raises
    ------
    TypeError, ValueError
        As `variational_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.variational_dropout_forward(np.ones((5, 2, 8)), 0.5, rng=1, time_axis=0)
    >>> mask.mask_shape
    (1, 2, 8)
    """
    array, axis = _sequences(x, time_axis)
    source = x if isinstance(x, np.ndarray) else array
    return dropout_forward(source, p, rng=rng, out=out, share_axes=axis, shard=shard, threads=threads)


def variational_dropout_backward(
    dy: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: the same mask and scale.

    Parameters
    ----------
    dy : array_like, shape ``mask.shape``
        Gradient of the loss for y.
    mask : Mask
        What `variational_dropout_forward` returned.
    out : ndarray, optional
        Where to write: dy itself, or an array that shares no memory with it.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        dx: m * dy / (1 - p), exactly +0 where x was dropped.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((2, 5, 8))
    >>> y, mask = fd.variational_dropout_forward(x, 0.5, rng=1)
    >>> bool((fd.variational_dropout_backward(x, mask) == y).all())
    True
    """
    return dropout_backward(dy, mask, out=out, threads=threads)


def _sequences(x: object, time_axis: object) -> tuple[np.ndarray, int]:
    """Return x as an array that has this axis, and the axis."""
    array, _ = as_input(x)
    if isinstance(time_axis, (bool, np.bool_)) or not hasattr(time_axis, "__index__"):
        raise TypeError(f"time_axis has to be an int, but got {time_axis!r} of type {type(time_axis).__name__}")
    axis = operator.index(time_axis)
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"time_axis has to be an axis of x, whose shape is {array.shape}, but got {axis}")
    return array, axis
