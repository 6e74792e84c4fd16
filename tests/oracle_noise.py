"""Continuous noise once more, for the tests only: plain NumPy, written from docs/noise.md alone, coefficients included.

Nothing here imports fastdrop or shares a line with it; the words come from `oracle`. NumPy's operations are single IEEE
operations, each rounded once to the type of the array.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import oracle

PAGE = (Path(__file__).parent.parent / "docs" / "noise.md").read_text()
REAL = {"float32": np.float32, "float64": np.float64}


def coefficients(name: str) -> dict[str, list[str]]:
    """The lists N, D and Q of a type, as the page's table has them: hexadecimal numbers in order."""
    table = PAGE[PAGE.index(f"| {name} | N ") :].split("\n\n")[0]
    rows = [re.findall(r"\|([^|]*)(?=\|)", line)[1:] for line in table.splitlines()[2:]]
    columns = zip(*([cell.strip(" `") for cell in row] for row in rows), strict=True)
    return {letter: [cell for cell in column if cell] for letter, column in zip("NDQ", columns, strict=True)}


def _numbers(name: str) -> dict[str, list]:
    return {letter: [REAL[name](float.fromhex(c)) for c in column] for letter, column in coefficients(name).items()}


COEFFICIENTS = {name: _numbers(name) for name in REAL}


# ---- from words to numbers ---------------------------------------------------------------------------------------


def uniform(words) -> tuple[np.ndarray, np.ndarray]:
    """u and 1 - u, both exact."""
    w = np.asarray(words, np.uint32).astype(np.float64)
    return (w + 0.5) / 2.0**32, (2.0**32 - 1 - w + 0.5) / 2.0**32


def centre_and_sides(words: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Step 1: x and g."""
    w = words.astype(np.int64)
    if name == "float64":
        x = (w - 2**31).astype(np.float64) + 0.5
        return x, (2.0**31 - x) * (2.0**31 + x)
    t = np.minimum(w, 2**32 - 1 - w)
    half = np.float32(0.5)
    h = t.astype(np.float32) + half
    a = (2**31 - 1 - t).astype(np.float32) + half
    return np.where(w < 2**31, -a, a), h * (a + np.float32(2.0**31))


def octave(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Step 2, first half: k and m."""
    if g.dtype == np.float64:
        one, root, shift, mask = 0x3FF0000000000000, 0x3FE6A09E667F3BCD, 52, 0x000FFFFFFFFFFFFF
    else:
        one, root, shift, mask = 0x3F800000, 0x3F3504F3, 23, 0x007FFFFF
    unsigned = np.dtype(f"u{g.dtype.itemsize}").type
    i = g.view(unsigned) + unsigned(one - root)
    return i >> unsigned(shift), ((i & unsigned(mask)) + unsigned(root)).view(g.dtype)


def normal(words, name: str) -> np.ndarray:
    """z of the words, in float32 or float64."""
    words = np.asarray(words, np.uint32)
    real, c = REAL[name], COEFFICIENTS[name]
    one = real(1)
    x, g = centre_and_sides(words.reshape(-1), name)
    k, m = octave(g)
    e = ((127 if name == "float32" else 1023) + 62 - k.astype(np.int64)).astype(real)
    f = (m - one) / (m + one)
    y = f * f
    s = np.full_like(f, c["Q"][-1])
    for q in reversed(c["Q"][:-1]):
        s = s * y + q
    w = e - f * s
    v = w * w

    def total(of: list) -> np.ndarray:
        a, b = (np.full_like(w, terms[-1]) for terms in (of[0::2], of[1::2]))
        for term in reversed(of[0::2][:-1]):
            a = a * v + term
        for term in reversed(of[1::2][:-1]):
            b = b * v + term
        return a + b * w

    z = (x * total(c["N"])) / total(c["D"])
    assert z.dtype == real
    return z.reshape(words.shape)


# ---- what becomes of elements ------------------------------------------------------------------------------------


def sigma_of(p: float) -> np.float64:
    """Gaussian dropout's sigma."""
    s = np.float64(1.0) / (np.float64(1.0) - np.float64(p))
    return np.sqrt(np.float64(p) * s)


def _widened(x: np.ndarray) -> np.ndarray:
    if x.dtype.name == "bfloat16":
        return (x.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
    return x.astype(np.float32) if x.dtype == np.float16 else x


def _narrowed(y: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype.name == "bfloat16":
        return oracle.to_bfloat16_bits(y).view(dtype)
    return y.astype(dtype)


def _real(kind: str, x: np.ndarray, words: np.ndarray, sigma: float) -> np.ndarray:
    x = np.ascontiguousarray(x).reshape(x.shape)
    wide = _widened(x)
    z, s = normal(words, wide.dtype.name), wide.dtype.type(sigma)
    with np.errstate(all="ignore"):
        noise = s * z
        y = wide * (wide.dtype.type(1) + noise) if kind == "multiply" else wide + noise
        return _narrowed(y, x.dtype)


def perturb(kind: str, x, words, sigma: float) -> np.ndarray:
    """y for "multiply" (Gaussian dropout) or "add"; `words` broadcast to x."""
    x = np.asarray(x)
    words = np.broadcast_to(words, x.shape)
    if x.dtype.kind != "c":
        return _real(kind, x, words, sigma)
    y = np.empty(x.shape, x.dtype)
    y.real, y.imag = (_real(kind, part, words, sigma) for part in (x.real, x.imag))
    return y


def bring(kind: str, x, key, sigma: float, share_axes=(), origin=None, global_shape=None) -> np.ndarray:
    """The same from a key, for a whole array or a shard."""
    index = oracle.indices(np.shape(x), share_axes, origin, global_shape)
    return perturb(kind, x, oracle.noise_words(key, index), sigma)
