"""What one call of a recurrent layer drops: laws only, from which forward and backward make the same masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input
from fastdrop.geometry import whole_geometry
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.zoneout import zoneout

__all__ = ["Blend", "Drops", "StepMasks", "ZoneMean", "Zones"]


class StepMasks:
    """Masks of one shape, a fresh one for each time step, or one for all.

    Parameters
    ----------
    shape : tuple of int
        (batch, features).
    p : float
        Probability of dropping.
    key : Key
        Of the part of the call, without time step and sample.
    sample : int or None
        Number of the Monte Carlo sample that is drawn, None if none is.
    fresh : bool, default True
        Whether each step has a mask of its own.
    """

    def __init__(self, shape: tuple[int, ...], p: float, key: Key, sample: int | None, fresh: bool = True) -> None:
        self.shape, self.p, self.fresh = shape, p, fresh
        self._key, self._sample = key, sample

    def key(self, t: int) -> Key:
        """Return the key of step t: the step is folded in before the sample."""
        key = self._key.fold_in(t, role="step") if self.fresh else self._key
        return key if self._sample is None else key.fold_in(self._sample, role="sample")

    def at(self, t: int) -> Mask:
        """Return the mask of step t."""
        return Mask._make(whole_geometry(self.shape), self.p, self.key(t), None)


class Blend(Protocol):
    """How a new and an old state become one."""

    def blend(self, t: int, new: np.ndarray, old: np.ndarray) -> None:
        """Write the state after step t over the new one."""

    def split(self, t: int, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradients for the new and the old state, in arrays of the caller's own; may use up `gradient`."""


class Zones(StepMasks):
    """Zoneout in training: where step t's mask drops the new state, the old one stays.

    What `zoneout` and `zoneout_backward` do, without their checks: these take longer than the work on a small state.
    """

    def blend(self, t: int, new: np.ndarray, old: np.ndarray) -> None:
        _, dtype = as_input(new)
        _core.choose(self.at(t)._core_arguments(), dtype, new, old, new, _core.get_default_threads())

    def split(self, t: int, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, dtype = as_input(gradient)
        for_old = np.empty_like(gradient)
        arguments = self.at(t)._core_arguments()
        _core.part(arguments, dtype, gradient, gradient, for_old, _core.get_default_threads())
        return gradient, for_old


class ZoneMean:
    """Zoneout in evaluation: the mean of what training does, (1 - p) new + p old."""

    def __init__(self, p: float) -> None:
        self.p = p

    def blend(self, t: int, new: np.ndarray, old: np.ndarray) -> None:
        zoneout(new, old, self.p, training=False, out=new)

    def split(self, t: int, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (1.0 - self.p) * gradient, self.p * gradient


@dataclass(frozen=True)
class Drops:
    """What one call drops; None where it drops nothing.

    Attributes
    ----------
    input : Mask over (time, batch, features), the same for all steps
    state : Mask over (batch, hidden), of the state before each step
    states : the same over (time, batch, hidden), for all steps at once
    candidate : StepMasks over (batch, hidden)
    zone_h, zone_c : Blend of hidden and cell state
    """

    input: Mask | None = None
    state: Mask | None = None
    states: Mask | None = None
    candidate: StepMasks | None = None
    zone_h: Blend | None = None
    zone_c: Blend | None = None
