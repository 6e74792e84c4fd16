"""Dropout as functions: forward, and backward from the same mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input, make_output
from fastdrop.geometry import make_geometry, whole_geometry
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.probability import broadcast_p, check_p
from fastdrop.rng import RNGLike, key_source, plain_key
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["dropout", "dropout_backward", "dropout_forward"]


def dropout(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    noise_shape: Sequence[int | None] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Drop each element with probability p and scale the kept ones by 1 / (1 - p).

    Parameters
    ----------
    x : array_like
        float16, bfloat16 (of ml_dtypes), float32, float64, complex64 or complex128, of any shape and strides.
    p : float or array_like of float, default 0.5
        Probability of dropping, in [0, 1]. An array has to broadcast to the mask's shape: a probability for each
        sample, channel, head, ...
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from. The same Key or int gives the same mask; a Generator is drawn from; None takes fresh
        entropy.
    training : bool, default True
        False returns x as it is (after all arguments were checked; no key is drawn).
    out : ndarray, optional
        Where to write: x itself (in place) or an array that shares no memory with x, of the same shape and dtype. What
        lends its memory by DLPack, ``__array_interface__`` or a buffer will do; the result is then an array on it.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared, (2, 3) for whole channels of (N, C, H, W).
    noise_shape : sequence of int or None, optional
        The same said otherwise, as Keras does: 1 where shared, None or the full length elsewhere.
    shard : Shard, optional
        x is a block of a larger array and gets its part of that array's mask.
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
    Inverted dropout (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR 2014): y = kept ? x * s : +0
    with s = 1 / (1 - p) in binary64, rounded once to the type of the product. A dropped NaN or infinity becomes +0.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.array([2, 4, 6, 8], np.float32)
    >>> y = fd.dropout(x, 0.5, rng=fd.Key(0))
    >>> bool((y == fd.dropout(x, 0.5, rng=0)).all())
    True
    >>> fd.dropout(x, 0.5, training=False) is x
    True
    """
    if training is True and share_axes is None and noise_shape is None and shard is None:
        key = rng if type(rng) is Key else plain_key(rng)
        y = None if key is None else _core.dropout_run(x, p, key, out, threads)
        if y is not None:  # the common call, in a fraction of a microsecond
            return y
    return _drop(x, p, rng, check_flag(training, "training"), out, None, share_axes, noise_shape, shard, threads)[0]


def dropout_forward(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    store: bool = False,
    share_axes: int | Sequence[int] | None = None,
    noise_shape: Sequence[int | None] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Apply dropout and return the mask for the backward pass.

    Parameters
    ----------
    x, p, rng, out, share_axes, noise_shape, shard, threads
        As for `dropout`.
    store : bool, default False
        Whether the mask holds its bits, one an element. A lazy mask holds none and makes them again in backward.

    Returns
    -------
    y : ndarray
        `out`, or a new array like x; x itself if p is 0 and x is an array and `out` not given.
    mask : Mask

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `dropout`.
    MemoryError
        If the bits to store can't fit; before any work.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((3, 5))
    >>> y, mask = fd.dropout_forward(x, 0.2, rng=7)
    >>> mask.nbytes
    0
    >>> bool((fd.dropout_backward(x, mask) == y).all())
    True
    """
    if not isinstance(store, (bool, np.bool_)):
        raise TypeError(f"store has to be a bool, but got {store!r} of type {type(store).__name__}")
    if not store and share_axes is None and noise_shape is None and shard is None:
        key = plain_key(rng)
        y = None if key is None else _core.dropout_run(x, p, key, out, threads)
        if y is not None:
            return y, Mask._make(whole_geometry(x.shape), p, key, None)
    return _drop(x, p, rng, True, out, bool(store), share_axes, noise_shape, shard, threads)


def dropout_backward(
    dy: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: the same mask and scale.

    Parameters
    ----------
    dy : array_like, shape ``mask.shape``
        Gradient of the loss for y, of any supported dtype.
    mask : Mask
        What `dropout_forward` returned, or the same law made again.
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
    >>> mask = fd.Mask.from_bool([True, False], 0.5)
    >>> fd.dropout_backward(np.ones(2), mask)
    array([2., 0.])
    """
    if not isinstance(mask, Mask):
        raise TypeError(f"mask has to be a Mask, but got {mask!r} of type {type(mask).__name__}")
    return mask._apply(dy, "dy", out, None, threads)


def check_flag(value: object, name: str) -> bool:
    """Return a flag as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} has to be a bool, but got {value!r} of type {type(value).__name__}")
    return bool(value)


def _drop(
    x: object,
    p: object,
    rng: object,
    training: bool,
    out: object,
    store: bool | None,
    share_axes: object,
    noise_shape: object,
    shard: object,
    threads: object,
    scale: float | None = None,
) -> tuple[np.ndarray, Mask | None]:
    """Check the arguments and drop: all calls but the common ones. There is no mask without training.

    With `store` None nobody keeps the mask, and so it needs no copy of an array p. A `scale` stands in for 1 / (1 - p).
    """
    array, dtype = as_input(x)
    geometry = make_geometry(array.shape, share_axes, noise_shape, shard)
    probability = check_p(p, own=store is not None)
    broadcast_p(probability, geometry.mask_shape, geometry.shape)
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
    mask = Mask._make(geometry, probability, draw(), None)
    if store:
        mask = mask.store()
    if not same:
        mask._core_arguments().apply(dtype, array, y, scale, team)
    return y, mask
