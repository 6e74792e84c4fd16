"""The benchmark behind ``fastdrop bench``, ``bench/targets.py`` and ``pytest bench``."""

from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.machine import describe_machine

__all__ = ["Case", "Row", "UnsupportedError", "describe_machine", "main"]


def main(arguments: list[str] | None = None) -> int:
    """Run ``fastdrop bench`` with these options; see `fastdrop.bench.command.main`."""
    from fastdrop.bench import command  # it imports the peers' modules, which need Case and Row from here

    return command.main(arguments)
