"""DropBlock: contiguous blocks of feature maps are dropped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastdrop.arrays import make_output
from fastdrop.block_mask import BlockMask
from fastdrop.functional import check_flag
from fastdrop.geometry import make_geometry
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.spatial import check_rank
from fastdrop.threads import check_threads

__all__ = [
    "dropblock1d",
    "dropblock1d_backward",
    "dropblock1d_forward",
    "dropblock2d",
    "dropblock2d_backward",
    "dropblock2d_forward",
    "dropblock3d",
    "dropblock3d_backward",
    "dropblock3d_forward",
]

_PARAMETERS = """x : array_like, shape (N, C, {space}) or, with `channels_last`, (N, {space}, C)
        float16, bfloat16, float32, float64, complex64 or complex128; any strides.
    p : float
        Target of the share that is dropped, in [0, 1]. Fewer are, for blocks overlap.
    block_size : int
        Side of a block, from 1 to the shortest spatial axis.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`."""


def _drop(
    dims: int,
    x: object,
    p: object,
    block_size: object,
    channels_last: object,
    rng: object,
    training: bool,
    out: object,
    shard: object,
    kept: object,
    threads: object,
) -> tuple[np.ndarray, BlockMask | None]:
    """Check the arguments and drop. There is no mask without training."""
    array = check_rank(x, dims, channels_last, f"dropblock{dims}d")
    mask = object.__new__(BlockMask)
    mask._prepare(make_geometry(array.shape, None, None, shard), p, block_size, channels_last, kept)
    team = check_threads(threads)
    draw = key_source(rng)
    idle = not training or mask.p == 0.0
    y = array if idle and out is None and isinstance(x, np.ndarray) else make_output(array, out)
    if training:
        mask._set("_key", draw())
    if not idle:
        mask._apply(array, "x", y, team)
    elif y is not array:
        np.copyto(y, array)
    return y, mask if training else None


def _functions(dims: int) -> tuple[Callable[..., np.ndarray], Callable[..., tuple], Callable[..., np.ndarray]]:
    """Make the functions of so many spatial axes."""
    name, space = f"dropblock{dims}d", ("L", "H, W", "D, H, W")[dims - 1]
    parameters, shape = _PARAMETERS.format(space=space), (2, 3, *(8,) * dims)

    def function(
        x: np.ndarray,
        p: float,
        block_size: int,
        *,
        channels_last: bool = False,
        rng: RNGLike = None,
        training: bool = True,
        out: np.ndarray | None = None,
        shard: Shard | None = None,
        kept: int | None = None,
        threads: int | None = None,
    ) -> np.ndarray:
        training = check_flag(training, "training")
        return _drop(dims, x, p, block_size, channels_last, rng, training, out, shard, kept, threads)[0]

    def forward(
        x: np.ndarray,
        p: float,
        block_size: int,
        *,
        channels_last: bool = False,
        rng: RNGLike = None,
        out: np.ndarray | None = None,
        shard: Shard | None = None,
        kept: int | None = None,
        threads: int | None = None,
    ) -> tuple[np.ndarray, BlockMask]:
        y, mask = _drop(dims, x, p, block_size, channels_last, rng, True, out, shard, kept, threads)
        assert mask is not None  # there is one in training
        return y, mask

    def backward(
        dy: np.ndarray, mask: BlockMask, *, out: np.ndarray | None = None, threads: int | None = None
    ) -> np.ndarray:
        if not isinstance(mask, BlockMask):
            raise TypeError(f"mask has to be a BlockMask, but got {mask!r} of type {type(mask).__name__}")
        if len(mask.shape) != dims + 2:
            raise ValueError(f"mask has to be of {dims + 2} axes for {name}_backward, but got shape {mask.shape}")
        return mask._apply(dy, "dy", out, threads)

    function.__doc__ = f"""Drop blocks of x and scale what is left so that the mean stays.

    Parameters
    ----------
    {parameters}
    channels_last : bool, default False
        Whether channels are the last axis. The same elements are dropped either way.
    training : bool, default True
        False returns x as it is.
    out : ndarray, optional
        Where to write: x itself or an array that shares no memory with it.
    shard : Shard, optional
        x is a block of a larger array, and gets its part of that array's mask.
    kept : int, optional
        How many elements of the larger array are kept, if it is known: counting them takes a fill of the whole mask.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        `out`, or a new array like x; x itself if `training` is False or p is 0 and x is an array and `out` not given.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used, x's number of axes and a block larger than the map included; nothing has been
        written then.
    MemoryError
        If two bits for each element do not fit: there is room for them only during the call.

    Notes
    -----
    Ghiasi, Lin and Le, NeurIPS 2018: `BlockMask` has the rule. Nothing is kept for backward but the law.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y = fd.{name}(np.ones({shape}), 0.3, 3, rng=1)
    >>> float(y.mean().round(6)), bool(0 < (y == 0).mean() < 0.5)
    (1.0, True)
    """
    forward.__doc__ = f"""Do what `{name}` does, and return the mask as well: `{name}_backward` takes it.

    Parameters
    ----------
    x, p, block_size, channels_last, rng, out, shard, kept, threads
        As for `{name}`.

    Returns
    -------
    y : ndarray
        As of `{name}`.
    mask : BlockMask
        The law of these blocks: no bits, but the number of elements that were kept.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `{name}`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.{name}_forward(np.ones({shape}), 0.3, 3, rng=1)
    >>> bool((fd.{name}_backward(np.ones({shape}), mask) == y).all()), mask.nbytes
    (True, 0)
    """
    backward.__doc__ = f"""Return the gradient for x from that for y: the same blocks and scale, made again.

    Parameters
    ----------
    dy : array_like, shape ``mask.shape``
        Gradient of the loss for y, of any supported dtype.
    mask : BlockMask
        What `{name}_forward` returned, or the same law made again.
    out : ndarray, optional
        Where to write: dy itself or an array that shares no memory with it.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> mask = fd.BlockMask({shape}, 0.3, 3, rng=1)
    >>> float(fd.{name}_backward(np.ones({shape}), mask).max()) == mask.scale
    True
    """
    for made, ending in ((function, ""), (forward, "_forward"), (backward, "_backward")):
        made.__name__ = made.__qualname__ = name + ending
    return function, forward, backward


dropblock1d, dropblock1d_forward, dropblock1d_backward = _functions(1)
dropblock2d, dropblock2d_forward, dropblock2d_backward = _functions(2)
dropblock3d, dropblock3d_forward, dropblock3d_backward = _functions(3)
