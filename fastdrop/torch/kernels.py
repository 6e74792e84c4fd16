"""Tensors in memory: what can be used, and the core called on it."""

from __future__ import annotations

import numpy as np
import torch

from fastdrop import _core
from fastdrop.alpha import alpha_constants
from fastdrop.arrays import DTYPES
from fastdrop.geometry import c_strides
from fastdrop.torch.keys import Words

__all__ = ["CODES", "RULES", "WORD", "alpha", "as_array", "check_tensor", "is_able", "mask_steps", "scale_of", "scaled"]

CODES = {getattr(torch, name): number for name, number in DTYPES.items()}
WORD = (1 << 64) - 1


def is_able(x: object) -> bool:
    """Return whether the core can work on it: a dense tensor on the CPU, of one of its dtypes."""
    return (
        isinstance(x, torch.Tensor) and x.is_cpu and x.dtype in CODES and x.layout is torch.strided and not x.is_nested
    )


def check_tensor(x: object, name: str = "input") -> None:
    """Refuse what the core can't work on.

    Raises
    ------
    TypeError
        If it is no tensor, or of a dtype that there is no dropout for.
    ValueError
        If it is not on the CPU, sparse, or nested.
    """
    if is_able(x):
        return
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"{name} has to be a torch.Tensor, but got {type(x).__name__}")
    if x.dtype not in CODES:
        raise TypeError(f"{name} has to be of dtype {', '.join(DTYPES)}, but got {str(x.dtype).removeprefix('torch.')}")
    if x.layout is not torch.strided or x.is_nested:
        kind = "nested" if x.is_nested else str(x.layout).removeprefix("torch.")
        raise ValueError(f"{name} has to be a dense tensor, but is {kind}")
    if x.device.type not in ("cpu", "meta"):
        raise ValueError(
            f"{name} has to be on the CPU, but is on {x.device}; PyTorch's own dropout is for other devices"
        )


#: Factors of kept elements: dropout's 1 / (1 - p), none, and that of alpha dropout.
RULES = ("dropout", "unscaled", "alpha")


def scale_of(rule: str, p: float) -> float | None:
    """Return the factor of kept elements; None is dropout's own."""
    return {"dropout": None, "unscaled": 1.0, "alpha": alpha_constants(p)[0]}[rule]


def scaled(x: torch.Tensor, y: torch.Tensor, p: float, rule: str, key: Words, shared: list[int]) -> None:
    """Write kept ? x scale : 0 to y, which is x or does not overlap it."""
    if rule == "dropout" and not shared and x.is_contiguous() and y.is_contiguous():
        _core.dropout_at(x.data_ptr(), y.data_ptr(), x.numel(), CODES[x.dtype], p, *key, torch.get_num_threads())
        return
    mask = _mask(x, p, key, shared)
    mask.apply(CODES[x.dtype], as_array(x), as_array(y), scale_of(rule, p), torch.get_num_threads())


def alpha(x: torch.Tensor, y: torch.Tensor, p: float, key: Words, shared: list[int]) -> None:
    """Write alpha dropout of x to y, which is x or does not overlap it."""
    mask = _mask(x, p, key, shared)
    _core.affine(mask, *alpha_constants(p), CODES[x.dtype], as_array(x), as_array(y), torch.get_num_threads())


def mask_steps(shape: tuple[int, ...], shared: list[int]) -> tuple[int, ...]:
    """Return the mask indices from one element to the next, 0 along shared axes."""
    small = tuple(1 if axis in shared else n for axis, n in enumerate(shape)) if shared else shape
    return tuple(0 if axis in shared else step for axis, step in enumerate(c_strides(small)))


def _mask(x: torch.Tensor, p: float, key: Words, shared: list[int]) -> _core.MaskArguments:
    shape = tuple(x.shape)
    return _core.MaskArguments(shape, 0, mask_steps(shape, shared), key[0] & WORD, key[1] & WORD, p, None)


def as_array(x: torch.Tensor) -> np.ndarray:
    """Return the tensor's memory as an array; bfloat16, which NumPy lacks, as integers: the core is told the type."""
    x = x.detach()
    return (x.view(torch.uint16) if x.dtype is torch.bfloat16 else x).numpy()
