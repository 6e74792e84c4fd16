"""Dropout of Dask arrays: the mask of the chunked array is the mask of the whole array.

Whether an element is kept depends on its index in the whole array, so that neither chunks nor workers change a bit, nor
a block that is computed twice. Needs the extra `dask`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.functional import check_flag
from fastdrop.functional import dropout as drop_array
from fastdrop.geometry import make_geometry, shared_axes
from fastdrop.key import Key
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard

try:
    import dask.array as da
    from dask.base import tokenize
except ImportError as error:
    raise ImportError(
        "fastdrop.dask needs Dask: install it with pip install '.[dask]' in the source of fastdrop"
    ) from error

__all__ = ["dropout"]


def dropout(
    x: da.Array,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
) -> da.Array:
    """Set elements to zero with probability p and scale the others by 1 / (1 - p), lazily.

    Parameters
    ----------
    x : dask.array.Array
        Of a dtype that `fastdrop.dropout` takes, in any chunks whose sizes are known.
    p : float, default 0.5
        Probability of dropping, in [0, 1].
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, drawn now and once: blocks share it. The gradient of the result goes back through the
        same call with the same key.
    training : bool, default True
        False returns x as it is.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared, whatever the chunks.
    shard : Shard, optional
        x is a block of a still larger array, a slice for instance, and gets its part of that array's mask.

    Returns
    -------
    dask.array.Array
        Of x's shape, dtype and chunks. Its name follows from x's name and the law: the same call is the same graph.

    Raises
    ------
    TypeError
        If x is no Dask array, p not one number, or another argument of the wrong type.
    ValueError
        If a chunk's size is unknown, or another value is out of range.

    Examples
    --------
    >>> import dask.array as da
    >>> import fastdrop as fd
    >>> import fastdrop.dask as fdd
    >>> x = da.ones((100, 80), chunks=(30, 50))
    >>> y = fdd.dropout(x, 0.1, rng=fd.Key(42))
    >>> bool((y.compute() == fd.dropout(x.compute(), 0.1, rng=fd.Key(42))).all())
    True
    """
    if not isinstance(x, da.Array):
        raise TypeError(f"x has to be a dask.array.Array, but got {type(x).__name__}")
    if any(np.isnan(n) for sizes in x.chunks for n in sizes):
        raise ValueError(
            f"the sizes of x's chunks have to be known, but its shape is {x.shape}: "
            "x.compute_chunk_sizes() finds them out"
        )
    as_input(np.empty(0, x.dtype))
    make_geometry(x.shape, share_axes, None, shard)
    shared = tuple(sorted(shared_axes(share_axes, x.ndim)))
    probability = one_p(p)
    draw = key_source(rng)
    if not check_flag(training, "training"):
        return x
    key = draw()
    origin = (0,) * x.ndim if shard is None else shard.origin
    whole = x.shape if shard is None else shard.global_shape
    name = f"dropout-{tokenize(x.name, probability, key.seed, key.stream, shared, origin, whole)}"
    law = {"p": probability, "key": (key.seed, key.stream), "shared": shared, "origin": origin, "whole": whole}
    return da.map_blocks(_drop_block, x, dtype=x.dtype, meta=x._meta, name=name, **law)


def _drop_block(
    block: np.ndarray,
    p: float,
    key: tuple[int, int],
    shared: tuple[int, ...],
    origin: tuple[int, ...],
    whole: tuple[int, ...],
    block_info: dict | None = None,
) -> np.ndarray:
    """Drop elements of a block on one thread: Dask has threads of its own, or processes."""
    assert block_info is not None
    starts = [begin for begin, _ in block_info[0]["array-location"]]
    place = tuple(first + start for first, start in zip(origin, starts, strict=True))
    return drop_array(block, p, rng=Key(*key), share_axes=shared or None, shard=Shard(place, whole), threads=1)
