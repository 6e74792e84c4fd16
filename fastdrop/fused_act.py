"""Dropout of an activation of x + bias, in one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.fused_parts import activation_number, check_real, fuse
from fastdrop.mask import Mask
from fastdrop.mixing import as_broadcast, as_companion, as_masked, check_mask, write_to
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["dropout_bias_act", "dropout_bias_act_backward", "dropout_bias_act_forward"]


def dropout_bias_act(
    x: np.ndarray,
    bias: np.ndarray | None = None,
    p: float = 0.5,
    *,
    activation: str = "relu",
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Add a bias, apply an activation, then drop: in one pass.

    Parameters
    ----------
    x : array_like
        float16, bfloat16, float32 or float64, of any shape and strides.
    bias : array_like or None, optional
        Of x's dtype and a shape that broadcasts to x's; None adds nothing.
    activation : {"relu", "gelu", "gelu_tanh"}, default "relu"
        max(v, 0); v Phi(v) with the normal distribution function Phi; v (1 + tanh(sqrt(2/pi) (v + 0.044715 v**3))) / 2,
        which approximates that. A NaN stays one.
    p, rng, out, share_axes, shard, threads
        As for `dropout_bias`.
    training : bool, default True
        False returns the activation of x + bias (no key is drawn).

    Returns
    -------
    ndarray
        `out`, or a new array like x.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `dropout_bias`; TypeError also for complex x, which have no order.

    Notes
    -----
    y = kept ? act(x + bias) s : +0 with s = 1 / (1 - p). GELU (Hendrycks and Gimpel, arXiv:1606.08415) and its
    derivative are within 4 units in the last place of the exact values, by the same bits on every instruction set;
    next to its zero at -0.7525 the derivative of the tanh form in float64 is within 2**-53 instead.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.array([[-3.0, 1.0], [2.0, -1.0]])
    >>> fd.dropout_bias_act(x, np.array([1.0, 1.0]), training=False)
    array([[0., 2.],
           [3., 0.]])
    """
    return fuse(activation_number(activation), x, bias, None, p, rng, training, out, share_axes, shard, threads)[0]


def dropout_bias_act_forward(
    x: np.ndarray,
    bias: np.ndarray | None = None,
    p: float = 0.5,
    *,
    activation: str = "relu",
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `dropout_bias_act` does, and return the mask as well; arguments and errors are its.

    Backward needs x again: give `out` another array, or keep a copy.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.array([-1.0, 1.0, 2.0])
    >>> y, mask = fd.dropout_bias_act_forward(x, None, 0.0, rng=7)
    >>> fd.dropout_bias_act_backward(np.ones(3), x, None, mask)
    array([0., 1., 1.])
    """
    return fuse(activation_number(activation), x, bias, None, p, rng, True, out, share_axes, shard, threads)


def dropout_bias_act_backward(
    dy: np.ndarray,
    x: np.ndarray,
    bias: np.ndarray | None,
    mask: Mask,
    *,
    activation: str = "relu",
    out: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Return the gradient for x from that for y: kept ? (dy s) act'(x + bias) : +0, where act'(0) is 0.

    Parameters
    ----------
    dy : array_like, shape ``mask.shape``
        Gradient of the loss for y, of x's dtype.
    x, bias, activation
        As they were given to `dropout_bias_act_forward`.
    mask : Mask
        What it returned.
    out : ndarray, optional
        Where to write: dy or x itself, or an array that shares no memory with the others.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        `out`, or a new array like dy. `bias_gradient` makes the bias's gradient of it.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> mask = fd.Mask.from_bool([True, False, True], 0.5)
    >>> fd.dropout_bias_act_backward(np.ones(3), np.array([1.0, 1.0, -1.0]), None, mask)
    array([2., 0., 0.])
    """
    kind = activation_number(activation)
    law = check_mask(mask)
    gradient, dtype = as_masked(dy, "dy", law)
    array = as_companion(x, "x", gradient, "dy")
    check_real(array)
    added = None if bias is None else as_broadcast(bias, "bias", array)
    team = check_threads(threads)
    dx = write_to(out, {"dy": gradient, "x": array, "bias": added}, law)
    _core.fused_backward(law._core_arguments(), kind, dtype, gradient, array, added, dx, team)
    return dx
