"""What `fastdrop bench --full` measures: groups of one size, dtype, p and number of threads, within a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastdrop.bench.case import Case
from fastdrop.bench.extras import InputError
from fastdrop.bench.results import size_name

__all__ = ["DTYPES", "Group", "Selection", "full_plan", "parse_probability", "parse_size"]

SIZES = (1 << 12, 1 << 16, 1 << 20, 1 << 24, 1 << 26)
BETWEEN = (1 << 8, 1 << 14, 1 << 18, 1 << 22)  # for the picture's lines
SOME = (1 << 16, 1 << 20, 1 << 24)
PROBABILITIES = (0.5, 0.25, 0.1)
IN_PICTURE = (0.5, 0.1)
DTYPES = ("float32", "float16", "bfloat16", "float64")
SERIAL_BELOW = 1 << 20  # more threads than one are of interest from here on


@dataclass(frozen=True)
class Group:
    """Rows that are measured against each other.

    Attributes
    ----------
    case : Case
    weight : float
        Share of the time, relative to other groups.
    frugal : bool
        Leave out rows that take long to compile: a point in the picture only.
    isas : bool
        Also measure the other vector instruction sets.
    """

    case: Case
    weight: float = 1.0
    frugal: bool = False
    isas: bool = False

    def __str__(self) -> str:
        case = self.case
        threads = "1 thread" if case.threads == 1 else f"{case.threads} threads"
        return f"{case.dtype}, p = {case.p:g}, {size_name(case.size)}, {threads}"


@dataclass(frozen=True)
class Selection:
    """What of the plan is wanted; None takes the plan's own.

    Attributes
    ----------
    only : tuple of str
        Rows whose names hold one of these, in any case of letters. The in-place scale is always measured.
    sizes, dtypes, probabilities, threads : tuple or None
        Whatever is said here is measured in all combinations.
    """

    only: tuple[str, ...] = ()
    sizes: tuple[int, ...] | None = None
    dtypes: tuple[str, ...] | None = None
    probabilities: tuple[float, ...] | None = None
    threads: tuple[int, ...] | None = None

    def wants(self, row: str) -> bool:
        """Whether a row is to be measured."""
        return not self.only or any(part.lower() in row.lower() for part in self.only)


def full_plan(selection: Selection, most_threads: int) -> list[Group]:
    """Return the groups to measure, in an order in which small sizes tell what large ones will take.

    Parameters
    ----------
    selection : Selection
    most_threads : int
        Cores that may be used: no group takes more threads.

    Raises
    ------
    InputError
        If more threads are asked for than there are cores.

    Examples
    --------
    >>> from fastdrop.bench.plan import Selection, full_plan
    >>> [str(group) for group in full_plan(Selection(sizes=(4096,), probabilities=(0.5,)), most_threads=1)][:1]
    ['float32, p = 0.5, 2^12, 1 thread']
    """
    if selection.threads and max(selection.threads) > most_threads:
        asked = max(selection.threads)
        raise InputError(f"--threads has to be at most {most_threads}, the cores of this process, but got {asked}")
    groups = []
    for threads in selection.threads or ((1, 2) if most_threads > 1 else (1,)):
        for dtype in selection.dtypes or (DTYPES if threads == 1 else DTYPES[:1]):
            for p in selection.probabilities or PROBABILITIES:
                for size in sorted(selection.sizes or plan_sizes(threads, dtype, p)):
                    groups.append(make_group(Case(size, p, dtype, threads)))
    return groups


def plan_sizes(threads: int, dtype: str, p: float) -> Sequence[int]:
    """Return the sizes that the plan has where none are chosen."""
    if threads > 1:
        return [size for size in (SIZES if dtype == "float32" else SOME) if size >= SERIAL_BELOW]
    if dtype != "float32":
        return SOME
    return SIZES + BETWEEN if p in IN_PICTURE else SIZES


def make_group(case: Case) -> Group:
    """Give a case its share of the time: most where slow peers need it, least to points between."""
    frugal = case.size in BETWEEN
    weight = 0.4 if frugal else 2.0 if case.size >= 1 << 24 else 1.0
    if case.dtype != "float32":
        weight *= 0.6
    if case.p not in IN_PICTURE:
        weight *= 0.7
    return Group(case, weight, frugal, isas=case.dtype == "float32" and case.threads == 1)


def split(text: str) -> Iterable[str]:
    """Split a list of an option at its commas."""
    return (part.strip() for part in text.split(",") if part.strip())


def parse_size(text: str) -> int:
    """Return a number of elements: ``2^20``, ``2**20`` or ``1048576``.

    Raises
    ------
    InputError
        If it is none, or not from 1 to 2^32.
    """
    base, caret, power = text.replace("**", "^").partition("^")
    try:
        size = 1 << int(power) if caret and base == "2" and int(power) <= 40 else int(text)
    except ValueError:
        size = 0
    if not 1 <= size <= 1 << 32:
        raise InputError(f"--sizes has to be like 2^12 or 4096, from 1 to 2^32, but got {text!r}")
    return size


def parse_probability(text: str) -> float:
    """Return a probability of dropping.

    Raises
    ------
    InputError
        If it is none between 0 and 1: at either end there is nothing to measure.
    """
    try:
        p = float(text)
    except ValueError:
        p = 0.0
    if not 0 < p < 1:
        raise InputError(f"--p has to be between 0 and 1, both excluded, but got {text!r}")
    return p


def parse_threads(text: str) -> int:
    """Return a number of threads.

    Raises
    ------
    InputError
        If it is none from 1 on.
    """
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--threads has to be whole numbers from 1 on, but got {text!r}")
    return int(text)


def parse_dtype(text: str) -> str:
    """Return the name of a dtype.

    Raises
    ------
    InputError
        If the benchmark has no such dtype.
    """
    if text not in DTYPES:
        raise InputError(f"--dtypes has to be of {', '.join(DTYPES)}, but got {text!r}")
    return text


def parse_selection(only: str, sizes: str, dtypes: str, probabilities: str, threads: str) -> Selection:
    """Return the selection that options ask for; an empty text leaves the plan as it is.

    Raises
    ------
    InputError
        If a value can't be used.

    Examples
    --------
    >>> from fastdrop.bench.plan import parse_selection
    >>> parse_selection("", "2^12, 1000", "", "0.1", "").sizes
    (4096, 1000)
    """
    return Selection(
        only=tuple(split(only)),
        sizes=tuple(map(parse_size, split(sizes))) or None,
        dtypes=tuple(map(parse_dtype, split(dtypes))) or None,
        probabilities=tuple(map(parse_probability, split(probabilities))) or None,
        threads=tuple(map(parse_threads, split(threads))) or None,
    )
