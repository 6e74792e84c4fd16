"""Dropout of x + bias, in one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop.functional import dropout_backward
from fastdrop.fused_parts import NO_ACTIVATION, fuse, needed
from fastdrop.mask import Mask
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard

__all__ = ["dropout_bias", "dropout_bias_backward", "dropout_bias_forward"]


def dropout_bias(
    x: np.ndarray,
    bias: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Add a bias, then drop: what `dropout` of x + bias is, in one pass.

    Parameters
    ----------
    x : array_like
        float16, bfloat16, float32, float64, complex64 or complex128, of any shape and strides.
    bias : array_like
        Of x's dtype and a shape that broadcasts to x's: (features,) for the last axis.
    p : float, default 0.5
        Probability of dropping, in [0, 1].
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`, whose mask it is.
    training : bool, default True
        False returns x + bias (no key is drawn).
    out : ndarray, optional
        Where to write: x itself or an array that shares no memory with x and bias, of x's shape and dtype.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.
    shard : Shard, optional
        x is a block of a larger array.
    threads : int, optional
        Most threads to use; the result does not depend on it.

    Returns
    -------
    ndarray
        `out`, or a new array like x.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    y = kept ? (x + bias) s : +0 with s = 1 / (1 - p). float16 and bfloat16 are added and multiplied in float32 and
    rounded once, which may differ in the last bit from `dropout` of a rounded sum.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x, bias = np.ones((4, 3), np.float32), np.array([1, 2, 3], np.float32)
    >>> y = fd.dropout_bias(x, bias, 0.5, rng=7)
    >>> bool((y == fd.dropout(x + bias, 0.5, rng=7)).all())
    True
    """
    return fuse(NO_ACTIVATION, x, needed(bias, "bias"), None, p, rng, training, out, share_axes, shard, threads)[0]


def dropout_bias_forward(
    x: np.ndarray,
    bias: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `dropout_bias` does, and return the mask as well; arguments and errors are its.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.dropout_bias_forward(np.ones((4, 3)), np.ones(3), 0.5, rng=7)
    >>> bool((y == 4 * mask.to_bool()).all())
    True
    """
    return fuse(NO_ACTIVATION, x, needed(bias, "bias"), None, p, rng, True, out, share_axes, shard, threads)


def dropout_bias_backward(
    dy: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: what `dropout_backward` returns.

    `bias_gradient` makes the bias's gradient of it.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> dx = fd.dropout_bias_backward(np.ones((2, 2)), fd.Mask.from_bool([[True, False], [True, True]], 0.5))
    >>> fd.bias_gradient(dx, (2,))
    array([4., 2.])
    """
    return dropout_backward(dy, mask, out=out, threads=threads)
