"""One training of the demo: a hidden layer with dropout, and what is measured of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

import fastdrop as fd
from fastdrop import nn
from fastdrop.demo.data import MODEL, ORDER, Split
from fastdrop.demo.measure import Digest, MeasuredDropout

__all__ = ["REGIME", "Outcome", "Regime", "Training", "train", "worst_unit_loss"]


@dataclass(frozen=True)
class Regime:
    """How a network is trained.

    Attributes
    ----------
    train_rows, hidden, batch, epochs : int
        Rows of the training set, units of the hidden layer, rows of a step, passes over the training set.
    learning_rate : float
        Of Adam.
    noise : float
        Share of replaced labels in the second table.
    evaluations : int
        Points of a learning curve.
    """

    train_rows: int = 400
    hidden: int = 512
    batch: int = 50
    epochs: int = 100
    learning_rate: float = 0.002
    noise: float = 0.2
    evaluations: int = 20


# Chosen with the seeds 100 to 109, before the seeds that are reported were run, by one rule: enough units and epochs
# that the network without dropout reproduces nearly every training label, replaced ones included.
REGIME = Regime()


@dataclass(frozen=True)
class Outcome:
    """What a network is worth: accuracies as shares of 1.

    Attributes
    ----------
    train, test : float
        Accuracy on the training set with its own, perhaps replaced labels, and on the test set.
    worst_unit : float
        Test accuracy lost when the one hidden unit is removed that costs most.
    """

    train: float
    test: float
    worst_unit: float


@dataclass(frozen=True)
class Training:
    """What came out of one training.

    Attributes
    ----------
    outcome : Outcome
        In evaluation mode, after the last epoch.
    left_on : Outcome or None
        The same network with dropout left on, if that was asked for.
    epochs : tuple of int
    curve : tuple of (float, float)
        Train and test accuracy in evaluation mode after these epochs.
    seconds, dropout_seconds, numpy_seconds : float
        Time of all training steps; of these, of the dropout layer's two passes; and what these would have taken with a
        mask of NumPy.
    """

    outcome: Outcome
    left_on: Outcome | None
    epochs: tuple[int, ...]
    curve: tuple[tuple[float, float], ...]
    seconds: float
    dropout_seconds: float
    numpy_seconds: float


def worst_unit_loss(hidden: np.ndarray, logits: np.ndarray, weight: np.ndarray, labels: np.ndarray) -> float:
    """Return the accuracy lost when the hidden unit is removed that costs most.

    Without unit j the logits are less by the outer product of its activations and its column of the last layer's
    weight, so that no forward pass is needed.

    Parameters
    ----------
    hidden : ndarray, shape (rows, units)
        Input of the last layer.
    logits : ndarray, shape (rows, classes)
    weight : ndarray, shape (classes, units)
        Of the last layer.
    labels : ndarray of int, shape (rows,)

    Returns
    -------
    float
        Share of 1.
    """
    by_class = np.ascontiguousarray(logits.T)
    accuracy = np.mean(by_class.argmax(axis=0) == labels)
    lowest = min(
        np.mean((by_class - np.multiply.outer(column, unit)).argmax(axis=0) == labels)
        for unit, column in zip(np.ascontiguousarray(hidden.T), weight.T, strict=True)
    )
    return float(accuracy - lowest)


def _assess(model: nn.Sequential, split: Split) -> Outcome:
    """Measure a network in the mode that it is in."""
    accuracies = []
    for x, labels in ((split.x_train, split.y_train), (split.x_test, split.y_test)):
        hidden = x
        for layer in list(model)[:-1]:
            hidden = layer(hidden)
        logits = model[-1](hidden)
        accuracies.append(float(np.mean(logits.argmax(axis=1) == labels)))
    worst = worst_unit_loss(hidden, logits, model[-1].weight.data, labels)
    return Outcome(*accuracies, worst)


def train(
    split: Split, p: float, key: fd.Key, regime: Regime = REGIME, *, left_on: bool = False, digest: Digest | None = None
) -> Training:
    """Train a network with dropout p on its hidden layer.

    Parameters
    ----------
    split : Split
    p : float
        Probability of dropping a hidden unit.
    key : Key
        Decides initial values, masks and the order of rows: networks of one key differ in p only.
    regime : Regime
    left_on : bool
        Whether to assess the network with dropout left on, too.
    digest : Digest, optional
        Takes every mask and dropout output.

    Returns
    -------
    Training
    """
    rows, features = split.x_train.shape
    dropout = MeasuredDropout(p, digest)
    model = nn.Sequential(
        nn.Linear(features, regime.hidden),
        nn.ReLU(),
        dropout,
        nn.Linear(regime.hidden, split.classes),
        rng=key.fold_in(MODEL),
    )
    loss, optimizer = nn.CrossEntropyLoss(), nn.Adam(model.parameters(), lr=regime.learning_rate)
    order = key.fold_in(ORDER).generator()
    points = np.unique(np.linspace(0, regime.epochs, regime.evaluations + 1)[1:].round().astype(int))
    epochs, curve, seconds = [], [], 0.0
    for epoch in range(1, regime.epochs + 1):
        start = time.perf_counter()
        model.train()
        shuffled = order.permutation(rows)
        for first in range(0, rows, regime.batch):
            batch = shuffled[first : first + regime.batch]
            optimizer.zero_grad()
            loss(model(split.x_train[batch]), split.y_train[batch])
            model.backward(loss.backward())
            optimizer.step()
        seconds += time.perf_counter() - start
        if epoch in points:
            model.eval()
            epochs.append(epoch)
            pairs = ((split.x_train, split.y_train), (split.x_test, split.y_test))
            curve.append(tuple(float(np.mean(model(x).argmax(axis=1) == y)) for x, y in pairs))
    times = seconds - dropout.paused, dropout.seconds, dropout.numpy_seconds
    outcome = _assess(model.eval(), split)
    wrong = _assess(model.train(), split) if left_on else None
    return Training(outcome, wrong, tuple(epochs), tuple(curve), *times)
