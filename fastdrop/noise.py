"""Continuous noise: Gaussian dropout and additive Gaussian noise, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fastdrop.arrays import as_input, make_output
from fastdrop.geometry import Geometry, make_geometry
from fastdrop.noise_law import ADD, MULTIPLY, Noise, check_gaussian_p, check_sigma, gaussian_sigma
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = [
    "gaussian_dropout",
    "gaussian_dropout_backward",
    "gaussian_dropout_forward",
    "gaussian_noise",
    "gaussian_noise_backward",
    "gaussian_noise_forward",
]


def gaussian_dropout(
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
    """Multiply each element by 1 + sigma z, where z is standard normal and sigma**2 = p / (1 - p).

    Parameters
    ----------
    x : array_like
        float16, bfloat16 (of ml_dtypes), float32, float64, complex64 or complex128, of any shape and strides.
    p : float, default 0.5
        The rate of plain dropout whose mean and variance the noise has: in [0, 1).
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False returns x as it is (after all arguments were checked; no key is drawn).
    out : ndarray, optional
        Where to write: x itself (in place) or an array that shares no memory with x, of the same shape and dtype.
    share_axes : int or sequence of int, optional
        Axes along which one number is shared.
    shard : Shard, optional
        x is a block of a larger array and gets its part of that array's noise.
    threads : int, optional
        Most threads to use; the result does not depend on it.

    Returns
    -------
    ndarray
        `out`, or a new array like x. x itself if `training` is False or p is 0 and x is an array and `out` not given.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used, p = 1 included, whose variance is infinite; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR 2014, section 10: y = x (1 + sigma z) with
    sigma = sqrt(p * (1 / (1 - p))), so that the mean of y is x and its variance x**2 p / (1 - p). Complex elements
    have one z for both parts.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones(100_000, np.float32)
    >>> y = fd.gaussian_dropout(x, 0.2, rng=1)
    >>> abs(float(y.mean()) - 1) < 0.01, abs(float(y.std()) - 0.5) < 0.01
    (True, True)
    """
    return _bring(MULTIPLY, x, "x", check_gaussian_p, p, rng, training, out, share_axes, shard, threads)[0]


def gaussian_dropout_forward(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Noise]:
    """Apply Gaussian dropout and return the noise for the backward pass: a law, which holds no numbers.

    Parameters
    ----------
    x, p, rng, out, share_axes, shard, threads
        As for `gaussian_dropout`.

    Returns
    -------
    y : ndarray
        As of `gaussian_dropout`.
    noise : Noise

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `gaussian_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((3, 5))
    >>> y, noise = fd.gaussian_dropout_forward(x, 0.2, rng=7)
    >>> bool((fd.gaussian_dropout_backward(x, noise) == y).all())
    True
    """
    y, noise = _bring(MULTIPLY, x, "x", check_gaussian_p, p, rng, True, out, share_axes, shard, threads)
    assert noise is not None
    return y, noise


def gaussian_dropout_backward(
    dy: np.ndarray, noise: Noise, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: the same noise, made again.

    Parameters
    ----------
    dy : array_like, shape ``noise.shape``
        Gradient of the loss for y, of any supported dtype.
    noise : Noise
        What `gaussian_dropout_forward` returned, or the same law made again.
    out : ndarray, optional
        Where to write: dy itself, or an array that shares no memory with it.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        dx = dy (1 + sigma z).

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> noise = fd.Noise((2, 3), 0.5, rng=fd.Key(1))
    >>> fd.gaussian_dropout_backward(np.zeros((2, 3)), noise)
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """
    if not isinstance(noise, Noise):
        raise TypeError(f"noise has to be a Noise, but got {noise!r} of type {type(noise).__name__}")
    return noise._bring(MULTIPLY, dy, "dy", out, threads)


def gaussian_noise(
    x: np.ndarray,
    sigma: float,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Add sigma z to each element, where z is standard normal.

    Parameters
    ----------
    x, rng, training, out, share_axes, shard, threads
        As for `gaussian_dropout`.
    sigma : float
        Standard deviation of the noise, from 0 on and finite.

    Returns
    -------
    ndarray
        `out`, or a new array like x. x itself if `training` is False or sigma is 0 and x is an array and `out` not
        given.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `gaussian_dropout`.

    Notes
    -----
    y = x + sigma z. Complex elements have one z, added to both parts.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y = fd.gaussian_noise(np.zeros(100_000), 3.0, rng=1)
    >>> abs(float(y.mean())) < 0.05, abs(float(y.std()) - 3) < 0.05
    (True, True)
    """
    return _bring(ADD, x, "x", check_sigma, sigma, rng, training, out, share_axes, shard, threads)[0]


def gaussian_noise_forward(
    x: np.ndarray,
    sigma: float,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Noise]:
    """Add Gaussian noise and return its law. The backward pass does not need it: `gaussian_noise_backward`.

    Parameters
    ----------
    x, sigma, rng, out, share_axes, shard, threads
        As for `gaussian_noise`.

    Returns
    -------
    y : ndarray
        As of `gaussian_noise`.
    noise : Noise

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `gaussian_noise`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.zeros(4, np.float32)
    >>> y, noise = fd.gaussian_noise_forward(x, 1.0, rng=7)
    >>> bool((noise.add(x) == y).all())
    True
    """
    y, noise = _bring(ADD, x, "x", check_sigma, sigma, rng, True, out, share_axes, shard, threads)
    assert noise is not None
    return y, noise


def gaussian_noise_backward(dy: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """Return the gradient for x from that for y, which is dy: what is added does not depend on x.

    Parameters
    ----------
    dy : array_like
        Gradient of the loss for y, of any supported dtype.
    out : ndarray, optional
        Where to write: dy itself, or an array that shares no memory with it.

    Returns
    -------
    ndarray
        `out`, or dy itself.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> fd.gaussian_noise_backward(np.ones(3))
    array([1., 1., 1.])
    """
    array, _ = as_input(dy, "dy")
    if out is None:
        return array
    return _copy(array, make_output(array, out, (), "dy"))


def _copy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if y is not x:
        np.copyto(y, x)
    return y


def _bring(
    kind: int,
    x: object,
    name: str,
    check: Callable[[object], float],
    value: object,
    rng: object,
    training: object,
    out: object,
    share_axes: object,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, Noise | None]:
    """Check the arguments and make the noise. There is none without training."""
    if not isinstance(training, (bool, np.bool_)):
        raise TypeError(f"training has to be a bool, but got {training!r} of type {type(training).__name__}")
    array, dtype = as_input(x, name)
    geometry: Geometry = make_geometry(array.shape, share_axes, None, shard)
    number = check(value)
    sigma = gaussian_sigma(number) if kind == MULTIPLY else number
    team = check_threads(threads)
    draw = key_source(rng)
    idle = not training or sigma == 0.0
    same = idle and out is None and isinstance(x, np.ndarray)
    y = array if same else make_output(array, out, (), name)
    noise = Noise._make(geometry, sigma, draw()) if training else None
    if idle:
        return _copy(array, y), noise
    assert noise is not None
    noise._run(kind, dtype, array, y, team)
    return y, noise
