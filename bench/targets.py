"""Print the project's speed targets beside what this machine shows: `python bench/targets.py [--isa avx2]`.

Ratios of medians from one interleaved run, one thread, a fresh key for every call (see bench/README.md). The exit code
says nothing about speed: machines differ, and a timed test is no test.
"""

from __future__ import annotations

import argparse
import sys

from fastdrop import _core, bench

SCALE = "in-place scale"


def targets(results: list[bench.Result], calls: dict[str, float]) -> list[tuple[str, float, str, float]]:
    """Return (what, measured, '<=' or '>=', target)."""
    table = []
    for p, limits in {0.5: {1 << 16: 1.7, 1 << 26: 1.25}, 0.1: {1 << 16: 4.5, 1 << 26: 1.5}}.items():
        for size, limit in limits.items():
            measured = bench.ratio(results, f"kernel p={p}", SCALE, size)
            table.append((f"p = {p}, 2^{size.bit_length() - 1}: times the in-place scale", measured, "<=", limit))
    for p, limits in {0.5: {16: 30, 20: 30, 24: 12}, 0.1: {16: 12, 20: 12, 24: 10}}.items():
        for power, limit in limits.items():
            measured = bench.ratio(results, f"NumPy idiom p={p}", f"fastdrop.dropout p={p}", 1 << power)
            table.append((f"p = {p}, 2^{power}: times as fast as the NumPy idiom", measured, ">=", limit))
    for p in (0.5, 0.1):
        table.append((f"one call on 16 elements, p = {p}: microseconds", calls[f"fastdrop.dropout p={p}"], "<=", 1.5))
    validity = abs(bench.ratio(results, SCALE, "np.multiply in place", 1 << 20) - 1)
    table.append(("the scale against np.multiply at 2^20: relative difference", validity, "<=", 0.1))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--isa", default="avx2" if "avx2" in _core.isas() else _core.isa())
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    _core.set_isa(options.isa)
    for name, value in bench.describe_machine().items():
        print(f"{name}: {value}")
    results = bench.measure(budget=options.seconds)
    print(bench.format_table(results), end="\n\n")
    for what, measured, sign, target in targets(results, bench.small_call()):
        met = measured <= target if sign == "<=" else measured >= target
        print(f"{what:62} {measured:7.2f}  {sign} {target:<5} {'met' if met else 'NOT MET'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
