"""The base of layers that draw masks or noise: a key, a count of calls, and the keys of the current call."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdrop.key import Key
from fastdrop.nn.module import Module
from fastdrop.nn.state import Entry
from fastdrop.rng import RNGLike

__all__ = ["RandomModule"]

#: Parts of a layer's key, by what is drawn from them (mask contract, "Deriving keys").
ONLY_MASK = INPUT_MASK = 0
STATE_MASK = 1
CELL_MASK = 2
WEIGHT_MASK = 3
PATH_MASK = 4
INITIAL_VALUES = 5
#: Numbers that are folded into keys are below this.
CALLS_LIMIT = 1 << 56


class RandomModule(Module):
    """Base of all layers that draw in training, to derive own ones from.

    Call c, counted from 0, draws part n from ``key.fold_in(c, role="call").fold_in(n, role="part")``: no two calls,
    layers or parts share a mask, and the run is reproducible from one key. `state_dict` holds the key and the count.

    Parameters
    ----------
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now. None: handed down by a container, or fresh entropy.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> from fastdrop import nn
    >>> class Noisy(nn.RandomModule):
    ...     def forward(self, x):
    ...         y = x + self._part_key(0).generator().normal(size=x.shape) if self.training else x
    ...         self._count_call()
    ...         return y
    ...     def backward(self, dy):
    ...         return dy
    >>> layer = Noisy(rng=1)
    >>> bool((layer(np.zeros(4)) == layer(np.zeros(4))).any()), layer.calls
    (False, 2)
    """

    # Number of the Monte Carlo sample that is being drawn; None: none is. On the class, as only few instances set it.
    _sample: int | None = None

    def __init__(self, *, rng: RNGLike = None) -> None:
        super().__init__(rng=rng)
        self._calls = 0

    @property
    def calls(self) -> int:
        """int: forward calls in training mode so far, which is the number of the next one."""
        return self._calls

    def _part_key(self, part: int) -> Key:
        """Return the key of one part of the current call."""
        key = self._take_key().fold_in(self._calls, role="call").fold_in(part, role="part")
        return key if self._sample is None else key.fold_in(self._sample, role="sample")

    @property
    def _active(self) -> bool:
        """Whether this forward draws: in training mode, or as one sample of several (Monte Carlo dropout)."""
        return self.training or self._sample is not None

    def _count_call(self) -> None:
        """Go on to the next call: last in an active forward, whatever p is, so that changing p moves no mask.

        Samples of one call leave the count alone.
        """
        if self.training and self._sample is None:
            self._calls += 1

    def _key_changed(self) -> None:
        self._calls = 0

    def _entries(self) -> dict[str, Entry]:
        def put_key(key: Key) -> None:
            self._key = key

        def put_calls(calls: int) -> None:
            self._calls = calls

        return super()._entries() | {
            "key": Entry(lambda: _words(self._take_key()), _check_key, put_key),
            "calls": Entry(lambda: self._calls, _check_calls, put_calls),
        }


def _words(key: Key) -> np.ndarray:
    return np.array([key.seed, key.stream], np.uint64)


def _check_key(value: Any, name: str) -> Key:
    words = np.asarray(value)
    if words.dtype != np.uint64 or words.shape != (2,):
        raise TypeError(f"{name} has to be an array of two uint64, but got dtype {words.dtype} and shape {words.shape}")
    return Key(int(words[0]), int(words[1]))


def _check_calls(value: Any, name: str) -> int:
    count = np.asarray(value)
    if count.dtype.kind not in "iu" or count.shape != ():
        raise TypeError(f"{name} has to be an int, but got {value!r}")
    if not 0 <= int(count) < CALLS_LIMIT:
        raise ValueError(f"{name} has to be between 0 and 2**56 - 1, but got {int(count)}")
    return int(count)
