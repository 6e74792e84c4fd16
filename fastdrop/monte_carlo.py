"""Monte Carlo dropout as functions: many samples of one array, their gradient, their moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input, make_output
from fastdrop.exchange import outgoing
from fastdrop.geometry import make_geometry
from fastdrop.key import ROLES
from fastdrop.mask_stack import MaskStack, check_samples
from fastdrop.probability import broadcast_p, check_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["mc_dropout", "mc_dropout_backward", "mc_dropout_forward", "mc_moments"]

_ROLE = "sample"
#: Moments: the number of samples is below this, and exact in float32.
_MOMENTS_LIMIT = 1 << 24


def mc_dropout(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    samples: int,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Return several samples of dropout of one x, which is read once.

    Parameters
    ----------
    x : array_like
        float16, bfloat16 (of ml_dtypes), float32, float64, complex64 or complex128, of any shape and strides.
    p : float or array_like of float, default 0.5
        Probability of dropping, in [0, 1]. An array has to broadcast to the mask's shape.
    samples : int
        How many, at least 1.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    out : ndarray, shape ``(samples, *x.shape)``, optional
        Where to write: of x's dtype and any strides, sharing no memory with x.
    share_axes : int or sequence of int, optional
        Axes of x along which one decision is shared.
    shard : Shard, optional
        x is a block of a larger array and gets its part of that array's masks.
    threads : int, optional
        Most threads to use; the result does not depend on it.

    Returns
    -------
    ndarray, shape ``(samples, *x.shape)``
        `out`, or a new array whose samples lie in memory as x does.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used. The text names it, the value and what is allowed; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    Gal and Ghahramani, ICML 2016: dropout left on at inference, whose outputs' spread tells the model's uncertainty.
    Sample s is ``dropout(x, p, rng=key.fold_in(s, role="sample"))``, bit for bit.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((3, 4), np.float32)
    >>> y = fd.mc_dropout(x, 0.5, samples=10, rng=fd.Key(1))
    >>> y.shape
    (10, 3, 4)
    >>> bool((y[7] == fd.dropout(x, 0.5, rng=fd.Key(1).fold_in(7, role="sample"))).all())
    True
    """
    return _sample(x, p, samples, rng, out, share_axes, shard, threads, own=False)[0]


def mc_dropout_forward(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    samples: int,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, MaskStack]:
    """Do what `mc_dropout` does, and return the masks' law for the backward pass.

    Parameters
    ----------
    x, p, samples, rng, out, share_axes, shard, threads
        As for `mc_dropout`.

    Returns
    -------
    y : ndarray, shape ``(samples, *x.shape)``
    law : MaskStack
        It holds no bits.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `mc_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, law = fd.mc_dropout_forward(np.ones(5), 0.5, samples=3, rng=1)
    >>> bool((law[2].apply(np.ones(5)) == y[2]).all())
    True
    """
    return _sample(x, p, samples, rng, out, share_axes, shard, threads, own=True)


