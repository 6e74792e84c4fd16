"""Dropout as a layer: a key and a count of calls, no stored mask."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.functional import dropout, dropout_backward, dropout_forward
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.nn.checks import check_bool, check_shape, no_forward
from fastdrop.nn.random import ONLY_MASK, RandomModule
from fastdrop.probability import check_p
from fastdrop.rng import RNGLike

__all__ = ["Dropout"]


class Dropout(RandomModule):
    """Drop each element with probability p while training and scale the kept ones by 1 / (1 - p).

    The layer owns a key and counts its calls; each call has a mask of its own. No mask is stored: backward makes it
    again.

    Parameters
    ----------
    p : float or array_like of float, default 0.5
        Probability of dropping, in [0, 1]; an array has to broadcast to the mask's shape.
    inplace : bool, default False
        Whether the forward pass writes to its input, which has to be an array then.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now. Layers with the same key make the same masks.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared, (2, 3) for whole channels of (N, C, H, W).

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    Call c, counted from 0, uses ``key.fold_in(c, role="call").fold_in(0, role="part")``. The count goes up with each
    successful forward in training mode whatever p is, so that changing p moves no other mask; not in evaluation mode
    and not with backward.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.Dropout(p=0.5, rng=42)
    >>> x = np.ones((2, 8), np.float32)
    >>> y = layer(x)
    >>> bool((layer.backward(x) == y).all()), layer.calls
    (True, 1)
    >>> layer.eval()(x) is x
    True
    """

    def __init__(
        self,
        p: float | np.ndarray = 0.5,
        inplace: bool = False,
        *,
        rng: RNGLike = None,
        share_axes: int | Sequence[int] | None = None,
    ) -> None:
        self.p = p
        self.inplace = check_bool(inplace, "inplace")
        self.share_axes = _axes(share_axes)
        super().__init__(rng=rng)
        self._mask: Mask | None = None
        self._shape: tuple[int, ...] | None = None

    @property
    def p(self) -> float | np.ndarray:
        """float or ndarray: probability of dropping; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float | np.ndarray) -> None:
        self._p = check_p(p)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return x with dropped elements +0 and kept ones scaled; x as it is in evaluation mode.

        Parameters
        ----------
        x : array_like
            float16, bfloat16, float32, float64, complex64 or complex128, of any shape and strides.

        Returns
        -------
        ndarray
            Of the same dtype and shape: x itself if `inplace`, in evaluation mode, or if p is 0; else a new array.

        Raises
        ------
        TypeError, ValueError
            If x can't be used, or p or `share_axes` do not fit to its shape; nothing has been written then.
        """
        if not self._active:
            y = dropout(x, self._p, training=False, share_axes=self.share_axes)
            self._mask, self._shape = None, y.shape
            return y
        if self.inplace and not isinstance(x, np.ndarray):
            raise TypeError(f"x has to be a NumPy array for inplace=True, but got {type(x).__name__}")
        key = self._part_key(ONLY_MASK)
        out = x if self.inplace else None
        y, self._mask = self._draw(x, key, out)
        self._shape = y.shape
        self._count_call()
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest x: the same mask and scale.

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
        if self._shape is None:
            raise no_forward(self)
        array, _ = as_input(dy, "dy")
        check_shape(array, self._shape, "dy")
        if self._mask is None or (isinstance(self._mask.p, float) and self._mask.p == 0.0):
            return array
        return self._draw_again(array, self._mask)

    def _draw(self, x: np.ndarray, key: Key, out: np.ndarray | None) -> tuple[np.ndarray, Mask]:
        """Return the output and the mask of one call."""
        return dropout_forward(x, self._p, rng=key, out=out, share_axes=self.share_axes)

    def _draw_again(self, dy: np.ndarray, mask: Mask) -> np.ndarray:
        """Return the gradient for the input of that call."""
        return dropout_backward(dy, mask)

    def __repr__(self) -> str:
        p = self._p if isinstance(self._p, float) else f"array of shape {self._p.shape}"
        inplace = ", inplace=True" if self.inplace else ""
        axes = "" if self.share_axes is None else f", share_axes={self.share_axes}"
        return f"{type(self).__name__}(p={p}{inplace}{axes})"


def _axes(share_axes: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    """Return the axes as ints. Whether they are in range is known when x is."""
    if share_axes is None:
        return None
    one = not hasattr(share_axes, "__iter__")
    axes = (share_axes,) if one else tuple(share_axes)
    for axis in axes:
        if isinstance(axis, (bool, np.bool_)) or not hasattr(axis, "__index__"):
            raise TypeError(f"share_axes has to be an int, ints or None, but got {share_axes!r}")
    numbers = tuple(operator.index(axis) for axis in axes)
    return numbers[0] if one else numbers
