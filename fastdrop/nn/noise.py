"""Gaussian dropout and Gaussian noise as layers: a key and a count of calls, no stored numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.nn.checks import check_bool, check_shape, no_forward
from fastdrop.nn.dropout import _axes
from fastdrop.nn.random import ONLY_MASK, RandomModule
from fastdrop.noise import gaussian_dropout, gaussian_dropout_backward, gaussian_dropout_forward, gaussian_noise_forward
from fastdrop.noise_law import Noise, check_gaussian_p, check_sigma
from fastdrop.rng import RNGLike

__all__ = ["GaussianDropout", "GaussianNoise"]


class _NoiseLayer(RandomModule):
    """What the two layers have in common: the forward pass, and the shape that backward has to see."""

    def __init__(self, inplace: bool, rng: RNGLike, share_axes: int | Sequence[int] | None) -> None:
        self.inplace = check_bool(inplace, "inplace")
        self.share_axes = _axes(share_axes)
        super().__init__(rng=rng)
        self._noise: Noise | None = None
        self._shape: tuple[int, ...] | None = None

    def _draw(self, x: np.ndarray, key: object, out: np.ndarray | None) -> tuple[np.ndarray, Noise]:
        raise NotImplementedError

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return x with noise; x as it is in evaluation mode.

        Parameters
        ----------
        x : array_like
            float16, bfloat16, float32, float64, complex64 or complex128, of any shape and strides.

        Returns
        -------
        ndarray
            Of the same dtype and shape: x itself if `inplace`, in evaluation mode, or without noise; else a new array.

        Raises
        ------
        TypeError, ValueError
            If x can't be used, or `share_axes` does not fit to its shape; nothing has been written then.
        """
        if not self._active:
            y = gaussian_dropout(x, 0.0, training=False, share_axes=self.share_axes)
            self._noise, self._shape = None, y.shape
            return y
        if self.inplace and not isinstance(x, np.ndarray):
            raise TypeError(f"x has to be a NumPy array for inplace=True, but got {type(x).__name__}")
        y, self._noise = self._draw(x, self._part_key(ONLY_MASK), x if self.inplace else None)
        self._shape = y.shape
        self._count_call()
        return y

    def _checked(self, dy: np.ndarray) -> np.ndarray:
        if self._shape is None:
            raise no_forward(self)
        array, _ = as_input(dy, "dy")
        check_shape(array, self._shape, "dy")
        return array

    def _extra(self) -> str:
        inplace = ", inplace=True" if self.inplace else ""
        return inplace if self.share_axes is None else f"{inplace}, share_axes={self.share_axes}"


class GaussianDropout(_NoiseLayer):
    """Multiply each element by 1 + sigma z while training, with sigma**2 = p / (1 - p) and z standard normal.

    The layer owns a key and counts its calls; each call has noise of its own, which backward makes again.

    Parameters
    ----------
    p : float, default 0.5
        The rate of plain dropout whose mean and variance the noise has: in [0, 1).
    inplace : bool, default False
        Whether the forward pass writes to its input, which has to be an array then.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.
    share_axes : int or sequence of int, optional
        Axes along which one number is shared.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used, p = 1 included.

    Notes
    -----
    See `fastdrop.gaussian_dropout` for the rule and its source, and `Dropout` for keys and counts.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.GaussianDropout(p=0.5, rng=42)
    >>> x = np.ones((2, 8), np.float32)
    >>> y = layer(x)
    >>> bool((layer.backward(x) == y).all()), layer.calls
    (True, 1)
    >>> layer.eval()(x) is x
    True
    """

    def __init__(
        self,
        p: float = 0.5,
        inplace: bool = False,
        *,
        rng: RNGLike = None,
        share_axes: int | Sequence[int] | None = None,
    ) -> None:
        self.p = p
        super().__init__(inplace, rng, share_axes)

    @property
    def p(self) -> float:
        """float: the rate; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = check_gaussian_p(p)

    def _draw(self, x: np.ndarray, key: object, out: np.ndarray | None) -> tuple[np.ndarray, Noise]:
        return gaussian_dropout_forward(x, self._p, rng=key, out=out, share_axes=self.share_axes)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest x: the same noise.

        Parameters
        ----------
        dy : array_like
            Gradient for the latest output, of its shape and any supported dtype.

        Returns
        -------
        ndarray
            dy itself after a forward that passed its input through, else a new array.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy can't be used.
        """
        array = self._checked(dy)
        if self._noise is None or self._noise.sigma == 0.0:
            return array
        return gaussian_dropout_backward(array, self._noise)

    def __repr__(self) -> str:
        return f"GaussianDropout(p={self._p}{self._extra()})"


class GaussianNoise(_NoiseLayer):
    """Add sigma z to each element while training, with z standard normal.

    Parameters
    ----------
    sigma : float, default 0.1
        Standard deviation of the noise, from 0 on and finite.
    inplace, rng, share_axes
        As for `GaussianDropout`.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.GaussianNoise(0.5, rng=42)
    >>> x = np.zeros((2, 8), np.float32)
    >>> y = layer(x)
    >>> bool((y != 0).all()), layer.backward(x) is x
    (True, True)
    """

    def __init__(
        self,
        sigma: float = 0.1,
        inplace: bool = False,
        *,
        rng: RNGLike = None,
        share_axes: int | Sequence[int] | None = None,
    ) -> None:
        self.sigma = sigma
        super().__init__(inplace, rng, share_axes)

    @property
    def sigma(self) -> float:
        """float: standard deviation of the noise; can be set at any time."""
        return self._sigma

    @sigma.setter
    def sigma(self, sigma: float) -> None:
        self._sigma = check_sigma(sigma)

    def _draw(self, x: np.ndarray, key: object, out: np.ndarray | None) -> tuple[np.ndarray, Noise]:
        return gaussian_noise_forward(x, self._sigma, rng=key, out=out, share_axes=self.share_axes)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest x, which is dy; arguments and errors as of `GaussianDropout.backward`."""
        return self._checked(dy)

    def __repr__(self) -> str:
        return f"GaussianNoise(sigma={self._sigma}{self._extra()})"
