"""The base of recurrent layers: what they can drop, and the keys it is drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.nn.random import CELL_MASK, INPUT_MASK, STATE_MASK, RandomModule
from fastdrop.nn.recurrent_masks import Drops, StepMasks, ZoneMean, Zones
from fastdrop.probability import check_p
from fastdrop.zoneout import EVAL_MODES

__all__ = ["Rate", "RecurrentDropout", "check_evaluation"]


class Rate:
    """A probability as an attribute, checked when it is set; above 0 not together with its rival's."""

    def __init__(self, rival: str | None = None) -> None:
        self._rival = rival

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else layer.__dict__.get(self._name, 0.0)

    def __set__(self, layer: Any, value: object) -> None:
        try:
            p = check_p(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._name}: {error}") from None
        if isinstance(p, np.ndarray):
            raise TypeError(f"{self._name} has to be one number, but got an array of shape {p.shape}")
        rival = 0.0 if self._rival is None else getattr(layer, self._rival)
        if p > 0.0 and rival > 0.0:
            raise ValueError(
                f"{self._name} and {self._rival} draw from the same part of the key: one of them has to be 0, but got "
                f"{p} and {rival}"
            )
        layer.__dict__[self._name] = p


class RecurrentDropout(RandomModule):
    """Base of layers with a hidden state and a cell, which set these attributes before they call this `__init__`.

    Attributes
    ----------
    dropout, recurrent_dropout, candidate_dropout, zoneout_h, zoneout_c : float
    per_sequence : bool
    zoneout_eval : {"expectation", "identity"}
        As `LSTM` documents them.
    """

    dropout = Rate()
    recurrent_dropout = Rate("zoneout_h")
    candidate_dropout = Rate("zoneout_c")
    zoneout_h = Rate("recurrent_dropout")
    zoneout_c = Rate("candidate_dropout")

    per_sequence: bool
    zoneout_eval: str

    def _drops(self, steps: int, batch: int, inputs: int, hidden: int) -> Drops:
        """Return the laws of the current call."""
        shape = batch, hidden
        if not self._active:
            means = self.zoneout_eval == "expectation"
            zones = [ZoneMean(p) if means and p else None for p in (self.zoneout_h, self.zoneout_c)]
            return Drops(zone_h=zones[0], zone_c=zones[1])
        call = self._take_key().fold_in(self._calls, role="call")

        def part(number: int) -> Key:
            return call.fold_in(number, role="part")

        masks: dict[str, Any] = {}
        if self.dropout:
            key = StepMasks(shape, self.dropout, part(INPUT_MASK), self._sample, fresh=False).key(0)
            masks["input"] = Mask((steps, batch, inputs), self.dropout, rng=key, share_axes=0)
        if self.recurrent_dropout:
            tied = StepMasks(shape, self.recurrent_dropout, part(STATE_MASK), self._sample, fresh=False)
            masks["state"] = tied.at(0)
            masks["states"] = Mask((steps, *shape), self.recurrent_dropout, rng=tied.key(0), share_axes=0)
        if self.candidate_dropout:
            fresh = not self.per_sequence
            masks["candidate"] = StepMasks(shape, self.candidate_dropout, part(CELL_MASK), self._sample, fresh)
        if self.zoneout_h:
            masks["zone_h"] = Zones(shape, self.zoneout_h, part(STATE_MASK), self._sample)
        if self.zoneout_c:
            masks["zone_c"] = Zones(shape, self.zoneout_c, part(CELL_MASK), self._sample)
        return Drops(**masks)

    def _settings(self) -> list[str]:
        """Return what differs from the defaults, for a repr."""
        rates = "dropout", "recurrent_dropout", "candidate_dropout", "zoneout_h", "zoneout_c"
        parts = [f"{name}={p}" for name in rates if (p := getattr(self, name))]
        if self.per_sequence:
            parts.append("per_sequence=True")
        if self.zoneout_eval != "expectation":
            parts.append(f"zoneout_eval={self.zoneout_eval!r}")
        return parts


def check_evaluation(value: object) -> str:
    """Return what takes zoneout's place in evaluation mode."""
    if not isinstance(value, str) or value not in EVAL_MODES:
        raise ValueError(f"zoneout_eval has to be one of {', '.join(EVAL_MODES)}, but got {value!r}")
    return value
