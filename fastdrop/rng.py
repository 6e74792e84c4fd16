"""From what users pass as `rng=` to a key (the argument follows SPEC 7 of Scientific Python)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastdrop import _core
from fastdrop.key import Key

__all__ = ["RNGLike", "key_source", "plain_key"]

RNGLike = (
    Key
    | int
    | np.integer
    | np.random.SeedSequence
    | np.random.Generator
    | np.random.BitGenerator
    | list
    | tuple
    | np.ndarray
    | None
)

_ALLOWED = (
    "a Key, an int, a SeedSequence, a sequence of ints, a numpy.random.Generator (numpy.random.default_rng makes one), "
    "a BitGenerator or None"
)


def plain_key(rng: object) -> Key | None:
    """Return the key that `rng` already stands for, a Key or an int; None for all else, which `key_source` is for."""
    if type(rng) is Key:
        return rng
    if type(rng) is int and 0 <= rng < 1 << 64:
        return _core.KeyBase.__new__(Key, rng)
    return None


def key_source(rng: object) -> Callable[[], Key]:
    """Check `rng` and return a function that draws the key: call it once, after every other argument was checked.

    Raises
    ------
    TypeError, ValueError
        If no key can come from `rng`.
    """
    if isinstance(rng, Key):
        return lambda: rng
    if isinstance(rng, (bool, np.bool_)):
        raise TypeError(f"rng has to be {_ALLOWED}, but got the bool {rng!r}")
    if isinstance(rng, (int, np.integer)):
        if not 0 <= rng < 1 << 64:
            raise ValueError(f"rng as an int has to be between 0 and 2**64 - 1, but got {rng}")
        return lambda: Key(int(rng))
    if rng is None:
        return lambda: _from_sequence(np.random.SeedSequence())
    if isinstance(rng, np.random.SeedSequence):
        return lambda: _from_sequence(rng)
    if isinstance(rng, np.random.BitGenerator):
        rng = np.random.Generator(rng)
    if isinstance(rng, np.random.Generator):
        return lambda: _from_generator(rng)
    if isinstance(rng, (list, tuple, np.ndarray)):
        sequence = _entropy(rng)
        return lambda: _from_sequence(sequence)
    raise TypeError(f"rng has to be {_ALLOWED}, but got {rng!r} of type {type(rng).__name__}")


def _entropy(numbers: list | tuple | np.ndarray) -> np.random.SeedSequence:
    if isinstance(numbers, np.ndarray) and (numbers.ndim != 1 or numbers.dtype.kind not in "iu"):
        raise TypeError(f"rng as an array has to be 1-d and of integers, but got {numbers.ndim}-d of {numbers.dtype}")
    for number in numbers:
        if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, np.integer)):
            raise TypeError(f"rng as a sequence has to hold ints, but got {number!r} of type {type(number).__name__}")
        if number < 0:
            raise ValueError(f"rng as a sequence has to hold ints that are not negative, but got {number}")
    return np.random.SeedSequence([int(number) for number in numbers])


def _from_sequence(sequence: np.random.SeedSequence) -> Key:
    return Key(*sequence.generate_state(2, np.uint64).tolist())


def _from_generator(generator: np.random.Generator) -> Key:
    return Key(*generator.integers(0, 2**64 - 1, size=2, dtype=np.uint64, endpoint=True).tolist())
