"""The time steps of an LSTM, forward and backward, on arrays that have time as their first axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastdrop.nn.recurrent_masks import Drops

__all__ = ["Trace", "backward_steps", "forward_steps", "gate_constants"]


@dataclass(frozen=True)
class Trace:
    """What a forward pass leaves for the backward pass.

    Attributes
    ----------
    x : ndarray, shape (time, batch, inputs)
        After its mask.
    gates : ndarray, shape (time, batch, 4 hidden)
        i, f, g and o side by side, after their activations and before the candidate's mask.
    h, c : ndarray, shape (time + 1, batch, hidden)
        States, the initial ones first.
    squashed : ndarray, shape (time, batch, hidden)
        tanh of the cell before zoneout.
    drops : Drops
    """

    x: np.ndarray
    gates: np.ndarray
    h: np.ndarray
    c: np.ndarray
    squashed: np.ndarray
    drops: Drops


def gate_constants(hidden: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return a factor and an offset for each gate column, with which one tanh serves all four gates.

    sigmoid(z) = tanh(z / 2) / 2 + 1 / 2, which can't overflow: 1/2 and 1/2 for i, f and o; 1 and 0 for g.
    """
    factor, offset = np.full(4 * hidden, 0.5, dtype), np.full(4 * hidden, 0.5, dtype)
    factor[2 * hidden : 3 * hidden], offset[2 * hidden : 3 * hidden] = 1, 0
    return factor, offset


def split_gates(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return views of i, f, g and o of one step."""
    n = a.shape[1] // 4
    return a[:, :n], a[:, n : 2 * n], a[:, 2 * n : 3 * n], a[:, 3 * n :]


def forward_steps(trace: Trace, weight_hh: np.ndarray) -> None:
    """Fill in a trace.

    Parameters
    ----------
    trace : Trace
        With x, h[0] and c[0], and with the inputs' share of the gates before their activations, i, f and o halved.
        The rest is written.
    weight_hh : ndarray, shape (4 hidden, hidden)
    """
    gates, h, c, squashed, drops = trace.gates, trace.h, trace.c, trace.squashed, trace.drops
    steps, batch, hidden = squashed.shape
    factor, offset = gate_constants(hidden, gates.dtype)
    turned = np.ascontiguousarray((weight_hh * factor[:, None]).T)  # halving is exact, so this changes no bit
    product = np.empty((batch, 4 * hidden), gates.dtype)
    scratch = np.empty((batch, hidden), gates.dtype)
    for t in range(steps):
        before = h[t] if drops.state is None else drops.state.apply(h[t])
        a = gates[t]
        a += np.matmul(before, turned, out=product)
        np.tanh(a, out=a)
        a *= factor
        a += offset
        i, f, g, o = split_gates(a)

        np.multiply(i, _candidate(drops, t, g, scratch), out=scratch)
        np.multiply(f, c[t], out=c[t + 1])
        c[t + 1] += scratch
        np.tanh(c[t + 1], out=squashed[t])
        np.multiply(o, squashed[t], out=h[t + 1])
        if drops.zone_c is not None:
            drops.zone_c.blend(t, c[t + 1], c[t])
        if drops.zone_h is not None:
            drops.zone_h.blend(t, h[t + 1], h[t])


def _candidate(drops: Drops, t: int, g: np.ndarray, scratch: np.ndarray) -> np.ndarray:
    """Return what is left of the candidate of step t."""
    if drops.candidate is None:
        return g
    np.copyto(scratch, g)
    return drops.candidate.at(t).apply(scratch, out=scratch)


def backward_steps(
    trace: Trace, weight_hh: np.ndarray, dy: np.ndarray, dh: np.ndarray, dc: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go back through all steps.

    Parameters
    ----------
    trace : Trace
        As `forward_steps` left it; stays as it is.
    weight_hh : ndarray, shape (4 hidden, hidden)
    dy : ndarray, shape (time, batch, hidden)
        Gradient for the hidden states as outputs.
    dh, dc : ndarray, shape (batch, hidden)
        Gradients for the final state; they are written to.

    Returns
    -------
    dgates : ndarray, shape (time, batch, 4 hidden)
        Gradient for the gates before their activations.
    dh, dc : ndarray, shape (batch, hidden)
        Gradients for the initial state.
    """
    gates, c, squashed, drops = trace.gates, trace.c, trace.squashed, trace.drops
    steps, batch, hidden = squashed.shape
    _, offset = gate_constants(hidden, gates.dtype)
    linear = 2 * offset  # the slope is a - a² for a sigmoid and 1 - a² for tanh: a (linear - a) + constant
    constant = 1 - linear
    dgates, slope = np.empty_like(gates), np.empty((batch, 4 * hidden), gates.dtype)
    scratch = np.empty((batch, hidden), gates.dtype)
    for t in reversed(range(steps)):
        dh += dy[t]
        kept_h = kept_c = None
        if drops.zone_h is not None:
            dh, kept_h = drops.zone_h.split(t, dh)
        if drops.zone_c is not None:
            dc, kept_c = drops.zone_c.split(t, dc)
        i, f, g, o = split_gates(gates[t])
        di, df, dg, do = split_gates(dgates[t])

        np.multiply(dh, squashed[t], out=do)
        np.multiply(squashed[t], squashed[t], out=scratch)
        np.subtract(1, scratch, out=scratch)
        scratch *= o
        scratch *= dh
        dc += scratch
        np.multiply(dc, c[t], out=df)
        np.multiply(dc, _candidate(drops, t, g, scratch), out=di)
        np.multiply(dc, i, out=scratch)
        if drops.candidate is not None:
            drops.candidate.at(t).apply(scratch, out=scratch)
        dg[...] = scratch
        dc *= f

        np.subtract(linear, gates[t], out=slope)
        slope *= gates[t]
        slope += constant
        dgates[t] *= slope
        np.matmul(dgates[t], weight_hh, out=dh)
        if drops.state is not None:
            drops.state.apply(dh, out=dh)
        if kept_h is not None:
            dh += kept_h
        if kept_c is not None:
            dc += kept_c
    return dgates, dh, dc
