"""DropConnect as functions: weights are dropped, for each sample others or for all the same."""

from __future__ import annotations

import numpy as np

from fastdrop.connect_operands import Operands, as_real, make_product, rows_of
from fastdrop.connect_products import backward_each, backward_shared, forward_each, forward_shared
from fastdrop.geometry import make_geometry
from fastdrop.mask import Mask
from fastdrop.probability import broadcast_p, check_p, one_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["dropconnect", "dropconnect_backward", "dropconnect_forward", "dropconnect_moments"]


def dropconnect(
    x: np.ndarray,
    weight: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    bias: np.ndarray | None = None,
    rng: RNGLike = None,
    training: bool = True,
    per_sample: bool = True,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Multiply by a weight of which each element is dropped with probability p and scaled by 1 / (1 - p) if kept.

    Parameters
    ----------
    x : array_like, shape (..., in_features)
        float16, bfloat16 (of ml_dtypes), float32 or float64, of any strides. All axes but the last are the batch.
    weight : array_like, shape (out_features, in_features)
        Of x's dtype.
    p : float, default 0.5
        Probability of dropping a weight, in [0, 1]. With ``per_sample=False`` also an array that broadcasts to the
        weight's shape.
    bias : array_like, shape (out_features,), optional
        Of x's dtype. Never dropped.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from. The same Key or int gives the same mask; a Generator is drawn from; None takes fresh
        entropy.
    training : bool, default True
        False multiplies by the mean weights, which is by `weight` itself; no key is drawn.
    per_sample : bool, default True
        Whether each sample of the batch has a mask of its own; else one is drawn for all (weight drop).
    out : ndarray, optional
        Where to write: an array of the result's shape and dtype that shares no memory with the others.
    shard : Shard, optional
        The call is a block of a larger one, whose mask has the shape (batch, out_features, in_features), or that of the
        weight with ``per_sample=False``. A block of in_features gives its part of the sums.
    threads : int, optional
        Most threads to use for per-sample masks; the result does not depend on it.

    Returns
    -------
    ndarray, shape (..., out_features)
        `out`, or a new array of x's dtype.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used. The text names it, the value and what is allowed; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    DropConnect (Wan, Zeiler, Zhang, LeCun and Fergus, ICML 2013): ``y = ((m o W) s) x + b`` with s = 1 / (1 - p), here
    as s times the sum of the kept products. A mask for each sample has batch * out_features * in_features decisions;
    they are made inside the product, a few thousand at a time, and are never stored. One mask for all is the weight
    drop of AWD-LSTM (Merity, Keskar and Socher, ICLR 2018); it takes a copy of the weight and NumPy's product.

    A dropped weight adds nothing, whatever it and x are. Products of float16 and bfloat16 are made and added in float32
    and rounded once. The sums of a per-sample call come in an order of their own: the same on every instruction set,
    for any layout and number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x, weight = np.ones((3, 4), np.float32), np.ones((2, 4), np.float32)
    >>> fd.dropconnect(x, weight, 0.5, rng=fd.Key(1))
    array([[4., 4.],
           [2., 4.],
           [0., 4.]], dtype=float32)
    >>> mask = fd.Mask((3, 2, 4), 0.5, rng=fd.Key(1))
    >>> 2 * mask.to_bool().sum(axis=2)
    array([[4, 4],
           [2, 4],
           [0, 4]])
    """
    if not isinstance(training, (bool, np.bool_)):
        raise TypeError(f"training has to be a bool, but got {training!r} of type {type(training).__name__}")
    return _connect(x, weight, p, bias, rng, bool(training), per_sample, out, shard, threads)[0]


def dropconnect_forward(
    x: np.ndarray,
    weight: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    bias: np.ndarray | None = None,
    rng: RNGLike = None,
    per_sample: bool = True,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Multiply as `dropconnect` does and return the mask for the backward pass.

    Parameters
    ----------
    x, weight, p, bias, rng, per_sample, out, shard, threads
        As for `dropconnect`.

    Returns
    -------
    y : ndarray, shape (..., out_features)
    mask : Mask
        Of shape (batch, out_features, in_features), or the weight's with ``per_sample=False``. It holds no bits.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `dropconnect`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x, weight = np.ones((5, 6, 4)), np.ones((2, 4))
    >>> y, mask = fd.dropconnect_forward(x, weight, 0.1, rng=7)
    >>> y.shape, mask.shape, mask.nbytes
    ((5, 6, 2), (30, 2, 4), 0)
    """
    y, mask = _connect(x, weight, p, bias, rng, True, per_sample, out, shard, threads)
    assert mask is not None
    return y, mask


def dropconnect_backward(
    dy: np.ndarray, x: np.ndarray, weight: np.ndarray, mask: Mask, *, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients for x, weight and bias from that for y: the same mask and scale.

    Parameters
    ----------
    dy : array_like, shape (..., out_features)
        Gradient of the loss for y.
    x, weight : array_like
        As in the forward pass.
    mask : Mask
        What `dropconnect_forward` returned, or the same law made again; also one that holds bits. Of shape
        (batch, out_features, in_features), without shared axes and with one p, or of the weight's shape.
    threads : int, optional
        Most threads to use for per-sample masks; the result does not depend on it.

    Returns
    -------
    dx : ndarray, shape of x
    dweight : ndarray, shape of weight
        The sum over the batch, each sample's outer product under its own mask.
    dbias : ndarray, shape (out_features,)
        The sum of dy over the batch.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `dropconnect`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x, weight, dy = np.ones((2, 3)), np.ones((1, 3)), np.ones((2, 1))
    >>> mask = fd.Mask.from_bool([[[True, False, True]], [[True, False, False]]], 0.5)
    >>> dx, dweight, dbias = fd.dropconnect_backward(dy, x, weight, mask)
    >>> dx
    array([[2., 0., 2.],
           [2., 0., 0.]])
    >>> dweight, dbias
    (array([[4., 0., 2.]]), array([2.]))
    """
    operands, gradient = Operands(x, weight), as_real(dy, "dy")
    if gradient.dtype != operands.dtype:
        raise TypeError(f"dy has to have the dtype of x, {operands.dtype}, but got {gradient.dtype}")
    if gradient.shape != (*operands.lead, operands.rows):
        raise ValueError(f"dy has to be of shape {(*operands.lead, operands.rows)}, but got {gradient.shape}")
    _check_mask(mask, operands)
    team = check_threads(threads)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = rows_of(gradient, operands.samples, operands.wide)
        back = backward_each if len(mask.shape) == 3 else backward_shared
        dx, dweight = back(operands, rows, mask, team)
        dbias = rows.sum(axis=0).astype(operands.dtype, copy=False)
        return dx.astype(operands.dtype, copy=False).reshape(operands.x.shape), dweight, dbias


def dropconnect_moments(
    x: np.ndarray, weight: np.ndarray, p: float = 0.5, *, bias: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of `dropconnect` over all masks, for inference by sampling from the normal distribution.

    Parameters
    ----------
    x, weight, bias
        As for `dropconnect`.
    p : float, default 0.5
        Probability of dropping, in [0, 1): at 1 the variance is infinite.

    Returns
    -------
    mean, variance : ndarray, shape (..., out_features)
        ``W x + b`` and ``p / (1 - p) (W o W) (x o x)``, of x's dtype.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    Wan et al. (ICML 2013), section 3.2: a sum of many independent weights is close to normal, so that drawing
    from N(mean, variance) and averaging after the activation stands in for averaging over networks. Their formula has
    unscaled weights; with weights scaled by 1 / (1 - p) it is this one.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> mean, variance = fd.dropconnect_moments(np.array([1.0, 2.0]), np.array([[3.0, 1.0]]), 0.5)
    >>> mean, variance
    (array([5.]), array([13.]))
    """
    operands = Operands(x, weight, bias)
    probability = one_p(p)
    if probability == 1.0:
        raise ValueError(f"p has to be below 1 for a finite variance, but got {probability}")
    rows, shape = operands.x_rows(), (*operands.lead, operands.rows)
    with np.errstate(over="ignore", invalid="ignore"):
        w = operands.weight.astype(operands.wide)
        mean = rows @ w.T
        if operands.bias is not None:
            mean += operands.wide_bias()
        variance = np.square(rows) @ np.square(w, out=w).T
        variance *= operands.wide.type(probability / (1.0 - probability))
        return mean.astype(operands.dtype).reshape(shape), variance.astype(operands.dtype).reshape(shape)


def _connect(
    x: object,
    weight: object,
    p: object,
    bias: object,
    rng: object,
    training: bool,
    per_sample: object,
    out: object,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, Mask | None]:
    """Check the arguments and multiply. There is no mask without training."""
    if not isinstance(per_sample, (bool, np.bool_)):
        raise TypeError(f"per_sample has to be a bool, but got {per_sample!r} of type {type(per_sample).__name__}")
    operands = Operands(x, weight, bias)
    shape = operands.mask_shape(bool(per_sample))
    geometry = make_geometry(shape, shard=shard)  # type: ignore[arg-type]
    probability = check_p(p)
    if per_sample:
        one_p(probability)
    else:
        broadcast_p(probability, shape, shape)
    team = check_threads(threads)
    draw = key_source(rng)
    y = make_product(operands, out)
    mask = Mask._make(geometry, probability, draw(), None) if training else None
    with np.errstate(over="ignore", invalid="ignore"):
        if mask is None or not per_sample:
            forward_shared(operands, mask, y, team)
        else:
            forward_each(operands, mask, y, team)
    return y, mask


def _check_mask(mask: object, operands: Operands) -> None:
    if not isinstance(mask, Mask):
        raise TypeError(f"mask has to be a Mask, but got {mask!r} of type {type(mask).__name__}")
    each, shared = operands.mask_shape(True), operands.mask_shape(False)
    if mask.shape not in (each, shared):
        raise ValueError(f"mask has to be of shape {each} or {shared}, but got {mask.shape}")
    if mask.shape == each:
        if mask.mask_shape != mask.shape:
            raise ValueError(f"mask has to have a decision for each element of {each}, but got {mask.mask_shape}")
        one_p(mask.p)
