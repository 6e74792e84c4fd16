"""Concrete dropout as a layer: its p is learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.concrete import concrete_dropout, concrete_dropout_backward, concrete_dropout_forward
from fastdrop.concrete_law import ConcreteMask, check_concrete_p, check_temperature
from fastdrop.nn.checks import check_shape, no_forward
from fastdrop.nn.dropout import _axes
from fastdrop.nn.parameter import Parameter
from fastdrop.nn.random import ONLY_MASK, RandomModule
from fastdrop.rng import RNGLike

__all__ = ["ConcreteDropout"]


class ConcreteDropout(RandomModule):
    """Concrete dropout, whose p is a parameter: `backward` finds its gradient, an optimizer changes it.

    Parameters
    ----------
    p : float, default 0.1
        Probability of dropping to begin with, in (0, 1).
    temperature : float, default 0.1
        How soft the decisions are: above 0 and finite; 0.1 for single elements, 2/3 for channels in the paper.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.

    Attributes
    ----------
    p_logit : Parameter, shape (1,), float64
        log p - log(1-p), which can be any number.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    See `fastdrop.concrete_dropout` for the rule and its source, and `Dropout` for keys and counts. Without the term of
    `regulariser` in the loss p goes to 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.ConcreteDropout(0.2, rng=42)
    >>> x = np.ones((2, 8), np.float32)
    >>> y = layer(x)
    >>> dx = layer.backward(np.ones_like(y))
    >>> bool((dx == y).all()), layer.p_logit.grad.shape, round(layer.p, 6)
    (True, (1,), 0.2)
    """

    def __init__(
        self,
        p: float = 0.1,
        temperature: float = 0.1,
        *,
        rng: RNGLike = None,
        share_axes: int | Sequence[int] | None = None,
    ) -> None:
        number = _check_open(p)
        self.temperature = check_temperature(temperature)
        self.share_axes = _axes(share_axes)
        super().__init__(rng=rng)
        logit = np.array([math.log(number) - math.log1p(-number)])
        self.p_logit = Parameter((1,), np.dtype(np.float64), lambda: logit)
        self._mask: ConcreteMask | None = None
        self._x: np.ndarray | None = None

    def own_parameters(self) -> dict[str, Parameter]:
        """Return the logit of p."""
        return {"p_logit": self.p_logit}

    @property
    def p(self) -> float:
        """float: probability of dropping, from its logit; setting it sets that."""
        logit = float(self.p_logit.data[0])
        small = math.exp(-abs(logit))
        return min(1 / (1 + small) if logit > 0 else small / (1 + small), math.nextafter(1.0, 0.0))

    @p.setter
    def p(self, p: float) -> None:
        number = _check_open(p)
        self.p_logit.data = np.array([math.log(number) - math.log1p(-number)])

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return x times its factors; x as it is in evaluation mode.

        Parameters
        ----------
        x : array_like
            float16, bfloat16, float32, float64, complex64 or complex128, of any shape and strides. Kept for `backward`,
            and not copied: leave it as it is.

        Returns
        -------
        ndarray
            Of the same dtype and shape.

        Raises
        ------
        TypeError, ValueError
            If x can't be used, or `share_axes` does not fit to its shape.
        """
        if not self._active:
            y = concrete_dropout(x, 0.0, training=False, share_axes=self.share_axes)
            self._mask, self._x = None, y
            return y
        array, _ = as_input(x)
        y, self._mask = concrete_dropout_forward(
            array, self.p, temperature=self.temperature, rng=self._part_key(ONLY_MASK), share_axes=self.share_axes
        )
        self._x = array
        self._count_call()
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest x; add that for the logit of p to `p_logit`.

        Parameters
        ----------
        dy : array_like
            Gradient for the latest output, of its shape and any supported dtype.

        Returns
        -------
        ndarray
            dy itself after a forward in evaluation mode, else a new array.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy can't be used.
        """
        if self._x is None:
            raise no_forward(self)
        array, _ = as_input(dy, "dy")
        check_shape(array, self._x.shape, "dy")
        if self._mask is None:
            return array
        dx, dlogit = concrete_dropout_backward(array, self._x, self._mask)
        self.p_logit.accumulate(np.array([dlogit]))
        return dx

    def regulariser(
        self, weights: Mapping[str, Parameter], inputs: int, *, weight: float = 1e-6, entropy: float = 1e-5
    ) -> float:
        """Return the paper's term of the loss, and add its gradients to those of p and of the weights.

        Parameters
        ----------
        weights : mapping of str to Parameter
            Those that the layer's output is multiplied by, as `own_parameters` of the next layer returns them.
        inputs : int
            How many inputs are dropped: features, or channels.
        weight, entropy : float
            Factors of the two terms: length scale squared over the number of samples, and 2 over the number of
            samples, each divided by the model's precision.

        Returns
        -------
        float
            weight sum(w**2) / (1-p) + entropy inputs (p log p + (1-p) log(1-p)).

        Notes
        -----
        Gal, Hron and Kendall, NeurIPS 2017, equations 3 and 4, for one layer.

        Examples
        --------
        >>> from fastdrop import nn
        >>> layer, linear = nn.ConcreteDropout(0.5, rng=1), nn.Linear(8, 2, rng=2)
        >>> layer.regulariser(linear.own_parameters(), 8, weight=0.0, entropy=1.0) < -5.5
        True
        """
        p = self.p
        q = 1 - p
        squares = sum(float(np.sum(np.square(w.data, dtype=np.float64))) for w in weights.values())
        logit = float(self.p_logit.data[0])
        slope = weight * squares * p / q + entropy * inputs * p * q * logit  # of p: squares / q², logit; dp = p q
        self.p_logit.accumulate(np.array([slope]))
        for w in weights.values():
            w.accumulate((w.data * (2 * weight / q)).astype(w.dtype))
        return weight * squares / q + entropy * inputs * (p * math.log(p) + q * math.log1p(-p))

    def __repr__(self) -> str:
        axes = "" if self.share_axes is None else f", share_axes={self.share_axes}"
        return f"ConcreteDropout(p={self.p:.6g}, temperature={self.temperature}{axes})"


def _check_open(p: object) -> float:
    number = check_concrete_p(p)
    if number == 0.0:
        raise ValueError(f"p has to be above 0 for ConcreteDropout, which learns its logit, but got {p}")
    return number
