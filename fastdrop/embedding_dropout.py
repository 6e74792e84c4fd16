"""Embedding dropout: whole rows of a table are dropped, so that a word is gone wherever it occurs."""

from __future__ import annotations

import math

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input
from fastdrop.exchange import incoming
from fastdrop.functional import check_flag
from fastdrop.geometry import make_geometry
from fastdrop.mask import Mask
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.rows import as_ids, check_out, rows_are_contiguous
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["embedding_dropout", "embedding_dropout_backward", "embedding_dropout_forward"]


def embedding_dropout(
    weight: np.ndarray,
    ids: np.ndarray,
    p: float = 0.1,
    *,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Look up rows of a table whose rows are dropped with probability p, and scale the kept ones by 1 / (1 - p).

    Parameters
    ----------
    weight : array_like, shape (V, D)
        The table: float16, bfloat16, float32, float64, complex64 or complex128; any strides.
    ids : array_like of int, any shape
        Rows to look up, from 0 to V - 1.
    p : float, default 0.1
        Probability of dropping a row, in [0, 1].
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False drops nothing.
    out : ndarray, optional
        Where to write: an array of the result's shape and dtype that shares no memory with weight or ids.
    shard : Shard, optional
        weight is a block of a larger table; ids count its own rows.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray, shape ``(*ids.shape, D)``
        `out`, or a new array; zeros for p = 1.

    Raises
    ------
    IndexError
        If an id is negative or not below V; nothing has been written then.
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Notes
    -----
    Gal and Ghahramani, NeurIPS 2016; Merity, Keskar and Socher (AWD-LSTM), ICLR 2018. Row i of the table has the mask
    index i. Decisions are made for the ids of the batch only: what it costs does not depend on V.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> weight, ids = np.ones((10, 3), np.float32), np.array([[4, 2, 4], [0, 9, 4]])
    >>> y = fd.embedding_dropout(weight, ids, 0.5, rng=1)
    >>> y.shape, bool((y[0, 0] == y[1, 2]).all()), sorted(set(y.ravel().tolist()))
    ((2, 3, 3), True, [0.0, 2.0])
    """
    return _look_up(weight, ids, p, rng, check_flag(training, "training"), out, shard, threads)[0]


def embedding_dropout_forward(
    weight: np.ndarray,
    ids: np.ndarray,
    p: float = 0.1,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `embedding_dropout` does, and return the mask of the rows: `embedding_dropout_backward` takes it.

    Parameters
    ----------
    weight, ids, p, rng, out, shard, threads
        As for `embedding_dropout`.

    Returns
    -------
    y : ndarray, shape ``(*ids.shape, D)``
    mask : Mask
        Of shape (V, D), with one decision for each row; a law that holds no bits.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `embedding_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> weight, ids = np.ones((10, 3)), np.array([4, 2, 4])
    >>> y, mask = fd.embedding_dropout_forward(weight, ids, 0.5, rng=1)
    >>> mask.mask_shape, bool((y == mask.apply(weight)[ids]).all())
    ((10, 1), True)
    """
    y, mask = _look_up(weight, ids, p, rng, True, out, shard, threads)
    assert mask is not None  # there is one in training
    return y, mask


def embedding_dropout_backward(
    dy: np.ndarray, ids: np.ndarray, mask: Mask, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Return the gradient for the table from that for y: sparse, or dense in `out`.

    Parameters
    ----------
    dy : array_like, shape ``(*ids.shape, D)``
        Gradient of the loss for y, of any supported dtype.
    ids : array_like of int
        Those of the forward pass.
    mask : Mask
        What `embedding_dropout_forward` returned, or the same law made again.
    out : ndarray, shape (V, D), optional
        Where to write the dense gradient: of dy's dtype, sharing no memory with dy or ids.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    unique : ndarray of int64, shape (U,)
        The ids that occur, ascending.
    rows : ndarray, shape (U, D)
        Their gradients, +0 for rows that were dropped. With `out`, `out` alone is returned.

    Raises
    ------
    IndexError, TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Notes
    -----
    The rows of dy that belong to an id are added in the order of the ids, then multiplied by 1 / (1 - p): the same bits
    every time, whatever the threads. Sums are made in dy's type, those of float16 and bfloat16 in float32.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> ids, mask = np.array([4, 2, 4]), fd.Mask((10, 1), 0.0, rng=1, share_axes=1)
    >>> fd.embedding_dropout_backward(np.array([[1.0], [2.0], [3.0]]), ids, mask)
    (array([2, 4]), array([[2.],
           [4.]]))
    """
    if not isinstance(mask, Mask):
        raise TypeError(f"mask has to be a Mask, but got {mask!r} of type {type(mask).__name__}")
    if len(mask.shape) != 2 or mask.mask_shape[1] != 1 or mask.stored or not isinstance(mask.p, float):
        raise ValueError(f"mask has to be what embedding_dropout_forward returns, but got {mask!r}")
    rows, width = mask.shape
    array, dtype = as_input(dy, "dy")
    numbers, shape = check_ids(ids, rows)
    if array.shape != (*shape, width):
        raise ValueError(f"dy has to have the shape of y, {(*shape, width)}, but got {array.shape}")
    team = check_threads(threads)
    dense = None
    if out is not None:
        dense = check_out(out, mask.shape, array.dtype, {"dy": array, "ids": incoming(ids, "ids")})
    unique, sums = sum_gradients(array, dtype, numbers, mask, team)
    if dense is None:
        return unique, sums
    dense[...] = 0
    dense[unique] = sums
    return dense


def check_ids(ids: object, rows: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return ids as a contiguous 1-d array of int64, and their shape.

    Raises
    ------
    TypeError, IndexError
        If they are not integers from 0 to rows - 1. NumPy would count negative ones from the end.
    """
    array = as_ids(ids)
    if array.size and not (array.min() >= 0 and array.max() < rows):
        index = tuple(int(i) for i in np.argwhere((array < 0) | (array >= rows))[0])
        where = f" at index {index}" if array.ndim else ""
        raise IndexError(f"ids has to hold numbers from 0 to {rows - 1}, but got {array[index]}{where}")
    return np.ascontiguousarray(array, np.int64).reshape(-1), array.shape


def sum_gradients(
    dy: np.ndarray, dtype: int, numbers: np.ndarray, mask: Mask | None, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the unique ids and the sums of their rows of dy; without a mask all are kept as they are."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    begin = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])) if numbers.size else None
    if begin is None:
        return np.empty(0, np.int64), np.empty((0, dy.shape[-1]), dy.dtype)
    unique = ordered[begin[:-1]]
    keep, scale = _decide(unique, mask, threads)
    x = np.ascontiguousarray(dy).reshape(numbers.size, dy.shape[-1])
    sums = np.empty((unique.size, dy.shape[-1]), dy.dtype)
    _core.sum_rows(order, begin, keep, dtype, scale, x, sums, threads)
    return unique, sums


def _decide(numbers: np.ndarray, mask: Mask | None, threads: int) -> tuple[np.ndarray, float]:
    """Return which of the ids are kept, and the scale of those."""
    if mask is None:
        return np.ones(numbers.size, np.uint8), 1.0
    p = mask.p
    assert isinstance(p, float)
    assert mask.key is not None
    keep = _core.keep_at(mask.key, p, mask._geometry.start, numbers, threads)
    return keep, 1.0 / (1.0 - p) if p < 1.0 else 0.0


def _look_up(
    weight: object, ids: object, p: object, rng: object, training: bool, out: object, shard: object, threads: object
) -> tuple[np.ndarray, Mask | None]:
    """Check the arguments and look up. There is no mask without training."""
    table, dtype = as_input(weight, "weight")
    if table.ndim != 2:
        raise ValueError(f"weight has to have the two axes (V, D), but got shape {table.shape}")
    geometry = make_geometry(table.shape, 1, None, shard)
    numbers, shape = check_ids(ids, table.shape[0])
    probability = one_p(p)
    team = check_threads(threads)
    draw = key_source(rng)
    y = check_out(out, (*shape, table.shape[1]), table.dtype, {"weight": table, "ids": incoming(ids, "ids")})
    mask = Mask._make(geometry, probability, draw(), None) if training else None
    if y.size:
        _copy_rows(table, dtype, numbers, mask, y, team)
    return y, mask


def _copy_rows(
    table: np.ndarray, dtype: int, numbers: np.ndarray, mask: Mask | None, y: np.ndarray, threads: int
) -> None:
    keep, scale = _decide(numbers, mask, threads)
    rows = table
    if not rows_are_contiguous(table, 1):  # only what is looked up, not the table
        rows, numbers = np.take(table, numbers, axis=0), np.arange(numbers.size)
    flat = y if rows_are_contiguous(y, 0) else np.empty(y.shape, y.dtype)
    _core.look_up(numbers, keep, dtype, scale, rows, flat.reshape(math.prod(y.shape[:-1]), y.shape[-1]), threads)
    if flat is not y:
        np.copyto(y, flat)
