"""A residual plus dropout, in one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop.functional import dropout_backward
from fastdrop.fused_parts import NO_ACTIVATION, fuse, needed
from fastdrop.mask import Mask
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard

__all__ = ["dropout_residual", "dropout_residual_backward", "dropout_residual_forward"]


def dropout_residual(
    x: np.ndarray,
    residual: np.ndarray,
    p: float = 0.5,
    *,
    bias: np.ndarray | None = None,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Return residual + dropout(x + bias), in one pass: the end of a transformer's block.

    Parameters
    ----------
    x : array_like
        float16, bfloat16, float32, float64, complex64 or complex128, of any shape and strides.
    residual : array_like
        What the block was given: of x's shape and dtype.
    p : float, default 0.5
        Probability of dropping an element of x, in [0, 1].
    bias : array_like or None, optional
        Of x's dtype and a shape that broadcasts to x's; None adds nothing.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`, whose mask it is.
    training : bool, default True
        False returns residual + (x + bias) (no key is drawn).
    out : ndarray, optional
        Where to write: x or residual itself, or an array that shares no memory with them and the bias, of x's shape
        and dtype.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared: all but the first one for DropPath.
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
    y = residual + (kept ? (x + bias) s : 0) with s = 1 / (1 - p) (Vaswani et al., NeurIPS 2017, section 5.4). float16
    and bfloat16 are computed in float32 and rounded once.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x, residual = np.ones((4, 3)), np.full((4, 3), 10.0)
    >>> y = fd.dropout_residual(x, residual, 0.5, rng=7)
    >>> bool((y == residual + fd.dropout(x, 0.5, rng=7)).all())
    True
    """
    other = needed(residual, "residual")
    return fuse(NO_ACTIVATION, x, bias, other, p, rng, training, out, share_axes, shard, threads)[0]


def dropout_residual_forward(
    x: np.ndarray,
    residual: np.ndarray,
    p: float = 0.5,
    *,
    bias: np.ndarray | None = None,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `dropout_residual` does, and return the mask as well; arguments and errors are its.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.dropout_residual_forward(np.ones(4), np.zeros(4), 0.5, rng=7)
    >>> bool((fd.dropout_residual_backward(np.ones(4), mask) == y).all())
    True
    """
    other = needed(residual, "residual")
    return fuse(NO_ACTIVATION, x, bias, other, p, rng, True, out, share_axes, shard, threads)


def dropout_residual_backward(
    dy: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: what `dropout_backward` returns.

    The residual's gradient is dy itself; `bias_gradient` makes the bias's of what this returns.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> fd.dropout_residual_backward(np.ones(2), fd.Mask.from_bool([True, False], 0.5))
    array([2., 0.])
    """
    return dropout_backward(dy, mask, out=out, threads=threads)
