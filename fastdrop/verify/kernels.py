"""Every kernel against the law: element types and instruction sets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastdrop import _core
from fastdrop.arrays import DTYPES
from fastdrop.functional import dropout
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.verify.effort import Effort
from fastdrop.verify.rates import RATES, rare
from fastdrop.verify.scores import Score, exact, many, of_rate, one
from fastdrop.verify.sources import realised

__all__ = ["check_sets", "check_types"]

TYPES = ("float16", "float32", "float64", "complex64", "complex128", "bfloat16")


def check_sets(effort: Effort) -> Iterator[Score]:
    """The rates on each instruction set but the one in use: a tenth of the decisions, under keys of their own."""
    before = _core.isa()
    try:
        for i, isa in enumerate(_core.isas()):
            if isa == before:
                continue
            _core.set_isa(isa)
            for j, p in enumerate(RATES):
                n = max(1 << 26, (effort.rare if rare(p) else effort.decisions) // 10)
                count = n - Mask((n,), p, rng=Key(*effort.key("set", i, j))).count()
                yield one("set", f"p = {p:.7g}, {isa}", n, of_rate(count, n, realised(p)))
    finally:
        _core.set_isa(before)


def check_types(effort: Effort) -> Iterator[Score]:
    """The share dropped of each element type by each instruction set, and that it is the mask, element by element.

    The mask is that of the instruction set in use, which the one that is looked at has to make as well.
    """
    n, before = max(1 << 16, effort.stored // 64), _core.isa()
    try:
        for i, isa in enumerate(_core.isas()):
            for j, name in enumerate(TYPES):
                scores, wrong = [], 0
                for k, p in enumerate(RATES):
                    key = Key(*effort.key("type", i, j, k))
                    _core.set_isa(before)
                    law = Mask((n,), p, rng=key).to_bool()
                    _core.set_isa(isa)
                    kept = _kept_of_ones(name, n, p, key)
                    if n * min(p, 1 - p) > 50:  # a normal number, almost
                        scores.append(of_rate(n - int(np.count_nonzero(kept)), n, realised(p)))
                    wrong += int(np.count_nonzero(kept != law))
                    wrong += int(np.count_nonzero(Mask((n,), p, rng=key).to_bool() != law))
                yield many("type", f"{name}, {isa}: rates", n * len(RATES), scores)
                yield exact("type", f"{name}, {isa}: other elements than the mask's", n * len(RATES), wrong)
    finally:
        _core.set_isa(before)


def _kept_of_ones(name: str, n: int, p: float, key: Key) -> np.ndarray:
    """Which of n ones of a type dropout keeps. bfloat16, which NumPy has only from ml_dtypes, is given as words."""
    if name != "bfloat16":
        return dropout(np.ones(n, name), p, rng=key) != 0
    y = np.full(n, 0x3F80, np.uint16)
    signed = np.array([key.seed, key.stream], np.uint64).view(np.int64).tolist()
    _core.dropout_at(y.ctypes.data, y.ctypes.data, n, DTYPES[name], p, *signed, _core.get_default_threads())
    return y != 0
