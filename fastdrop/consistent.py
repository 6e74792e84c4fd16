"""Consistent dropout as functions: a row has the mask of its number, whenever and wherever it comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop.arrays import as_input, make_output
from fastdrop.functional import check_flag
from fastdrop.geometry import Geometry, make_geometry, shared_axes
from fastdrop.mask_stack import MaskStack, check_numbers
from fastdrop.probability import broadcast_p, check_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["consistent_dropout", "consistent_dropout_backward", "consistent_dropout_forward"]


def consistent_dropout(
    x: np.ndarray,
    ids: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Drop elements of each row of a batch by the mask of the row's id: the same id, the same mask.

    Parameters
    ----------
    x : array_like, shape (N, ...)
        float16, bfloat16 (of ml_dtypes), float32, float64, complex64 or complex128, of any strides.
    ids : array_like of int, shape (N,)
        What each row is known by, from 0 to 2**56 - 1. Where a row stands, and in which batch, does not matter.
    p : float or array_like of float, default 0.5
        Probability of dropping, in [0, 1]. An array has to broadcast to the mask's shape.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`. Give the same Key or int for the same masks.
    training : bool, default True
        False returns x as it is (after all arguments were checked; no key is drawn).
    out : ndarray, optional
        Where to write: x itself (in place) or an array that shares no memory with x, of the same shape and dtype.
    share_axes : int or sequence of int, optional
        Axes of x along which one decision is shared; not the first one.
    shard : Shard, optional
        x is a block of a larger array; along the first axis the ids say all.
    threads : int, optional
        Most threads to use; the result does not depend on it.

    Returns
    -------
    ndarray
        `out`, or a new array like x. x itself if `training` is False or p is 0 and x is an array and `out` not given.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used. The text names it, the value and what is allowed; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    Hausknecht and Wagener, 2022 (consistent dropout for policy gradients): an update has to see the network that acted,
    hence the same mask for the same sample again; they store it, here its id makes it again. Row n is
    ``dropout(x[n], p, rng=key.fold_in(ids[n]))``, bit for bit.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((3, 64), np.float32)
    >>> acting = fd.consistent_dropout(x, [11, 12, 13], 0.5, rng=1)
    >>> learning = fd.consistent_dropout(x[:2], [13, 11], 0.5, rng=1)
    >>> bool((learning == acting[[2, 0]]).all())
    True
    """
    return _drop(x, ids, p, rng, check_flag(training, "training"), out, share_axes, shard, threads, own=False)[0]


def consistent_dropout_forward(
    x: np.ndarray,
    ids: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, MaskStack]:
    """Do what `consistent_dropout` does, and return the masks' law, which holds the ids, for the backward pass.

    Parameters
    ----------
    x, ids, p, rng, out, share_axes, shard, threads
        As for `consistent_dropout`.

    Returns
    -------
    y : ndarray
        As of `consistent_dropout`.
    law : MaskStack

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `consistent_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((3, 5))
    >>> y, law = fd.consistent_dropout_forward(x, [4, 0, 4], 0.2, rng=7)
    >>> bool((fd.consistent_dropout_backward(x, law) == y).all())
    True
    """
    y, law = _drop(x, ids, p, rng, True, out, share_axes, shard, threads, own=True)
    assert law is not None  # there is one in training
    return y, law


def consistent_dropout_backward(
    dy: np.ndarray, law: MaskStack, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: the same masks and scale.

    Parameters
    ----------
    dy : array_like, shape ``law.shape``
        Gradient of the loss for y, of any supported dtype.
    law : MaskStack
        What `consistent_dropout_forward` returned, or the same law made again.
    out : ndarray, optional
        Where to write: dy itself, or an array that shares no memory with it.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> law = fd.MaskStack(5, 0.5, [4, 0, 4], rng=7)
    >>> fd.consistent_dropout_backward(np.zeros((3, 5)), law).shape
    (3, 5)
    """
    if not isinstance(law, MaskStack):
        raise TypeError(f"law has to be a MaskStack, but got {law!r} of type {type(law).__name__}")
    return law._apply(dy, "dy", out, threads)


def _drop(
    x: object,
    ids: object,
    p: object,
    rng: object,
    training: bool,
    out: object,
    share_axes: object,
    shard: object,
    threads: object,
    own: bool,
) -> tuple[np.ndarray, MaskStack | None]:
    """Check the arguments and drop. There is no law without training; only with `own` an array p needs a copy."""
    array, dtype = as_input(x)
    if array.ndim == 0:
        raise ValueError("x has to have a first axis for its ids, but got shape ()")
    numbers = check_numbers(ids, "ids")
    if len(numbers) != len(array):
        raise ValueError(f"ids has to have one entry for each of {len(array)} rows of x, but got {len(numbers)}")
    geometry = _row_geometry(array.shape, share_axes, shard)
    probability = check_p(p, own=own)
    broadcast_p(probability, (len(array), *geometry.mask_shape), array.shape)
    team = check_threads(threads)
    draw = key_source(rng)
    idle = not training or (isinstance(probability, float) and probability == 0.0)
    same = idle and out is None and isinstance(x, np.ndarray)
    others = (p,) if isinstance(p, np.ndarray) else ()
    y = array if same else make_output(array, out, others)
    if not training:
        if y is not array:
            np.copyto(y, array)
        return y, None
    law = MaskStack._make(geometry, probability, numbers, "user", draw())
    if not same:
        law._run(dtype, array, y, team)
    return y, law


def _row_geometry(shape: tuple[int, ...], share_axes: object, shard: object) -> Geometry:
    """Return how the elements of a row are numbered."""
    make_geometry(shape, share_axes, None, shard)  # type: ignore[arg-type]  # what is wrong is said of x
    axes = shared_axes(share_axes, len(shape))  # type: ignore[arg-type]
    if 0 in axes:
        raise ValueError(f"share_axes has to leave out axis 0, for rows go by their ids, but got {share_axes!r}")
    block = Shard(shard.origin[1:], shard.global_shape[1:]) if isinstance(shard, Shard) else None
    return make_geometry(shape[1:], tuple(axis - 1 for axis in sorted(axes)) or None, None, block)
