"""The mask of DropBlock as a value: the law that says where blocks lie, and how many elements are left."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input, empty_bytes, make_output
from fastdrop.block_state import BlockState
from fastdrop.geometry import c_strides, make_geometry
from fastdrop.integers import product
from fastdrop.mask import Mask
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["BlockMask"]

#: Elements whose blocks are made at a time where they are only counted.
PIECE = 1 << 25


class BlockMask(BlockState):
    """Which elements DropBlock keeps: a pure function of key, p, block size, shape and index.

    It is immutable, holds no bits and knows no dtype. It remembers how many elements are kept once they were counted.

    Parameters
    ----------
    shape : sequence of int
        Shape of the arrays it applies to: (N, C, L), (N, C, H, W) or (N, C, D, H, W), or C at the end with
        `channels_last`.
    p : float
        Target of the share that is dropped, in [0, 1]: see Notes.
    block_size : int
        Side of a block, from 1 to the shortest spatial axis.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, drawn now. A Key is taken as it is; None takes fresh entropy.
    channels_last : bool, default False
        Whether channels are the last axis. The same elements are dropped either way.
    shard : Shard, optional
        `shape` is that of a block of a larger array, whose mask this is a part of.
    kept : int, optional
        How many elements of the larger array are kept, if it is known: without it the first use of a shard makes
        the blocks of the whole larger array to count them. A wrong number makes a wrong scale.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used, a block larger than the map included; the text names it.

    Notes
    -----
    Ghiasi, Lin and Le, NeurIPS 2018. Each element of the valid map, of shape (N, C, L1 - b + 1, ...), is a seed with
    probability gamma = min((p * prod L) / (b**d * prod (L - b + 1)), 1); a seed at (i, j) drops the elements
    [i, i + b) x [j, j + b) of its map. What is left is multiplied by size / kept, both counted over the whole (larger)
    array. Blocks overlap, so that fewer than p are dropped: 0.358 in expectation for p = 0.5, L = 14, b = 7.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> mask = fd.BlockMask((2, 3, 14, 14), 0.5, 7, rng=fd.Key(42))
    >>> y = mask.apply(np.ones((2, 3, 14, 14)))
    >>> bool((y == mask.to_bool() * (mask.size / mask.kept)).all())
    True
    """

    __slots__ = ()

    def __init__(
        self,
        shape: Sequence[int],
        p: float,
        block_size: int,
        *,
        rng: RNGLike = None,
        channels_last: bool = False,
        shard: Shard | None = None,
        kept: int | None = None,
    ) -> None:
        self._prepare(make_geometry(shape, None, None, shard), p, block_size, channels_last, kept)
        self._set("_key", key_source(rng)())

    # ---- what it does ----

    def apply(self, x: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Return x with dropped elements +0 and the others times `scale`: forward for x, backward for a gradient.

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
        MemoryError
            If two bits for each element do not fit, for which there is room only during the call.

        Examples
        --------
        >>> import numpy as np
        >>> import fastdrop as fd
        >>> x = np.ones((1, 2, 9), np.float32)
        >>> fd.BlockMask(x.shape, 0.2, 3, rng=1).apply(x, out=x) is x
        True
        """
        return self._apply(x, "x", out, threads)

    def _apply(self, x: object, name: str, out: object, threads: object) -> np.ndarray:
        array, dtype = as_input(x, name)
        if array.shape != self.shape:
            raise ValueError(f"{name} has to have the mask's shape {self.shape}, but got {array.shape}")
        team = check_threads(threads)
        y = make_output(array, out, (), name)
        self._run(dtype, array, y, team)
        return y

    def _run(self, dtype: int, x: np.ndarray, y: np.ndarray, threads: int) -> None:
        if x.size == 0:
            return
        bits, start, strides = self._make_bits(threads)
        scale = self._scale(threads)
        if self._channels_last:
            x, y = np.moveaxis(x, -1, 1), np.moveaxis(y, -1, 1)
        shape = self._order(self._shape)
        _core.MaskArguments(shape, start, strides, None, None, 0.0, bits).apply(dtype, x, y, scale, threads)

    def _make_bits(self, threads: int) -> tuple[np.ndarray, int, tuple[int, ...]]:
        """Return packed bits that hold the mask, where it begins in them, and its steps along the ordered axes.

        They are those of whole blocks: a shard's first and last seeds reach beyond it, and so do these bits.
        """
        shape, b = self._order(self._shape), self._block
        origin = (0,) * len(shape) if self._shard is None else self._order(self._shard.origin)
        valid = tuple(n - b + 1 for n in self._lengths)
        first = tuple(max(0, o - b + 1) for o in origin[2:])
        last = tuple(min(v, o + n) for v, o, n in zip(valid, origin[2:], shape[2:], strict=True))
        along = tuple(end - begin for begin, end in zip(first, last, strict=True))
        whole = (*self._order(self._whole())[:2], *valid)
        seeds = self._seeds((*shape[:2], *along), (*origin[:2], *first), whole, threads)
        extended = (*shape[:2], *(n + b - 1 for n in along))
        bits = empty_bytes((product(extended, "shape") + 7) // 8, "the mask of blocks")
        kept = _core.grow_blocks(seeds, shape[0] * shape[1], along, b, bits, threads)
        if self._shard is None:
            self._set("_kept", kept)
        strides = c_strides(extended)
        begin = sum((o - f) * s for o, f, s in zip(origin[2:], first, strides[2:], strict=True))
        return bits, begin, strides

    def _seeds(
        self, shape: tuple[int, ...], origin: tuple[int, ...], whole: tuple[int, ...], threads: int
    ) -> np.ndarray:
        geometry = make_geometry(shape, None, None, Shard(origin, whole))
        bits = empty_bytes((product(shape, "shape") + 7) // 8, "the mask of seeds")
        Mask._make(geometry, self._gamma, self._key, None)._core_arguments().fill(bits, threads)
        return bits

    def _count(self, threads: int) -> int:
        """Count over the whole array, some maps at a time."""
        valid = tuple(n - self._block + 1 for n in self._lengths)
        whole, each = self._order(self._whole()), math.prod(self._lengths)
        maps, some, kept = whole[0] * whole[1], max(1, PIECE // each), 0
        bits = empty_bytes((min(some, maps) * each + 7) // 8, "the mask of blocks")
        for first in range(0, maps, some):
            n = min(some, maps - first)
            seeds = self._seeds((n, *valid), (first, *(0,) * len(valid)), (maps, *valid), threads)
            kept += _core.grow_blocks(seeds, n, valid, self._block, bits, threads)
        return kept

    def _scale(self, threads: int) -> float:
        if self._kept is None:
            self._set("_kept", self._count(threads))
        return self.size / self._kept if self._kept else 0.0

    def to_bool(self) -> np.ndarray:
        """Return the mask as an array of bool of shape `shape`, True where kept.

        Examples
        --------
        >>> import fastdrop as fd
        >>> fd.BlockMask((1, 1, 4), 0.0, 2, rng=1).to_bool()
        array([[[ True,  True,  True,  True]]])
        """
        keep = empty_bytes(math.prod(self.shape), "the mask as bools").reshape(self.shape)
        if keep.size:
            bits, start, strides = self._make_bits(check_threads(None))
            shape = self._order(self._shape)
            stored = _core.MaskArguments(shape, start, strides, None, None, 0.0, bits)
            packed = empty_bytes((keep.size + 7) // 8, "the packed mask")
            stored.fill(packed, check_threads(None))
            ordered = np.unpackbits(packed, count=keep.size, bitorder="little").reshape(shape)
            keep[...] = np.moveaxis(ordered, 1, -1) if self._channels_last else ordered
        return keep.view(bool)

    @property
    def kept(self) -> int:
        """Number of elements that are kept, of the larger array where there is a shard; counted at the first use."""
        self._scale(check_threads(None))
        return self._kept

    @property
    def scale(self) -> float:
        """Factor of kept elements: size / kept, 0 if none is kept."""
        return self._scale(check_threads(None))
