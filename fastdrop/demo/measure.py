"""What is measured of dropout while a network trains: time, the time of NumPy's way, a digest."""

from __future__ import annotations

import hashlib
import time

import numpy as np

import fastdrop as fd
from fastdrop import nn

__all__ = ["Digest", "MeasuredDropout", "numpy_seconds"]

#: The NumPy way is timed beside every eighth call: often enough for a mean, seldom enough to take no time.
NUMPY_EVERY = 8


class Digest:
    """A running SHA-256 over masks and outputs of dropout layers in training mode."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, mask: fd.Mask, y: np.ndarray) -> None:
        """Add the packed mask and the output of one call."""
        self._hash.update(mask.to_packed())
        self._hash.update(np.ascontiguousarray(y))

    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()


class MeasuredDropout(nn.Dropout):
    """Dropout that times itself in training, and beside itself, on the same arrays, what NumPy programs write.

    Attributes
    ----------
    seconds : float
        In forward and backward passes of training mode.
    paused : float
        Seconds in which other things were measured: to be taken off the time of the training.
    """

    def __init__(self, p: float, digest: Digest | None) -> None:
        super().__init__(p)
        self.seconds = 0.0
        self.paused = 0.0
        self._digest = digest
        self._numpy_rng = np.random.default_rng(0)
        self._numpy_times: list[float] = []

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the output of dropout."""
        start = time.perf_counter()
        y = super().forward(x)
        end = time.perf_counter()
        if self.training:
            self.seconds += end - start
            if self.calls % NUMPY_EVERY == 1:
                self._numpy_times.append(numpy_seconds(x, self.p, self._numpy_rng))
            if self._digest is not None:
                self._digest.update(self._mask, y)
            self.paused += time.perf_counter() - end
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient."""
        start = time.perf_counter()
        dx = super().backward(dy)
        self.seconds += time.perf_counter() - start
        return dx

    @property
    def numpy_seconds(self) -> float:
        """Seconds that all calls would have taken with a NumPy mask."""
        return float(np.mean(self._numpy_times)) * self.calls


def numpy_seconds(x: np.ndarray, p: float, rng: np.random.Generator) -> float:
    """Return the seconds of dropout as most NumPy programs write it, forward and backward, once."""
    start = time.perf_counter()
    keep = rng.random(x.shape, dtype=np.float32) >= p
    y = x * keep / (1 - p)
    _ = y * keep / (1 - p)
    return time.perf_counter() - start
