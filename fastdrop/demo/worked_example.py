"""The worked example: four numbers, by hand."""

from __future__ import annotations

import numpy as np

import fastdrop as fd
from fastdrop import nn

__all__ = ["KEEPS_FIRST_AND_THIRD", "example_text"]

#: The smallest seed whose layer keeps the first and third of four elements at p = 0.5 in its first call.
KEEPS_FIRST_AND_THIRD = 0


def example_text() -> str:
    """Compute 2, 4, 6, 8 under dropout with p = 0.5, in training and in evaluation mode.

    Returns
    -------
    str
        The example, ready to print.

    Raises
    ------
    RuntimeError
        If a result is not what the mask contract says: then this build is broken.

    Examples
    --------
    >>> from fastdrop.demo.worked_example import example_text
    >>> print(example_text())
    A worked example: dropout with p = 0.5 on 2, 4, 6, 8
      this key keeps the first and third, and the kept are divided by 1 - p = 0.5
      training:    2 4 6 8  ->  4 0 12 0
      gradient:    1 1 1 1  ->  2 0 2 0    the same mask and scale, made again
      evaluation:  2 4 6 8  ->  2 4 6 8    unchanged: the scale of training kept the mean
    """
    x = np.array([2, 4, 6, 8], np.float32)
    layer = nn.Dropout(p=0.5, rng=fd.Key(KEEPS_FIRST_AND_THIRD))
    trained = layer.train()(x)
    gradient = layer.backward(np.ones_like(x))
    evaluated = layer.eval()(x)
    for got, wanted in ((trained, [4, 0, 12, 0]), (gradient, [2, 0, 2, 0]), (evaluated, [2, 4, 6, 8])):
        if got.tolist() != wanted:
            raise RuntimeError(f"the worked example has to give {wanted}, but gave {got.tolist()}: a broken build")
    return "\n".join(
        [
            "A worked example: dropout with p = 0.5 on 2, 4, 6, 8",
            "  this key keeps the first and third, and the kept are divided by 1 - p = 0.5",
            f"  training:    {_row(x)}  ->  {_row(trained)}",
            f"  gradient:    {_row(np.ones_like(x))}  ->  {_row(gradient)}    the same mask and scale, made again",
            f"  evaluation:  {_row(x)}  ->  {_row(evaluated)}    unchanged: the scale of training kept the mean",
        ]
    )


def _row(values: np.ndarray) -> str:
    return " ".join(f"{value:g}" for value in values)
