"""How much is looked at, and under which keys."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from fastdrop.key import Key

__all__ = ["Effort", "full", "minutes", "seconds"]


@dataclass(frozen=True)
class Effort:
    """Sizes of a run.

    Attributes
    ----------
    seed : int
        Of all keys.
    decisions, rare : int
        Counted for a rate, and for one below 0.1 % or above 99.9 %.
    stored : int
        Looked at one by one.
    related : int
        Compared under two keys, for each pair of keys.
    arrays : int
        Of small arrays.
    """

    seed: int
    decisions: int
    rare: int
    stored: int
    related: int
    arrays: int

    def key(self, check: str, *numbers: int) -> tuple[int, int]:
        """Return a seed and a stream that no other check uses."""
        key = Key(self.seed).fold_in(zlib.crc32(check.encode()))
        for number in numbers:
            key = key.fold_in(number)
        return key.seed, key.stream


def seconds(seed: int) -> Effort:
    """Return what finds a bad generator in seconds."""
    return Effort(seed, decisions=1 << 22, rare=1 << 24, stored=1 << 22, related=1 << 18, arrays=200)


def minutes(seed: int) -> Effort:
    """Return the sizes of `fastdrop verify`."""
    return Effort(seed, decisions=10**10, rare=10**11, stored=1 << 26, related=1 << 23, arrays=20_000)


def full(seed: int) -> Effort:
    """Return the sizes of `fastdrop verify --full`."""
    return Effort(seed, decisions=2 * 10**11, rare=10**12, stored=1 << 28, related=1 << 27, arrays=200_000)
