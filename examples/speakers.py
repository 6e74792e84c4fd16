"""Dropout in a recurrent network that tells nine speakers apart: the Japanese Vowels of Kudo, Toyama and Shimbo (1999).

Each example is one man's /ae/ as 7 to 29 frames of twelve cepstral coefficients; the sets are those of its authors, 270
utterances to train on and 370 to test on, in the files that sktime brings with it. To make the training set scarce,
the networks see ten utterances of each speaker. An LSTM reads the frames; the mean of its states over the frames that
are there goes into an affine layer. What a recurrent network may drop, and when anew, is what the variants are about.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from charts import draw_results
from common import NONE, extra, options, run_all, table, verdict

import fastdrop as fd
from fastdrop import nn

SPLIT, MODEL, ORDER = range(3)  # folded into a seed's key for what they name
SPEAKERS, COEFFICIENTS = 9, 12
# Chosen with the seeds 100 to 103, by one rule: without dropout, the network learns what it sees by heart.
EACH, UNITS, BATCH, EPOCHS, POINTS = 10, 64, 30, 60, 10
#: What each variant gives the LSTM, and the p of the dropout between LSTM and affine layer.
VARIANTS: dict[str, tuple[dict[str, float], float]] = {
    NONE: ({}, 0.0),
    "output 0.5": ({}, 0.5),
    "input 0.3": ({"dropout": 0.3}, 0.5),
    "variational 0.3": ({"dropout": 0.3, "recurrent_dropout": 0.3}, 0.5),
    "candidate 0.3": ({"candidate_dropout": 0.3}, 0.5),
    "zoneout 0.3": ({"zoneout_h": 0.3, "zoneout_c": 0.3}, 0.5),
}


@cache
def utterances(split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read one of the two sets.

    Returns
    -------
    x : ndarray of float32, shape (utterances, frames of the longest, coefficients)
        0 after an utterance's end.
    lengths : ndarray of int, shape (utterances,)
    y : ndarray of int, shape (utterances,)
        The speaker, from 0 on.
    """
    series, labels = extra("sktime.datasets").load_japanese_vowels(split=split, return_type="df-list")
    lengths = np.array([len(frames) for frames in series])
    x = np.zeros((len(series), lengths.max(), COEFFICIENTS), np.float32)
    for row, frames in zip(x, series, strict=True):
        row[: len(frames)] = frames.to_numpy()
    return x, lengths, labels.astype(int) - 1


class Reader(nn.Module):
    """The LSTM, the mean of its states over the frames of each utterance, dropout, and the affine layer."""

    def __init__(self, units: int, drops: dict[str, float], p: float, rng: fd.Key) -> None:
        super().__init__()
        self.lstm = nn.LSTM(COEFFICIENTS, units, rng=rng.fold_in(0, role="child"), **drops)
        self.head = nn.Sequential(nn.Dropout(p), nn.Linear(units, SPEAKERS), rng=rng.fold_in(1, role="child"))

    def children(self) -> tuple[nn.Module, ...]:
        """Return what is inside."""
        return self.lstm, self.head

    def forward(self, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return logits, (utterances, speakers)."""
        # Frames after the end follow all others, so that no state which counts depends on them.
        there = np.arange(x.shape[1]) < lengths[:, None]
        self.share = (there / lengths[:, None]).astype(np.float32)[:, :, None]
        return self.head((self.lstm(x) * self.share).sum(axis=1))

    __call__ = forward

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the frames."""
        return self.lstm.backward(self.head.backward(dy)[:, None, :] * self.share)


def accuracy(model: Reader, x: np.ndarray, lengths: np.ndarray, y: np.ndarray) -> float:
    """Return the share of right answers in evaluation mode, in %."""
    return 100 * float(np.mean(model.eval()(x, lengths).argmax(axis=1) == y))


def train(variant: str, seed: int, quick: bool) -> dict[str, object]:
    """Train one network; all that is random comes from the seed, and variants of one seed differ in dropout alone."""
    key = fd.Key(seed)
    units, epochs = (8, 2) if quick else (UNITS, EPOCHS)
    x, lengths, y = utterances("train")
    shuffled = key.fold_in(SPLIT).generator().permutation(len(y))
    rows = np.concatenate([shuffled[y[shuffled] == speaker][:EACH] for speaker in range(SPEAKERS)])
    seen = x[rows], lengths[rows], y[rows]
    mean, deviation = (f(seen[0][seen[0].any(axis=2)], axis=0) for f in (np.mean, np.std))
    seen, test = (((a - mean) / deviation, n, b) for a, n, b in (seen, utterances("test")))
    model = Reader(units, *VARIANTS[variant], rng=key.fold_in(MODEL))
    loss, adam = nn.CrossEntropyLoss(), nn.Adam(model.parameters(), lr=0.005)
    order, curve = key.fold_in(ORDER).generator(), []
    for epoch in range(1, epochs + 1):
        model.train()
        shuffled = order.permutation(len(rows))
        for first in range(0, len(rows), BATCH):
            frames, n, speakers = (array[shuffled[first : first + BATCH]] for array in seen)
            adam.zero_grad()
            loss(model(frames, n), speakers)
            model.backward(loss.backward())
            adam.step()
        if epoch % max(1, epochs // POINTS) == 0:
            curve.append((epoch, accuracy(model, *seen), accuracy(model, *test)))
    return {"train": curve[-1][1], "test": curve[-1][2], "best": max(row[2] for row in curve), "curve": curve}


def main() -> None:
    """Train, print the table, draw the picture."""
    chosen = options(__doc__, "speakers.png", seeds=10)
    results = run_all(train, list(VARIANTS), chosen)
    print(f"{EACH} utterances of each of {SPEAKERS} speakers to train on; seeds 0 to {chosen.seeds - 1}")
    print(table(results, {"train": "train %", "best": "best test %", "test": "test %"}, "test"))
    print("\nTest accuracy:\n" + verdict(results, "test", "points"))
    title = f"Japanese Vowels, {EACH} utterances of each speaker: mean of {chosen.seeds} seeds"
    draw_results(results, "test", "accuracy in %", "epoch", title, chosen.out)


if __name__ == "__main__":
    main()
