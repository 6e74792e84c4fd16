"""What the backward pass of softmax with dropout needs: the law of the mask, and two numbers a row."""

from __future__ import annotations

import numpy as np

from fastdrop import _core
from fastdrop.geometry import Geometry
from fastdrop.immutable import Immutable
from fastdrop.key import Key
from fastdrop.mask import Mask

__all__ = ["Scores", "SoftmaxLaw"]


class Scores:
    """How the scores come of x: checked arguments, as the core wants them."""

    __slots__ = ("causal", "mask", "scale")

    def __init__(self, scale: float, mask: np.ndarray | None, causal: bool) -> None:
        self.scale = scale
        self.mask = mask  # of bool, or of the type that is computed in; None
        self.causal = causal

    def broadcast(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return the mask in the shape of x, without a copy."""
        return None if self.mask is None else np.broadcast_to(self.mask, shape)


class SoftmaxLaw(Immutable):
    """What `softmax_dropout_forward` hands to `softmax_dropout_backward`.

    It holds no mask of dropout and no probabilities, but the law that makes the one and two numbers for each row that
    make the others again from x. An attention mask that was given is referred to, not copied, where its dtype allows:
    leave it as it is until the backward pass.

    Attributes
    ----------
    dropout : Mask
        Which probabilities are kept; ``dropout.key``, ``dropout.p``, ``dropout.to_bool()``.
    scale : float
        Factor of x.
    causal : bool
        Whether a query sees only keys up to its own position.
    row_max, row_sum : ndarray
        Maximum of the scores and sum of exp(score - maximum), of shape ``dropout.shape[:-1]``; 0 and 0 for a row that
        sees no key. float64 for float64, else float32; read-only.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.zeros((2, 3, 4), np.float32)
    >>> y, law = fd.softmax_dropout_forward(x, 0.1, rng=1)
    >>> law.row_sum.shape, law.nbytes
    ((2, 3), 48)
    >>> bool(np.allclose(law.logsumexp, np.log(4)))
    True
    """

    __slots__ = ("_dtype", "_scores", "dropout", "row_max", "row_sum")

    dropout: Mask
    row_max: np.ndarray
    row_sum: np.ndarray

    def __init__(self, geometry: Geometry, p: float, key: Key, scores: Scores, dtype: np.dtype, real: np.dtype) -> None:
        """Make room for the numbers of the rows, which the forward pass fills in."""
        for name, value in (
            ("dropout", Mask._make(geometry, p, key, None)),
            ("row_max", np.empty(geometry.shape[:-1], real)),
            ("row_sum", np.empty(geometry.shape[:-1], real)),
            ("_scores", scores),
            ("_dtype", dtype),
        ):
            object.__setattr__(self, name, value)

    def _close(self) -> None:
        if 0 in self.dropout.shape:  # rows without keys see none
            self.row_max[...] = self.row_sum[...] = 0
        self.row_max.flags.writeable = self.row_sum.flags.writeable = False

    def _backward(self, dtype: int, x: np.ndarray, dy: np.ndarray, dx: np.ndarray, threads: int) -> None:
        geometry, scores = self.dropout._geometry, self._scores
        _core.softmax_dropout_backward(
            self.dropout.key,
            self.dropout.p,
            geometry.start,
            geometry.strides,
            scores.scale,
            scores.broadcast(geometry.shape),
            scores.causal,
            first_query(geometry),
            dtype,
            x,
            self.row_max,
            self.row_sum,
            dy,
            dx,
            threads,
        )

    @property
    def scale(self) -> float:
        """Factor of x."""
        return self._scores.scale

    @property
    def causal(self) -> bool:
        """Whether a query sees only keys up to its own position."""
        return self._scores.causal

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of x."""
        return self.dropout.shape

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers that are kept: two for each row."""
        return self.row_max.nbytes + self.row_sum.nbytes

    @property
    def logsumexp(self) -> np.ndarray:
        """Logarithm of the sum of exp(score) for each row: -inf where it sees no key."""
        with np.errstate(divide="ignore"):
            return self.row_max + np.log(self.row_sum)

    def __getstate__(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for name, value in zip(self.__slots__, state, strict=True):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"SoftmaxLaw({self.dropout!r}, scale={self.scale}, causal={self.causal})"


def first_query(geometry: Geometry) -> int:
    """Return the position of the block's first query in the whole array."""
    return geometry.shard.origin[-2] if geometry.shard is not None and len(geometry.shape) > 1 else 0
