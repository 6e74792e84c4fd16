"""Derive the coefficients of exp and of both halves of GELU and print them as csrc/math_coefficients.h. Needs mpmath.

    python tests/math_coefficients.py > csrc/math_coefficients.h

    exp(r) = 1 + r + r^2 P(r)                                     |r| <= log(2) / 2
    tail(a) = Phi(-a) exp(a^2/2)                                  a >= 0, Phi the normal distribution function
    slope(a) = (Phi(-a) - a phi(a)) exp(a^2/2) / (a0 - a)         phi = Phi', a0 the zero of the numerator

tail and slope are smooth, positive and without exponential decay, so that one function serves all a that matter. For
float32 that is N(a) / D(a), a best approximation in the relative sense by Remez' exchange, and computed in float64. For
float64 it is a polynomial in u = (a - 5) / (a + 5), whose first coefficient outweighs the others: rounding hardly adds
up (Shepherd and Laframboise, Math. Comp. 36, 1981). tail is multiplied by a + phi(0) / tail(0) first, and so becomes
nearly constant.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 40
Real = mp.mpf
DENSITY = 1 / mp.sqrt(2 * mp.pi)
#: For each type: the degree of P, the end of a, and bits of log(2)'s upper part.
TYPES = {"F32": (4, 15, 16), "F64": (9, 39, 42)}
#: Degrees for float32 of N and D, for float64 of the polynomial.
TAIL, SLOPE = ((4, 5), 22), ((4, 4), 20)
FOLD = 5


def tail(a: Real) -> Real:
    return mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2


#: Where the derivative of GELU is 0, with the sign changed.
ZERO = mp.findroot(lambda a: tail(a) - DENSITY * a, 0.75)


def slope(a: Real) -> Real:
    if abs(ZERO - a) < mp.mpf(10) ** -15:
        return 2 * DENSITY - a * tail(a)  # the limit, by the derivative of the numerator
    return (tail(a) - DENSITY * a) / (ZERO - a)


def value(c: list[Real], x: Real) -> Real:
    total = mp.mpf(0)
    for k in reversed(c):
        total = total * x + k
    return total


def extrema(errors: list[Real]) -> list[int]:
    """The place of the largest error of each run of one sign."""
    found = [0]
    for i in range(1, len(errors)):
        if mp.sign(errors[i]) != mp.sign(errors[found[-1]]):
            found.append(i)
        elif abs(errors[i]) > abs(errors[found[-1]]):
            found[-1] = i
    return found


def exchange(nodes: Callable, unknowns: int, solve: Callable, error: Callable, grid: int) -> tuple:
    """Move the points to where the error is largest until it is the same at all of them."""
    dense, points = nodes(grid), nodes(unknowns)
    for _ in range(20):
        solution, level = solve(points)
        errors = [error(solution, x) for x in dense]
        at, worst = extrema(errors), max(map(abs, errors))
        while len(at) > unknowns + 1:
            at.pop(0 if abs(errors[at[0]]) < abs(errors[at[-1]]) else -1)
        if worst < abs(level) * mp.mpf("1.01") or len(at) <= unknowns:
            break
        points = [dense[i] for i in at]
    return solution, worst


def exponential(degree: int) -> tuple[list[Real], Real]:
    """P and the largest relative error of exp."""
    end = mp.log(2) / 2

    def nodes(count: int) -> list[Real]:
        """All but 0, where the error is 0 whatever P is."""
        points = [-end * mp.cos(mp.pi * k / count) for k in range(count + 1)]
        return [r if abs(r) > end / 1000 else end / 20 for r in points]

    def solve(points: list[Real]) -> tuple[list[Real], Real]:
        a, b = mp.matrix(len(points), degree + 2), mp.matrix(len(points), 1)
        for i, r in enumerate(points):
            for j in range(degree + 1):
                a[i, j] = r ** (j + 2) / mp.exp(r)
            a[i, degree + 1] = (-1) ** i
            b[i] = 1 - (1 + r) / mp.exp(r)
        c = mp.lu_solve(a, b)
        return [c[j] for j in range(degree + 1)], c[degree + 1]

    def error(c: list[Real], r: Real) -> Real:
        return (1 + r + r * r * value(c, r)) / mp.exp(r) - 1

    return exchange(nodes, degree + 1, solve, error, 401)


def rational(f: Callable, end: int, n: int, m: int) -> tuple[tuple[list[Real], list[Real]], Real]:
    """N, D and the largest relative error."""
    known: dict[Real, Real] = {}

    def wanted(a: Real) -> Real:
        return known[a] if a in known else known.setdefault(a, f(a))

    def nodes(count: int) -> list[Real]:
        return [end * ((1 - mp.cos(mp.pi * k / count)) / 2) ** 2 for k in range(count + 1)]

    def solve(points: list[Real]) -> tuple[tuple[list[Real], list[Real]], Real]:
        d = [mp.mpf(1)]
        for _ in range(8):  # the error's factor D is that of the round before
            a, b = mp.matrix(len(points), n + m + 2), mp.matrix(len(points), 1)
            for i, x in enumerate(points):
                for j in range(n + 1):
                    a[i, j] = x**j / wanted(x)
                for j in range(1, m + 1):
                    a[i, n + j] = -(x**j)
                a[i, n + m + 1] = (-1) ** i * value(d, x)
                b[i] = 1
            c = mp.lu_solve(a, b)
            d = [mp.mpf(1), *(c[n + j] for j in range(1, m + 1))]
        return ([c[j] for j in range(n + 1)], d), c[n + m + 1]

    def error(nd: tuple[list[Real], list[Real]], x: Real) -> Real:
        return value(nd[0], x) / value(nd[1], x) / wanted(x) - 1

    return exchange(nodes, n + m + 1, solve, error, 400)


def folded(f: Callable, end: int, degree: int) -> list[Real]:
    """The polynomial in u that interpolates f at the Chebyshev points."""
    low, high, count = mp.mpf(-1), mp.mpf(end - FOLD) / (end + FOLD), degree + 1
    us = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    a, b = mp.matrix(count, count), mp.matrix(count, 1)
    for i, u in enumerate(us):
        b[i] = f(FOLD * (1 + u) / (1 - u))
        for j in range(count):
            a[i, j] = u**j
    c = mp.lu_solve(a, b)
    return [c[j] for j in range(count)]


#: phi(0) / tail(0) as a float64, of which the coefficients are made.
FLAT = mp.mpf(float(2 * DENSITY))


def flat_tail(a: Real) -> Real:
    return tail(a) * (a + FLAT)


def rounded(c: Real, name: str) -> float:
    """The nearest number of the type."""
    return float(c) if name != "F32" else struct.unpack("f", struct.pack("f", float(c)))[0]


def literal(c: Real, name: str) -> str:
    """The nearest number of the type, exactly, as C writes it."""
    mantissa, exponent = rounded(c, name).hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}p{int(exponent)}{'' if name == 'F64' else 'f'}"


def parts(c: Real, name: str, bits: int) -> tuple[str, str]:
    """A number as an upper part of so many bits and the rest."""
    unit = mp.mpf(2) ** (mp.floor(mp.log(c, 2)) + 1 - bits)
    upper = mp.floor(c / unit + mp.mpf("0.5")) * unit
    return literal(upper, name), literal(c - upper, name)


def array(letter: str, name: str, numbers: list[Real]) -> list[str]:
    body = ", \\\n     ".join(literal(c, name) for c in numbers)
    return [f"#define FD_{letter}_{name} \\", f"    {{{body}}}"]


def header() -> str:
    lines = [
        "/* math_coefficients.h: the numbers of exp and of both halves of GELU. tests/math_coefficients.py derives and",
        " * prints them and says what they are; tpl_math.h uses them.",
        " */",
        "#ifndef FD_MATH_COEFFICIENTS_H",
        "#define FD_MATH_COEFFICIENTS_H",
    ]
    for name, (degree, _, bits) in TYPES.items():
        p, worst = exponential(degree)
        lines += ["", f"/* exp, {mp.nstr(worst, 2)} at most, relative; log 2 in two parts, 1 / log 2. */"]
        lines += array("EXP_P", name, p)
        upper, lower = parts(mp.log(2), name, bits)
        lines += [f"#define FD_LN2_UPPER_{name} {upper}", f"#define FD_LN2_LOWER_{name} {lower}"]
        lines += [f"#define FD_LOG2E_{name} {literal(1 / mp.log(2), name)}"]
    lines += ["", "/* For float32 in float64: exp, tail and slope. */", *array("EXP_P", "F32_WIDE", exponential(4)[0])]
    for letter, f, (degrees, _) in (("TAIL", tail, TAIL), ("SLOPE", slope, SLOPE)):
        (num, den), worst = rational(f, TYPES["F32"][1], *degrees)
        lines += ["", f"/* {f.__name__}, {mp.nstr(worst, 2)} at most, relative. */"]
        lines += array(f"{letter}_N", "F32_WIDE", num) + array(f"{letter}_D", "F32_WIDE", den)
    lines += ["", f"/* For float64, in u = (a - {FOLD}) / (a + {FOLD}): tail (a + TAIL_FLAT), and slope. */"]
    for letter, f, (_, degree) in (("TAIL_U", flat_tail, TAIL), ("SLOPE_U", slope, SLOPE)):
        lines += array(letter, "F64", folded(f, TYPES["F64"][1], degree))
    lines += [f"#define FD_TAIL_FLAT_F64 {literal(FLAT, 'F64')}"]
    root, cubic = mp.sqrt(8 / mp.pi), mp.sqrt(8 / mp.pi) * mp.mpf("0.044715")
    lines += [
        "",
        "/* Zero of GELU's derivative, sign changed; 2 sqrt(2/pi), and that times 0.044715: in two parts. */",
    ]
    lines += [f"#define FD_TANH_3B_F64 {literal(3 * cubic, 'F64')}"]
    for what, c, size in (("ZERO", ZERO, 53), ("TANH_A", root, 53), ("TANH_B", cubic, 26)):
        upper, lower = parts(c, "F64", size)
        lines += [f"#define FD_{what}_UPPER_F64 {upper}", f"#define FD_{what}_LOWER_F64 {lower}"]
    return "\n".join([*lines, "", "#endif", ""])


if __name__ == "__main__":
    print(header(), end="")
