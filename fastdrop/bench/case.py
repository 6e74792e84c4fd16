"""What is measured: a case is a column of the table, a row is a way to do dropout (or a bound for it)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Case", "Row", "UnsupportedError"]


@dataclass(frozen=True)
class Case:
    """One column of the table: what is asked of every row.

    Attributes
    ----------
    size : int
        Number of elements.
    p : float
        Probability of dropping, in (0, 1).
    dtype : str
        ``"float32"``, ``"float16"``, ``"bfloat16"`` or ``"float64"``.
    threads : int
        Threads that a row may use, from 1 on.
    """

    size: int
    p: float
    dtype: str = "float32"
    threads: int = 1


class UnsupportedError(Exception):
    """A row cannot do a case (its dtype, its p, its size, ...); the text says why, for a reader of the table."""


@dataclass(frozen=True)
class Row:
    """One way to do dropout, or a bound that it is compared with.

    Attributes
    ----------
    name : str
        As it stands in the table; unique.
    kind : str
        ``"roofline"``, ``"fastdrop"``, ``"idiom"`` (NumPy code) or ``"peer"`` (another package).
    prepare : callable
        ``prepare(case)`` raises `UnsupportedError` or allocates what it needs and returns ``run``; ``run(times)`` does
        the case's work `times` times in a row, with a fresh key or fresh random numbers each time, and returns when it
        is done. What needs compiling is compiled before ``prepare`` returns. However often it runs, values stay finite
        and away from subnormals; that in-place dropout repeated ends in zeros costs nothing. If ``run`` has a method
        ``ready(times)``, it is called before each timing, outside the clock: to refill values, to make keys, ...
    per_call : bool
        True where each repetition is a call from Python and its overhead is part of the figure (to be compared with
        ``fastdrop.dropout``), False where a C loop repeats (to be compared with the kernel).
    """

    name: str
    kind: str
    prepare: Callable[[Case], Callable[[int], object]]
    per_call: bool
