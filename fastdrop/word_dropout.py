"""Word dropout: ids are replaced by another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import DTYPES, make_output
from fastdrop.exchange import incoming
from fastdrop.functional import check_flag
from fastdrop.geometry import make_geometry
from fastdrop.integers import integer
from fastdrop.mask import Mask
from fastdrop.probability import broadcast_p, check_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.rows import as_ids
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["word_dropout", "word_dropout_forward"]

#: Floating point types of the same size, whose elements are copied bit by bit: narrower ones would be widened.
_COPIED_AS = {4: np.dtype(np.float32), 8: np.dtype(np.float64)}


def word_dropout(
    ids: np.ndarray,
    p: float | np.ndarray,
    replacement: int,
    *,
    protected: np.ndarray | Sequence[int] | int | None = None,
    rng: RNGLike = None,
    training: bool = True,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Replace each id with probability p by another one, that of an unknown word, say.

    Parameters
    ----------
    ids : array_like of int, any shape, as a rule (B, T)
        Of any integer dtype and any strides.
    p : float or array_like of float
        Probability of replacing, in [0, 1]; an array has to broadcast to the shape of ids.
    replacement : int
        What dropped ids become; it has to fit their dtype.
    protected : int, sequence of int, or array of bool, optional
        Ids that are never replaced (padding, begin and end of a sentence), or True where nothing is: an array of bool
        that broadcasts to the shape of ids.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False returns ids as they are.
    out : ndarray, optional
        Where to write: ids itself (in place) or an array that shares no memory with ids, of the same shape and dtype.
    shard : Shard, optional
        ids is a block of a larger array, and gets its part of that array's mask.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        `out`, or a new array like ids; ids itself if `training` is False or p is 0 and ids is an array and `out` not
        given.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Notes
    -----
    Iyyer, Manjunatha, Boyd-Graber and Daumé III, ACL 2015; Bowman et al., CoNLL 2016. The decision of an id is that of
    its place in C order, as in `dropout`; protecting one moves no other. Nothing is scaled.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> ids = np.array([[1, 7, 8, 9, 2], [1, 5, 6, 2, 0]])
    >>> fd.word_dropout(ids, 1.0, 3, protected=[0, 1, 2])
    array([[1, 3, 3, 3, 2],
           [1, 3, 3, 2, 0]])
    """
    return _replace(ids, p, replacement, protected, rng, check_flag(training, "training"), out, shard, threads)[0]


def word_dropout_forward(
    ids: np.ndarray,
    p: float | np.ndarray,
    replacement: int,
    *,
    protected: np.ndarray | Sequence[int] | int | None = None,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `word_dropout` does, and return the mask as well. There is no backward pass: ids have no gradient.

    Parameters
    ----------
    ids, p, replacement, protected, rng, out, shard, threads
        As for `word_dropout`.

    Returns
    -------
    y : ndarray
        As of `word_dropout`.
    mask : Mask
        The law of the decisions, whatever is protected; nothing is stored.

    Raises
    ------
    TypeError, ValueError
        As `word_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> ids = np.arange(1, 9)
    >>> y, mask = fd.word_dropout_forward(ids, 0.5, 0, rng=1)
    >>> bool((y == ids * mask.to_bool()).all())
    True
    """
    y, mask = _replace(ids, p, replacement, protected, rng, True, out, shard, threads)
    assert mask is not None  # there is one in training
    return y, mask


def check_replacement(replacement: object, dtype: np.dtype) -> int:
    """Return the id that stands for dropped ones, if it fits the dtype."""
    number, info = integer(replacement, "replacement"), np.iinfo(dtype)
    if not info.min <= number <= info.max:
        allowed = f"{dtype} ({info.min} to {info.max})"
        raise ValueError(f"replacement has to fit the dtype of ids, {allowed}, but got {number}")
    return number


def check_protected(protected: object) -> np.ndarray | None:
    """Return which ids, or which places, are protected: a flat array of integers, or one of bools."""
    if protected is None:
        return None
    array = np.asarray(incoming(protected, "protected"))
    if array.dtype == bool and not isinstance(protected, np.ma.MaskedArray):
        return array
    if array.size == 0 and isinstance(protected, (list, tuple)):
        return np.empty(0, np.int64)
    if isinstance(protected, np.ma.MaskedArray) or array.dtype.kind not in "iu":
        raise TypeError(f"protected has to be ids or an array of bool, but got dtype {array.dtype}: {protected!r}")
    return array.reshape(-1)


def _replace(
    ids: object,
    p: object,
    replacement: object,
    protected: object,
    rng: object,
    training: bool,
    out: object,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, Mask | None]:
    """Check the arguments and replace. There is no mask without training."""
    array = as_ids(ids)
    number = check_replacement(replacement, array.dtype)
    geometry = make_geometry(array.shape, None, None, shard)
    probability = check_p(p)
    broadcast_p(probability, geometry.mask_shape, geometry.shape)
    spared = check_protected(protected)
    if spared is not None and spared.dtype == bool:
        try:
            spared = np.broadcast_to(spared, array.shape)
        except ValueError:
            text = f"protected has to broadcast to the shape of ids, {array.shape}, but got shape {spared.shape}"
            raise ValueError(text) from None
    team = check_threads(threads)
    draw = key_source(rng)
    idle = not training or (isinstance(probability, float) and probability == 0.0)
    same = idle and out is None and isinstance(ids, np.ndarray)
    y = array if same else make_output(array, out, (), "ids")
    mask = Mask._make(geometry, probability, draw(), None) if training else None
    if not idle:
        assert mask is not None
        if spared is not None and spared.dtype != bool:
            spared = np.isin(array, spared)
        _replace_dropped(array, number, mask, spared, y, team)
    elif y is not array:
        np.copyto(y, array)
    return y, mask


def _replace_dropped(
    ids: np.ndarray, number: int, mask: Mask, spared: np.ndarray | None, y: np.ndarray, threads: int
) -> None:
    """Write ids, and the number where the mask drops one that is not spared."""
    copied_as = _COPIED_AS.get(ids.dtype.itemsize)
    if spared is None and isinstance(mask.p, float) and copied_as is not None:
        arguments = mask._core_arguments()
    else:
        kept = _keep(mask, threads)
        if spared is not None:
            kept |= spared
        if copied_as is None:
            np.copyto(y, np.where(kept, ids, ids.dtype.type(number)))
            return
        arguments = Mask.from_bool(kept, 0.0)._core_arguments()
    other = np.broadcast_to(np.array(number, ids.dtype).view(copied_as), ids.shape)
    _core.choose(arguments, DTYPES[copied_as.name], ids.view(copied_as), other, y.view(copied_as), threads)


def _keep(mask: Mask, threads: int) -> np.ndarray:
    bits = np.empty((mask.size + 7) // 8, np.uint8)
    geometry = mask._geometry
    p = broadcast_p(mask.p, mask.mask_shape, mask.mask_shape)
    mask._make_arguments(mask.mask_shape, geometry.start, geometry.strides, p).fill(bits, threads)
    return np.unpackbits(bits, count=mask.size, bitorder="little").view(bool).reshape(mask.shape)
