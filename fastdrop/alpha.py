"""Alpha dropout: what is dropped becomes a constant, so that mean and variance of self-normalising networks last."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input, make_output
from fastdrop.functional import check_flag
from fastdrop.geometry import make_geometry
from fastdrop.mask import Mask
from fastdrop.noise_law import one_p
from fastdrop.operands import check_mask
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = [
    "alpha_constants",
    "alpha_dropout",
    "alpha_dropout_backward",
    "alpha_dropout_forward",
    "feature_alpha_dropout",
    "feature_alpha_dropout_forward",
]

#: What SELU tends to far below 0, minus its scale times its alpha: what a dropped element is before a and b.
ALPHA = -1.7580993408473766


def alpha_constants(p: float) -> tuple[float, float, float]:
    """Return a, b and c of alpha dropout: a kept element x becomes a x + b, a dropped one c.

    Parameters
    ----------
    p : float
        Probability of dropping, in [0, 1].

    Returns
    -------
    tuple of float
        Each operation rounded by itself, in binary64: ``q = 1 - p``, ``A = alpha * alpha``, ``a = 1 / sqrt(q * (1 +
        p*A))``, ``b = -((a*p) * alpha)``, ``c = a*alpha + b`` with alpha = -1.7580993408473766. All 0 for p = 1, where
        nothing is kept.

    Examples
    --------
    >>> from fastdrop.alpha import alpha_constants
    >>> alpha_constants(1.0)
    (0.0, 0.0, 0.0)
    >>> a, b, c = alpha_constants(0.1)
    >>> mean, square = 0.9 * b + 0.1 * c, 0.9 * (a * a + b * b) + 0.1 * c * c      # of x with mean 0 and variance 1
    >>> abs(mean) < 1e-15, abs(square - 1) < 1e-15
    (True, True)
    """
    if p == 1.0:
        return 0.0, 0.0, 0.0
    a = 1.0 / math.sqrt((1.0 - p) * (1.0 + p * (ALPHA * ALPHA)))
    b = -((a * p) * ALPHA)
    return a, b, a * ALPHA + b


def alpha_dropout(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Set each element to a constant with probability p, and scale and shift all so that mean and variance last.

    Parameters
    ----------
    x : array_like
        float16, bfloat16 (of ml_dtypes), float32, float64, complex64 or complex128, of any shape and strides.
    p : float, default 0.5
        Probability of dropping, in [0, 1]; one number.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False returns x as it is (after all arguments were checked; no key is drawn).
    out : ndarray, optional
        Where to write: x itself (in place) or an array that shares no memory with x, of the same shape and dtype.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.
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
        If an argument can't be used; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    Klambauer, Unterthiner, Mayr and Hochreiter, Self-Normalizing Neural Networks, NeurIPS 2017: kept a x + b, dropped
    a alpha + b with alpha = -1.7580993408473766, where a and b are such that x of mean 0 and variance 1 becomes y of
    mean 0 and variance 1. For p = 1 all elements are +0. Of complex elements a scales both parts, b and the constant
    are added to, or put in the place of, both.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = fd.Noise(100_000, rng=1).normal("float32")
    >>> y = fd.alpha_dropout(x, 0.2, rng=2)
    >>> abs(float(y.mean())) < 0.02, abs(float(y.std()) - 1) < 0.02
    (True, True)
    """
    return _alpha(x, p, rng, check_flag(training, "training"), out, share_axes, shard, threads)[0]


def alpha_dropout_forward(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Apply alpha dropout and return the mask for `alpha_dropout_backward`: a law, which holds no bits.

    Parameters
    ----------
    x, p, rng, out, share_axes, shard, threads
        As for `alpha_dropout`.

    Returns
    -------
    y : ndarray
        As of `alpha_dropout`.
    mask : Mask

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `alpha_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.alpha_dropout_forward(np.zeros((3, 5)), 0.2, rng=7)
    >>> bool(((y > 0) == mask.to_bool()).all())
    True
    """
    y, mask = _alpha(x, p, rng, True, out, share_axes, shard, threads)
    assert mask is not None  # there is one in training
    return y, mask


def alpha_dropout_backward(
    dy: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: a dy where x was kept, +0 where it was dropped.

    Parameters
    ----------
    dy : array_like, shape ``mask.shape``
        Gradient of the loss for y, of any supported dtype.
    mask : Mask
        What `alpha_dropout_forward` or `feature_alpha_dropout_forward` returned, or the same law made again.
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
    >>> mask = fd.Mask.from_bool([True, False], 0.5)
    >>> fd.alpha_dropout_backward(np.ones(2), mask).round(4)
    array([0.8864, 0.    ])
    """
    array, _ = as_input(dy, "dy")
    law = check_mask(mask, array, "dy")
    return law._apply(array, "dy", out, alpha_constants(one_p(law.p))[0], threads)


def feature_alpha_dropout(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Do alpha dropout on whole channels: one decision for each sample and channel of (N, C, ...).

    Parameters
    ----------
    x : array_like, shape (N, C, ...)
        Of two axes at least; dtypes and strides as for `alpha_dropout`.
    p, rng, training, out, shard, threads
        As for `alpha_dropout`.

    Returns
    -------
    ndarray
        As of `alpha_dropout`.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `alpha_dropout`, and if x has fewer than two axes.

    Notes
    -----
    The mask has the shape (N, C, 1, ...), and so channel c of sample n has the index n C + c.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y = fd.feature_alpha_dropout(np.ones((2, 3, 4)), 0.5, rng=1)
    >>> bool((y == y[:, :, :1]).all())
    True
    """
    axes = _feature_axes(x)
    return _alpha(x, p, rng, check_flag(training, "training"), out, axes, shard, threads)[0]


def feature_alpha_dropout_forward(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `feature_alpha_dropout` does, and return the mask as well: `alpha_dropout_backward` takes it.

    Parameters
    ----------
    x, p, rng, out, shard, threads
        As for `feature_alpha_dropout`.

    Returns
    -------
    y : ndarray
        As of `feature_alpha_dropout`.
    mask : Mask

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `feature_alpha_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.feature_alpha_dropout_forward(np.ones((2, 3, 4)), 0.5, rng=1)
    >>> mask.mask_shape
    (2, 3, 1)
    """
    y, mask = _alpha(x, p, rng, True, out, _feature_axes(x), shard, threads)
    assert mask is not None  # there is one in training
    return y, mask


def _feature_axes(x: object) -> tuple[int, ...]:
    array, _ = as_input(x)
    if array.ndim < 2:
        raise ValueError(f"x has to have the axes (N, C, ...) for feature_alpha_dropout, but got shape {array.shape}")
    return tuple(range(2, array.ndim))


def _alpha(
    x: object,
    p: object,
    rng: object,
    training: bool,
    out: object,
    share_axes: object,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, Mask | None]:
    """Check the arguments and drop. There is no mask without training."""
    array, dtype = as_input(x)
    geometry = make_geometry(array.shape, share_axes, None, shard)
    number = one_p(p)
    team = check_threads(threads)
    draw = key_source(rng)
    idle = not training or number == 0.0
    y = array if idle and out is None and isinstance(x, np.ndarray) else make_output(array, out)
    mask = Mask._make(geometry, number, draw(), None) if training else None
    if idle:
        if y is not array:
            np.copyto(y, array)
        return y, mask
    assert mask is not None
    _core.affine(mask._core_arguments(), *alpha_constants(number), dtype, array, y, team)
    return y, mask
