"""Where a block lies in a larger array."""

from __future__ import annotations

from dataclasses import dataclass

from fastdrop.integers import lengths, product

__all__ = ["Shard"]


@dataclass(frozen=True)
class Shard:
    """A block of a larger array: it gets its part of the larger array's mask.

    Parameters
    ----------
    origin : sequence of int
        Index of the block's first element in the larger array, one for each axis.
    global_shape : sequence of int
        Shape of the larger array, of at most 2**62 elements.

    Raises
    ------
    TypeError
        If something is not an integer.
    ValueError
        If the two differ in length, something is negative, `origin` lies outside, or the shape is too large. That the
        block ends within `global_shape` is checked where the block's shape is known.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> whole = fd.dropout(np.ones((4, 6), np.float32), 0.5, rng=7)
    >>> block = fd.dropout(np.ones((2, 3), np.float32), 0.5, rng=7, shard=fd.Shard((1, 2), (4, 6)))
    >>> bool((block == whole[1:3, 2:5]).all())
    True
    """

    origin: tuple[int, ...]
    global_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        origin = lengths(self.origin, "origin")
        shape = lengths(self.global_shape, "global_shape")
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "global_shape", shape)
        if len(origin) != len(shape):
            raise ValueError(f"origin and global_shape have to have the same length, but got {origin} and {shape}")
        product(shape, "global_shape")
        for axis, (first, length) in enumerate(zip(origin, shape, strict=True)):
            if first > length:
                raise ValueError(f"origin has to lie within global_shape {shape}, but got {first} on axis {axis}")

    def check_block(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError unless a block of this shape fits in."""
        if len(shape) != len(self.origin):
            raise ValueError(
                f"shard has to have one origin for each axis of shape {shape}, but got origin {self.origin}"
            )
        for axis, (first, n, whole) in enumerate(zip(self.origin, shape, self.global_shape, strict=True)):
            if first + n > whole:
                raise ValueError(
                    f"shard has to lie within global_shape {self.global_shape}, but origin {self.origin} and shape "
                    f"{shape} reach {first + n} on axis {axis}"
                )
