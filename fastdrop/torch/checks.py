"""What every function checks of its arguments, in PyTorch's words where PyTorch has any."""

from __future__ import annotations

import numbers

import torch
from torch import Tensor

from fastdrop.torch.kernels import check_tensor
from fastdrop.torch.keys import check_generator

__all__ = ["check_call", "check_p"]


def check_call(x: object, p: object, rng: object, generator: object, name: str = "input") -> float:
    """Refuse what can't be used, and return p as a float."""
    check_tensor(x, name)
    check_generator(generator, rng)
    return check_p(p)


def check_p(p: object) -> float:
    """Return a probability as a float."""
    if type(p) is float and 0.0 <= p <= 1.0:
        return p
    if isinstance(p, Tensor):
        if p.requires_grad or p.numel() != 1:
            what = "one that requires a gradient" if p.requires_grad else f"one of shape {tuple(p.shape)}"
            raise TypeError(f"p has to be a number, or a tensor that stands for one, but got {what}")
        p = p.item()
    if isinstance(p, bool) or not isinstance(p, (numbers.Real, torch.SymFloat)):
        raise TypeError(f"p has to be a number, but got {p!r} of type {type(p).__name__}")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return p if isinstance(p, torch.SymFloat) else float(p)
