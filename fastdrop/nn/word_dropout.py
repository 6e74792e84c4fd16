"""Word dropout as a layer: ids are replaced by another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop.integers import integer
from fastdrop.nn.checks import check_bool, no_forward
from fastdrop.nn.random import ONLY_MASK, RandomModule
from fastdrop.probability import check_p
from fastdrop.rng import RNGLike
from fastdrop.word_dropout import _replace, check_protected

__all__ = ["WordDropout"]


class WordDropout(RandomModule):
    """Replace each id with probability p by another one while training, that of an unknown word, say.

    Parameters
    ----------
    p : float or array_like of float
        Probability of replacing, in [0, 1].
    replacement : int
        What dropped ids become; it has to fit the dtype of the ids.
    protected : int, sequence of int, or array of bool, optional
        Ids that are never replaced, or True where nothing is.
    inplace : bool, default False
        Whether the forward pass writes to its input, which has to be an array then.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    `fastdrop.word_dropout` has the rule and its source, `Dropout` keys and counts.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> model = nn.Sequential(nn.WordDropout(0.5, replacement=3, protected=[0, 1, 2]), nn.Embedding(10, 4), rng=1)
    >>> y = model(np.array([[1, 7, 8, 9, 2]]))
    >>> y.shape, model.backward(np.ones_like(y)) is None
    ((1, 5, 4), True)
    """

    def __init__(
        self,
        p: float | np.ndarray,
        replacement: int,
        protected: np.ndarray | Sequence[int] | int | None = None,
        inplace: bool = False,
        *,
        rng: RNGLike = None,
    ) -> None:
        self.p = p
        self.replacement = integer(replacement, "replacement")
        spared = check_protected(protected)
        self.protected = None if spared is None else np.array(spared)
        self.inplace = check_bool(inplace, "inplace")
        super().__init__(rng=rng)
        self._ready = False

    @property
    def p(self) -> float | np.ndarray:
        """float or ndarray: probability of replacing; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float | np.ndarray) -> None:
        self._p = check_p(p)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return x with dropped ids replaced; x as it is in evaluation mode.

        Parameters
        ----------
        x : array_like of int, any shape

        Returns
        -------
        ndarray
            Of the same dtype and shape: x itself if `inplace`, in evaluation mode, or if p is 0; else a new array.

        Raises
        ------
        TypeError, ValueError
            If x can't be used, or `replacement` does not fit its dtype; nothing has been written then.
        """
        active = self._active
        if active and self.inplace and not isinstance(x, np.ndarray):
            raise TypeError(f"x has to be a NumPy array for inplace=True, but got {type(x).__name__}")
        key = self._part_key(ONLY_MASK) if active else None
        out = x if active and self.inplace else None
        y, _ = _replace(x, self._p, self.replacement, self.protected, key, active, out, None, None)
        self._ready = True
        if active:
            self._count_call()
        return y

    def backward(self, dy: object) -> None:  # type: ignore[override]
        """Return None: ids have no gradient, so that nothing is asked of dy.

        Raises
        ------
        RuntimeError
            Without a forward.
        """
        if not self._ready:
            raise no_forward(self)

    def __repr__(self) -> str:
        p = self._p if isinstance(self._p, float) else f"array of shape {self._p.shape}"
        spared = "" if self.protected is None else f", protected={self.protected.tolist()}"
        inplace = ", inplace=True" if self.inplace else ""
        return f"WordDropout(p={p}, replacement={self.replacement}{spared}{inplace})"
