"""Masks: a law, stored only when asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input, empty_bytes, make_output
from fastdrop.exchange import incoming
from fastdrop.geometry import make_geometry
from fastdrop.indexing import FlatMask, packed_pieces, select
from fastdrop.integers import product
from fastdrop.mask_state import MaskState
from fastdrop.probability import broadcast_p, check_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["Mask"]


class Mask(MaskState):
    """Which elements of an array are kept: a pure function of key, p and index, computed where it is needed.

    A mask is immutable. It holds no bits unless they were stored or came from elsewhere, and it knows no dtype: the
    same mask applies to any array of its shape, whatever its layout.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the arrays it applies to: at most 64 axes and 2**62 elements.
    p : float or array_like of float
        Probability of dropping, in [0, 1]. An array has to broadcast to `mask_shape` and is copied; it holds a
        probability for each sample, channel, ...
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, drawn now. A Key is taken as it is; None takes fresh entropy.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared: the mask has length 1 there.
    noise_shape : sequence of int or None, optional
        The same said otherwise, as Keras does: 1 where shared, None or the full length elsewhere.
    shard : Shard, optional
        `shape` is that of a block of a larger array, whose mask this is a part of.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If a value is out of range; the text names the argument, the value and what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> mask = fd.Mask((2, 4), 0.5, rng=fd.Key(42))
    >>> x = np.ones((2, 4), np.float32)
    >>> y = mask.apply(x)
    >>> bool((mask.apply(x) == y).all()), mask.nbytes
    (True, 0)
    >>> mask.store().nbytes
    1
    """

    __slots__ = ()

    def __init__(
        self,
        shape: int | Sequence[int],
        p: float | np.ndarray,
        *,
        rng: RNGLike = None,
        share_axes: int | Sequence[int] | None = None,
        noise_shape: Sequence[int | None] | None = None,
        shard: Shard | None = None,
    ) -> None:
        geometry = make_geometry(shape, share_axes, noise_shape, shard)
        probability = check_p(p)
        broadcast_p(probability, geometry.mask_shape, geometry.shape)
        self._set(geometry, probability, key_source(rng)(), None)

    # ---- made elsewhere ----

    @classmethod
    def from_bool(cls, keep: np.ndarray, p: float | np.ndarray) -> Mask:
        """Make a stored mask of decisions that come from elsewhere.

        Parameters
        ----------
        keep : array_like of bool
            True where kept.
        p : float or array_like of float
            The probability of dropping they were made with: it sets the scale.

        Returns
        -------
        Mask
            Stored, without a key.

        Raises
        ------
        TypeError, ValueError
            If `keep` is not of bools, p is not a probability, or p is 1 where something is kept.

        Examples
        --------
        >>> import numpy as np
        >>> import fastdrop as fd
        >>> fd.Mask.from_bool([True, False, True], 0.5).apply(np.ones(3))
        array([2., 0., 2.])
        """
        array = incoming(keep, "keep")
        if array.dtype != bool or isinstance(array, np.ma.MaskedArray):
            raise TypeError(f"keep has to be an array of bool, but got {type(keep).__name__} of dtype {array.dtype}")
        bits = np.packbits(array.ravel(order="C"), bitorder="little")
        return cls.from_packed(bits, array.shape, p)

    @classmethod
    def from_packed(cls, bits: np.ndarray, shape: int | Sequence[int], p: float | np.ndarray) -> Mask:
        """Make a stored mask of packed bits: one an element in C order, 1 = kept, least significant bit first.

        Parameters
        ----------
        bits : array_like of uint8, 1-d
            (size + 7) // 8 bytes, as ``numpy.packbits(keep, bitorder="little")`` makes them; copied.
        shape : int or sequence of int
            Shape of the mask.
        p : float or array_like of float
            The probability of dropping they were made with.

        Returns
        -------
        Mask
            Stored, without a key.

        Raises
        ------
        TypeError, ValueError
            If the dtype, length or unused high bits of the last byte (they have to be 0) are wrong, p is not a
            probability, or p is 1 where something is kept.

        Examples
        --------
        >>> import numpy as np
        >>> import fastdrop as fd
        >>> fd.Mask.from_packed(np.array([0b101], np.uint8), 3, 0.5).to_bool()
        array([ True, False,  True])
        """
        array = np.asarray(incoming(bits, "bits"))
        geometry = make_geometry(shape)
        probability = check_p(p)
        broadcast_p(probability, geometry.shape, geometry.shape)
        size = product(geometry.shape, "shape")
        if array.dtype != np.uint8:
            raise TypeError(f"bits has to be an array of uint8, but got dtype {array.dtype}")
        if array.ndim != 1:
            raise ValueError(f"bits has to be 1-d, but got shape {array.shape}")
        if array.size != (size + 7) // 8:
            wanted = (size + 7) // 8
            raise ValueError(f"bits has to hold {wanted} bytes for shape {geometry.shape}, but got {array.size}")
        if size % 8 and array[-1] >> size % 8:
            last = f"{int(array[-1]):#010b}"
            raise ValueError(f"bits has to have 0 in the unused high bits of its last byte, but got {last}")
        mask = cls._make(geometry, probability, None, np.array(array, order="C", subok=False))
        certain = mask._p == 1.0
        if np.any(certain) and np.any(mask.to_bool() & np.broadcast_to(certain, geometry.shape)):
            raise ValueError("p has to be below 1 where something is kept, but got 1")
        return mask

    @property
    def flat(self) -> FlatMask:
        """The decisions by linear index in C order of `mask_shape`: ``mask.flat[i:j]`` makes only these."""
        return FlatMask(self)

    # ---- what it does ----

    def apply(
        self, x: np.ndarray, *, out: np.ndarray | None = None, scale: float | None = None, threads: int | None = None
    ) -> np.ndarray:
        """Return x with dropped elements +0 and kept ones scaled: forward for x, backward for a gradient.

        Parameters
        ----------
        x : array_like, shape `shape`
            float16, bfloat16, float32, float64, complex64 or complex128; any strides.
        out : ndarray, optional
            Where to write: x itself or an array that shares no memory with it, of the same shape and dtype.
        scale : float, optional
            Factor of kept elements in place of 1 / (1 - p).
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
        >>> mask = fd.Mask(5, 0.3, rng=1)
        >>> mask.apply(x, out=x) is x
        True
        """
        return self._apply(x, "x", out, scale, threads)

    def _apply(self, x: np.ndarray, name: str, out: np.ndarray | None, scale: object, threads: object) -> np.ndarray:
        """Do what `apply` says, of an array that the caller knows by this name."""
        shape = self._geometry.shape
        if scale is None and self._is_plain() and type(x) is np.ndarray and x.shape == shape:
            y = _core.dropout_run(x, self._p, self._key, out, threads)  # the common call, as in `dropout`
            if y is not None:
                return y
        array, dtype = as_input(x, name)
        if array.shape != shape:
            raise ValueError(f"{name} has to have the mask's shape {shape}, but got {array.shape}")
        number = None if scale is None else _check_scale(scale)
        team = check_threads(threads)
        others = tuple(a for a in (self._p, self._bits) if isinstance(a, np.ndarray))
        y = make_output(array, out, others, name)
        self._core_arguments().apply(dtype, array, y, number, team)
        return y

    def store(self) -> Mask:
        """Return a mask of the same decisions that holds its packed bits: one for each element of `mask_shape`.

        Raises
        ------
        MemoryError
            If they can't fit into this machine's memory; before any work.

        Examples
        --------
        >>> import fastdrop as fd
        >>> mask = fd.Mask(1000, 0.5, rng=1)
        >>> mask.store() == mask, mask.store().nbytes
        (True, 125)
        """
        if self.stored:
            return self
        return self._make(self._geometry, self._p, self._key, self.to_packed())

    def to_packed(self) -> np.ndarray:
        """Return the packed decisions: 1-d uint8, C order of `mask_shape`, least significant bit first, 1 = kept.

        Raises
        ------
        MemoryError
            If they can't fit into this machine's memory; before any work.

        Examples
        --------
        >>> import fastdrop as fd
        >>> fd.Mask.from_bool([True, False, True], 0.5).to_packed()
        array([5], dtype=uint8)
        """
        bits = empty_bytes((self.size + 7) // 8, "the packed mask")
        if self._bits is not None:
            bits[:] = self._bits
            return bits
        geometry = self._geometry
        p = broadcast_p(self._p, self.mask_shape, self.mask_shape)
        self._make_arguments(self.mask_shape, geometry.start, geometry.strides, p).fill(bits, check_threads(None))
        return bits

    def to_bool(self) -> np.ndarray:
        """Return the decisions as an array of bool of shape `mask_shape`, True where kept.

        Raises
        ------
        MemoryError
            If it can't fit into this machine's memory; before any work.

        Examples
        --------
        >>> import fastdrop as fd
        >>> fd.Mask((2, 3), 0.0, rng=1, share_axes=1).to_bool()
        array([[ True],
               [ True]])
        """
        return np.asarray(select(self, ...))

    def count(self) -> int:
        """Return how many of the `size` decisions are to keep. Takes no memory beyond a few megabytes.

        Examples
        --------
        >>> import fastdrop as fd
        >>> fd.Mask(1000, 0.0, rng=1).count()
        1000
        """
        if self._bits is not None:
            return _core.count(self._bits, self.size)
        return sum(_core.count(bits, size) for bits, size in packed_pieces(self))

    def __getitem__(self, index: object) -> np.ndarray | np.bool_:
        """Return ``self.to_bool()[index]`` for basic indexing, making only what is returned."""
        return select(self, index)

    def __eq__(self, other: object) -> bool:
        """Same shape, mask_shape and p, and the same key and shard if both are lazy, else the same bits."""
        if not isinstance(other, Mask):
            return NotImplemented
        if self.shape != other.shape or self.mask_shape != other.mask_shape or not np.array_equal(self.p, other.p):
            return False
        if not self.stored and not other.stored:
            return self.key == other.key and self.shard == other.shard
        return bool(np.array_equal(self.to_packed(), other.to_packed()))

    __hash__ = None  # type: ignore[assignment]  # lazy and stored masks can be equal; use the key as a key


def _check_scale(scale: object) -> float:
    if isinstance(scale, (bool, np.bool_)) or not isinstance(scale, (int, float, np.integer, np.floating)):
        raise TypeError(f"scale has to be a real number or None, but got {scale!r} of type {type(scale).__name__}")
    try:
        return float(scale)
    except OverflowError:
        raise ValueError(f"scale has to be a number that a double can hold, but got {scale}") from None
