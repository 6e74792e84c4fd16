"""DropPath, also called stochastic depth: whole samples, or the whole batch, are dropped."""

from __future__ import annotations

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.functional import _drop, check_flag
from fastdrop.mask import Mask
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard

__all__ = ["drop_path", "drop_path_backward", "drop_path_forward"]

MODES = ("row", "batch")


def drop_path(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    scale_by_keep: bool = True,
    mode: str = "row",
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Drop whole samples of a residual branch with probability p.

    Parameters
    ----------
    x : array_like, shape (N, ...)
        Output of the branch that is added to a residual path; float16, bfloat16, float32, float64, complex64 or
        complex128; any strides.
    p : float or array_like, default 0.5
        Probability of dropping, in [0, 1]; an array has to broadcast to (N, 1, ...), or to (1, 1, ...) for "batch".
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from.
    training : bool, default True
        False returns x as it is.
    scale_by_keep : bool, default True
        Whether kept samples are scaled by 1 / (1 - p); False leaves them as they are.
    mode : {"row", "batch"}, default "row"
        One decision for each sample, or a single one for all: with "batch" a layer is dropped as a whole (LayerDrop).
    out : ndarray, optional
        Where to write: x itself or an array that shares no memory with it.
    shard : Shard, optional
        x is a block of a larger array.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        As `dropout` returns it; zeros for p = 1.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Notes
    -----
    Huang, Sun, Liu, Sedra and Weinberger, ECCV 2016; LayerDrop: Fan, Grave and Joulin, ICLR 2020. The mask has
    the shape (N, 1, ...), and so sample n has the index n.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y = fd.drop_path(np.ones((4, 3)), 0.5, rng=3)
    >>> bool((y == y[:, :1]).all()), sorted(set(y.ravel().tolist()))
    (True, [0.0, 2.0])
    """
    return _drop_path(x, p, rng, training, scale_by_keep, mode, out, None, shard, threads)[0]


def drop_path_forward(
    x: np.ndarray,
    p: float | np.ndarray = 0.5,
    *,
    rng: RNGLike = None,
    scale_by_keep: bool = True,
    mode: str = "row",
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `drop_path` does, and return the mask as well: `drop_path_backward` takes it.

    Returns
    -------
    y : ndarray
        As `drop_path` returns it.
    mask : Mask
        The law of these decisions; nothing is stored.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, mask = fd.drop_path_forward(np.ones((4, 3)), 0.5, rng=3)
    >>> mask.mask_shape
    (4, 1)
    """
    y, mask = _drop_path(x, p, rng, True, scale_by_keep, mode, out, False, shard, threads)
    assert mask is not None  # there is one in training
    return y, mask


def drop_path_backward(
    dy: np.ndarray,
    mask: Mask,
    *,
    scale_by_keep: bool = True,
    out: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Return the gradient for x from that for y: the same mask and scale.

    Parameters
    ----------
    dy : array_like, shape ``mask.shape``
        Gradient of the loss for y.
    mask : Mask
        What `drop_path_forward` returned.
    scale_by_keep : bool, default True
        As in the forward pass.
    out : ndarray, optional
        Where to write: dy itself or an array that shares no memory with it.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.ones((4, 3))
    >>> y, mask = fd.drop_path_forward(x, 0.5, rng=3, scale_by_keep=False)
    >>> bool((fd.drop_path_backward(x, mask, scale_by_keep=False) == y).all())
    True
    """
    if not isinstance(mask, Mask):
        raise TypeError(f"mask has to be a Mask, but got {mask!r} of type {type(mask).__name__}")
    return mask._apply(dy, "dy", out, None if check_flag(scale_by_keep, "scale_by_keep") else 1.0, threads)


def check_mode(mode: object) -> str:
    """Return the mode if it is one."""
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"mode has to be 'row' or 'batch', but got {mode!r}")
    return mode


def _drop_path(
    x: object,
    p: object,
    rng: object,
    training: object,
    scale_by_keep: object,
    mode: object,
    out: object,
    store: bool | None,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, Mask | None]:
    array, _ = as_input(x)
    scale = None if check_flag(scale_by_keep, "scale_by_keep") else 1.0
    if array.ndim == 0:
        raise ValueError("x has to have a batch axis for drop_path, but got shape ()")
    axes = tuple(range(1 if check_mode(mode) == "row" else 0, array.ndim))
    source = x if isinstance(x, np.ndarray) else array
    return _drop(source, p, rng, check_flag(training, "training"), out, store, axes, None, shard, threads, scale)
