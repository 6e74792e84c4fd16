"""Consistent dropout as a layer: a row has the mask of its number, in every call."""

from __future__ import annotations

import numpy as np

from fastdrop.consistent import consistent_dropout, consistent_dropout_backward, consistent_dropout_forward
from fastdrop.mask_stack import MaskStack
from fastdrop.nn.dropout import Dropout
from fastdrop.nn.random import ONLY_MASK

__all__ = ["ConsistentDropout"]


class ConsistentDropout(Dropout):
    """Drop elements of each row by the mask of the row's id while training: the same id, the same mask, in every call.

    For reinforcement learning, where an update has to see the very network that acted. Its `forward` takes the ids
    beside x, and so it stands outside of `Sequential`.

    Parameters
    ----------
    p : float or array_like of float, default 0.5
        Probability of dropping, in [0, 1]; an array has to broadcast to the mask's shape.
    inplace : bool, default False
        Whether the forward pass writes to its input, which has to be an array then.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared; not the first one.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    Hausknecht and Wagener, 2022. The row of id i has the key ``key.fold_in(0, role="part").fold_in(i)``; calls are not
    counted, for they make no difference. Under `mc`, pass s folds ``(s, role="sample")`` in before the id.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.ConsistentDropout(0.5, rng=1)
    >>> x = np.ones((4, 32), np.float32)
    >>> acting = layer(x, [0, 1, 2, 3])
    >>> learning = layer(x[:2], [3, 1])
    >>> bool((learning == acting[[3, 1]]).all())
    True
    >>> layer.backward(x[:2]).shape
    (2, 32)
    """

    def __call__(self, x: np.ndarray, ids: np.ndarray) -> np.ndarray:  # type: ignore[override]
        """Return ``forward(x, ids)``."""
        return self.forward(x, ids)

    def forward(self, x: np.ndarray, ids: np.ndarray) -> np.ndarray:  # type: ignore[override]
        """Return x with dropped elements +0 and kept ones scaled; x as it is in evaluation mode.

        Parameters
        ----------
        x : array_like, shape (N, ...)
            float16, bfloat16, float32, float64, complex64 or complex128, of any strides.
        ids : array_like of int, shape (N,)
            What each row is known by, from 0 to 2**56 - 1.

        Returns
        -------
        ndarray
            Of the same dtype and shape: x itself if `inplace`, in evaluation mode, or if p is 0; else a new array.

        Raises
        ------
        TypeError, ValueError
            If x or ids can't be used, or p or `share_axes` do not fit to its shape; nothing has been written then.
        """
        if not self._active:
            y = consistent_dropout(x, ids, self._p, training=False, share_axes=self.share_axes)
            self._mask, self._shape = None, y.shape
            return y
        if self.inplace and not isinstance(x, np.ndarray):
            raise TypeError(f"x has to be a NumPy array for inplace=True, but got {type(x).__name__}")
        out = x if self.inplace else None
        key = self._take_key().fold_in(ONLY_MASK, role="part")
        if self._sample is not None:
            key = key.fold_in(self._sample, role="sample")
        y, law = consistent_dropout_forward(x, ids, self._p, rng=key, out=out, share_axes=self.share_axes)
        self._mask, self._shape = law, y.shape  # type: ignore[assignment]  # backward asks for its p and hands it on
        return y

    def _draw_again(self, dy: np.ndarray, mask: MaskStack) -> np.ndarray:  # type: ignore[override]
        return consistent_dropout_backward(dy, mask)
