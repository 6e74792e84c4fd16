"""Alpha dropout as layers."""

from __future__ import annotations

import numpy as np

from fastdrop.alpha import alpha_dropout_backward, alpha_dropout_forward
from fastdrop.feature_alpha import check_features, feature_alpha_dropout_forward
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.nn.checks import check_bool
from fastdrop.nn.dropout import Dropout
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike

__all__ = ["AlphaDropout", "FeatureAlphaDropout"]


class AlphaDropout(Dropout):
    """Set elements to SELU's negative limit with probability p while training, keeping mean 0 and variance 1.

    Parameters
    ----------
    p : float, default 0.5
        Probability of dropping, in [0, 1]: one number.
    inplace : bool, default False
        Whether the forward pass writes to its input, which has to be an array then.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    See `fastdrop.alpha_dropout` for the rule and its source, and `Dropout` for keys and counts.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.AlphaDropout(0.5, rng=1)
    >>> x = np.ones((2, 8), np.float32)
    >>> len(set(layer(x).ravel().tolist())), layer.calls
    (2, 1)
    >>> layer.eval()(x) is x
    True
    """

    @property
    def p(self) -> float:
        """float: probability of dropping; can be set at any time."""
        assert isinstance(self._p, float)
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = one_p(p)

    def _draw(self, x: np.ndarray, key: Key, out: np.ndarray | None) -> tuple[np.ndarray, Mask]:
        return alpha_dropout_forward(x, self.p, rng=key, out=out, share_axes=self.share_axes)

    def _draw_again(self, dy: np.ndarray, mask: Mask) -> np.ndarray:
        return alpha_dropout_backward(dy, mask)


class FeatureAlphaDropout(AlphaDropout):
    """Do what `AlphaDropout` does to whole channels of (N, C, ...), or of (N, ..., C) with `channels_last`.

    Parameters
    ----------
    p, inplace, rng
        As for `AlphaDropout`.
    channels_last : bool, default False
        Whether channels are the last axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> y = nn.FeatureAlphaDropout(0.5, rng=1)(np.ones((2, 8, 5)))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, channels_last: bool = False, rng: RNGLike = None
    ) -> None:
        self.channels_last = check_bool(channels_last, "channels_last")
        super().__init__(p, inplace, rng=rng)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return x with dropped channels set to the limit; x as it is in evaluation mode.

        Raises
        ------
        TypeError, ValueError
            If x can't be used, its number of axes included.
        """
        array, _ = check_features(x, self.channels_last)
        return super().forward(x if isinstance(x, np.ndarray) else array)

    def _draw(self, x: np.ndarray, key: Key, out: np.ndarray | None) -> tuple[np.ndarray, Mask]:
        return feature_alpha_dropout_forward(x, self.p, rng=key, out=out, channels_last=self.channels_last)

    def __repr__(self) -> str:
        return super().__repr__().removesuffix(")") + (", channels_last=True)" if self.channels_last else ")")
