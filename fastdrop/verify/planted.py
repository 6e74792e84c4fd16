"""Generators with a fault, which the checks have to find: the law once more in NumPy, but for one step of it."""

from __future__ import annotations

import numpy as np

__all__ = ["FAULTS", "Planted"]

#: What is wrong, and how the table names it.
FAULTS = {
    "unseeded": "a page whose lanes start from counters, without Philox",
    "unscrambled": "xoshiro128's state as it is, without its scrambler",
    "unrefined": "a threshold of eight bits, ties always kept",
    "in fours": "four elements in a row share one decision",
}
_WORD, _HALF = np.uint64(0xFFFF_FFFF), np.uint64(32)
_COIN, _BYTE, _REFINE = 0, 1, 2
_LANES, _STEPS = 16, 32


def _philox(low: np.ndarray, high: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox4x32-10 (Salmon et al., SC'11) of blocks, whose counters' last words are the stream: (n, 4) words."""
    seed, stream = key
    a, b = low.astype(np.uint64), high.astype(np.uint64)
    c, d = (np.full(a.shape, stream >> shift & 0xFFFF_FFFF, np.uint64) for shift in (0, 32))
    k, m = seed & 0xFFFF_FFFF, seed >> 32
    for _ in range(10):
        x, y = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (y >> _HALF) ^ b ^ np.uint64(k), y & _WORD, (x >> _HALF) ^ d ^ np.uint64(m), x & _WORD
        k, m = (k + 0x9E3779B9) & 0xFFFF_FFFF, (m + 0xBB67AE85) & 0xFFFF_FFFF
    return np.stack([a, b, c, d], axis=-1).astype(np.uint32)


def _left(x: np.ndarray, k: int) -> np.ndarray:
    return (x << np.uint32(k)) | (x >> np.uint32(32 - k))


class Planted:
    """The law of contract 1 with a fault, or without one.

    Parameters
    ----------
    fault : {"unseeded", "unscrambled", "unrefined", "in fours", ""}
        What is wrong; nothing, if empty: then it equals the library, bit for bit.
    """

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.name = fault or "none"

    def _pages(self, key: tuple[int, int], domain: int, count: int) -> np.ndarray:
        lanes = np.arange(_LANES * count, dtype=np.uint64)
        if self.fault == "unseeded":
            words = [
                lanes + np.uint64(key[0]),
                lanes ^ np.uint64(key[1]),
                lanes * np.uint64(3),
                lanes + np.uint64(domain + 1),
            ]
            seeds = np.stack(words, axis=-1).astype(np.uint32)
        else:
            seeds = _philox(lanes, np.full(lanes.shape, domain << 28), key)
        s, t, u, v = (seeds[:, i].reshape(count, _LANES) for i in range(4))
        out = np.empty((count, _STEPS, _LANES), np.uint32)
        for step in range(_STEPS):
            out[:, step] = s if self.fault == "unscrambled" else _left(s + v, 7) + s
            shifted = t << np.uint32(9)
            u, v = u ^ s, v ^ t
            t, s = t ^ u, s ^ v
            u, v = u ^ shifted, _left(v, 11)
        return out

    def bits(self, key: tuple[int, int], p: float, n: int) -> np.ndarray:
        """Return the decisions of the elements 0 to n - 1 as packed bits."""
        wanted = -(-n // 4) if self.fault == "in fours" else n
        threshold = round(p * 2**40)
        if threshold == 1 << 39:
            raw = self._pages(key, _COIN, -(-wanted // 16384)).view(np.uint8).reshape(-1)
            kept = np.unpackbits(raw, count=wanted, bitorder="little").astype(bool)
        else:
            f = self._pages(key, _BYTE, -(-wanted // 2048)).view(np.uint8).reshape(-1)[:wanted]
            high, low = threshold >> 32, threshold & 0xFFFF_FFFF
            kept = f >= high
            if self.fault != "unrefined" and low:
                tie = np.flatnonzero(f == high)
                words = _philox(tie // 4, np.full(tie.shape, _REFINE << 28), key)
                kept[tie] = words[np.arange(tie.size), tie % 4] >= low
        if self.fault == "in fours":
            kept = np.repeat(kept, 4)[:n]
        return np.packbits(kept, bitorder="little")

    def kept(self, key: tuple[int, int], p: float, n: int) -> int:
        """Return how many are kept."""
        return int(np.bitwise_count(self.bits(key, p, n)).sum(dtype=np.int64))
