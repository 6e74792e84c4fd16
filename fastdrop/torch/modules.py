"""Modules of PyTorch, timm and torchvision: the same arguments, state and texts, on fastdrop's masks.

Each is a subclass of PyTorch's where PyTorch has it, with nothing but another `forward`: a module changes from one to
the other by its class alone.
"""

from __future__ import annotations

from types import FunctionType, SimpleNamespace

import torch.nn.functional as F
from torch import Tensor, nn

from fastdrop.torch import functional
from fastdrop.torch.attention import scaled_dot_product_attention

__all__ = [
    "AlphaDropout",
    "DropBlock2d",
    "DropBlock3d",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "MultiheadAttention",
    "StochasticDepth",
]


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` on fastdrop's masks; keys come from PyTorch's default generator.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> layer = ft.Dropout(0.5)
    >>> isinstance(layer, torch.nn.Dropout), sorted(set(layer(torch.ones(100)).tolist()))
    (True, [0.0, 2.0])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(nn.Dropout1d):
    """`torch.nn.Dropout1d` on fastdrop's masks."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(nn.Dropout2d):
    """`torch.nn.Dropout2d` on fastdrop's masks."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(nn.Dropout3d):
    """`torch.nn.Dropout3d` on fastdrop's masks."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(nn.AlphaDropout):
    """`torch.nn.AlphaDropout` on fastdrop's masks; like it, it works out of place whatever `inplace` says."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(nn.FeatureAlphaDropout):
    """`torch.nn.FeatureAlphaDropout` on fastdrop's masks; like it, it works out of place whatever `inplace` says."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.feature_alpha_dropout(input, self.p, self.training)


class DropPath(nn.Module):
    """timm's DropPath: whole samples are dropped.

    Parameters
    ----------
    drop_prob : float, default 0
        Probability of dropping a sample.
    scale_by_keep : bool, default True
        Whether kept samples are scaled by 1 / (1 - drop_prob).

    Examples
    --------
    >>> import fastdrop.torch as ft
    >>> ft.DropPath(0.1)
    DropPath(drop_prob=0.100)
    """

    scale_by_keep = True  # Hugging Face's, after `replace`, hold none

    def __init__(self, drop_prob: float = 0.0, scale_by_keep: bool = True) -> None:
        super().__init__()
        self.drop_prob = drop_prob
        self.scale_by_keep = scale_by_keep

    def forward(self, x: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.drop_path(x, self.drop_prob, self.training, self.scale_by_keep)

    def extra_repr(self) -> str:
        """Return what timm's shows."""
        return f"drop_prob={round(self.drop_prob, 3):0.3f}"


class DropBlock2d(nn.Module):
    """torchvision's DropBlock2d: squares of each channel are dropped.

    Parameters
    ----------
    p : float
        Probability of dropping an element, about.
    block_size : int
        Side of a square.
    inplace : bool, default False
        Whether to write to the input.
    eps : float, default 1e-6
        As torchvision has it; nothing depends on it.

    Examples
    --------
    >>> import fastdrop.torch as ft
    >>> ft.DropBlock2d(0.1, 7)
    DropBlock2d(p=0.1, block_size=7, inplace=False)
    """

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06) -> None:
        super().__init__()
        self.p = p
        self.block_size = block_size
        self.inplace = inplace
        self.eps = eps

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.drop_block2d(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def extra_repr(self) -> str:
        """Return what torchvision's shows."""
        return f"p={self.p}, block_size={self.block_size}, inplace={self.inplace}"


class DropBlock3d(DropBlock2d):
    """torchvision's DropBlock3d: cubes of each channel are dropped."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.drop_block3d(input, self.p, self.block_size, self.inplace, self.eps, self.training)


class StochasticDepth(nn.Module):
    """torchvision's StochasticDepth: whole samples, or the batch as one, are dropped.

    Parameters
    ----------
    p : float
        Probability of dropping.
    mode : {"row", "batch"}
        Whether each sample has a decision of its own.

    Examples
    --------
    >>> import fastdrop.torch as ft
    >>> ft.StochasticDepth(0.1, "row")
    StochasticDepth(p=0.1, mode=row)
    """

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:
        """Apply it in training."""
        return functional.stochastic_depth(input, self.p, self.mode, self.training)

    def extra_repr(self) -> str:
        """Return what torchvision's shows."""
        return f"p={self.p}, mode={self.mode}"


def _bound_to(function: FunctionType, **names: object) -> FunctionType:
    """Return the same function with other meanings of global names: nobody else's calls change."""
    scope = {**function.__globals__, **names}
    del scope["__name__"]  # or torch.compile would look names up in the module that is called so
    made = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


_ATTENTION = _bound_to(
    F.multi_head_attention_forward,
    dropout=functional.dropout,
    scaled_dot_product_attention=scaled_dot_product_attention,
)


class MultiheadAttention(nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention` whose dropout of the weights is fastdrop's, fused with the softmax.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> layer = ft.MultiheadAttention(8, 2, dropout=0.1, batch_first=True)
    >>> x = torch.ones(2, 5, 8)
    >>> layer(x, x, x, need_weights=False)[0].shape
    torch.Size([2, 5, 8])
    """

    forward = _bound_to(
        nn.MultiheadAttention.forward, F=SimpleNamespace(**{**vars(F), "multi_head_attention_forward": _ATTENTION})
    )
