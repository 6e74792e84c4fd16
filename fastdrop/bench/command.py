"""`fastdrop bench`: options in, tables and files out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fastdrop import _core
from fastdrop.bench import own_rows, peers, plan
from fastdrop.bench.extras import InputError, MissingExtraError, extra
from fastdrop.bench.full import run_full
from fastdrop.bench.machine import cores
from fastdrop.bench.pictures import draw_pictures
from fastdrop.bench.quick import format_quick, run_quick
from fastdrop.bench.results import Report
from fastdrop.bench.tables import format_full, format_machine

__all__ = ["main"]

QUICK_NOTE = """
The scale is x *= 1.0 by the same instruction set. The NumPy idiom is
x * (rng.random(x.shape, dtype=np.float32) >= p) / (1 - p), against fastdrop.dropout(x, p, rng=key, out=x)."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    parser = argparse.ArgumentParser(
        prog="fastdrop bench",
        description="Time dropout against the in-place scale, which no dropout can beat, and against other ways to do "
        "it. Without options: float32, one thread, against the NumPy idiom, a minute. With --full: all dtypes, two "
        "threads, every peer that is installed, a quarter of an hour.",
    )
    parser.add_argument("--full", action="store_true", help="measure everything; needs tqdm (the extra bench)")
    parser.add_argument("--isa", help="instruction set to use: " + ", ".join(_core.isas()))
    parser.add_argument("--seconds", type=float, help="for each group that is measured together (10 without --full)")
    parser.add_argument("--json", metavar="FILE", help="also write every result to this file")
    parser.add_argument("--pictures", metavar="DIR", help="also draw two pictures into this folder; needs matplotlib")
    parser.add_argument("--from-json", metavar="FILE", help="measure nothing: show what an earlier run has written")
    chosen = parser.add_argument_group("with --full")
    chosen.add_argument("--minutes", type=float, help="for all together, about (15)")
    chosen.add_argument("--only", metavar="TEXT,...", help="rows whose name holds one of these")
    chosen.add_argument("--sizes", metavar="N,...", help="numbers of elements, like 2^12,1000000")
    chosen.add_argument("--dtypes", metavar="NAME,...", help="of " + ", ".join(plan.DTYPES))
    chosen.add_argument("--p", metavar="P,...", help="probabilities of dropping")
    chosen.add_argument("--threads", metavar="N,...", help="numbers of threads")
    return parser


def check(options: argparse.Namespace) -> plan.Selection:
    """Return what was selected, after a look at every option.

    Raises
    ------
    InputError
        If an option can't be used, here or without another.
    """
    for name in ("seconds", "minutes"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise InputError(f"--{name} has to be above 0, but got {value:g}")
    chosen = {name: getattr(options, name) for name in ("only", "sizes", "dtypes", "p", "threads")}
    for name in ("minutes", *chosen):
        if getattr(options, name) is not None and not options.full:
            raise InputError(f"--{name} needs --full")
    if options.from_json and (options.full or options.isa or options.seconds or options.json):
        raise InputError("--from-json measures nothing: it goes with --pictures only")
    if options.isa and options.isa not in _core.isas():
        raise InputError(f"--isa has to be of {', '.join(_core.isas())}, which run here, but got {options.isa!r}")
    for name, path in (("json", options.json), ("pictures", options.pictures)):
        if path and not Path(path).absolute().parent.is_dir():
            raise InputError(f"--{name} has to be in a folder that is there, but got {path}")
    if options.pictures and Path(options.pictures).exists() and not Path(options.pictures).is_dir():
        raise InputError(f"--pictures has to be a folder, but {options.pictures} is none")
    selection = plan.parse_selection(*(text or "" for text in chosen.values()))
    if selection.only:
        check_only(selection.only)
    return selection


def check_only(parts: tuple[str, ...]) -> None:
    """Refuse what is in no row's name; for a peer that is not installed the text says so."""
    available, missing = peers.rows()
    names = [row.name for row in (*own_rows.rows(tuple(_core.isas())), *available)]
    for part in parts:
        if not any(part.lower() in name.lower() for name in names):
            reasons = "".join(f"; {name}: {why}" for name, why in missing.items() if part.lower() in name.lower())
            raise InputError(f"--only {part!r} is in no row's name; rows are {', '.join(names)}{reasons}")


def show_progress(text: str) -> None:
    """Say what is being done, on one line that is written over, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r{text:70}" if text else "\r" + " " * 70, end="" if text else "\r", file=sys.stderr, flush=True)


def run(options: argparse.Namespace, selection: plan.Selection) -> Report:
    """Measure what the options ask for, or read it."""
    if options.from_json:
        return Report.load(options.from_json)
    before = _core.isa()
    _core.set_isa(options.isa or before)
    try:
        if options.full:
            groups = plan.full_plan(selection, len(cores()))
            return run_full(groups, selection, minutes=options.minutes or 15.0, fixed=options.seconds)
        report = run_quick(seconds=options.seconds or 10.0, progress=show_progress)
        show_progress("")
        return report
    finally:
        _core.set_isa(before)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Options after ``fastdrop bench``; those of the process by default.

    Returns
    -------
    int
        0; 1 if a package of the extra `bench` is missing.

    Raises
    ------
    SystemExit
        With code 2 for an option or file that can't be used, with 0 after ``--help``.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        selection = check(options)
        if options.pictures:
            extra("matplotlib.figure")  # before a quarter of an hour of work
        report = run(options, selection)
        print(format_machine(report))
        if report.full:
            print("\n" + format_full(report))
        else:
            print("one thread, a fresh key for every call, medians; ns are per element\n")
            print(format_quick(report) + "\n" + QUICK_NOTE)
            calls = ", ".join(f"{name} {us:.2f} us" for name, us in report.small_call.items())
            print(f"One call on 16 elements: {calls}.")
        if options.json:
            report.save(options.json)
        if options.pictures:
            for path in draw_pictures(report, options.pictures):
                print(f"wrote {path}", file=sys.stderr)
    except InputError as error:
        parser.error(str(error))
    except MissingExtraError as error:
        print(f"fastdrop bench: {error}", file=sys.stderr)
        return 1
    return 0
