"""Softmax with dropout as a layer, as attention needs it."""

from __future__ import annotations

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.nn.checks import check_bool, no_forward
from fastdrop.nn.random import ONLY_MASK, RandomModule
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike
from fastdrop.softmax import _check_scale, softmax_dropout_backward, softmax_dropout_forward
from fastdrop.softmax_law import SoftmaxLaw

__all__ = ["SoftmaxDropout"]


class SoftmaxDropout(RandomModule):
    """Softmax of scaled and masked scores along the last axis, then dropout while training, in one pass.

    The layer keeps a reference to its latest input, which backward needs, and two numbers for each row; no mask and no
    probabilities.

    Parameters
    ----------
    p : float, default 0.1
        Probability of dropping, in [0, 1].
    scale : float, default 1.0
        Finite factor of the scores, 1 / sqrt(d) in attention.
    causal : bool, default False
        Whether query i sees only keys 0 to i.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    See `fastdrop.softmax_dropout` for the rule, and `Dropout` for keys and counts. In evaluation mode nothing is
    dropped; backward is that of the softmax alone then.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.SoftmaxDropout(0.1, scale=0.125, causal=True, rng=42)
    >>> y = layer(np.ones((2, 4, 16, 16), np.float32))
    >>> layer.backward(np.ones_like(y)).shape, layer.calls
    ((2, 4, 16, 16), 1)
    """

    def __init__(self, p: float = 0.1, scale: float = 1.0, causal: bool = False, *, rng: RNGLike = None) -> None:
        self.p = p
        self.scale = _check_scale(scale)
        self.causal = check_bool(causal, "causal")
        super().__init__(rng=rng)
        self._x: np.ndarray | None = None
        self._law: SoftmaxLaw | None = None

    @property
    def p(self) -> float:
        """float: probability of dropping; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = one_p(p)

    def __call__(self, x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Return ``forward(x, mask)``."""
        return self.forward(x, mask)

    def forward(self, x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Return the weights, dropped while training.

        Parameters
        ----------
        x : array_like, shape (..., queries, keys)
            float16, bfloat16, float32 or float64. Leave it as it is until backward.
        mask : array_like, optional
            Broadcasts to x: of bool, True where a key is seen, or of a floating dtype, added to ``scale * x``.

        Returns
        -------
        ndarray
            A new array like x.

        Raises
        ------
        TypeError, ValueError
            If x or the mask can't be used.
        """
        array, _ = as_input(x)
        p, key = (self._p, self._part_key(ONLY_MASK)) if self._active else (0.0, 0)
        y, law = softmax_dropout_forward(array, p, scale=self.scale, mask=mask, causal=self.causal, rng=key)
        self._x, self._law = array, law
        if self._active:
            self._count_call()
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest x.

        Parameters
        ----------
        dy : array_like
            Gradient for the latest output, of its shape and dtype.

        Returns
        -------
        ndarray
            A new array.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy can't be used.
        """
        if self._law is None or self._x is None:
            raise no_forward(self)
        return softmax_dropout_backward(dy, self._x, self._law)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self._p}, scale={self.scale}, causal={self.causal})"
