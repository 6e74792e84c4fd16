"""Losses."""

from __future__ import annotations

import numpy as np

from fastdrop.nn.checks import as_real, no_forward

__all__ = ["CrossEntropyLoss"]


class CrossEntropyLoss:
    """Softmax cross-entropy of logits and integer labels, averaged over the rows.

    Notes
    -----
    The loss of a row is log(sum(exp(z))) - z[label], computed after the row's largest logit was subtracted so that
    nothing overflows. Its gradient for the logits is softmax(z), minus 1 at the label, divided by the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> loss = nn.CrossEntropyLoss()
    >>> round(loss(np.zeros((2, 4)), [0, 3]), 4)  # log(4)
    1.3863
    >>> loss.backward()
    array([[-0.375,  0.125,  0.125,  0.125],
           [ 0.125,  0.125,  0.125, -0.375]])
    """

    def __init__(self) -> None:
        self._probabilities: np.ndarray | None = None
        self._labels = np.empty(0, np.int64)
        self._dtype = np.dtype(np.float32)

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> float:
        """Return ``forward(logits, labels)``."""
        return self.forward(logits, labels)

    def forward(self, logits: np.ndarray, labels: np.ndarray) -> float:
        """Return the mean loss.

        Parameters
        ----------
        logits : array_like, shape (..., classes)
            Of a floating dtype; a row for each example, at least one.
        labels : array_like of int, shape (...)
            The right class of each row, from 0 to classes - 1.

        Returns
        -------
        float

        Raises
        ------
        TypeError
            If `logits` are not floating or `labels` not integers.
        ValueError
            If the shapes do not fit, there is no row or no class, or a label is out of range.
        """
        z = as_real(logits, "logits")
        right = np.asarray(labels)
        if right.dtype.kind not in "iu":
            raise TypeError(f"labels has to be an array of integers, but got dtype {right.dtype}")
        if z.ndim == 0 or z.size == 0:
            raise ValueError(f"logits has to be of shape (..., classes) and not empty, but got {z.shape}")
        if right.shape != z.shape[:-1]:
            raise ValueError(f"labels has to be of shape {z.shape[:-1]}, one for each row, but got {right.shape}")
        classes = z.shape[-1]
        rows, right = z.reshape(-1, classes), right.reshape(-1)
        wrong = (right < 0) | (right >= classes)
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"labels has to hold 0 to {classes - 1}, but got {right[first]} in row {first}")
        if rows.dtype.itemsize < 4:  # sums of float16 and bfloat16 would lose what they are about
            rows = rows.astype(np.float32)
        with np.errstate(over="ignore"):  # what is further below the largest than the type reaches counts as nothing
            shifted = rows - rows.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1)
        losses = np.log(sums) - shifted[np.arange(right.size), right]
        exponentials /= sums[:, None]
        self._probabilities, self._labels, self._dtype = exponentials.reshape(z.shape), right.copy(), z.dtype
        return float(losses.mean(dtype=np.float64))

    def backward(self) -> np.ndarray:
        """Return the gradient of the latest loss for its logits, of their shape and dtype.

        Raises
        ------
        RuntimeError
            Without a forward.
        """
        if self._probabilities is None:
            raise no_forward(self)
        gradient = self._probabilities.copy()
        rows = gradient.reshape(-1, gradient.shape[-1])
        rows[np.arange(self._labels.size), self._labels] -= 1
        rows /= self._labels.size
        return gradient.astype(self._dtype, copy=False)

    def __repr__(self) -> str:
        return "CrossEntropyLoss()"
