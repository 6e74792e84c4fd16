"""The clock: rows are timed in turn, in an order that changes each round, and medians are taken.

On a shared machine a ratio of medians from one interleaved run means something, a time alone does not. Each row gets
about the same share of the time: fast rows many rounds, slow ones few, and a row whose single call would take too much
of it is left out and says so.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.results import TOO_SLOW, Result

__all__ = ["Entry", "Experience", "measure"]

Entry = tuple[Row, Case]

#: One timing lasts about this long, in seconds, so that the clock's resolution does not matter.
VISIT = 2e-3
MOST_ROUNDS = 41
LEAST_ROUNDS, LEAST_QUICK_ROUNDS = 3, 9
#: A team runs for so long before it is timed, in seconds: other pools spin for milliseconds after their loops, on cores
#: that it needs, and cores that have idled are slow at first.
WARM = 0.01
#: A timing shorter than this, in seconds, is repeated more often at least.
QUICK = 0.1
#: A row is left out where one call takes more than this share of a group's time and more than these seconds...
LARGEST_SHARE, LEAST_LONGEST = 1 / 25, 0.1
#: ... and not even tried where a smaller size, which had its overhead too, makes so many times that likely.
TOO_FAR = 3
#: Nor is there any use in compiling for longer than this for each picture point, in seconds.
LONG_PREPARATION = 1.0


@dataclass
class Experience:
    """What earlier groups have shown of a row: how long it takes to prepare and to run."""

    seconds: dict[tuple[str, float, str, int], tuple[int, float]] = field(default_factory=dict)
    preparing: dict[str, float] = field(default_factory=dict)

    def learn(self, row: Row, case: Case, preparing: float, once: float) -> None:
        """Remember the time of preparing, and of one call at the largest size so far."""
        self.preparing[row.name] = max(preparing, self.preparing.get(row.name, 0.0))
        key = (row.name, case.p, case.dtype, case.threads)
        if case.size >= self.seconds.get(key, (0, 0.0))[0]:
            self.seconds[key] = (case.size, once)

    def expected(self, row: Row, case: Case) -> float:
        """Return about how long one call will take, from a smaller size; 0 if nothing is known."""
        size, once = self.seconds.get((row.name, case.p, case.dtype, case.threads), (case.size, 0.0))
        return once * case.size / size if size < case.size else 0.0


@dataclass
class Timed:
    """A prepared row and its timings, in seconds a repetition; `around` is what getting ready takes each time."""

    row: Row
    case: Case
    run: Callable[[int], object]
    once: float
    around: float
    repeats: int = 1
    rounds: int = LEAST_ROUNDS
    times: list[float] = field(default_factory=list)

    def visit(self) -> None:
        """Warm the cache and the threads where that is cheap, get ready, and time."""
        warm = WARM if self.case.threads > 1 else 0
        if self.once < max(VISIT, warm):
            times = max(1, int(warm / self.once))
            ready(self.run, times)
            self.run(times)
        ready(self.run, self.repeats)
        start = time.perf_counter()
        self.run(self.repeats)
        self.times.append((time.perf_counter() - start) / self.repeats)

    def result(self) -> Result:
        """Return the median and the spread in nanoseconds an element."""
        each = [t / self.case.size * 1e9 for t in self.times]
        lower, median, upper = statistics.quantiles(each, n=4, method="inclusive") if len(each) > 1 else each * 3
        empty = Result.missing(self.row, self.case, "")
        numbers = {"median": median, "fastest": min(each), "lower": lower, "upper": upper, "rounds": len(each)}
        return Result(**(vars(empty) | numbers))


def ready(run: Callable[[int], object], times: int) -> None:
    """Call what a row wants done before its timing, outside the clock."""
    prepare = getattr(run, "ready", None)
    if prepare is not None:
        prepare(times)


def prepare(entry: Entry, longest: float, frugal: bool, experience: Experience) -> Timed | str:
    """Return a row that is ready to be timed, or why it is left out."""
    row, case = entry
    expected = experience.expected(row, case)
    if expected > TOO_FAR * longest:
        return f"{TOO_SLOW}about {expected:.2g} s a call"
    if frugal and experience.preparing.get(row.name, 0.0) > LONG_PREPARATION:
        return f"not measured here: preparing takes {experience.preparing[row.name]:.1f} s"
    start = time.perf_counter()
    try:
        run = row.prepare(case)
    except UnsupportedError as error:
        return str(error)
    except Exception as error:  # another package's: the table says so, and the other rows go on
        return f"failed: {type(error).__name__}: {' '.join(str(error).split())[:120]}"
    preparing = time.perf_counter() - start
    once = around = 0.0
    for _ in range(2):  # the second time memory is there and caches are warm; slow rows are taken at their word
        before = time.perf_counter()
        ready(run, 1)
        start = time.perf_counter()
        around = start - before
        run(1)
        once = min(once or math.inf, max(time.perf_counter() - start, 1e-7))
        if once > longest / 4:
            break
    experience.learn(row, case, preparing, once)
    if once > longest:
        return f"{TOO_SLOW}{once:.2g} s a call"
    around += WARM * (case.threads > 1)
    return Timed(row, case, run, once, around, repeats=max(1, int(VISIT / once)))


def measure(
    entries: Sequence[Entry],
    seconds: float,
    *,
    longest: float | None = None,
    frugal: bool = False,
    experience: Experience | None = None,
    progress: Callable[[str], None] = lambda text: None,
    seed: int = 1,
) -> list[Result]:
    """Time rows against each other, interleaved.

    Parameters
    ----------
    entries : sequence of (Row, Case)
        What is compared: every one is timed once in each round that it takes part in.
    seconds : float
        About how long it may take, preparations included.
    longest : float, optional
        Leave out rows of which one call takes longer, in seconds; by default 1/25 of `seconds`, but 0.1 at least.
    frugal : bool, optional
        Leave out rows that are known to prepare (compile) slowly.
    experience : Experience, optional
        What is known of the rows, read and added to.
    progress : callable, optional
        Told what is being done.
    seed : int, optional
        Of the order of visits.

    Returns
    -------
    list of Result
        One for each entry, in order.

    Examples
    --------
    >>> from fastdrop.bench import Case, own_rows
    >>> entries = [(row, Case(4096, 0.5)) for row in own_rows.rows()[:2]]
    >>> [result.row for result in measure(entries, seconds=0.05)]
    ['in-place scale', 'kernel']
    """
    experience = experience if experience is not None else Experience()
    longest = max(LEAST_LONGEST, seconds * LARGEST_SHARE) if longest is None else longest
    start = time.perf_counter()
    prepared = []
    for entry in entries:
        progress(entry[0].name)
        prepared.append(prepare(entry, longest, frugal, experience))
    timed = [entry for entry in prepared if isinstance(entry, Timed)]
    left = max(seconds - (time.perf_counter() - start), seconds / 4)
    for entry in timed:
        visit = entry.once * (entry.repeats + (entry.once < VISIT)) + entry.around
        least = LEAST_QUICK_ROUNDS if visit < QUICK else LEAST_ROUNDS
        entry.rounds = max(least, min(MOST_ROUNDS, int(left / len(timed) / visit)))
    shuffle = random.Random(seed).shuffle
    most = max((entry.rounds for entry in timed), default=0)
    for done in range(most):
        # those with fewer rounds take part in rounds spread evenly over the run
        visited = [e for e in timed if (done + 1) * e.rounds // most > done * e.rounds // most]
        shuffle(visited)
        for entry in visited:
            entry.visit()
    for entry in timed:
        experience.learn(entry.row, entry.case, 0.0, min(entry.times))
    return [
        Result.missing(*entry, note=outcome) if isinstance(outcome, str) else outcome.result()
        for entry, outcome in zip(entries, prepared, strict=True)
    ]
