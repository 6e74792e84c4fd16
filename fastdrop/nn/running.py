"""Mean and variance of arrays that come one after the other, without keeping them."""

from __future__ import annotations

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.exchange import incoming

__all__ = ["RunningMoments"]


class RunningMoments:
    """Mean and variance, element by element, of any number of arrays: two arrays of memory, and one to work in.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> moments = nn.RunningMoments()
    >>> for y in ([1.0, 5.0], [2.0, 5.0], [3.0, 5.0]):
    ...     moments.update(np.array(y))
    >>> moments.count, moments.mean, moments.variance
    (3, array([2., 5.]), array([0.66666667, 0.        ]))

    Notes
    -----
    Welford, Technometrics 1962: with d = y - mean, mean += d / n and then the sum of squares += d * (y - mean), so that
    nothing cancels where the mean is large against the spread. Computed in float32 for types up to float32 and
    complex64, in float64 for others, integers included; for complex numbers the product of the absolute values counts.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean: np.ndarray | None = None
        self._squares: np.ndarray | None = None

    def update(self, y: np.ndarray) -> None:
        """Take one array into account.

        Parameters
        ----------
        y : array_like
            Numbers of any shape; the same shape and kind each time.

        Raises
        ------
        TypeError
            If y holds no numbers, or is complex or of 64 bits only now.
        ValueError
            If it has another shape than those before.
        """
        array = incoming(y, "y")
        array = np.asarray(array.astype(np.float64) if array.dtype.kind in "iub" else as_input(array, "y")[0])
        kind = np.dtype(np.float32) if array.dtype.itemsize == 2 else array.dtype
        if self._mean is None or self._squares is None:
            self._mean = np.zeros(array.shape, kind)
            self._squares = np.zeros(array.shape, self._mean.real.dtype)
        if array.shape != self._mean.shape:
            raise ValueError(f"y has to have the shape of those before, {self._mean.shape}, but got {array.shape}")
        if np.result_type(kind, self._mean.dtype) != self._mean.dtype:
            raise TypeError(f"y has to be of a dtype that fits into that before, {self._mean.dtype}, but got {kind}")
        self._count += 1
        off = np.subtract(array, self._mean, dtype=self._mean.dtype)
        self._mean += off / self._mean.real.dtype.type(self._count)
        left = np.subtract(array, self._mean, dtype=self._mean.dtype)
        self._squares += (off * left.conj()).real

    @property
    def count(self) -> int:
        """int: arrays so far."""
        return self._count

    @property
    def mean(self) -> np.ndarray:
        """ndarray: the mean so far, a copy.

        Raises
        ------
        RuntimeError
            Before the first array.
        """
        return self._so_far(self._mean).copy()

    @property
    def variance(self) -> np.ndarray:
        """ndarray: the variance so far, that of the population (the sum of squares over `count`), a new array.

        Raises
        ------
        RuntimeError
            Before the first array.
        """
        squares = self._so_far(self._squares)
        return np.asarray(squares / squares.dtype.type(self._count))

    def _so_far(self, array: np.ndarray | None) -> np.ndarray:
        if array is None:
            raise RuntimeError("there is no mean and no variance before the first array: call update")
        return array

    def __repr__(self) -> str:
        return f"RunningMoments(count={self._count})"
