"""Alpha dropout: mean and variance of self-normalising activations stay as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input
from fastdrop.mask import Mask
from fastdrop.mixing import as_masked, check_mask, make_plan, write_to
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = [
    "alpha_constants",
    "alpha_dropout",
    "alpha_dropout_backward",
    "alpha_dropout_forward",
    "drop_to_alpha",
]

#: The limit of SELU to the left, minus its scale times its alpha.
ALPHA = -1.7580993408473766


def alpha_constants(p: float) -> tuple[float, float, float]:
    """Return a, b and the dropped elements' value, in the order of the contract; zeros for p = 1."""
    if p == 1.0:
        return 0.0, 0.0, 0.0
    square = ALPHA * ALPHA
    a = 1.0 / math.sqrt((1.0 - p) * (1.0 + p * square))
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
    """Set each element to SELU's negative limit with probability p, and bring mean and variance back to 0 and 1.

    Parameters
    ----------
    x : array_like
        float16, bfloat16, float32, float64, complex64 or complex128, of any shape and strides.
    p : float, default 0.5
        Probability of dropping, in [0, 1].
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False returns x as it is (after all arguments were checked; no key is drawn).
    out : ndarray, optional
        Where to write: x itself or an array that shares no memory with it, of the same shape and dtype.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.
    shard : Shard, optional
        x is a block of a larger array.
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
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", NeurIPS 2017: y = kept ? a x + b :
    a alpha + b with alpha = -1.7580993408473766, a = 1 / sqrt((1 - p) (1 + p alpha**2)) and b = -a p alpha. With p = 1
    all elements are 0. Both parts of a complex number are changed alike.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.random.default_rng(1).standard_normal(100_000)
    >>> y = fd.alpha_dropout(x, 0.2, rng=1)
    >>> abs(float(y.mean())) < 0.02, abs(float(y.std()) - 1) < 0.02
    (True, True)
    """
    return drop_to_alpha(x, p, rng, training, out, share_axes, shard, threads)[0]


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
    """Do what `alpha_dropout` does, and return the mask as well; arguments and errors are its.

    Returns
    -------
    y : ndarray
    mask : Mask
        The law of the decisions; nothing is stored.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.alpha_dropout_forward(np.ones(5), 0.5, rng=1)
    >>> dx = fd.alpha_dropout_backward(np.ones(5), mask)
    >>> bool(((dx != 0) == mask.to_bool()).all())
    True
    """
    y, mask = drop_to_alpha(x, p, rng, True, out, share_axes, shard, threads)
    assert mask is not None
    return y, mask


def alpha_dropout_backward(
    dy: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: kept ? a dy : 0.

    Parameters
    ----------
    dy : array_like, shape ``mask.shape``
        Gradient of the loss for y, of any supported dtype.
    mask : Mask
        What `alpha_dropout_forward` returned.
    out : ndarray, optional
        Where to write: dy itself or an array that shares no memory with it.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        `out`, or a new array like dy.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> fd.alpha_dropout_backward(np.ones(2), fd.Mask(2, 1.0, rng=1))
    array([0., 0.])
    """
    law = check_mask(mask)
    array, _ = as_masked(dy, "dy", law)
    check_threads(threads)
    assert isinstance(law.p, float)
    return law._apply(array, "dy", out, alpha_constants(law.p)[0], threads)


def drop_to_alpha(
    x: object,
    p: object,
    rng: object,
    training: object,
    out: object,
    share_axes: object,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, Mask | None]:
    """Check the arguments and drop. There is no mask without training."""
    array, dtype = as_input(x)
    plan = make_plan(array.shape, p, rng, training, share_axes, shard, threads)
    idle = not plan.training or plan.p == 0.0
    same = idle and out is None and isinstance(x, np.ndarray)
    y = array if same else write_to(out, {"x": array})
    mask = plan.mask() if plan.training else None
    if mask is None or idle:
        if y is not array:
            np.copyto(y, array)
        return y, mask
    _core.affine(mask._core_arguments(), *alpha_constants(plan.p), dtype, array, y, plan.threads)
    return y, mask
