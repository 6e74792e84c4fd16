"""The affine layer."""

from __future__ import annotations

import numpy as np

from fastdrop.nn.checks import as_real, check_bool, check_count, check_shape, no_forward
from fastdrop.nn.initial import draw_uniform
from fastdrop.nn.module import Module
from fastdrop.nn.parameter import Parameter
from fastdrop.rng import RNGLike

__all__ = ["Linear"]


class Linear(Module):
    """y = x Wᵀ + b.

    Parameters
    ----------
    in_features, out_features : int
        Lengths of the last axes of x and y, at least 1.
    bias : bool, default True
        Whether there is a b.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from; only the initial values need it.
    dtype : {float32, float64}, default float32
        Of the parameters and of the output; inputs are converted to it.

    Attributes
    ----------
    weight : Parameter, shape (out_features, in_features)
    bias : Parameter, shape (out_features,), or None

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    Initial values are uniform in ±1/sqrt(in_features), drawn at the first use from part 5 of the layer's key: element i
    of W in C order has noise word w[i], b follows from i = out_features * in_features on, and a value is
    (2 u - 1) / sqrt(in_features) with u = (w + 1/2) / 2**32, in double precision and then rounded once to `dtype`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> layer.weight.data = np.array([[1, 0, 0], [0, 1, 1]])
    >>> layer.bias.data = np.zeros(2)
    >>> layer(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 5.]], dtype=float32)
    >>> layer.backward(np.array([[1.0, 1.0]]))
    array([[1., 1., 1.]], dtype=float32)
    >>> layer.weight.grad
    array([[1., 2., 3.],
           [1., 2., 3.]], dtype=float32)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: RNGLike = None,
        dtype: np.dtype | type | str = np.float32,
    ) -> None:
        self.in_features = check_count(in_features, "in_features")
        self.out_features = check_count(out_features, "out_features")
        has_bias = check_bool(bias, "bias")
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64) or not self.dtype.isnative:
            raise TypeError(f"dtype has to be float32 or float64, but got {self.dtype}")
        super().__init__(rng=rng)
        shape = (self.out_features, self.in_features)
        self.weight = Parameter(shape, self.dtype, self._draw_weight)
        self.bias = Parameter(shape[:1], self.dtype, self._draw_bias) if has_bias else None
        self._x: np.ndarray | None = None
        self._shape: tuple[int, ...] = ()

    def own_parameters(self) -> dict[str, Parameter]:
        """Return the weight and, if there is one, the bias."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def _draw_weight(self) -> np.ndarray:
        return self._draw(0, self.out_features * self.in_features).reshape(self.out_features, self.in_features)

    def _draw_bias(self) -> np.ndarray:
        return self._draw(self.out_features * self.in_features, self.out_features)

    def _draw(self, start: int, n: int) -> np.ndarray:
        return draw_uniform(self._take_key(), start, n, self.in_features, self.dtype)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return y = x Wᵀ + b.

        Parameters
        ----------
        x : array_like, shape (..., in_features)
            Real numbers. Kept for `backward`, and not copied if they are of the layer's dtype: leave them as they are.

        Returns
        -------
        ndarray, shape (..., out_features)
            Of the layer's dtype.

        Raises
        ------
        TypeError, ValueError
            If x does not hold real numbers, or its last axis is of another length.
        """
        array = as_real(x, "x", self.dtype)
        if array.ndim == 0 or array.shape[-1] != self.in_features:
            raise ValueError(f"x has to be of shape (..., {self.in_features}), but got {array.shape}")
        rows = array.reshape(-1, self.in_features)
        y = rows @ self.weight.data.T
        if self.bias is not None:
            y += self.bias.data
        self._x, self._shape = rows, (*array.shape[:-1], self.out_features)
        return y.reshape(self._shape)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dx = dy W; add dyᵀ x to the weight's gradient and the sum of dy over all rows to the bias's.

        Parameters
        ----------
        dy : array_like, shape (..., out_features)
            Gradient for the latest output, of its shape.

        Returns
        -------
        ndarray, shape (..., in_features)
            Of the layer's dtype.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy does not hold real numbers, or is of another shape.
        """
        if self._x is None:
            raise no_forward(self)
        array = as_real(dy, "dy", self.dtype)
        check_shape(array, self._shape, "dy")
        rows = array.reshape(-1, self.out_features)
        self.weight.accumulate(rows.T @ self._x)
        if self.bias is not None:
            self.bias.accumulate(rows.sum(axis=0))
        return (rows @ self.weight.data).reshape(*self._shape[:-1], self.in_features)

    def __repr__(self) -> str:
        bias = "" if self.bias is not None else ", bias=False"
        dtype = "" if self.dtype == np.float32 else f", dtype={self.dtype.name}"
        return f"Linear({self.in_features}, {self.out_features}{bias}{dtype})"
