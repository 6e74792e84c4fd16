"""Derive the coefficients of normal noise and print them as csrc/noise_coefficients.h. Needs mpmath.

    python tests/noise_coefficients.py > csrc/noise_coefficients.h

The numbers in that file are part of the contract: they never change. This script is the record of where they come
from, and `test_noise_vectors.py` runs it again where mpmath is installed.

The quantile is z = x R(W) with x = 2u - 1 and W = -log2(4 u (1-u)), from 0 in the centre to 31 at the ends. z / x is a
smooth function of W; R = N/D is its best rational approximation in the relative sense, by Remez' exchange. All
coefficients come out positive, so that no sum cancels. log2 of a number m between sqrt(1/2) and sqrt(2) is f Q(f^2)
with f = (m-1)/(m+1).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 50
END = mp.mpf(31)
TOP = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
#: Degrees of N, D and Q for each type.
DEGREES = {"F32": (6, 5, 2), "F64": (11, 11, 6)}


def ratio(w: mp.mpf) -> mp.mpf:
    """z / x at W = w."""
    if w == 0:
        return mp.sqrt(mp.pi / 2)
    x = mp.sqrt(1 - mp.mpf(2) ** -w)
    return mp.sqrt(2) * mp.erfinv(x) / x


def value(c: list, x: mp.mpf) -> mp.mpf:
    return mp.polyval(list(reversed(c)), x)


def solve(points: list, n: int, m: int, before: Callable) -> tuple[list, list, mp.mpf]:
    """N, D and E with N/D = f (1 + E), (1 - E), ... at the points, D linearised by that of the round before."""
    a, b = mp.matrix(len(points), n + m + 2), mp.matrix(len(points), 1)
    for i, x in enumerate(points):
        for j in range(n + 1):
            a[i, j] = x**j / ratio(x)
        for j in range(1, m + 1):
            a[i, n + j] = -(x**j)
        a[i, n + m + 1] = (-1) ** i * before(x)
        b[i] = 1
    c = mp.lu_solve(a, b)
    return [c[j] for j in range(n + 1)], [mp.mpf(1), *(c[n + j] for j in range(1, m + 1))], c[n + m + 1]


def extrema(errors: list) -> list[int]:
    """The place of the largest error of each run of one sign."""
    found = [0]
    for i in range(1, len(errors)):
        if mp.sign(errors[i]) != mp.sign(errors[found[-1]]):
            found.append(i)
        elif abs(errors[i]) > abs(errors[found[-1]]):
            found[-1] = i
    return found


def rational(n: int, m: int, grid: int = 600) -> tuple[list, list, mp.mpf]:
    """N, D and the largest relative error."""

    def nodes(count: int) -> list:
        return [END * ((1 - mp.cos(mp.pi * k / count)) / 2) ** 2 for k in range(count + 1)]

    dense = nodes(grid)
    wanted = [ratio(x) for x in dense]
    points = nodes(n + m + 1)
    for _ in range(12):
        d: list = [mp.mpf(1)]
        for _ in range(8):
            num, d, e = solve(points, n, m, lambda x, d=d: value(d, x))
        errors = [value(num, x) / value(d, x) / f - 1 for x, f in zip(dense, wanted, strict=True)]
        at, worst = extrema(errors), max(map(abs, errors))
        while len(at) > n + m + 2:
            at.pop(0 if abs(errors[at[0]]) < abs(errors[at[-1]]) else -1)
        if worst < abs(e) * mp.mpf("1.01") or len(at) < n + m + 2:
            break
        points = [dense[i] for i in at]
    return num, d, worst


def logarithm(degree: int) -> list:
    """Q: interpolates log2((1+f)/(1-f)) / f at the Chebyshev points of f^2."""
    ys = [TOP**2 * (1 - mp.cos(mp.pi * (2 * k + 1) / (2 * degree + 2))) / 2 for k in range(degree + 1)]
    a, b = mp.matrix(degree + 1, degree + 1), mp.matrix(degree + 1, 1)
    for i, y in enumerate(ys):
        f = mp.sqrt(y)
        b[i] = mp.log((1 + f) / (1 - f)) / mp.log(2) / f
        for j in range(degree + 1):
            a[i, j] = y**j
    c = mp.lu_solve(a, b)
    return [c[j] for j in range(degree + 1)]


def literal(c: mp.mpf, name: str) -> str:
    """The nearest number of the type, exactly, as C writes it."""
    rounded = float(c) if name == "F64" else struct.unpack("f", struct.pack("f", float(c)))[0]
    mantissa, exponent = rounded.hex().split("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{int(exponent)}{'' if name == 'F64' else 'f'}"


def header() -> str:
    lines = [
        "/* noise_coefficients.h: the numbers of normal noise. tests/noise_coefficients.py derives and prints them,",
        " * docs/noise.md says how they are used. They are part of the contract and never change.",
        " */",
        "#ifndef FD_NOISE_COEFFICIENTS_H",
        "#define FD_NOISE_COEFFICIENTS_H",
    ]
    for name, (n, m, q) in DEGREES.items():
        num, den, worst = rational(n, m)
        scaled = [c * mp.mpf(2) ** -31 for c in num]  # x is 2^-31 times a number that needs no scaling then
        lines += ["", f"/* N / D differs by {mp.nstr(worst, 2)} at most, relative. N has the factor 2^-31 of x. */"]
        for letter, c in (("N", scaled), ("D", den), ("Q", logarithm(q))):
            body = ", \\\n     ".join(literal(a, name) for a in c)
            lines += [f"#define FD_{letter}_{name} \\", f"    {{{body}}}"]
    return "\n".join([*lines, "", "#endif", ""])


if __name__ == "__main__":
    print(header(), end="")
