"""Token dropout, also called patch dropout: a part of the tokens of each sample goes on, in their order."""

from __future__ import annotations

import numpy as np

from fastdrop.functional import check_flag
from fastdrop.integers import integer
from fastdrop.rng import RNGLike, key_source
from fastdrop.rows import as_rows, check_out
from fastdrop.shard import Shard
from fastdrop.threads import check_threads
from fastdrop.token_sample import TokenSample

__all__ = ["token_dropout", "token_dropout_backward", "token_dropout_forward", "token_indices"]


def token_dropout(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    num_prefix_tokens: int = 0,
    return_indices: bool = False,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Keep max(1, floor(L * (1 - p))) of the L tokens of each sample, in their order, and leave out the others.

    Parameters
    ----------
    x : array_like, shape (N, num_prefix_tokens + L, ...)
        Tokens or patches, of any dtype of numbers or bools; any strides.
    p : float, default 0.5
        Share of the tokens that is dropped, in [0, 1].
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False returns x as it is.
    num_prefix_tokens : int, default 0
        Tokens before the others that are always kept, such as a class token; they do not count in L.
    return_indices : bool, default False
        Whether to return also which tokens were kept.
    out : ndarray, optional
        Where to write: an array of the result's shape and dtype that shares no memory with x.
    shard : Shard, optional
        x is some samples of a larger array: the tokens of a sample can't be divided.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    y : ndarray, shape (N, num_prefix_tokens + k, ...)
        `out`, or a new array; x itself if nothing is dropped and x is an array and `out` not given.
    indices : ndarray of int64, shape (N, k)
        With `return_indices`: positions of the kept tokens, from the first one after the prefix, ascending.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Notes
    -----
    PatchDropout: Liu, Matsoukas, Strand, Azizpour and Smith, WACV 2023. All samples keep the same number, so nothing is
    rescaled. The k tokens with the smallest noise words are kept (see `TokenSample`); without tokens there are none.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> x = np.arange(24.0).reshape(2, 4, 3)
    >>> y, indices = fd.token_dropout(x, 0.5, rng=1, return_indices=True)
    >>> y.shape, bool((y[0] == x[0, indices[0]]).all())
    ((2, 2, 3), True)
    """
    training = check_flag(training, "training")
    indices = check_flag(return_indices, "return_indices")
    y, sample = _drop(x, p, rng, training, num_prefix_tokens, out, shard, threads)
    return (y, sample.indices(threads)) if indices else y


def token_dropout_forward(
    x: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    num_prefix_tokens: int = 0,
    out: np.ndarray | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, TokenSample]:
    """Do what `token_dropout` does, and return the law: `token_dropout_backward` takes it.

    Parameters
    ----------
    x, p, rng, num_prefix_tokens, out, shard, threads
        As for `token_dropout`.

    Returns
    -------
    y : ndarray, shape (N, num_prefix_tokens + k, ...)
    sample : TokenSample
        Which tokens were kept; nothing is stored, `sample.indices` makes them again.

    Raises
    ------
    TypeError, ValueError
        As `token_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> y, sample = fd.token_dropout_forward(np.ones((2, 4, 3)), 0.5, rng=1)
    >>> dx = fd.token_dropout_backward(y, sample)
    >>> dx.shape, dx.sum(axis=(1, 2)).tolist()
    ((2, 4, 3), [6.0, 6.0])
    """
    return _drop(x, p, rng, True, num_prefix_tokens, out, shard, threads)


def token_dropout_backward(
    dy: np.ndarray, sample: TokenSample, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Return the gradient for x from that for y: its rows where they came from, +0 for tokens that were dropped.

    Parameters
    ----------
    dy : array_like, shape (N, num_prefix_tokens + k, ...)
        Gradient of the loss for y.
    sample : TokenSample
        What `token_dropout_forward` returned, or the same law made again.
    out : ndarray, optional
        Where to write: an array of x's shape and dy's dtype that shares no memory with dy.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray, shape (N, num_prefix_tokens + L, ...)

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> fd.token_dropout_backward(np.ones((1, 2)), fd.TokenSample(1, 2, 0.0, rng=1))
    array([[1., 1.]])
    """
    if not isinstance(sample, TokenSample):
        raise TypeError(f"sample has to be a TokenSample, but got {sample!r} of type {type(sample).__name__}")
    return sample.put(dy, out=out, threads=threads)


def token_indices(
    samples: int, tokens: int, p: float = 0.5, *, rng: RNGLike = None, first: int = 0, threads: int | None = None
) -> np.ndarray:
    """Return which tokens `token_dropout` keeps, without an array: for masked modelling, or to gather elsewhere.

    Parameters
    ----------
    samples, tokens : int
        Numbers of samples and of tokens of each.
    p, rng, threads
        As for `token_dropout`.
    first : int, default 0
        Number of the first sample, where these are some of more samples.

    Returns
    -------
    ndarray of int64, shape (samples, k)
        Ascending in each sample.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Examples
    --------
    >>> import fastdrop as fd
    >>> indices = fd.token_indices(3, 196, 0.75, rng=1)
    >>> indices.shape, bool((fd.token_indices(1, 196, 0.75, rng=1, first=2) == indices[2:]).all())
    ((3, 49), True)
    """
    return TokenSample(samples, tokens, p, rng=rng, first=first).indices(threads)


def _first_sample(shape: tuple[int, ...], shard: object) -> int:
    """Return the number of the first sample. Tokens are ranked against all others of their sample."""
    if shard is None:
        return 0
    if not isinstance(shard, Shard):
        raise TypeError(f"shard has to be a Shard or None, but got {shard!r} of type {type(shard).__name__}")
    shard.check_block(shape)
    if shape[1] != shard.global_shape[1]:
        raise ValueError(
            f"shard has to have all tokens of its samples, {shard.global_shape[1]} on axis 1, but got {shape[1]}"
        )
    return shard.origin[0]


def _drop(
    x: object, p: object, rng: object, training: bool, prefix: object, out: object, shard: object, threads: object
) -> tuple[np.ndarray, TokenSample]:
    """Check the arguments and drop. Without training the sample is that of p = 0, which keeps all."""
    array = as_rows(x)
    if array.ndim < 2:
        raise ValueError(f"x has to have batch and token axes, (N, L, ...), for token_dropout, but got {array.shape}")
    number = integer(prefix, "num_prefix_tokens")
    if not 0 <= number <= array.shape[1]:
        raise ValueError(f"num_prefix_tokens has to be between 0 and {array.shape[1]}, x's tokens, but got {number}")
    first = _first_sample(array.shape, shard)
    sample = object.__new__(TokenSample)
    sample._prepare(array.shape[0], array.shape[1] - number, p, number, first)
    team = check_threads(threads)
    draw = key_source(rng)
    if not training:
        sample._prepare(sample.samples, sample.tokens, 0.0, number, first)
    same = sample.kept == sample.tokens and out is None and isinstance(x, np.ndarray)
    shape = (array.shape[0], number + sample.kept, *array.shape[2:])
    y = array if same else check_out(out, shape, array.dtype, {"x": array})
    sample._set("_key", draw() if training else key_source(0)())
    return y if same else sample._move(array, "x", y, team, put=False), sample
