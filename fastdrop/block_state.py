"""What a mask of DropBlock is: its numbering, probability, block and key. What it does is in block_mask.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fastdrop.functional import check_flag
from fastdrop.geometry import Geometry
from fastdrop.immutable import Immutable
from fastdrop.integers import integer
from fastdrop.key import Key
from fastdrop.probability import one_p
from fastdrop.shard import Shard

__all__ = ["BlockState", "check_block", "seed_probability"]

_SPATIAL = ("L", "H, W", "D, H, W")


def seed_probability(p: float, lengths: Sequence[int], block_size: int) -> float:
    """Return gamma, the probability that an element of the valid map is a seed: exact products, two roundings."""
    valid = math.prod(n - block_size + 1 for n in lengths)
    return min((p * math.prod(lengths)) / (block_size ** len(lengths) * valid), 1.0)


def check_block(block_size: object) -> int:
    """Return the side of a block."""
    number = integer(block_size, "block_size")
    if number < 1:
        raise ValueError(f"block_size has to be at least 1, but got {number}")
    return number


class BlockState(Immutable):
    """The immutable value behind `fastdrop.BlockMask`: comparable, picklable, printable."""

    __slots__ = ("_block", "_channels_last", "_gamma", "_kept", "_key", "_lengths", "_p", "_shape", "_shard")
    __array_ufunc__ = None  # no arithmetic with arrays, which NumPy would do element by element on one object

    _block: int
    _channels_last: bool
    _gamma: float
    _kept: int | None
    _key: Key
    _lengths: tuple[int, ...]
    _p: float
    _shape: tuple[int, ...]
    _shard: Shard | None

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _prepare(self, geometry: Geometry, p: object, block_size: object, channels_last: object, kept: object) -> None:
        """Check all that does not need a key, and set it."""
        self._set("_shape", geometry.shape)
        self._set("_shard", geometry.shard)
        self._set("_channels_last", check_flag(channels_last, "channels_last"))
        self._set("_p", one_p(p))
        self._set("_block", check_block(block_size))
        if not 3 <= len(self.shape) <= 5:
            raise ValueError(f"shape has to be of 3 to 5 axes, batch and channels included, but got {self.shape}")
        lengths = self._order(self._whole())[2:]
        for axis, n in enumerate(lengths):
            if n < self._block:
                name = _SPATIAL[len(lengths) - 1].split(", ")[axis]
                raise ValueError(f"block_size has to be at most {n}, the length of axis {name}, but got {self._block}")
        self._set("_lengths", lengths)
        self._set("_gamma", seed_probability(self._p, lengths, self._block))
        if kept is not None:
            number = integer(kept, "kept")
            if not 0 <= number <= self.size:
                raise ValueError(f"kept has to be between 0 and {self.size}, the elements in all, but got {number}")
            kept = number
        self._set("_kept", kept)

    def _whole(self) -> tuple[int, ...]:
        return self._shape if self._shard is None else self._shard.global_shape

    def _order(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """Return what belongs to axes in the order of the numbering: batch, channels, space."""
        return (values[0], values[-1], *values[1:-1]) if self._channels_last else values

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the arrays it applies to."""
        return self._shape

    @property
    def p(self) -> float:
        """Target of the share that is dropped."""
        return self._p

    @property
    def block_size(self) -> int:
        """Side of a block."""
        return self._block

    @property
    def gamma(self) -> float:
        """Probability of a seed."""
        return self._gamma

    @property
    def size(self) -> int:
        """Number of elements, of the larger array where there is a shard."""
        return math.prod(self._whole())

    @property
    def channels_last(self) -> bool:
        """Whether channels are the last axis."""
        return self._channels_last

    @property
    def shard(self) -> Shard | None:
        """Where the block lies in the larger array, None for a whole array."""
        return self._shard

    @property
    def key(self) -> Key:
        """The key."""
        return self._key

    @property
    def nbytes(self) -> int:
        """Bytes of stored bits: 0, always."""
        return 0

    def _value(self) -> tuple[Any, ...]:
        return self._shape, self._p, self._block, self._key, self._channels_last, self._shard

    def __eq__(self, other: object) -> bool:
        return self._value() == other._value() if isinstance(other, BlockState) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _restore, (type(self), *self._value(), self._kept)

    def __repr__(self) -> str:
        last = ", channels_last=True" if self._channels_last else ""
        shard = "" if self._shard is None else f", shard={self._shard!r}"
        return f"BlockMask(shape={self.shape}, p={self.p}, block_size={self._block}, rng={self.key!r}{last}{shard})"


def _restore(
    cls: type, shape: tuple[int, ...], p: float, block: int, key: Key, last: bool, shard: Shard | None, kept: int | None
) -> BlockState:
    """Make a mask again from its pickle."""
    return cls(shape, p, block, rng=key, channels_last=last, shard=shard, kept=kept)
