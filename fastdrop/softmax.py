"""Softmax and dropout in one pass over each row, as in attention: forward and backward."""

from __future__ import annotations

import math

import numpy as np

from fastdrop import _core
from fastdrop.arrays import _share, as_input, make_output
from fastdrop.exchange import incoming
from fastdrop.functional import check_flag
from fastdrop.geometry import Geometry, make_geometry
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.softmax_law import Scores, SoftmaxLaw, first_query
from fastdrop.threads import check_threads

__all__ = [
    "softmax_dropout",
    "softmax_dropout_backward",
    "softmax_dropout_forward",
]

_F64 = 3  # the core's number of float64: smaller ones are computed in float32, larger ones are complex


def softmax_dropout(
    x: np.ndarray,
    p: float = 0.1,
    *,
    scale: float = 1.0,
    mask: np.ndarray | None = None,
    causal: bool = False,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Softmax of scaled and masked scores along the last axis, then dropout, in one pass over each row.

    Parameters
    ----------
    x : array_like, shape (..., keys) or (..., queries, keys)
        Scores: float16, bfloat16 (of ml_dtypes), float32 or float64, of any strides.
    p : float, default 0.1
        Probability of dropping, in [0, 1].
    scale : float, default 1.0
        Finite factor of x, 1 / sqrt(d) in attention.
    mask : array_like, optional
        Broadcasts to x. Of bool: True where a key is seen. Of a floating dtype: added to ``scale * x``, in float64 for
        float64 and float32 otherwise.
    causal : bool, default False
        Whether query i sees only keys 0 to i (aligned at the top left where there are more of one than of the other).
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False computes the softmax alone; no key is drawn.
    out : ndarray, optional
        Where to write: x itself (in place) or an array that shares no memory with x, of the same shape and dtype.
    shard : Shard, optional
        x is a block of a larger array, of whole rows, and gets its part of that array's mask. With `causal` its
        queries have the larger array's positions.
    threads : int, optional
        Most threads to use; the result does not depend on it. Rows are shared out whole.

    Returns
    -------
    ndarray
        `out`, or a new array like x.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used, complex x included; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    With t = scale x + mask, and -inf for keys that are not seen: y = kept ? exp(t - max) (s / sum) : +0 with
    s = 1 / (1 - p). float16 and bfloat16 are computed in float32 and rounded once. The index of a decision is that of
    x in C order, (batch, heads, queries, keys) for four axes. A row that sees no key becomes 0, not NaN. A NaN or
    +inf that is seen makes the kept part of its row NaN; x does not matter where a bool mask or `causal` hides it.

    Results are the same bits on every instruction set: the exponential is within 1.1 units in the last place, sums go
    over 16 lanes in blocks of 512.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.zeros((2, 4), np.float32)
    >>> fd.softmax_dropout(x, causal=True, training=False)
    array([[1. , 0. , 0. , 0. ],
           [0.5, 0.5, 0. , 0. ]], dtype=float32)
    >>> set(fd.softmax_dropout(x, 0.5, rng=1).ravel().tolist()) <= {0.0, 0.5}
    True
    """
    flag = check_flag(training, "training")
    return _run(x, p, scale, mask, causal, rng, flag, out, shard, threads, False)[0]


def softmax_dropout_forward(
    x: np.ndarray,
    p: float = 0.1,
    *,
    scale: float = 1.0,
    mask: np.ndarray | None = None,
    causal: bool = False,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, SoftmaxLaw]:
    """Apply `softmax_dropout` and return what the backward pass needs beside x: two numbers a row.

    Parameters
    ----------
    x, p, scale, mask, causal, rng, shard, threads
        As for `softmax_dropout`. The backward pass needs x again.
    out : ndarray, optional
        As for `softmax_dropout`; x itself only if there will be no backward pass.

    Returns
    -------
    y : ndarray
        As of `softmax_dropout`.
    law : SoftmaxLaw

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `softmax_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((2, 3, 8), np.float32)
    >>> y, law = fd.softmax_dropout_forward(x, 0.5, rng=7, scale=0.125)
    >>> bool(((y != 0) == law.dropout.to_bool()).all())
    True
    """
    y, law = _run(x, p, scale, mask, causal, rng, True, out, shard, threads, True)
    assert law is not None
    return y, law


def softmax_dropout_backward(
    dy: np.ndarray, x: np.ndarray, law: SoftmaxLaw, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y.

    Parameters
    ----------
    dy : array_like, shape ``law.shape``
        Gradient of the loss for y, of x's dtype.
    x : array_like, shape ``law.shape``
        What the forward pass was given.
    law : SoftmaxLaw
        What `softmax_dropout_forward` returned.
    out : ndarray, optional
        Where to write: dy itself, or an array that shares no memory with dy, x or the attention mask.
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

    Notes
    -----
    With P = exp(t - max) / sum, made again, and g = kept ? dy s : 0: dx = scale P (g - sum of g P along the row). It is
    0 in a row that sees no key.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.zeros((1, 2))
    >>> y, law = fd.softmax_dropout_forward(x, 0.0)
    >>> fd.softmax_dropout_backward(np.array([[1.0, 0.0]]), x, law)
    array([[ 0.25, -0.25]])
    """
    if not isinstance(law, SoftmaxLaw):
        raise TypeError(f"law has to be a SoftmaxLaw, but got {law!r} of type {type(law).__name__}")
    scores, code = as_input(x)
    gradient, _ = as_input(dy, "dy")
    for name, array in (("dy", gradient), ("x", scores)):
        if array.shape != law.shape:
            raise ValueError(f"{name} has to have the shape of the forward pass, {law.shape}, but got {array.shape}")
        if array.dtype != law._dtype:
            raise TypeError(f"{name} has to have the dtype of the forward pass, {law._dtype}, but got {array.dtype}")
    team = check_threads(threads)
    dx = make_output(gradient, out, (), "dy")
    given, mask = None if out is None else dx, law._scores.mask
    _check_apart(given, ("x", scores), ("the attention mask", mask), ("law", law.row_max), ("law", law.row_sum))
    law._backward(code, scores, gradient, dx, team)
    return dx


def _check_apart(out: np.ndarray | None, *others: tuple[str, np.ndarray | None]) -> None:
    for name, other in others:
        if out is not None and other is not None and _share(out, other):
            raise ValueError(f"out has to share no memory with {name}, but it does")


def _check_scale(scale: object) -> float:
    if isinstance(scale, (bool, np.bool_)) or not isinstance(scale, (int, float, np.integer, np.floating)):
        raise TypeError(f"scale has to be a real number, but got {scale!r} of type {type(scale).__name__}")
    try:
        number = float(scale)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"scale has to be finite, but got {scale}")
    return number


def _check_mask(mask: object, shape: tuple[int, ...], real: np.dtype) -> np.ndarray | None:
    """Return the attention mask, of bool or of the type that is computed in."""
    if mask is None:
        return None
    array = incoming(mask, "mask")
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("mask has to be an array that is not masked, but got a MaskedArray")
    if array.dtype.kind != "b":
        array, code = as_input(array, "mask of bool, or mask to be added, ")
        if code > _F64:
            raise TypeError(f"mask has to be of bool or of a real floating dtype, but got {array.dtype}")
        with np.errstate(over="ignore"):
            array = array.astype(real, copy=False)
    try:
        np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(f"mask has to broadcast to the shape of x, {shape}, but got shape {array.shape}") from None
    return array


def _rows(shape: tuple[int, ...], causal: bool, shard: object) -> Geometry:
    """Number the elements of whole rows."""
    if len(shape) < 1 + causal:
        wanted = "2 axes, queries and keys, if causal" if causal else "1 axis"
        raise ValueError(f"x has to have at least {wanted}, but got shape {shape}")
    geometry = make_geometry(shape, None, None, shard)  # type: ignore[arg-type]
    if geometry.shard is not None and geometry.shard.global_shape[-1] != shape[-1]:
        raise ValueError(
            f"shard has to hold whole rows, {geometry.shard.global_shape[-1]} keys, but x has shape {shape}"
        )
    return geometry


def _run(
    x: object,
    p: object,
    scale: object,
    mask: object,
    causal: object,
    rng: object,
    training: bool,
    out: object,
    shard: object,
    threads: object,
    keep: bool,
) -> tuple[np.ndarray, SoftmaxLaw | None]:
    """Check the arguments and compute; with `keep`, return what backward needs."""
    array, code = as_input(x)
    if code > _F64:
        raise TypeError(f"x has to be real, but got {array.dtype}: there is no order for a maximum")
    real = np.dtype(np.float64 if code == _F64 else np.float32)
    probability = one_p(p)
    flag = check_flag(causal, "causal")
    geometry = _rows(array.shape, flag, shard)
    scores = Scores(_check_scale(scale), _check_mask(mask, array.shape, real), flag)
    team = check_threads(threads)
    draw = key_source(rng)
    y = make_output(array, out)
    _check_apart(None if out is None else y, ("the attention mask", scores.mask))
    key = draw() if training else key_source(0)()
    law = SoftmaxLaw(geometry, probability, key, scores, array.dtype, real) if keep else None
    _core.softmax_dropout(
        key,
        probability if training else 0.0,
        geometry.start,
        geometry.strides,
        scores.scale,
        scores.broadcast(array.shape),
        flag,
        first_query(geometry),
        code,
        array,
        y,
        None if law is None else law.row_max,
        None if law is None else law.row_sum,
        team,
    )
    if law is not None:
        law._close()
    return y, law
