"""Put a measured run into the README: `fastdrop bench --full --json FILE`, then `python bench/readme.py FILE`.

Writes the pictures to docs/pictures and replaces what stands between the two bench marks of README.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fastdrop.bench.extras import InputError, MissingExtraError
from fastdrop.bench.pictures import draw_pictures
from fastdrop.bench.results import Report
from fastdrop.bench.tables import format_one

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
#: Rows that the README leaves to the full report.
SKIP = ("np.copyto", "kernel, out of place", "Mask.to_packed")
PICTURES = {
    "time-per-element": "Time an element over the size of the array: fastdrop lies on the roofline, others far above",
    "speed-up": "How many times as fast as each peer fastdrop is, at 2^20 and 2^24 elements",
}


def block(report: Report) -> str:
    """Return what the README shows of a report: pictures, the tables of p = 0.5 and 0.1, and where it was measured."""
    pictures = [f"![{text}](docs/pictures/{name}.png)" for name, text in PICTURES.items()]
    parts = [pictures[0]]
    for p in (0.5, 0.1):
        parts.append(f"float32, p = {p}, one thread, a fresh key for every call:")
        parts.append(format_one(report, "float32", p, 1, skip=SKIP))
    machine = report.machine
    said = (
        ", ".join(machine[fact] for fact in ("cpu", "instruction set", "compiler", "date"))
        + f"; {machine['versions']}."
    )
    if report.missing:
        said += " Not measured: " + "; ".join(f"{name} ({why})" for name, why in report.missing.items()) + "."
    parts.append(pictures[1])
    parts.append(said)
    if report.small_call:
        dropout, multiply = report.small_call["fastdrop.dropout p=0.5"], report.small_call["np.multiply"]
        parts.append(f"A call on 16 elements takes {dropout:.2f} µs, `np.multiply(x, s, out=x)` {multiply:.2f} µs.")
    return "\n\n".join(parts)


def replace(readme: str, text: str) -> str:
    """Return a README with `text` between its marks.

    Raises
    ------
    InputError
        If the marks are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"README.md has to hold {BEGIN} and {END}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Update the README; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("report", metavar="FILE", help="what fastdrop bench --full --json has written")
    parser.add_argument("--readme", metavar="README.md", type=Path, default=ROOT / "README.md")
    options = parser.parse_args(arguments)
    try:
        report = Report.load(options.report)
        text = replace(options.readme.read_text(), block(report))
        draw_pictures(report, options.readme.parent / "docs" / "pictures")
    except InputError as error:
        parser.error(str(error))
    except MissingExtraError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    options.readme.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
