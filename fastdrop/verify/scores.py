"""How far what was seen lies from what was promised, in standard deviations."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["LIMIT", "Score", "exact", "many", "of_chi_square", "of_rate", "one", "p_value"]

#: A normal number is further out once in 147,000 times.
LIMIT = 4.5


@dataclass(frozen=True)
class Score:
    """One row of the table.

    Attributes
    ----------
    group, check : str
        What was looked at.
    n : int
        How many decisions, or numbers, it took.
    z : float
        Distance from what is expected, in standard deviations; of many distances, that of the sum of their squares.
    worst : float
        The largest one, where there are many.
    """

    group: str
    check: str
    n: int
    z: float
    worst: float

    @property
    def passed(self) -> bool:
        """Whether neither is further out than LIMIT."""
        return abs(self.z) <= LIMIT and abs(self.worst) <= LIMIT

    @property
    def p_value(self) -> float:
        """How probable it is that a normal number is at least as far out as the further of the two, on either side."""
        return p_value(max(abs(self.z), abs(self.worst)))


def p_value(z: float) -> float:
    """Return the probability that a normal number is at least as far from 0.

    Examples
    --------
    >>> round(p_value(-1.96), 3)
    0.05
    """
    return math.erfc(abs(z) / math.sqrt(2))


def of_rate(count: int, n: int, p: float) -> float:
    """Return the standard score of a binomial count.

    Examples
    --------
    >>> of_rate(5100, 10000, 0.5)
    2.0
    """
    return (count - n * p) / math.sqrt(n * p * (1 - p))


def of_chi_square(x: float, freedom: int) -> float:
    """Return the standard score of a chi-square sum: Wilson and Hilferty, PNAS 17 (1931), the cube root is near normal.

    Examples
    --------
    >>> round(of_chi_square(1100.0, 1000), 2)  # scipy.stats: norm.isf(chi2.sf(1100, 1000)) is 2.18 as well
    2.18
    """
    spread = 2 / (9 * freedom)
    return (math.cbrt(x / freedom) - (1 - spread)) / math.sqrt(spread)


def one(group: str, check: str, n: int, z: float) -> Score:
    """Return the row of one standard score."""
    return Score(group, check, n, z, z)


def many(group: str, check: str, n: int, scores: Iterable[float]) -> Score:
    """Return the row of many standard scores that are independent of each other, or almost."""
    z = np.asarray(list(scores), np.float64)
    worst = float(z[np.argmax(np.abs(z))])
    # The largest of many is further out than one: by how much, its own distribution says.
    tail = -math.expm1(z.size * math.log1p(-min(p_value(worst), 1 - 1e-16)))
    return Score(group, check, n, of_chi_square(float((z * z).sum()), z.size), math.copysign(_two_sided(tail), worst))


def exact(group: str, check: str, n: int, wrong: int) -> Score:
    """Return the row of something that has no exception: any is one too many."""
    return one(group, check, n, math.inf if wrong else 0.0)


def _two_sided(tail: float) -> float:
    """Return the z that a normal number exceeds in size with this probability, by bisection."""
    low, high = 0.0, 40.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(middle) > tail else (low, middle)
    return low
