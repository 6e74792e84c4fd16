"""The command line: ``fastdrop demo``, ``fastdrop info``, ``fastdrop bench``, ``fastdrop verify``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import fastdrop

__all__ = ["info_text", "main"]

#: Exit codes: bad arguments or files as argparse has it; 128 + the number of the signal as shells have it.
OK, FAILED, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141


def info_text() -> str:
    """Return what ``fastdrop info`` prints.

    Returns
    -------
    str
        Version, contract, instruction sets, threads, OpenMP and compiler, one a line.

    Examples
    --------
    >>> from fastdrop.cli import info_text
    >>> print(info_text())  # doctest: +ELLIPSIS
    fastdrop ...
    """
    info = fastdrop.build_info()
    openmp = f"yes ({info['openmp']})" if info["openmp"] else "no: one thread only"
    rows = {
        "fastdrop": info["version"],
        "mask contract": info["contract"],
        "instruction sets built": " ".join(info["isas_built"]),
        "instruction sets runnable": " ".join(info["isas_runnable"]),
        "instruction set in use": info["isa"],
        "threads": info["threads"],
        "OpenMP": openmp,
        "compiler": info["compiler"],
    }
    return "\n".join(f"{name:28}{value}" for name, value in rows.items())


def _number(text: str) -> int:
    """Return a whole number from 1 on, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"has to be a whole number from 1 on, but is {text!r}")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastdrop", description="Dropout on the CPU: exact, reproducible, at the speed of memory."
    )
    parser.add_argument("--version", action="version", version=f"fastdrop {fastdrop.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="demo | info | bench | verify")
    demo = commands.add_parser(
        "demo",
        help="train on handwritten digits with and without dropout: about a minute, two tables and a picture",
        description="Show a worked example, then train on handwritten digits, with the labels as they are and with a "
        "fifth of them replaced, at several rates of dropout; print two tables and write the learning curves.",
    )
    demo.add_argument(
        "--data", metavar="FILE.npz", help="train on your own data: arrays X (rows, features) and y (rows,)"
    )
    demo.add_argument(
        "--out", metavar="FILE.png", default="fastdrop-demo.png", help="the picture's file or folder (%(default)s)"
    )
    demo.add_argument("--seeds", metavar="N", type=_number, default=10, help="use the seeds 0 to N - 1 (%(default)s)")
    demo.add_argument("--epochs", metavar="N", type=_number, help="passes over the training set (100)")
    demo.add_argument("--digest", action="store_true", help="also print a SHA-256 over all masks and dropout outputs")
    commands.add_parser("info", help="say what this build is: version, contract, instruction sets, threads, compiler")
    commands.add_parser("bench", help="time dropout against NumPy and the roofline: about a minute", add_help=False)
    commands.add_parser("verify", help="check that masks are as random as promised: minutes", add_help=False)
    return parser


def _run(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["bench"]:  # it has a parser of its own
        from fastdrop import bench

        return bench.main(list(arguments[1:]))
    if arguments[:1] == ["verify"]:
        from fastdrop import verify

        return verify.main(list(arguments[1:]))
    options = _parser().parse_args(arguments)
    if options.command == "info":
        print(info_text())
        return OK
    from fastdrop import demo

    try:
        demo.run(data=options.data, out=options.out, seeds=options.seeds, epochs=options.epochs, digest=options.digest)
    except demo.InputError as error:
        print(f"fastdrop demo: {error}", file=sys.stderr)
        return BAD_INPUT
    except demo.MissingExtraError as error:
        print(f"fastdrop demo: {error}", file=sys.stderr)
        return FAILED
    return OK


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code: 0; 1 if a package is missing or a check failed; 2 for bad arguments or data; 130 after Ctrl-C;
        141 if the reader of the output went away.

    Raises
    ------
    SystemExit
        As argparse does, with code 2 for bad arguments and 0 after ``--help`` and ``--version``.

    Examples
    --------
    >>> from fastdrop.cli import main
    >>> main(["info"])  # doctest: +ELLIPSIS
    fastdrop ...
    0
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ± is no reason to fail after a minute's work
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()  # here, where a reader that went away can still be dealt with
        return code
    except KeyboardInterrupt:
        print("\nfastdrop: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes once more when it ends: that has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
