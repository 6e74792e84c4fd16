"""All checks, of the library and of generators that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastdrop.verify.effort import Effort
from fastdrop.verify.kernels import check_sets, check_types
from fastdrop.verify.planted import FAULTS, Planted
from fastdrop.verify.rates import check_places, check_rates, check_refinement, check_tails
from fastdrop.verify.relations import check_keys, check_lags, check_probabilities, check_runs
from fastdrop.verify.scores import Score
from fastdrop.verify.sources import Fastdrop, Source
from fastdrop.verify.structure import check_rank
from fastdrop.verify.values import check_dropconnect, check_noise

__all__ = ["planted", "verify"]

#: Of any law of masks.
LAW: tuple[Callable[[Source, Effort], Iterator[Score]], ...] = (
    check_rates,
    check_places,
    check_tails,
    check_refinement,
    check_lags,
    check_keys,
    check_probabilities,
    check_runs,
    check_rank,
)
#: Of what the library makes with it.
LIBRARY: tuple[Callable[[Effort], Iterator[Score]], ...] = (check_sets, check_types, check_dropconnect, check_noise)


def verify(effort: Effort) -> Iterator[Score]:
    """Check the library; rows come as they are found.

    Parameters
    ----------
    effort : Effort
        How much is looked at, and under which keys.

    Yields
    ------
    Score
        One row of the table.

    Examples
    --------
    >>> from fastdrop.verify.effort import seconds
    >>> from fastdrop.verify.table import verify
    >>> first = next(verify(seconds(1)))
    >>> first.group, first.check, first.passed
    ('rate', 'p = 1e-06', True)
    """
    source = Fastdrop()
    for check in LAW:
        yield from check(source, effort)
    for look in LIBRARY:
        yield from look(effort)


def planted(effort: Effort) -> Iterator[tuple[str, list[Score], int]]:
    """Check generators that have to be found out.

    Parameters
    ----------
    effort : Effort
        How much is looked at: seconds are enough.

    Yields
    ------
    fault : str
        What is wrong with the generator.
    failed : list of Score
        The rows that show it.
    rows : int
        How many there are.
    """
    for fault in FAULTS:
        source = Planted(fault)
        scores = [score for check in LAW for score in check(source, effort)]
        yield fault, [score for score in scores if not score.passed], len(scores)
