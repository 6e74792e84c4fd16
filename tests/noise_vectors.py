"""Print the known answers of continuous noise, made by the oracle alone: the product has no part in them.

    python tests/noise_vectors.py > tests/data/noise_vectors.json

The file is part of the contract: it never changes. `test_noise_vectors.py` makes it again and compares.
"""

from __future__ import annotations

import itertools
import json

import ml_dtypes
import numpy as np
import oracle
import oracle_noise

ABOUT = {
    "numbers": "Words, seeds, streams and indices are hexadecimal strings; p, sigma, u and coefficients exact "
    "hexadecimal floating-point numbers; others bit patterns, most significant digit first.",
    "coefficients": "N, D and Q of docs/noise.md for each type, from the constant on.",
    "normal": "[word, bits of z in float32, bits of z in float64]: the two ends, the centre, every power of two and "
    "its neighbours, the words around each octave of the logarithm's argument in both types, and pseudo-random ones.",
    "elements": "Word and z of single elements of a key.",
    "uniform": "u and 1 - u of a word, both exact.",
    "values": "What becomes of elements x start, start + 1, ... of a key: y = x (1 + sigma z) for the rule "
    "multiply, with sigma of Gaussian dropout at rate p, and y = x + sigma z for the rule add. Bit "
    "patterns; those of a complex type are pairs, real part first.",
}
KEYS = [(0, 0), (1, 0), (42, 7), (2**64 - 1, 2**63 + 5)]
INDICES = [0, 1, 511, 512, 1000, 2**32 - 1, 2**34, 2**45 + 77, 2**62 - 1]


def octave_edges(name: str) -> list[int]:
    """The words on both sides of each step of k, below 2^31."""
    edges, words = [], np.unique(np.geomspace(1, 2**31, 4000).astype(np.int64) - 1)

    def k(w) -> np.ndarray:
        g = oracle_noise.centre_and_sides(np.asarray(w, np.uint32).reshape(-1), name)[1]
        return oracle_noise.octave(g)[0].astype(np.int64)

    for low, high in itertools.pairwise(words):
        first, last = int(low), int(high)
        if k(first)[0] == k(last)[0]:
            continue
        while last - first > 1:
            middle = (first + last) // 2
            first, last = (middle, last) if k(middle)[0] == k(first)[0] else (first, middle)
        edges += [first, last]
    return edges


def words() -> np.ndarray:
    chosen = {0, 1, 2, 3, 2**31 - 1, 2**31, 2**32 - 1}
    for k in range(1, 32):
        chosen |= {2**k - 1, 2**k, 2**k + 1, 2**31 - 2**k, 2**31 + 2**k}
    edges = sorted({word for name in oracle_noise.REAL for word in octave_edges(name)})
    chosen |= set(edges) | {2**32 - 1 - word for word in edges}
    ordered = np.array(sorted(w for w in chosen if w < 2**32), np.uint32)
    return np.concatenate([ordered, oracle.noise_words((2026, 0), np.arange(512))])


def bits(x: np.ndarray) -> list[str]:
    x = np.ascontiguousarray(x).reshape(-1)
    if x.dtype.kind == "c":
        x = x.view(x.real.dtype)
    return [f"{int(b):0{2 * x.dtype.itemsize}x}" for b in x.view(f"u{x.dtype.itemsize}")]


def normals(w: np.ndarray) -> dict[str, list[str]]:
    return {name: bits(oracle_noise.normal(w, name)) for name in oracle_noise.REAL}


def elements() -> list[dict]:
    found = []
    for key in KEYS:
        w = oracle.noise_words(key, np.array(INDICES, np.uint64))
        z = normals(w)
        for i, index in enumerate(INDICES):
            entry = {"seed": f"{key[0]:#x}", "stream": f"{key[1]:#x}", "index": f"{index:#x}", "word": f"{w[i]:08x}"}
            found.append(entry | {name: z[name][i] for name in z})
    return found


def inputs(name: str) -> np.ndarray:
    """Ordinary numbers of many sizes, and those at the ends of a type's range."""
    dtype = np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)
    real = np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype
    info = ml_dtypes.finfo(real)
    tiny = np.array([1, 3], f"u{real.itemsize}").view(real)
    ends = np.array([0.0, -0.0, 1.0, -1.0, float(info.max) / 8, float(info.tiny), np.inf, -np.inf]).astype(real)
    words = oracle.noise_words((99, 0), np.arange(22)).astype(np.float64)
    ordinary = ((words - 2.0**31) * 2.0**-28).astype(real)
    x = np.concatenate([ordinary, ends, tiny])
    return x.view(dtype) if dtype.kind == "c" else x


def values() -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for name in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128"):
        x = inputs(name)
        for rule, p, sigma, key, start in (
            ("multiply", 0.5, None, (5, 6), 0),
            ("multiply", 0.1, None, (5, 2**40), 2**33 + 500),
            ("add", None, 0.25, (7, 0), 509),
            ("add", None, 1 / 3, (2**63, 1), 2**50 + 11),
        ):
            factor = oracle_noise.sigma_of(p) if rule == "multiply" else sigma
            w = oracle.noise_words(key, np.arange(start, start + x.size, dtype=np.uint64))
            y = oracle_noise.perturb(rule, x, w, factor)
            entry = {"rule": rule, "seed": f"{key[0]:#x}", "stream": f"{key[1]:#x}", "start": f"{start:#x}"}
            entry |= {"p": float(p).hex()} if rule == "multiply" else {}
            entry |= {"sigma": float(factor).hex(), "x": bits(x), "y": bits(y)}
            found.setdefault(name, []).append(entry)
    return found


def everything() -> dict:
    w = words()
    z, (u, rest) = normals(w), oracle_noise.uniform(w[::9])
    return {
        "contract": 1,
        "about": ABOUT,
        "coefficients": {name: oracle_noise.coefficients(name) for name in oracle_noise.REAL},
        "normal": [[f"{int(a):08x}", z["float32"][i], z["float64"][i]] for i, a in enumerate(w)],
        "elements": elements(),
        "uniform": [
            {"word": f"{int(a):08x}", "u": float(b).hex(), "1-u": float(c).hex()}
            for a, b, c in zip(w[::9], u, rest, strict=True)
        ],
        "values": values(),
    }


def text() -> str:
    """JSON with one entry a line."""

    def lines(value: object, depth: int) -> str:
        if depth == 0 or not isinstance(value, (dict, list)) or not value:
            return json.dumps(value)
        pad = " " * (3 - depth)
        if isinstance(value, dict):
            body = (f"{json.dumps(k)}: {lines(v, depth - 1)}" for k, v in value.items())
            return "{\n " + pad + f",\n {pad}".join(body) + f"\n{pad}}}"
        return "[\n " + pad + f",\n {pad}".join(lines(v, 0) for v in value) + f"\n{pad}]"

    return lines(everything(), 3) + "\n"


if __name__ == "__main__":
    print(text(), end="")