def mc_dropout_backward(
    dy: np.ndarray, law: MaskStack, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from those for its samples: the sum of each under its own mask, in one pass.

    Parameters
    ----------
    dy : array_like, shape ``(samples, *x.shape)``
        Gradient of the loss for y, of any supported dtype.
    law : MaskStack
        What `mc_dropout_forward` returned, or the same law made again.
    out : ndarray, shape x.shape, optional
        Where to write: of dy's dtype, sharing no memory with dy.
    threads : int, optional
        Most threads to use; the result does not depend on it.

    Returns
    -------
    ndarray, shape x.shape

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        If an argument can't be used; nothing has been written then.

    Notes
    -----
    dx = dropout_0(dy[0]) + dropout_1(dy[1]) + ..., added in this order; for float16 and bfloat16 products and sums are
    those of float32, rounded once in the end. Complex numbers by parts.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, law = fd.mc_dropout_forward(np.ones(5), 0.5, samples=3, rng=1)
    >>> bool((fd.mc_dropout_backward(np.ones_like(y), law) == y.sum(axis=0)).all())
    True
    """
    if not isinstance(law, MaskStack):
        raise TypeError(f"law has to be a MaskStack, but got {law!r} of type {type(law).__name__}")
    array, dtype = as_input(dy, "dy")
    if array.shape != law.shape:
        raise ValueError(f"dy has to have the masks' shape {law.shape}, but got {array.shape}")
    if not len(law):
        raise ValueError("law has to have at least one sample, but has none")
    mask, p_step = law._core_arguments()
    if p_step:
        raise ValueError("law has to have the same p for all samples")
    team = check_threads(threads)
    like = array[0]
    target = outgoing(out)
    if target is not None and np.may_share_memory(target, array):
        _refuse_shared(target, array, "dy")
    dx = make_output(like, target, law._arrays(), "one sample of dy")
    _core.samples_sum(mask, ROLES.index(law.role), law._numbers, dtype, array, dx, team)
    return dx


def mc_moments(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    samples: int,
    rng: RNGLike = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of `mc_dropout` over its samples, without making them.

    Parameters
    ----------
    x, p, rng, share_axes, shard, threads
        As for `mc_dropout`.
    samples : int
        How many, from 1 to 2**24 - 1.

    Returns
    -------
    mean, variance : ndarray, shape of x
        In C order. The mean is of x's dtype, but of float32 for float16 and bfloat16, and the variance of its real
        type.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `mc_dropout`.

    Notes
    -----
    Element by element a sample is either 0 or x * s with s = 1 / (1 - p), so the number k of samples that keep it says
    all: with v = x * s and f = k / samples the mean is v * f and the variance (v * v) * (f * (1 - f)), that of the
    population (divided by the number of samples). Each operation is rounded, in float32 for types up to float32 and
    complex64, else in float64; for complex numbers v * v stands for the square of the absolute value. Elements that no
    sample keeps are +0 in both. The masks are those of `mc_dropout` under the same key.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.arange(5.0)
    >>> mean, variance = fd.mc_moments(x, 0.5, samples=100, rng=1)
    >>> y = fd.mc_dropout(x, 0.5, samples=100, rng=1)
    >>> np.allclose(mean, y.mean(axis=0)), np.allclose(variance, y.var(axis=0))
    (True, True)
    """
    array, dtype = as_input(x)
    count = check_samples(samples, limit=_MOMENTS_LIMIT)
    geometry = make_geometry(array.shape, share_axes, None, shard)
    probability = check_p(p, own=False)
    broadcast_p(probability, geometry.mask_shape, geometry.shape)
    team = check_threads(threads)
    draw = key_source(rng)
    kind = np.dtype(np.float32) if array.dtype.itemsize == 2 else array.dtype
    mean = np.empty(array.shape, kind)
    variance = np.empty(array.shape, np.zeros((), kind).real.dtype)
    law = MaskStack._make(geometry, probability, count, _ROLE, draw())
    if array.size:
        mask = law._core_arguments()[0]
        _core.samples_moments(mask, ROLES.index(_ROLE), None, count, dtype, array, mean, variance, team)
    return mean, variance


def _sample(
    x: object,
    p: object,
    samples: object,
    rng: object,
    out: object,
    share_axes: object,
    shard: object,
    threads: object,
    own: bool,
) -> tuple[np.ndarray, MaskStack]:
    """Check the arguments and draw. Only with `own` somebody keeps the law, and an array p needs a copy."""
    array, dtype = as_input(x)
    count = check_samples(samples)
    geometry = make_geometry(array.shape, share_axes, None, shard)  # type: ignore[arg-type]
    probability = check_p(p, own=own)
    broadcast_p(probability, geometry.mask_shape, geometry.shape)
    team = check_threads(threads)
    draw = key_source(rng)
    many = np.broadcast_to(array, (count, *array.shape))
    others = (p,) if isinstance(p, np.ndarray) else ()
    if out is None:
        y = _empty_samples(array, count)
    else:
        y = make_output(many, out, others, "x repeated")
        if np.may_share_memory(y, array):
            _refuse_shared(y, array, "x")
    law = MaskStack._make(geometry, probability, count, _ROLE, draw())
    law._run(dtype, many, y, team)
    return y, law


def _refuse_shared(out: np.ndarray, array: np.ndarray, name: str) -> None:
    """Raise ValueError if they have a byte in common; too hard a question counts as yes."""
    try:
        shared = np.shares_memory(out, array, max_work=100_000)
    except np.exceptions.TooHardError:
        shared = True
    if shared:
        raise ValueError(f"out has to share no memory with {name}, but it does")


def _empty_samples(x: np.ndarray, count: int) -> np.ndarray:
    """Return an array of samples, each with its axes in the order in which they lie in x's memory."""
    order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))  # C order among equals
    y = np.empty((count, *(x.shape[axis] for axis in order)), x.dtype)
    return y.transpose(0, *(1 + order.index(axis) for axis in range(x.ndim)))
