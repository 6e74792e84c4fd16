"""What a measurement leaves: results, and the file they are kept in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from fastdrop.bench.case import Case, Row
from fastdrop.bench.extras import InputError

__all__ = ["FORMAT", "TOO_SLOW", "Report", "Result", "size_name"]

#: Number of the file format: a reader refuses another one.
FORMAT = 2
#: How the note of a row begins that was left out to save time.
TOO_SLOW = "too slow: "


@dataclass(frozen=True)
class Result:
    """One row in one case: times in nanoseconds an element, or the reason why there are none.

    Attributes
    ----------
    row, kind, per_call : str, str, bool
        As in `Row`.
    size, p, dtype, threads : int, float, str, int
        As in `Case`.
    median, fastest, lower, upper : float or None
        Of all rounds: median, least, and the quartiles. None where the row was not measured.
    rounds : int
        Number of timings, 0 where it was not measured.
    note : str
        Why it was not measured; else empty.
    """

    row: str
    kind: str
    per_call: bool
    size: int
    p: float
    dtype: str
    threads: int
    median: float | None = None
    fastest: float | None = None
    lower: float | None = None
    upper: float | None = None
    rounds: int = 0
    note: str = ""

    @classmethod
    def missing(cls, row: Row, case: Case, note: str) -> Result:
        """Return the result of a row that was not measured, and why."""
        return cls(row.name, row.kind, row.per_call, **asdict(case), note=note)

    @property
    def case(self) -> Case:
        """The column of the table."""
        return Case(self.size, self.p, self.dtype, self.threads)


@dataclass
class Report:
    """A whole run.

    Attributes
    ----------
    machine : dict
        What `describe_machine` says.
    results : list of Result
    missing : dict
        Peers that are not installed, and the reason.
    small_call : dict
        Microseconds of one call on 16 elements.
    remarks : list of str
        What else a reader has to know.
    full : bool
        Whether it is of ``--full``: which tables suit it.
    """

    machine: dict[str, str]
    results: list[Result] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    small_call: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    full: bool = False

    def find(self, row: str, case: Case) -> Result | None:
        """Return a row's result in a case, None where it was not asked for."""
        for result in self.results:
            if result.row == row and result.case == case:
                return result
        return None

    def median(self, row: str, case: Case) -> float | None:
        """Return a row's median in a case, None where it was not measured."""
        found = self.find(row, case)
        return found.median if found else None

    def ratio(self, row: str, to: str, case: Case) -> float | None:
        """Return one median as a multiple of another, None where one of them was not measured."""
        over, under = self.median(row, case), self.median(to, case)
        return None if over is None or under is None else over / under

    def rows(self, keep: Iterable[Result] | None = None) -> list[str]:
        """Return the names of rows in the order in which they were first met."""
        return list(dict.fromkeys(r.row for r in (self.results if keep is None else keep)))

    def save(self, path: str | Path) -> None:
        """Write the report as JSON.

        Raises
        ------
        InputError
            If the file can't be written.
        """
        content = {"format": FORMAT, **asdict(self)}
        try:
            Path(path).write_text(json.dumps(content, indent=1) + "\n")
        except OSError as error:
            raise InputError(f"can't write {path}: {error.strerror or error}") from error

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a report that `save` wrote.

        Raises
        ------
        InputError
            If there is no such file, or it is not such a report.
        """
        try:
            content = json.loads(Path(path).read_text())
        except OSError as error:
            raise InputError(f"can't read {path}: {error.strerror or error}") from error
        except ValueError as error:
            raise InputError(f"{path} is not JSON: {error}") from error
        found = content.pop("format", None) if isinstance(content, dict) else None
        if found != FORMAT:
            raise InputError(f"{path} has to be a report of format {FORMAT}, but has format {found}")
        try:
            content["results"] = [Result(**result) for result in content["results"]]
            return cls(**content)
        except (KeyError, TypeError) as error:
            names = ", ".join(f.name for f in fields(cls))
            raise InputError(f"{path} has to hold {names}, but: {error}") from error


def size_name(size: int) -> str:
    """Return ``2^k`` for powers of two, the number with separators for others.

    Examples
    --------
    >>> from fastdrop.bench.results import size_name
    >>> size_name(65536), size_name(1000)
    ('2^16', '1,000')
    """
    return f"2^{size.bit_length() - 1}" if size & (size - 1) == 0 else f"{size:,}"
