"""Raw random bytes without an end, for batteries of tests that read them from a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fastdrop import _core
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.shard import Shard

__all__ = ["ORDERS", "stream"]

PAGE_BITS, LANES, WORD_BYTES = 16384, 16, 4
#: The domain of the pages whose bytes decide for p other than 1/2.
BYTE = 1
PAGES = 4096
DECISIONS, RATE = 1 << 23, 0.1
#: Elements of all masks together: one mask could be no longer.
WHOLE = 1 << 62


def _pages(key: Key, start: int, count: int) -> np.ndarray:
    """Return pages of bits in a row: a mask of p = 1/2 is the page."""
    shard = Shard((start * PAGE_BITS,), (WHOLE,))
    return Mask((count * PAGE_BITS,), 0.5, rng=key, shard=shard).to_packed().reshape(count, -1)


def _in_a_row(key: Key) -> Iterator[np.ndarray]:
    for start in range(0, WHOLE // PAGE_BITS, PAGES):
        yield _pages(key, start, PAGES)


def _of_bytes(key: Key) -> Iterator[np.ndarray]:
    for start in range(0, WHOLE // PAGE_BITS, PAGES):
        yield np.stack([_core.page(key.seed, key.stream, BYTE, n) for n in range(start, start + PAGES)]).astype("<u4")


def _of_seeds(key: Key) -> Iterator[np.ndarray]:
    for seed in range(key.seed, 2**64):
        yield _pages(Key(seed, key.stream), 0, 1)


def _by_lanes(key: Key) -> Iterator[np.ndarray]:
    for pages in _in_a_row(key):
        yield pages.reshape(-1, LANES, WORD_BYTES).swapaxes(0, 1)


def _reversed(key: Key) -> Iterator[np.ndarray]:
    for pages in _in_a_row(key):
        bits = np.unpackbits(pages.reshape(-1, WORD_BYTES), axis=1, bitorder="little")
        yield np.packbits(bits[:, ::-1], axis=1, bitorder="little")


def _decisions(key: Key) -> Iterator[np.ndarray]:
    rest = np.empty(0, np.uint8)
    for start in range(0, WHOLE, DECISIONS):
        mask = Mask((DECISIONS,), RATE, rng=key, shard=Shard((start,), (WHOLE,)))
        first, second = np.unpackbits(mask.to_packed(), bitorder="little").reshape(-1, 2).T
        fair = np.concatenate([rest, first[first != second]])
        whole = len(fair) // 8 * 8
        rest = fair[whole:]
        yield np.packbits(fair[:whole], bitorder="little")


#: Pages of bits, of bytes, first ones of consecutive seeds, lane by lane, words with reversed bits, and decisions.
ORDERS: dict[str, Callable[[Key], Iterator[np.ndarray]]] = {
    "pages": _in_a_row,
    "bytes": _of_bytes,
    "seeds": _of_seeds,
    "lanes": _by_lanes,
    "reversed": _reversed,
    "decisions": _decisions,
}


def stream(order: str, seed: int) -> Iterator[bytes]:
    """Make random bytes.

    Parameters
    ----------
    order : {"pages", "bytes", "seeds", "lanes", "reversed", "decisions"}
        Pages of bits in a row under one key; pages of bytes; the first pages of consecutive seeds; 4,096 pages lane by
        lane; the bits of each word of 32 reversed; a mask of p = 0.1, two decisions at a time: where they differ, the
        first, which is fair if they are independent.
    seed : int
        Of the key, or of the first one.

    Yields
    ------
    bytes
        As many as come together; there is no end to them.

    References
    ----------
    A fair bit from two unfair ones: von Neumann, "Various techniques used in connection with random digits", 1951.

    Examples
    --------
    >>> from fastdrop.verify.stream import stream
    >>> next(stream("seeds", 7))[:4].hex(), len(next(stream("pages", 7)))
    ('b2d1731b', 8388608)
    """
    for part in ORDERS[order](Key(seed)):
        yield part.tobytes()
