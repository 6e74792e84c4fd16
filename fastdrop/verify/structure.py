"""What linear algebra over two elements sees: a generator whose words are sums of few bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastdrop.verify.effort import Effort
from fastdrop.verify.scores import Score, exact
from fastdrop.verify.sources import Source

__all__ = ["check_rank", "rank"]

LANES, STEPS, WORD = 16, 32, 32
#: Vectors more than their length: the rank of random ones falls short once in 2^76 times.
MORE = 76


def rank(rows: np.ndarray) -> int:
    """Return the rank over GF(2) of rows of packed bits.

    Examples
    --------
    >>> import numpy as np
    >>> rank(np.array([[3], [5], [6]], np.uint8))  # the third is the sum of the others
    2
    """
    rows = np.ascontiguousarray(rows).copy()
    done = 0
    for bit in range(8 * rows.shape[1]):
        column = rows[done:, bit // 8] >> np.uint8(bit % 8) & np.uint8(1)
        found = np.flatnonzero(column)
        if not found.size:
            continue
        pivot = done + int(found[0])
        rows[[done, pivot]] = rows[[pivot, done]]
        rows[done + found[1:]] ^= rows[done]
        done += 1
    return done


def check_rank(source: Source, effort: Effort) -> Iterator[Score]:
    """The bits that a lane makes within a page, 1,024 of 128: if they were sums of those, their rank would be 128."""
    length = STEPS * WORD
    pages = length + MORE
    bits = source.bits(effort.key("rank"), 0.5, pages * LANES * length)
    words = bits.reshape(pages, STEPS, LANES, WORD // 8)
    for lane in (0, LANES - 1):
        found = rank(words[:, :, lane].reshape(pages, length // 8))
        yield exact("rank", f"lane {lane}: bits of its words in a page", pages * length, length - found)
