"""Parameters: arrays that are trained, drawn when their key is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastdrop.nn.checks import as_real

__all__ = ["Parameter"]


class Parameter:
    """An array that an optimizer changes, and the gradient of the loss for it.

    Layers make their own; the values are drawn when they are first asked for, so that a container can still hand its
    key to the layer until then.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        float32 or float64.
    draw : callable
        Takes nothing and returns the initial values, of this shape and dtype, in an array of their own.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    grad : ndarray or None
        Sum of the gradients of all `backward` calls since the last `zero_grad`; None before the first.

    Examples
    --------
    >>> from fastdrop import nn
    >>> weight = nn.Linear(3, 2, rng=0).weight
    >>> weight
    Parameter(shape=(2, 3), dtype=float32)
    >>> weight.data.shape, weight.grad
    ((2, 3), None)
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, draw: Callable[[], np.ndarray]) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.grad: np.ndarray | None = None
        self._draw: Callable[[], np.ndarray] | None = draw
        self._data: np.ndarray | None = None

    @property
    def data(self) -> np.ndarray:
        """ndarray: the values themselves, to read or change in place. Assigning copies an array of the same shape."""
        if self._data is None:
            assert self._draw is not None
            self._data = self._draw()
            self._draw = None
        return self._data

    @data.setter
    def data(self, values: np.ndarray) -> None:
        array = as_real(values, "data", self.dtype)
        if array.shape != self.shape:
            raise ValueError(f"data has to have the parameter's shape {self.shape}, but got {array.shape}")
        self._data = np.array(array, order="C", subok=False)
        self._draw = None

    def accumulate(self, gradient: np.ndarray) -> None:
        """Add to `grad`. The array becomes the parameter's own: the caller does not use it again."""
        if self.grad is None:
            self.grad = gradient
        else:
            self.grad += gradient

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.data, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"Parameter(shape={self.shape}, dtype={self.dtype.name})"
