"""Token dropout as a layer: a part of the tokens of each sample goes on."""

from __future__ import annotations

import numpy as np

from fastdrop.nn.checks import check_bool, check_count, check_shape, no_forward
from fastdrop.nn.random import ONLY_MASK, RandomModule
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike
from fastdrop.rows import as_rows
from fastdrop.token_dropout import _drop
from fastdrop.token_sample import TokenSample

__all__ = ["PatchDropout", "TokenDropout"]


class TokenDropout(RandomModule):
    """Keep max(1, floor(L * (1 - p))) of the L tokens of each sample while training, in their order.

    Parameters
    ----------
    p : float, default 0.5
        Share of the tokens that is dropped, in [0, 1].
    num_prefix_tokens : int, default 0
        Tokens before the others that are always kept; they do not count in L.
    return_indices : bool, default False
        Whether `forward` returns also which tokens were kept.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    `fastdrop.token_dropout` has the rule and its source, `Dropout` keys and counts. `PatchDropout` is another name.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.TokenDropout(0.75, num_prefix_tokens=1, rng=1)
    >>> x = np.ones((2, 17, 8), np.float32)
    >>> y = layer(x)
    >>> y.shape, layer.backward(y).shape
    ((2, 5, 8), (2, 17, 8))
    >>> layer.eval()(x) is x
    True
    """

    def __init__(
        self,
        p: float = 0.5,
        num_prefix_tokens: int = 0,
        return_indices: bool = False,
        *,
        rng: RNGLike = None,
    ) -> None:
        self.p = p
        self.num_prefix_tokens = check_count(num_prefix_tokens, "num_prefix_tokens", 0)
        self.return_indices = check_bool(return_indices, "return_indices")
        super().__init__(rng=rng)
        self._tokens: TokenSample | None = None
        self._shape: tuple[int, ...] = ()

    @property
    def p(self) -> float:
        """float: share of the tokens that is dropped; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = one_p(p)

    def forward(self, x: np.ndarray) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return the tokens that are kept; x as it is in evaluation mode.

        Parameters
        ----------
        x : array_like, shape (N, num_prefix_tokens + L, ...)
            Of any dtype of numbers or bools; any strides.

        Returns
        -------
        y : ndarray, shape (N, num_prefix_tokens + k, ...)
            x itself if nothing is dropped, else a new array.
        indices : ndarray of int64, shape (N, k)
            With `return_indices`: positions of the kept tokens, from the first one after the prefix.

        Raises
        ------
        TypeError, ValueError
            If x can't be used.
        """
        active = self._active
        key = self._part_key(ONLY_MASK) if active else None
        y, self._tokens = _drop(x, self._p, key, active, self.num_prefix_tokens, None, None, None)
        self._shape = y.shape
        if active:
            self._count_call()
        return (y, self._tokens.indices()) if self.return_indices else y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest x: rows where they came from, +0 for tokens that were dropped.

        Parameters
        ----------
        dy : array_like
            Gradient for the latest output, of its shape.

        Returns
        -------
        ndarray
            Of the shape of the latest x: dy itself if nothing was dropped, else a new array.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy can't be used.
        """
        if self._tokens is None:
            raise no_forward(self)
        array = as_rows(dy, "dy")
        check_shape(array, self._shape, "dy")
        return array if self._tokens.kept == self._tokens.tokens else self._tokens.put(array)

    def __repr__(self) -> str:
        prefix = f", num_prefix_tokens={self.num_prefix_tokens}" if self.num_prefix_tokens else ""
        indices = ", return_indices=True" if self.return_indices else ""
        return f"{type(self).__name__}(p={self.p}{prefix}{indices})"


#: The name that vision models know it by.
PatchDropout = TokenDropout
