"""Dropout on attention weights that are there already."""

from __future__ import annotations

import numpy as np

from fastdrop.functional import dropout, dropout_backward, dropout_forward
from fastdrop.mask import Mask
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard

__all__ = ["attention_dropout", "attention_dropout_backward", "attention_dropout_forward"]


def _check_weights(weights: object) -> None:
    ndim = np.ndim(weights)  # type: ignore[arg-type]
    if ndim < 2:
        raise ValueError(f"weights has to have at least 2 axes, queries and keys, but got {ndim}")


def attention_dropout(
    weights: np.ndarray,
    p: float | np.ndarray = 0.1,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Dropout on attention weights that a softmax has made: plain `dropout`, under the name that is looked for.

    Parameters
    ----------
    weights : array_like, shape (..., queries, keys)
        (batch, heads, queries, keys) as a rule; the index of a decision is that in C order.
    p, rng, training, out, shard, threads
        As for `dropout`.

    Returns
    -------
    ndarray
        As of `dropout`.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `dropout`; ValueError for fewer than 2 axes.

    Notes
    -----
    Rows sum to 1 in expectation only. `softmax_dropout` draws the same mask from the same key, and saves the weights.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> weights = np.full((1, 2, 3, 4), 0.25)
    >>> bool((fd.attention_dropout(weights, 0.5, rng=1) == fd.dropout(weights, 0.5, rng=1)).all())
    True
    """
    _check_weights(weights)
    return dropout(weights, p, rng=rng, training=training, out=out, shard=shard, threads=threads)


def attention_dropout_forward(
    weights: np.ndarray,
    p: float | np.ndarray = 0.1,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    store: bool = False,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Apply `attention_dropout` and return the mask: `dropout_forward` for weights.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.attention_dropout_forward(np.ones((2, 3)), 0.5, rng=1)
    >>> mask.shape
    (2, 3)
    """
    _check_weights(weights)
    return dropout_forward(weights, p, rng=rng, out=out, store=store, shard=shard, threads=threads)


def attention_dropout_backward(
    dy: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for the weights: `dropout_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.attention_dropout_forward(np.ones((2, 3)), 0.5, rng=1)
    >>> bool((fd.attention_dropout_backward(np.ones((2, 3)), mask) == y).all())
    True
    """
    return dropout_backward(dy, mask, out=out, threads=threads)
