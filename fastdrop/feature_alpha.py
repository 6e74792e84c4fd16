"""Alpha dropout of whole channels."""

from __future__ import annotations

import numpy as np

from fastdrop.alpha import alpha_dropout_backward, alpha_dropout_forward, drop_to_alpha
from fastdrop.arrays import as_input
from fastdrop.functional import check_flag
from fastdrop.mask import Mask
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard

__all__ = [
    "check_features",
    "feature_alpha_dropout",
    "feature_alpha_dropout_backward",
    "feature_alpha_dropout_forward",
]


def feature_alpha_dropout(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    channels_last: bool = False,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Do what `alpha_dropout` does to whole channels.

    Parameters
    ----------
    x : array_like, shape (N, C, ...) or, with `channels_last`, (N, ..., C)
        Of any supported dtype.
    p, rng, training, out, shard, threads
        As for `alpha_dropout`.
    channels_last : bool, default False
        Whether channels are the last axis. The same channels are dropped either way.

    Returns
    -------
    ndarray
        As `alpha_dropout` returns it.

    Raises
    ------
    TypeError, ValueError
        As `alpha_dropout`, and if x has fewer than two axes.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y = fd.feature_alpha_dropout(np.ones((2, 3, 4, 4)), 0.5, rng=1)
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """
    array, axes = check_features(x, channels_last)
    return drop_to_alpha(x if isinstance(x, np.ndarray) else array, p, rng, training, out, axes, shard, threads)[0]


def feature_alpha_dropout_forward(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    channels_last: bool = False,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `feature_alpha_dropout` does, and return the mask as well; arguments and errors are its.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> fd.feature_alpha_dropout_forward(np.ones((2, 3, 4)), 0.5, rng=1)[1].mask_shape
    (2, 3, 1)
    """
    array, axes = check_features(x, channels_last)
    source = x if isinstance(x, np.ndarray) else array
    return alpha_dropout_forward(source, p, rng=rng, out=out, share_axes=axes, shard=shard, threads=threads)


def feature_alpha_dropout_backward(
    dy: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: what `alpha_dropout_backward` does, for a mask of channels.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.feature_alpha_dropout_forward(np.ones((2, 3, 4)), 0.0, rng=1)
    >>> bool((fd.feature_alpha_dropout_backward(y, mask) == y).all())
    True
    """
    return alpha_dropout_backward(dy, mask, out=out, threads=threads)


def check_features(x: object, channels_last: object) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return x as an array and the axes over which its channels extend."""
    last = check_flag(channels_last, "channels_last")
    array, _ = as_input(x)
    if array.ndim < 2:
        layout = "(N, ..., C)" if last else "(N, C, ...)"
        raise ValueError(f"x has to have the axes {layout} for feature_alpha_dropout, but got shape {array.shape}")
    return array, tuple(range(1, array.ndim - 1) if last else range(2, array.ndim))
