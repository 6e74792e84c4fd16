"""Probabilities over depth and over training. They change p alone: no mask of another layer or call moves."""

from __future__ import annotations

import math

from fastdrop.integers import integer
from fastdrop.probability import check_p

__all__ = ["curriculum", "linear_depth"]


def linear_depth(p: float, depth: int) -> list[float]:
    """Return the probabilities of `depth` residual blocks, rising evenly from 0 at the first to p at the last.

    Parameters
    ----------
    p : float
        Probability of the last block, in [0, 1].
    depth : int
        Number of blocks, at least 1. A single block gets p.

    Returns
    -------
    list of float
        p * l / (depth - 1) for block l, counted from 0.

    Raises
    ------
    TypeError, ValueError
        If p is no probability or `depth` no positive integer.

    Notes
    -----
    The linear decay rule of stochastic depth (Huang, Sun, Liu, Sedra and Weinberger, ECCV 2016), with the first block
    never dropped, as vision transformers count it (timm).

    Examples
    --------
    >>> from fastdrop import schedules
    >>> schedules.linear_depth(0.5, 3)
    [0.0, 0.25, 0.5]
    """
    last, blocks = _one(p), integer(depth, "depth")
    if blocks < 1:
        raise ValueError(f"depth has to be at least 1, but got {blocks}")
    return [last] if blocks == 1 else [last * block / (blocks - 1) for block in range(blocks)]


def curriculum(p: float, step: int, steps: int, *, kind: str = "exponential", gamma: float = 10.0) -> float:
    """Return the probability of a training step: from 0 at step 0 towards p.

    Parameters
    ----------
    p : float
        Probability in the end, in [0, 1].
    step : int
        Number of the step, from 0 on; from `steps` on the linear schedule stays at p.
    steps : int
        Number of steps in all, at least 1.
    kind : {"exponential", "linear"}, default "exponential"
        How p rises.
    gamma : float, default 10.0
        Rate of the exponential schedule over all steps: it ends at p * (1 - exp(-gamma)).

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    Curriculum dropout (Morerio, Cavazza, Volpi, Vidal and Murino, ICCV 2017) lets the probability of keeping fall as
    (1 - q) exp(-gamma t) + q with q = 1 - p and gamma = 10 over the whole training, which is p (1 - exp(-gamma t)) for
    dropping.

    Examples
    --------
    >>> from fastdrop import schedules
    >>> [schedules.curriculum(0.5, step, 100, kind="linear") for step in (0, 50, 100, 200)]
    [0.0, 0.25, 0.5, 0.5]
    """
    last, now, all_steps = _one(p), integer(step, "step"), integer(steps, "steps")
    if all_steps < 1:
        raise ValueError(f"steps has to be at least 1, but got {all_steps}")
    if now < 0:
        raise ValueError(f"step has to be at least 0, but got {now}")
    if kind == "linear":
        return last * min(now / all_steps, 1.0)
    if kind != "exponential":
        raise ValueError(f"kind has to be 'exponential' or 'linear', but got {kind!r}")
    if not isinstance(gamma, (int, float)) or isinstance(gamma, bool) or not 0 < gamma < math.inf:
        raise ValueError(f"gamma has to be a positive finite number, but got {gamma!r}")
    return last * -math.expm1(-gamma * now / all_steps)


def _one(p: object) -> float:
    number = check_p(p)
    if not isinstance(number, float):
        raise TypeError(f"p has to be one number, but got an array of shape {number.shape}")
    return number
