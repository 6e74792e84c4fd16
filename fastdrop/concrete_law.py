"""The law of concrete dropout: the factor that each element is multiplied by."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input, make_output
from fastdrop.geometry import Geometry
from fastdrop.key import Key
from fastdrop.probability import one_p
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["ConcreteMask", "check_concrete_p", "check_temperature"]

#: Elements of a block of the sum for the logit: 512 KiB in double, which a cache holds.
BLOCK = 1 << 16


def check_concrete_p(p: object) -> float:
    """Return the probability of concrete dropout as a float in [0, 1)."""
    number = one_p(p)
    if number == 1.0:
        raise ValueError(f"p has to be below 1 for concrete dropout, which divides by 1 - p, but got {p}")
    return number


def check_temperature(temperature: object) -> float:
    """Return a temperature as a float above 0 and finite."""
    if isinstance(temperature, (bool, np.bool_)) or not isinstance(temperature, (int, float, np.integer, np.floating)):
        raise TypeError(
            f"temperature has to be a real number, but got {temperature!r} of type {type(temperature).__name__}"
        )
    if not (0 < temperature < math.inf and float(temperature) > 0 and 1.0 / float(temperature) < math.inf):
        raise ValueError(f"temperature has to be a finite number above 0, but got {temperature}")
    return float(temperature)


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[int | slice, ...]]:
    """Yield the places of an array's blocks in C order: pieces of one axis, of BLOCK elements if it is long enough."""
    if 0 in shape:
        return
    axis, inner = len(shape), 1
    while axis and inner * shape[axis - 1] <= BLOCK:  # axes that are whole in each block
        axis -= 1
        inner *= shape[axis]
    if axis == 0:
        yield ()
        return
    step = BLOCK // inner
    for outer in np.ndindex(shape[: axis - 1]):
        for start in range(0, shape[axis - 1], step):
            yield (*outer, slice(start, start + step))


@dataclass(frozen=True)
class ConcreteMask:
    """What `concrete_dropout_forward` draws: a law, from which backward makes the same factors again.

    Attributes
    ----------
    p, temperature : float
        Probability of dropping, and how soft the decisions are.
    key : Key
        The key.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.concrete_dropout_forward(np.ones(6), 0.5, rng=1)
    >>> mask.shape, bool((mask.apply(np.ones(6)) == y).all())
    ((6,), True)
    """

    _geometry: Geometry
    p: float
    temperature: float
    key: Key

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the arrays it applies to."""
        return self._geometry.shape

    @property
    def mask_shape(self) -> tuple[int, ...]:
        """`shape` with 1 on shared axes."""
        return self._geometry.mask_shape

    @property
    def shard(self) -> Shard | None:
        """Where the block lies in the mask of the larger array, None for a whole array."""
        return self._geometry.shard

    @property
    def nbytes(self) -> int:
        """Bytes of stored numbers: 0, always."""
        return 0

    def apply(self, x: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Return x (1 - d) / (1 - p): concrete dropout forward for x, backward for a gradient.

        Parameters
        ----------
        x : array_like, shape `shape`
            Of any supported dtype and strides.
        out : ndarray, optional
            Where to write: x itself or an array that shares no memory with it.
        threads : int, optional
            Most threads to use.

        Returns
        -------
        ndarray
            `out`, or a new array like x.

        Raises
        ------
        TypeError, ValueError
            If an argument can't be used; nothing has been written then.
        """
        return self._apply(x, "x", out, threads, slope=False)

    def _apply(self, x: object, name: str, out: object, threads: object, slope: bool) -> np.ndarray:
        """Multiply by the factor, or by its derivative for the logit of p."""
        array, dtype = as_input(x, name)
        if array.shape != self.shape:
            raise ValueError(f"{name} has to have the mask's shape {self.shape}, but got {array.shape}")
        team = check_threads(threads)
        y = make_output(array, out, (), name)
        self._run(dtype, array, y, team, slope)
        return y

    def _logit_gradient(self, x: np.ndarray, dy: np.ndarray, threads: int) -> float:
        """Return the sum of dy x f', f' being the factor's derivative for the logit, block by block."""
        if self.p == 0.0:
            return 0.0
        geometry, total = self._geometry, 0.0
        wide = np.complex128 if np.iscomplexobj(x) or np.iscomplexobj(dy) else np.float64
        for place in _blocks(self.shape):
            block = x[place]
            terms = np.array(block, dtype=wide, order="C", ndmin=1)
            start = geometry.start + sum(
                step * (at.start if isinstance(at, slice) else at)
                for at, step in zip(place, geometry.strides, strict=False)
            )
            steps = geometry.strides[len(self.shape) - block.ndim :] or (0,)
            kind = as_input(terms)[1]
            _core.concrete(self.key, self.p, self.temperature, True, start, steps, kind, terms, terms, threads)
            with np.errstate(over="ignore", invalid="ignore"):  # of infinite elements
                terms *= np.conj(dy[place])
                total += float(terms.real.sum())
        return total

    def _run(self, dtype: int, x: np.ndarray, y: np.ndarray, threads: int, slope: bool) -> None:
        if self.p == 0.0:  # the factor is 1 for all elements, and so is not moved by the logit, which is -infinity
            if slope:
                y[...] = 0
            elif y is not x:
                np.copyto(y, x)
            return
        geometry = self._geometry
        _core.concrete(
            self.key, self.p, self.temperature, slope, geometry.start, geometry.strides, dtype, x, y, threads
        )
