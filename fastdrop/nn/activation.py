"""Activations."""

from __future__ import annotations

import numpy as np

from fastdrop.nn.checks import as_real, check_shape, no_forward
from fastdrop.nn.module import Module

__all__ = ["ReLU"]


class ReLU(Module):
    """Rectifier: max(x, 0) of each element, with gradient 0 where x is 0 or less.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> relu = nn.ReLU()
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    >>> relu.backward(np.ones(3))
    array([0., 0., 1.])
    """

    _positive: np.ndarray | None = None

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return a new array.

        Parameters
        ----------
        x : array_like
            Of a floating dtype and any shape.

        Returns
        -------
        ndarray
            Of the same dtype and shape.

        Raises
        ------
        TypeError
            If x is of another dtype.
        """
        array = as_real(x, "x")
        y = np.maximum(array, array.dtype.type(0))
        # Not a reference to the output: an in-place layer after this one may write to it.
        self._positive = np.asarray(array > 0)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest x.

        Parameters
        ----------
        dy : array_like
            Gradient for the latest output, of its shape.

        Returns
        -------
        ndarray
            Of the dtype of dy.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy is not of a floating dtype, or of another shape.
        """
        if self._positive is None:
            raise no_forward(self)
        array = as_real(dy, "dy")
        check_shape(array, self._positive.shape, "dy")
        return np.where(self._positive, array, array.dtype.type(0))

    def __repr__(self) -> str:
        return "ReLU()"
