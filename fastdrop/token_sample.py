"""Which tokens are kept, as a value: the law that picks so many of each sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastdrop import _core
from fastdrop.immutable import Immutable
from fastdrop.integers import INDEX_LIMIT, integer
from fastdrop.key import Key
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.rows import as_rows, check_out, rows_are_contiguous
from fastdrop.threads import check_threads

__all__ = ["TokenSample", "count_kept"]


def count_kept(tokens: int, p: float) -> int:
    """Return how many of so many tokens are kept: max(1, floor(tokens * (1 - p))), both operations in binary64."""
    return max(1, math.floor(tokens * (1.0 - p))) if tokens else 0


def _number(value: object, name: str) -> int:
    number = integer(value, name)
    if not 0 <= number <= INDEX_LIMIT:
        raise ValueError(f"{name} has to be between 0 and 2**62, but got {number}")
    return number


class TokenSample(Immutable):
    """Which tokens of each sample are kept: exactly `kept` of them, a pure function of key and index.

    It is immutable and holds no indices: they are made where they are needed.

    Parameters
    ----------
    samples, tokens : int
        Number of samples, and of tokens of each, without prefix tokens.
    p : float
        Share of the tokens that is dropped, in [0, 1]; one token stays at least.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, drawn now.
    num_prefix_tokens : int, default 0
        Tokens before the others that are always kept, such as a class token.
    first : int, default 0
        Number of the first sample, where these are some of more samples.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the text names it, the value and what is allowed.

    Notes
    -----
    kept = max(1, floor(tokens * (1 - p))) in binary64, 0 without tokens. The token of sample n and position l has the
    noise word of index n * tokens + l; those of the smallest words are kept, ties in favour of the first.

    Examples
    --------
    >>> import fastdrop as fd
    >>> sample = fd.TokenSample(2, 6, 0.5, rng=fd.Key(42))
    >>> sample.kept, sample.indices().shape
    (3, (2, 3))
    """

    __slots__ = ("_first", "_kept", "_key", "_p", "_prefix", "_samples", "_tokens")

    def __init__(
        self,
        samples: int,
        tokens: int,
        p: float,
        *,
        rng: RNGLike = None,
        num_prefix_tokens: int = 0,
        first: int = 0,
    ) -> None:
        self._prepare(samples, tokens, p, num_prefix_tokens, first)
        self._set("_key", key_source(rng)())

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _prepare(self, samples: object, tokens: object, p: object, prefix: object, first: object) -> None:
        """Check all that does not need a key, and set it."""
        self._set("_samples", _number(samples, "samples"))
        self._set("_tokens", _number(tokens, "tokens"))
        self._set("_p", one_p(p))
        self._set("_prefix", _number(prefix, "num_prefix_tokens"))
        self._set("_first", _number(first, "first"))
        if (self._first + self._samples) * self._tokens > INDEX_LIMIT:
            text = f"{self._first} + {self._samples} samples of {self._tokens}"
            raise ValueError(f"tokens has to make at most 2**62 in all samples, but got {text}")
        self._set("_kept", count_kept(self._tokens, self._p))

    # ---- what it does ----

    def indices(self, threads: int | None = None) -> np.ndarray:
        """Return the positions that are kept: int64, shape (samples, kept), ascending in each sample.

        They count from the first token after the prefix.

        Examples
        --------
        >>> import fastdrop as fd
        >>> fd.TokenSample(2, 3, 0.0, rng=1).indices()
        array([[0, 1, 2],
               [0, 1, 2]])
        """
        start = self._first * self._tokens
        team = check_threads(threads)
        return _core.smallest(self._key, start, self._samples, self._tokens, self._kept, team)

    def take(self, x: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Return the prefix and the kept tokens of x, in their order; nothing is scaled.

        Parameters
        ----------
        x : array_like, shape (samples, num_prefix_tokens + tokens, ...)
            Of any dtype of numbers or bools; any strides.
        out : ndarray, optional
            Where to write: an array of the result's shape and dtype that shares no memory with x.
        threads : int, optional
            Most threads to use.

        Returns
        -------
        ndarray, shape (samples, num_prefix_tokens + kept, ...)

        Raises
        ------
        TypeError, ValueError
            If an argument can't be used; nothing has been written then.

        Examples
        --------
        >>> import numpy as np
        >>> import fastdrop as fd
        >>> x = np.arange(12.0).reshape(2, 6)
        >>> sample = fd.TokenSample(2, 6, 0.5, rng=1)
        >>> bool((sample.take(x) == np.take_along_axis(x, sample.indices(), axis=1)).all())
        True
        """
        return self._move(as_rows(x), "x", out, threads, put=False)

    def put(self, dy: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Return dy's rows where they came from, and +0 in all others: the backward pass of `take`.

        Parameters
        ----------
        dy : array_like, shape (samples, num_prefix_tokens + kept, ...)
            Of any dtype of numbers or bools; any strides.
        out, threads
            As of `take`.

        Returns
        -------
        ndarray, shape (samples, num_prefix_tokens + tokens, ...)

        Raises
        ------
        TypeError, ValueError
            If an argument can't be used; nothing has been written then.

        Examples
        --------
        >>> import numpy as np
        >>> import fastdrop as fd
        >>> sample = fd.TokenSample(1, 3, 0.5, rng=1)
        >>> float(sample.put(np.ones((1, 1))).sum())
        1.0
        """
        return self._move(as_rows(dy, "dy"), "dy", out, threads, put=True)

    def _move(self, x: np.ndarray, name: str, out: object, threads: object, *, put: bool) -> np.ndarray:
        wide, narrow = (self._samples, self._prefix + self._tokens), (self._samples, self._prefix + self._kept)
        wanted, other = (narrow, wide) if put else (wide, narrow)
        if x.shape[:2] != wanted:
            raise ValueError(f"{name} has to have the shape ({wanted[0]}, {wanted[1]}, ...), but got {x.shape}")
        team = check_threads(threads)
        y = check_out(out, (*other, *x.shape[2:]), x.dtype, {name: x})
        positions = self._positions(team)
        if rows_are_contiguous(x, 2) and rows_are_contiguous(y, 2):
            size = x.itemsize * math.prod(x.shape[2:])
            _core.move_rows(put, positions, size, x, y, team)
        elif put:
            y[...] = 0
            y[np.arange(self._samples)[:, None], positions] = x
        else:
            y[...] = x[np.arange(self._samples)[:, None], positions]
        return y

    def _positions(self, threads: int) -> np.ndarray:
        """Return the positions among all tokens, those of the prefix included."""
        chosen = self.indices(threads)
        if not self._prefix:
            return chosen
        prefix = np.broadcast_to(np.arange(self._prefix), (self._samples, self._prefix))
        return np.concatenate([prefix, chosen + self._prefix], axis=1)

    # ---- what it is ----

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self._samples

    @property
    def tokens(self) -> int:
        """Number of tokens of a sample, without the prefix."""
        return self._tokens

    @property
    def kept(self) -> int:
        """Number of tokens of a sample that are kept, without the prefix."""
        return self._kept

    @property
    def p(self) -> float:
        """Share that is dropped."""
        return self._p

    @property
    def num_prefix_tokens(self) -> int:
        """Number of tokens before the others that are always kept."""
        return self._prefix

    @property
    def first(self) -> int:
        """Number of the first sample."""
        return self._first

    @property
    def key(self) -> Key:
        """The key."""
        return self._key

    def _value(self) -> tuple[Any, ...]:
        return self._samples, self._tokens, self._p, self._key, self._prefix, self._first

    def __eq__(self, other: object) -> bool:
        return self._value() == other._value() if isinstance(other, TokenSample) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value())

    def __reduce__(self) -> tuple[object, tuple[Any, ...]]:
        return _restore, self._value()

    def __repr__(self) -> str:
        prefix = f", num_prefix_tokens={self._prefix}" if self._prefix else ""
        first = f", first={self._first}" if self._first else ""
        return f"TokenSample({self._samples}, {self._tokens}, {self._p}, rng={self._key!r}{prefix}{first})"


def _restore(samples: int, tokens: int, p: float, key: Key, prefix: int, first: int) -> TokenSample:
    return TokenSample(samples, tokens, p, rng=key, num_prefix_tokens=prefix, first=first)
