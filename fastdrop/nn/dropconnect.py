"""The affine layer that drops its weights."""

from __future__ import annotations

import numpy as np

from fastdrop.dropconnect import dropconnect_backward, dropconnect_forward, dropconnect_moments
from fastdrop.mask import Mask
from fastdrop.nn.checks import as_real, check_bool, check_shape, no_forward
from fastdrop.nn.linear import Linear
from fastdrop.nn.random import ONLY_MASK, RandomModule
from fastdrop.probability import check_p
from fastdrop.rng import RNGLike

__all__ = ["DropConnectLinear"]

_INFERENCE = ("mean", "moments")


class DropConnectLinear(Linear, RandomModule):
    """y = ((m o W) s) x + b: each weight is dropped with probability p while training, for each sample others.

    The layer owns a key and counts its calls; each call has masks of its own. None is stored, neither as numbers nor as
    bits: they are made inside the products, and made again in backward.

    Parameters
    ----------
    in_features, out_features : int
        Lengths of the last axes of x and y, at least 1.
    p : float, default 0.5
        Probability of dropping a weight, in [0, 1]; below 1 for ``inference="moments"``.
    per_sample : bool, default True
        Whether each sample of the batch, which is all axes of x but the last, has a mask of its own; else one is drawn
        for each call (weight drop).
    bias : bool, default True
        Whether there is a b. It is never dropped.
    inference : {"mean", "moments"}, default "mean"
        What evaluation mode does: multiply by the mean weights, or draw y from the normal distribution that has the
        mean and variance of training, as the authors propose: average after the activation, over several calls.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.
    dtype : {float32, float64}, default float32
        Of the parameters and of the output; inputs are converted to it.

    Attributes
    ----------
    weight : Parameter, shape (out_features, in_features)
    bias : Parameter, shape (out_features,), or None

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    Wan, Zeiler, Zhang, LeCun and Fergus, ICML 2013. Initial values are those of `Linear`, from part 5 of the layer's
    key. Call c, counted from 0, draws from ``key.fold_in(c, role="call").fold_in(0, role="part")``. With
    ``inference="moments"`` call k in evaluation mode since the latest one in training folds ``(k, role="sample")`` in
    and takes its noise from ``generator()`` of that key; this count is not part of the saved state.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.DropConnectLinear(4, 3, p=0.5, rng=42)
    >>> x = np.ones((2, 4), np.float32)
    >>> y = layer(x)
    >>> bool((y[0] == y[1]).any()), layer.calls
    (False, 1)
    >>> layer.backward(np.ones_like(y)).shape
    (2, 4)
    >>> y = layer.eval()(x)
    >>> bool((y[0] == y[1]).all())
    True
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        p: float = 0.5,
        per_sample: bool = True,
        bias: bool = True,
        *,
        inference: str = "mean",
        rng: RNGLike = None,
        dtype: np.dtype | type | str = np.float32,
    ) -> None:
        self.per_sample = check_bool(per_sample, "per_sample")
        if inference not in _INFERENCE:
            raise ValueError(f"inference has to be one of {', '.join(_INFERENCE)}, but got {inference!r}")
        self.inference = inference
        self.p = p
        super().__init__(in_features, out_features, bias, rng=rng, dtype=dtype)
        self._mask: Mask | None = None
        self._slope: np.ndarray | None = None
        self._draws = 0

    @property
    def p(self) -> float:
        """float: probability of dropping; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        value = check_p(p)
        if isinstance(value, np.ndarray):
            raise TypeError(f"p has to be one number, but got an array of shape {value.shape}")
        if value == 1.0 and self.inference == "moments":
            raise ValueError(f"p has to be below 1 for inference='moments', but got {p}")
        self._p = value

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the product with dropped weights; in evaluation mode what `inference` says.

        Parameters
        ----------
        x : array_like, shape (..., in_features)
            Real numbers. Kept for `backward`, and not copied if they are of the layer's dtype: leave them as they are.

        Returns
        -------
        ndarray, shape (..., out_features)
            Of the layer's dtype.

        Raises
        ------
        TypeError, ValueError
            If x does not hold real numbers, or its last axis is of another length.
        """
        if not self._active and self.inference == "mean":
            y = super().forward(x)
            self._mask = self._slope = None
            return y
        array = as_real(x, "x", self.dtype)
        if array.ndim == 0 or array.shape[-1] != self.in_features:
            raise ValueError(f"x has to be of shape (..., {self.in_features}), but got {array.shape}")
        rows = np.asarray(array).reshape(-1, self.in_features)
        bias = None if self.bias is None else self.bias.data
        key, mask, slope = self._part_key(ONLY_MASK), None, None
        if self._active:
            y, mask = dropconnect_forward(
                rows, self.weight.data, self._p, bias=bias, rng=key, per_sample=self.per_sample
            )
            self._count_call()
            self._draws = 0
        else:
            y, variance = dropconnect_moments(rows, self.weight.data, self._p, bias=bias)
            noise = key.fold_in(self._draws, role="sample").generator().standard_normal(y.shape, self.dtype)
            deviation = np.sqrt(variance)
            y += deviation * noise
            slope = np.divide(noise, deviation, out=np.zeros_like(noise), where=deviation > 0)
            self._draws += 1
        self._x, self._mask, self._slope = rows, mask, slope
        self._shape = (*array.shape[:-1], self.out_features)
        return y.reshape(self._shape)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dx of the latest forward; add to the gradients of weight and bias: same masks, or same noise.

        Parameters
        ----------
        dy : array_like, shape (..., out_features)
            Gradient for the latest output, of its shape.

        Returns
        -------
        ndarray, shape (..., in_features)
            Of the layer's dtype.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy does not hold real numbers, or is of another shape.
        """
        if self._mask is None and self._slope is None:
            return super().backward(dy)
        if self._x is None:
            raise no_forward(self)
        array = as_real(dy, "dy", self.dtype)
        check_shape(array, self._shape, "dy")
        rows, weight = np.asarray(array).reshape(-1, self.out_features), self.weight.data
        if self._mask is not None:
            dx, dweight, dbias = dropconnect_backward(rows, self._x, weight, self._mask)
        else:  # dy/dW = x + z / deviation * ratio * W x x, and likewise for x
            ratio = self.dtype.type(self._p / (1.0 - self._p))
            through = rows * self._slope * ratio
            dx = rows @ weight + self._x * (through @ np.square(weight))
            dweight = rows.T @ self._x + weight * (through.T @ np.square(self._x))
            dbias = rows.sum(axis=0)
        self.weight.accumulate(dweight)
        if self.bias is not None:
            self.bias.accumulate(dbias)
        return dx.reshape(*self._shape[:-1], self.in_features)

    def __repr__(self) -> str:
        parts = [f"{self.in_features}, {self.out_features}, p={self._p}"]
        if not self.per_sample:
            parts.append("per_sample=False")
        if self.bias is None:
            parts.append("bias=False")
        if self.inference != "mean":
            parts.append(f"inference={self.inference!r}")
        if self.dtype != np.float32:
            parts.append(f"dtype={self.dtype.name}")
        return f"DropConnectLinear({', '.join(parts)})"
