"""An LSTM once more, for the tests only: step by step in float64 from the formulas, with masks by the oracle."""

from __future__ import annotations

import numpy as np
import oracle


def keys(key, call=0, part=0, step=None, sample=None):
    """The key of a mask: call, part, time step, sample, in this order."""
    key = oracle.fold_in(oracle.fold_in(key, "call", call), "part", part)
    if step is not None:
        key = oracle.fold_in(key, "step", step)
    return key if sample is None else oracle.fold_in(key, "sample", sample)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(
    x, weight_ih, weight_hh, bias, key=(0, 0), call=0, sample=None, state=None, dropout=0.0, recurrent_dropout=0.0,
    candidate_dropout=0.0, per_sequence=False, zoneout_h=0.0, zoneout_c=0.0, mean=False,
):  # fmt: skip
    """All hidden states (batch, time, hidden) and the final h and c; `mean`: zoneout's expectation, nothing dropped."""
    x, weight_ih, weight_hh = (np.asarray(a, np.float64) for a in (x, weight_ih, weight_hh))
    batch, steps, _ = x.shape
    hidden = weight_hh.shape[1]
    h, c = (np.zeros((batch, hidden)), np.zeros((batch, hidden))) if state is None else state
    outputs = []

    def scaled(shape, p, part, step=None):
        if p == 0 or mean:
            return np.ones(shape)
        keep = oracle.keep_mask(keys(key, call, part, step, sample), shape, p)
        return keep / (1 - p) if p < 1 else np.zeros(shape)

    def zone(new, old, p, part, step):
        if mean:
            return (1 - p) * new + p * old
        return np.where(oracle.keep_mask(keys(key, call, part, step, sample), new.shape, p), new, old)

    of_input, of_state = scaled(x[:, 0].shape, dropout, 0), scaled(h.shape, recurrent_dropout, 1)
    for t in range(steps):
        z = (x[:, t] * of_input) @ weight_ih.T + (h * of_state) @ weight_hh.T + bias
        i, f, g, o = z.reshape(batch, 4, hidden).transpose(1, 0, 2)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        cell = f * c + i * g * scaled(h.shape, candidate_dropout, 2, None if per_sequence else t)
        h, c = zone(o * np.tanh(cell), h, zoneout_h, 1, t), zone(cell, c, zoneout_c, 2, t)
        outputs.append(h)
    return np.stack(outputs, axis=1) if steps else np.zeros((batch, 0, hidden)), (h, c)
