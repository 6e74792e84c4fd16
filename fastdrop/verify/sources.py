"""Where decisions come from: this library, or a generator that is wrong on purpose."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import numpy as np

from fastdrop.key import Key
from fastdrop.mask import Mask

__all__ = ["Fastdrop", "Source", "dropped", "realised"]


class Source(Protocol):
    """What the checks ask of a law of masks."""

    name: str

    def bits(self, key: tuple[int, int], p: float, n: int) -> np.ndarray:
        """Return the decisions of the elements 0 to n - 1 as packed bits, 1 = kept, the first one lowest."""

    def kept(self, key: tuple[int, int], p: float, n: int) -> int:
        """Return how many of them are kept."""


class Fastdrop:
    """The law itself, on the instruction set that is in use."""

    name = "fastdrop"

    def bits(self, key: tuple[int, int], p: float, n: int) -> np.ndarray:
        """Return packed decisions."""
        return Mask((n,), p, rng=Key(*key)).to_packed()

    def kept(self, key: tuple[int, int], p: float, n: int) -> int:
        """Return the number kept; nothing is stored."""
        return Mask((n,), p, rng=Key(*key)).count()


def realised(p: float) -> float:
    """Return the probability that p stands for: the nearest multiple of 2^-40."""
    return round(Fraction(p) * 2**40) / 2**40


def dropped(source: Source, key: tuple[int, int], p: float, n: int) -> np.ndarray:
    """Return one bool an element, True where it is dropped."""
    return np.unpackbits(source.bits(key, p, n), count=n, bitorder="little") == 0
