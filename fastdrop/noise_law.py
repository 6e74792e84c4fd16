"""Noise as a value: the law that gives each element its standard normal number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input, empty_bytes, make_output
from fastdrop.geometry import Geometry, make_geometry
from fastdrop.immutable import Immutable
from fastdrop.integers import product
from fastdrop.key import Key
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["ADD", "MULTIPLY", "Noise", "check_gaussian_p", "check_sigma", "gaussian_sigma"]

#: Kinds of the core.
MULTIPLY, ADD = 0, 1
_LARGEST = float(np.finfo(np.float64).max)


def check_gaussian_p(p: object) -> float:
    """Return the rate of Gaussian dropout as a float in [0, 1)."""
    number = one_p(p)
    if number == 1.0:
        raise ValueError(f"p has to be below 1 for Gaussian dropout, whose variance is p / (1 - p), but got {p}")
    return number


def gaussian_sigma(p: float) -> float:
    """Return sqrt(p / (1 - p)), in the order of the contract: s = 1 / (1 - p), sqrt(p * s)."""
    return math.sqrt(p * (1.0 / (1.0 - p)))


def check_sigma(sigma: object) -> float:
    """Return a standard deviation as a float, from 0 on and finite."""
    if isinstance(sigma, (bool, np.bool_)) or not isinstance(sigma, (int, float, np.integer, np.floating)):
        raise TypeError(f"sigma has to be a real number, but got {sigma!r} of type {type(sigma).__name__}")
    if not 0 <= sigma <= _LARGEST:
        raise ValueError(f"sigma has to be a finite number from 0 on, but got {sigma}")
    return float(sigma)


class Noise(Immutable):
    """Normal noise over an array: a pure function of key and index, computed where it is needed.

    It is immutable, holds no numbers and knows no dtype. Element i of the shape, in C order, has the standard normal
    number z that its noise word stands for.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the arrays it applies to: at most 64 axes and 2**62 elements.
    sigma : float, default 1.0
        Factor of z, from 0 on and finite.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, drawn now. A Key is taken as it is; None takes fresh entropy.
    share_axes : int or sequence of int, optional
        Axes along which one number is shared.
    shard : Shard, optional
        `shape` is that of a block of a larger array, whose noise this is a part of.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the text names it, the value and what is allowed.

    Notes
    -----
    z is the quantile of (word + 1/2) / 2**32, in float32 within 6 units in the last place of the exact value, in
    float64 within 1e-14; the same bits on every instruction set. No z is beyond 6.34 on either side.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> noise = fd.Noise((2, 4), 0.5, rng=fd.Key(42))
    >>> x = np.ones((2, 4))
    >>> bool((noise.apply(x) == 1 + 0.5 * noise.normal()).all())
    True
    """

    __slots__ = ("_geometry", "_key", "_sigma")
    __array_ufunc__ = None  # no arithmetic with arrays, which NumPy would do element by element on one object

    _geometry: Geometry
    _key: Key
    _sigma: float

    def __init__(
        self,
        shape: int | Sequence[int],
        sigma: float = 1.0,
        *,
        rng: RNGLike = None,
        share_axes: int | Sequence[int] | None = None,
        shard: Shard | None = None,
    ) -> None:
        geometry = make_geometry(shape, share_axes, None, shard)
        self._set(geometry, check_sigma(sigma), key_source(rng)())

    def _set(self, geometry: Geometry, sigma: float, key: Key) -> None:
        object.__setattr__(self, "_geometry", geometry)
        object.__setattr__(self, "_sigma", sigma)
        object.__setattr__(self, "_key", key)

    @classmethod
    def _make(cls, geometry: Geometry, sigma: float, key: Key) -> Noise:
        noise = object.__new__(cls)
        noise._set(geometry, sigma, key)
        return noise

    # ---- what it does ----

    def apply(self, x: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Return x (1 + sigma z): Gaussian dropout forward for x, backward for a gradient.

        Parameters
        ----------
        x : array_like, shape `shape`
            float16, bfloat16, float32, float64, complex64 or complex128; any strides.
        out : ndarray, optional
            Where to write: x itself or an array that shares no memory with it, of the same shape and dtype.
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

        Examples
        --------
        >>> import numpy as np
        >>> import fastdrop as fd
        >>> x = np.ones(5, np.float32)
        >>> fd.Noise(5, 0.1, rng=1).apply(x, out=x) is x
        True
        """
        return self._bring(MULTIPLY, x, "x", out, threads)

    def add(self, x: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Return x + sigma z; arguments, result and errors as of `apply`.

        Examples
        --------
        >>> import numpy as np
        >>> import fastdrop as fd
        >>> noise = fd.Noise(3, rng=1)
        >>> bool((noise.add(np.zeros(3)) == noise.normal()).all())
        True
        """
        return self._bring(ADD, x, "x", out, threads)

    def normal(self, dtype: np.dtype | type = np.float64) -> np.ndarray:
        """Return z itself, without sigma.

        Parameters
        ----------
        dtype : {float32, float64}, default float64
            z in float32 is not that in float64 rounded, but as near the exact value as `Noise` says.

        Returns
        -------
        ndarray
            Of shape `mask_shape`.

        Raises
        ------
        TypeError
            If `dtype` is another one.
        MemoryError
            If it can't fit into this machine's memory; before any work.

        Examples
        --------
        >>> import fastdrop as fd
        >>> fd.Noise((2, 3), rng=1).normal("float32").dtype
        dtype('float32')
        """
        kind = np.dtype(dtype)
        if kind not in (np.float32, np.float64) or not kind.isnative:
            raise TypeError(f"dtype has to be float32 or float64, but got {kind}")
        shape = self.mask_shape
        z = empty_bytes(kind.itemsize * product(shape, "mask_shape"), "the noise").view(kind).reshape(shape)
        z[...] = 0
        geometry = self._geometry
        whole = Geometry(shape, shape, geometry.start, geometry.strides, geometry.shard)
        Noise._make(whole, 1.0, self._key)._run(ADD, as_input(z)[1], z, z, check_threads(None))  # 0 + 1 z is z
        return z

    def _bring(self, kind: int, x: object, name: str, out: object, threads: object) -> np.ndarray:
        array, dtype = as_input(x, name)
        if array.shape != self.shape:
            raise ValueError(f"{name} has to have the noise's shape {self.shape}, but got {array.shape}")
        team = check_threads(threads)
        y = make_output(array, out, (), name)
        self._run(kind, dtype, array, y, team)
        return y

    def _run(self, kind: int, dtype: int, x: np.ndarray, y: np.ndarray, threads: int) -> None:
        geometry = self._geometry
        _core.noise(self._key, kind, self._sigma, geometry.start, geometry.strides, dtype, x, y, threads)

    # ---- what it is ----

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
        """Where the block lies in the noise of the larger array (1 on shared axes), None for a whole array."""
        return self._geometry.shard

    @property
    def sigma(self) -> float:
        """Factor of z."""
        return self._sigma

    @property
    def key(self) -> Key:
        """The key."""
        return self._key

    @property
    def nbytes(self) -> int:
        """Bytes of stored numbers: 0, always."""
        return 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Noise):
            return NotImplemented
        return (self._geometry, self._sigma, self._key) == (other._geometry, other._sigma, other._key)

    def __hash__(self) -> int:
        return hash((self._geometry, self._sigma, self._key))

    def __reduce__(self) -> tuple[object, tuple[Geometry, float, Key]]:
        return Noise._make, (self._geometry, self._sigma, self._key)

    def __repr__(self) -> str:
        parts = [f"shape={self.shape}", f"sigma={self.sigma}", f"rng={self.key!r}"]
        if self.mask_shape != self.shape:
            parts.append(f"mask_shape={self.mask_shape}")
        if self.shard is not None:
            parts.append(f"shard={self.shard!r}")
        return f"Noise({', '.join(parts)})"
