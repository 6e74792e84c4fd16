"""``fastdrop verify``: the table, and whether everything in it is within bounds."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import fastdrop
from fastdrop.verify.effort import full, minutes, seconds
from fastdrop.verify.planted import FAULTS
from fastdrop.verify.scores import LIMIT, Score, p_value
from fastdrop.verify.stream import ORDERS, stream
from fastdrop.verify.table import planted, verify

__all__ = ["main"]

SEED = 20260101
HEAD = "| group | what | n | z | worst | p-value | |\n| --- | --- | ---: | ---: | ---: | ---: | --- |"


def _row(score: Score) -> str:
    worst = "" if score.worst == score.z else f"{score.worst:.2f}"
    verdict = "ok" if score.passed else "FAILED"
    return (
        f"| {score.group} | {score.check} | {score.n:.3g} | {score.z:.2f} | {worst} | {score.p_value:.2g} | {verdict} |"
    )


def _told(score: Score) -> dict[str, object]:
    """Return a row for the file. JSON has no infinity, which is how far out the first exception is to what has none."""
    row = asdict(score) | {"p_value": score.p_value, "passed": score.passed}
    return {name: None if value == math.inf else value for name, value in row.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastdrop verify",
        description="Check that masks and noise are as random as promised: rates, places, relations, structure. "
        "Generators with a planted fault are checked first and have to fail.",
        epilog=f"z counts standard deviations; a row fails beyond {LIMIT}, a p-value below {p_value(LIMIT):.2g}. "
        "The exit code is 1 if one does.",
    )
    parser.add_argument(
        "--full", action="store_true", help="10^11 to 10^12 decisions a rate: most of an hour of a core"
    )
    parser.add_argument("--quick", action="store_true", help="seconds: enough for a bad generator")
    parser.add_argument(
        "--seed", type=int, default=SEED, help="of all keys (%(default)s); another one is another sample"
    )
    parser.add_argument("--json", metavar="FILE", help="write the rows to a file as well")
    parser.add_argument(
        "--stream",
        metavar="ORDER",
        choices=list(ORDERS),
        help="check nothing: write raw bytes to the standard output, without an end, for other tests: "
        + ", ".join(ORDERS),
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``fastdrop verify``.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's and the command's name.

    Returns
    -------
    int
        0, or 1 if a row failed or a planted fault was not found.

    Raises
    ------
    SystemExit
        As argparse does, for bad arguments.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if not 0 <= options.seed < 2**64:
        parser.error(f"--seed has to be at least 0 and below 2^64, but is {options.seed}")
    if options.json and not Path(options.json).resolve().parent.is_dir():
        parser.error(f"--json: there is no folder {Path(options.json).resolve().parent}")
    if options.stream:
        for part in stream(options.stream, options.seed):
            sys.stdout.buffer.write(part)
    effort = (full if options.full else seconds if options.quick else minutes)(options.seed)
    info = fastdrop.build_info()
    print(f"fastdrop {info['version']}, contract {info['contract']}, {info['isa']}, seed {options.seed}\n")

    print("planted faults, each of which has to be found\n")
    missed = []
    for fault, failed, rows in planted(seconds(options.seed)):
        groups = ", ".join(dict.fromkeys(score.group for score in failed))
        print(f"- {FAULTS[fault]}: {len(failed)} of {rows} rows fail ({groups or 'NOT FOUND'})", flush=True)
        missed += [] if failed else [fault]

    print(
        f"\nfastdrop itself; bounds: z and worst within {LIMIT} of 0, p-value at least {p_value(LIMIT):.2g}\n\n{HEAD}"
    )
    scores = []
    for score in verify(effort):
        print(_row(score), flush=True)
        scores.append(score)
    bad = [score for score in scores if not score.passed]
    furthest = max(scores, key=lambda s: max(abs(s.z), abs(s.worst)))
    decisions = sum(score.n for score in scores)
    print(f"\n{len(scores)} rows, {decisions:.3g} decisions and numbers, {len(bad)} failed; furthest: {_row(furthest)}")
    if options.json:
        report = {
            "build": info,
            "seed": options.seed,
            "rows": [_told(score) for score in scores],
        }
        Path(options.json).write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
    for fault in missed:
        print(f"fastdrop verify: a planted fault was not found: {FAULTS[fault]}", file=sys.stderr)
    return 1 if bad or missed else 0
