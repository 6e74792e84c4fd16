"""What a mask is: its numbering, probability, and key or bits. What it does is in mask.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from fastdrop import _core
from fastdrop.geometry import Geometry, c_strides
from fastdrop.immutable import Immutable
from fastdrop.integers import product
from fastdrop.key import Key
from fastdrop.probability import broadcast_p
from fastdrop.shard import Shard

__all__ = ["MaskState"]


class MaskState(Immutable):
    """The immutable value behind `fastdrop.Mask`: comparable, picklable, printable."""

    __slots__ = ("_arguments", "_bits", "_geometry", "_key", "_p")
    __array_ufunc__ = None  # no arithmetic with arrays, which NumPy would do element by element on one object

    _arguments: _core.MaskArguments | None
    _bits: np.ndarray | None
    _geometry: Geometry
    _key: Key | None
    _p: float | np.ndarray

    def _set(self, geometry: Geometry, p: float | np.ndarray, key: Key | None, bits: np.ndarray | None) -> None:
        """Set all there is, once. Stored bits are numbered in C order of mask_shape, whatever the law's numbering."""
        set_ = object.__setattr__
        set_(self, "_geometry", geometry)
        set_(self, "_p", p)
        set_(self, "_key", key)
        set_(self, "_bits", bits)
        set_(self, "_arguments", None)
        if bits is not None:
            bits.flags.writeable = False

    def _core_arguments(self) -> _core.MaskArguments:
        """Return what the core is told of this mask, made when first needed: the common calls get by without."""
        if self._arguments is None:
            geometry = self._geometry
            start, strides = geometry.start, geometry.strides
            if self._bits is not None:
                start, strides = 0, c_strides(geometry.mask_shape)
            object.__setattr__(self, "_arguments", self._make_arguments(geometry.shape, start, strides))
        return self._arguments

    def _make_arguments(
        self, shape: tuple[int, ...], start: int, strides: tuple[int, ...], p: float | np.ndarray | None = None
    ) -> _core.MaskArguments:
        if p is None:
            p = broadcast_p(self._p, self.mask_shape, shape)
        seed, stream = (None, None) if self._key is None else (self._key.seed, self._key.stream)
        return _core.MaskArguments(shape, start, strides, seed, stream, p, self._bits)

    @classmethod
    def _make(cls, geometry: Geometry, p: float | np.ndarray, key: Key | None, bits: np.ndarray | None) -> Self:
        mask = object.__new__(cls)
        mask._set(geometry, p, key, bits)
        return mask

    def _is_plain(self) -> bool:
        """Whether it is a law over a whole array, a decision for each element: numbered as the elements are."""
        geometry = self._geometry
        return self._bits is None and geometry.shard is None and geometry.mask_shape is geometry.shape

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
        """Where the block lies in the mask of the larger array (1 on shared axes), None for a whole array."""
        return self._geometry.shard

    @property
    def p(self) -> float | np.ndarray:
        """Probability of dropping: a float, or a read-only float64 array."""
        return self._p

    @property
    def key(self) -> Key | None:
        """The key, None for bits that came from elsewhere."""
        return self._key

    @property
    def size(self) -> int:
        """Number of decisions: elements of `mask_shape`."""
        return product(self.mask_shape, "mask_shape")

    @property
    def stored(self) -> bool:
        """Whether it holds its bits."""
        return self._bits is not None

    @property
    def nbytes(self) -> int:
        """Bytes of stored bits, 0 when lazy."""
        return 0 if self._bits is None else self._bits.nbytes

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _restore, (type(self), self._geometry, self._p, self._key, self._bits)

    def __repr__(self) -> str:
        p = self.p if isinstance(self.p, float) else f"array of shape {self.p.shape}"
        parts = [f"shape={self.shape}", f"p={p}"]
        if self.key is not None:
            parts.append(f"rng={self.key!r}")
        if self.mask_shape != self.shape:
            parts.append(f"mask_shape={self.mask_shape}")
        if self.shard is not None:
            parts.append(f"shard={self.shard!r}")
        if self.stored:
            parts.append("stored")
        return f"Mask({', '.join(parts)})"


def _restore(
    cls: type[MaskState], geometry: Geometry, p: float | np.ndarray, key: Key | None, bits: np.ndarray | None
) -> MaskState:
    """Make a mask again from its pickle; arrays come back writeable."""
    if isinstance(p, np.ndarray):
        p.flags.writeable = False
    return cls._make(geometry, p, key, bits)
