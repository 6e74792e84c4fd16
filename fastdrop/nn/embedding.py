"""A table of vectors, with dropout of whole rows."""

from __future__ import annotations

import numpy as np

from fastdrop.arrays import DTYPES
from fastdrop.embedding_dropout import _look_up, check_ids, sum_gradients
from fastdrop.mask import Mask
from fastdrop.nn.checks import as_real, check_count, check_shape, no_forward
from fastdrop.nn.parameter import Parameter
from fastdrop.nn.random import INITIAL_VALUES, ONLY_MASK, RandomModule
from fastdrop.noise_law import Noise
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike
from fastdrop.threads import check_threads

__all__ = ["Embedding"]


class Embedding(RandomModule):
    """Look up rows of a table; while training, whole rows are dropped with probability p, the others scaled.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Rows of the table, and their length, at least 1.
    p : float, default 0.0
        Probability of dropping a row, in [0, 1].
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.
    dtype : {float32, float64}, default float32
        Of the table and of the output.

    Attributes
    ----------
    weight : Parameter, shape (num_embeddings, embedding_dim)

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    `fastdrop.embedding_dropout` has the rule and its source. Row i has index i in the mask of call c, which is drawn
    from ``key.fold_in(c, role="call").fold_in(0, role="part")``. Initial values are standard normal, drawn at the first
    use from part 5 of the layer's key: element i of the table in C order has the normal number of noise word i.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer, ids = nn.Embedding(100, 8, p=0.5, rng=1), np.array([[3, 5, 3]])
    >>> y = layer(ids)
    >>> y.shape, bool((y[0, 0] == y[0, 2]).all())
    ((1, 3, 8), True)
    >>> layer.backward(np.ones_like(y)) is None, sorted(set(np.nonzero(layer.weight.grad)[0].tolist()) - {3, 5})
    (True, [])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        p: float = 0.0,
        *,
        rng: RNGLike = None,
        dtype: np.dtype | type = np.float32,
    ) -> None:
        self.num_embeddings = check_count(num_embeddings, "num_embeddings")
        self.embedding_dim = check_count(embedding_dim, "embedding_dim")
        self.p = p
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64) or not self.dtype.isnative:
            raise TypeError(f"dtype has to be float32 or float64, but got {self.dtype}")
        super().__init__(rng=rng)
        self.weight = Parameter((self.num_embeddings, self.embedding_dim), self.dtype, self._draw_weight)
        self._mask: Mask | None = None
        self._ids: np.ndarray | None = None
        self._shape: tuple[int, ...] = ()

    @property
    def p(self) -> float:
        """float: probability of dropping a row; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = one_p(p)

    def own_parameters(self) -> dict[str, Parameter]:
        """Return the table."""
        return {"weight": self.weight}

    def _draw_weight(self) -> np.ndarray:
        key = self._take_key().fold_in(INITIAL_VALUES, role="part")
        return Noise((self.num_embeddings, self.embedding_dim), rng=key).normal(self.dtype)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the rows that x names, some of them dropped; as they are in evaluation mode.

        Parameters
        ----------
        x : array_like of int, any shape
            Ids from 0 to num_embeddings - 1. Kept for `backward`, as a copy.

        Returns
        -------
        ndarray, shape ``(*x.shape, embedding_dim)``
            Of the layer's dtype.

        Raises
        ------
        IndexError
            If an id is negative or too large.
        TypeError
            If x does not hold integers.
        """
        active = self._active
        key = self._part_key(ONLY_MASK) if active else None
        y, mask = _look_up(self.weight.data, x, self._p, key, active, None, None, None)
        numbers, _ = check_ids(x, self.num_embeddings)
        self._mask, self._ids, self._shape = mask, np.array(numbers), y.shape
        if active:
            self._count_call()
        return y

    def backward(self, dy: np.ndarray) -> None:  # type: ignore[override]
        """Add the gradient of the latest output to that of the table. Ids have no gradient: returns None.

        Parameters
        ----------
        dy : array_like
            Gradient for the latest output, of its shape.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy does not hold real numbers, or is of another shape.
        """
        if self._ids is None:
            raise no_forward(self)
        array = as_real(dy, "dy", self.dtype)
        check_shape(array, self._shape, "dy")
        unique, rows = sum_gradients(array, DTYPES[self.dtype.name], self._ids, self._mask, check_threads(None))
        if self.weight.grad is None:
            self.weight.grad = np.zeros(self.weight.shape, self.dtype)
        self.weight.grad[unique] += rows

    def __repr__(self) -> str:
        p = f", p={self.p}" if self.p else ""
        dtype = "" if self.dtype == np.float32 else f", dtype={self.dtype.name}"
        return f"Embedding({self.num_embeddings}, {self.embedding_dim}{p}{dtype})"
