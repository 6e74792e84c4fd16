"""How modules are saved: named values that know how to be read, checked and put back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastdrop import _core
from fastdrop.nn.parameter import Parameter

__all__ = ["Entry", "check_contract", "parameter_entry"]


@dataclass(frozen=True)
class Entry:
    """One named value of a saved state.

    Attributes
    ----------
    get : callable
        Takes nothing, returns the value to save.
    check : callable
        Takes (value, name), returns the value in the form for `put` or raises; changes nothing.
    put : callable
        Takes what `check` returned.
    """

    get: Callable[[], Any]
    check: Callable[[Any, str], Any]
    put: Callable[[Any], None]


def check_contract(state: Mapping[str, Any]) -> None:
    """Raise ValueError unless a state is of this mask contract: under another one its masks would not come again."""
    if "contract" not in state:
        raise ValueError(f"state has to have an entry 'contract': {_core.CONTRACT}, but has none")
    number = np.asarray(state["contract"])
    if number.shape != () or number.dtype.kind not in "iu" or int(number) != _core.CONTRACT:
        raise ValueError(
            f"state has to be of mask contract {_core.CONTRACT}, but is of {number}: its masks would be others"
        )


def parameter_entry(parameter: Parameter) -> Entry:
    """Return how a parameter is saved: a copy of its values, of exactly its dtype and shape."""

    def get() -> np.ndarray:
        return parameter.data.copy()

    def check(value: Any, name: str) -> np.ndarray:
        array = np.asarray(value)
        if array.dtype != parameter.dtype:
            raise TypeError(f"{name} has to be of dtype {parameter.dtype}, but got {array.dtype}")
        if array.shape != parameter.shape:
            raise ValueError(f"{name} has to be of shape {parameter.shape}, but got {array.shape}")
        return array

    def put(array: np.ndarray) -> None:
        parameter.data = array

    return Entry(get, check, put)
