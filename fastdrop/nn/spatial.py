"""Spatial dropout as layers: whole channels are dropped."""

from __future__ import annotations

import numpy as np

from fastdrop.nn.checks import check_bool
from fastdrop.nn.dropout import Dropout
from fastdrop.rng import RNGLike
from fastdrop.spatial import check_rank, spatial_axes

__all__ = ["Dropout1d", "Dropout2d", "Dropout3d"]


class _Spatial(Dropout):
    """A layer for inputs of batch, channels and `_dims` spatial axes."""

    _dims: int

    def __init__(
        self,
        p: float | np.ndarray = 0.5,
        inplace: bool = False,
        *,
        channels_last: bool = False,
        rng: RNGLike = None,
    ) -> None:
        self.channels_last = check_bool(channels_last, "channels_last")
        super().__init__(p, inplace, rng=rng, share_axes=spatial_axes(self._dims, self.channels_last))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return x with dropped channels +0 and kept ones scaled; x as it is in evaluation mode.

        Raises
        ------
        TypeError, ValueError
            If x can't be used, its number of axes included.
        """
        array = check_rank(x, self._dims, self.channels_last, type(self).__name__)
        return super().forward(x if isinstance(x, np.ndarray) else array)

    def __repr__(self) -> str:
        return super().__repr__().split(", share_axes=")[0].removesuffix(")") + (
            ", channels_last=True)" if self.channels_last else ")"
        )


class Dropout1d(_Spatial):
    """Drop whole channels of (N, C, L), or of (N, L, C) with `channels_last`, with probability p while training.

    Parameters
    ----------
    p : float or array_like of float, default 0.5
        Probability of dropping a channel, in [0, 1].
    inplace : bool, default False
        Whether the forward pass writes to its input.
    channels_last : bool, default False
        Whether channels are the last axis.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from.

    Notes
    -----
    Tompson, Goroshin, Jain, LeCun and Bregler, CVPR 2015. An input of another rank is an error, not a guess.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> y = nn.Dropout1d(0.5, rng=1)(np.ones((2, 8, 5)))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    _dims = 1


class Dropout2d(_Spatial):
    """Drop whole channels of (N, C, H, W), or of (N, H, W, C) with `channels_last`: see `Dropout1d`.

    Examples
    --------
    >>> from fastdrop import nn
    >>> nn.Dropout2d(0.2, channels_last=True)
    Dropout2d(p=0.2, channels_last=True)
    """

    _dims = 2


class Dropout3d(_Spatial):
    """Drop whole channels of (N, C, D, H, W), or of (N, D, H, W, C) with `channels_last`: see `Dropout1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> nn.Dropout3d(0.2)(np.ones((1, 2, 2, 2)))
    Traceback (most recent call last):
        ...
    ValueError: x has to have the 5 axes (N, C, D, H, W) for Dropout3d, but got shape (1, 2, 2, 2)
    """

    _dims = 3
