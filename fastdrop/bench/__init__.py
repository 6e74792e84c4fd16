"""The benchmark behind ``fastdrop bench``, ``bench/targets.py`` and ``pytest bench``."""

from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.quick import Result, describe_machine, format_table, main, measure, ratio, rows, small_call

__all__ = [
    "Case",
    "Result",
    "Row",
    "UnsupportedError",
    "describe_machine",
    "format_table",
    "main",
    "measure",
    "ratio",
    "rows",
    "small_call",
]
