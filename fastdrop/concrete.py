"""Concrete dropout: soft decisions, through which a gradient reaches p."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop.arrays import as_input, make_output
from fastdrop.concrete_law import ConcreteMask, check_concrete_p, check_temperature
from fastdrop.functional import check_flag
from fastdrop.geometry import make_geometry
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["concrete_dropout", "concrete_dropout_backward", "concrete_dropout_forward"]


def concrete_dropout(
    x: np.ndarray,
    p: float = 0.1,
    *,
    temperature: float = 0.1,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Multiply each element by (1 - d) / (1 - p), where d is nearly 1 with probability p and nearly 0 otherwise.

    Parameters
    ----------
    x : array_like
        float16, bfloat16 (of ml_dtypes), float32, float64, complex64 or complex128, of any shape and strides.
    p : float, default 0.1
        Probability of dropping, in [0, 1).
    temperature : float, default 0.1
        How soft the decisions are: above 0 and finite. Near 0 they are those of dropout.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False returns x as it is (after all arguments were checked; no key is drawn).
    out : ndarray, optional
        Where to write: x itself (in place) or an array that shares no memory with x, of the same shape and dtype.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared, (2, 3) for whole channels of (N, C, H, W).
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
        If an argument can't be used, p = 1 included; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    Gal, Hron and Kendall, NeurIPS 2017: d = sigmoid((log p - log(1-p) + log u - log(1-u)) / temperature), u uniform
    in (0, 1), one for each element, from its noise word. The factor is computed in binary64 and rounded once to the
    type of the product. The mean of y is x nearly, not exactly: that of 1 - d differs from 1 - p.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y = fd.concrete_dropout(np.ones(100_000), 0.2, rng=1)
    >>> abs(float(y.mean()) - 1) < 0.02, abs(float((y < 0.6).mean()) - 0.2) < 0.02
    (True, True)
    """
    return _drop(x, p, temperature, rng, training, out, share_axes, shard, threads)[0]


def concrete_dropout_forward(
    x: np.ndarray,
    p: float = 0.1,
    *,
    temperature: float = 0.1,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, ConcreteMask]:
    """Apply concrete dropout and return its law, which holds no numbers, for the backward pass.

    Parameters
    ----------
    x, p, temperature, rng, out, share_axes, shard, threads
        As for `concrete_dropout`.

    Returns
    -------
    y : ndarray
        As of `concrete_dropout`.
    mask : ConcreteMask

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `concrete_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.concrete_dropout_forward(np.ones((3, 5)), 0.2, rng=7)
    >>> mask.p, mask.nbytes
    (0.2, 0)
    """
    y, mask = _drop(x, p, temperature, rng, True, out, share_axes, shard, threads)
    assert mask is not None
    return y, mask


def concrete_dropout_backward(
    dy: np.ndarray,
    x: np.ndarray,
    mask: ConcreteMask,
    *,
    out: np.ndarray | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, float]:
    """Return the gradients for x and for the logit of p from that for y: the same factors, made again.

    Parameters
    ----------
    dy : array_like, shape ``mask.shape``
        Gradient of the loss for y.
    x : array_like, shape ``mask.shape``
        What went into the forward pass, not overwritten; it shares no memory with `out`.
    mask : ConcreteMask
        What `concrete_dropout_forward` returned.
    out : ndarray, optional
        Where to write dx: dy itself, or an array that shares no memory with it.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    dx : ndarray
        dy (1 - d) / (1 - p).
    dlogit : float
        Gradient for log p - log(1-p): the sum of dy x f (p - d / temperature), f being the factor. 0 for p = 0, whose
        logit is -infinity.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Notes
    -----
    The sum is made in binary64, of blocks in C order, and so depends neither on threads nor on layout: no array as
    large as x is made for it. For complex types it is the real part of conj(dy) x times the rest.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((3, 5))
    >>> y, mask = fd.concrete_dropout_forward(x, 0.2, rng=7)
    >>> dx, dlogit = fd.concrete_dropout_backward(np.ones_like(y), x, mask)
    >>> bool((dx == y).all()), isinstance(dlogit, float)
    (True, True)
    """
    if not isinstance(mask, ConcreteMask):
        raise TypeError(f"mask has to be a ConcreteMask, but got {mask!r} of type {type(mask).__name__}")
    array, _ = as_input(x)
    gradient, _ = as_input(dy, "dy")
    for name, given in (("x", array), ("dy", gradient)):
        if given.shape != mask.shape:
            raise ValueError(f"{name} has to have the mask's shape {mask.shape}, but got {given.shape}")
    team = check_threads(threads)
    target = make_output(gradient, out, () if out is dy else (array,), "dy")
    dlogit = mask._logit_gradient(array, gradient, team)  # before dx, which may take the place of dy
    return mask._apply(gradient, "dy", target, team, slope=False), dlogit


def _drop(
    x: object,
    p: object,
    temperature: object,
    rng: object,
    training: object,
    out: object,
    share_axes: object,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, ConcreteMask | None]:
    """Check the arguments and drop. There is no mask without training."""
    training = check_flag(training, "training")
    array, dtype = as_input(x)
    geometry = make_geometry(array.shape, share_axes, None, shard)
    number, softness = check_concrete_p(p), check_temperature(temperature)
    team = check_threads(threads)
    draw = key_source(rng)
    idle = not training or number == 0.0
    y = array if idle and out is None and isinstance(x, np.ndarray) else make_output(array, out)
    mask = ConcreteMask(geometry, number, softness, draw()) if training else None
    if mask is not None:
        mask._run(dtype, array, y, team, slope=False)
    elif y is not array:
        np.copyto(y, array)
    return y, mask
