"""timm's DropBlock, whose squares are the same in all channels; torchvision's is in vision.py."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastdrop.rng import RNGLike
from fastdrop.torch.blocks import drop_block
from fastdrop.torch.checks import check_call

__all__ = ["TimmDropBlock2d", "drop_block_2d"]


def drop_block_2d(
    x: Tensor,
    drop_prob: float = 0.1,
    block_size: int = 7,
    gamma_scale: float = 1.0,
    with_noise: bool = False,
    inplace: bool = False,
    couple_channels: bool = True,
    scale_by_keep: bool = True,
    *,
    rng: RNGLike = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Drop squares of (B, C, H, W) with timm's signature (Ghiasi et al. 2018).

    Parameters
    ----------
    x : Tensor
    drop_prob : float, default 0.1
        Probability of dropping an element, about.
    block_size : int, default 7
        Side of a square; at most that of the map.
    gamma_scale : float, default 1.0
        Factor of drop_prob.
    with_noise : bool, default False
        Has to be False: there is no filling of squares with noise.
    inplace : bool, default False
        Whether to write to x.
    couple_channels : bool, default True
        Whether the squares are the same in all channels of a sample.
    scale_by_keep : bool, default True
        Whether the rest is scaled by the number of elements over that of those kept.
    rng, generator
        Where the key comes from, as for `functional.dropout`.

    Returns
    -------
    Tensor
        Of x's shape. Squares lie inside the map, where timm lets some of them reach over its edge.

    Examples
    --------
    >>> import torch
    >>> from fastdrop.torch.timm_blocks import drop_block_2d
    >>> y = drop_block_2d(torch.ones(2, 3, 8, 8), 0.2, 3, rng=1)
    >>> bool((y == 0).any()), bool((y == y[:, :1]).all())
    (True, True)
    """
    p = check_call(x, drop_prob, rng, generator, "x")
    if x.dim() != 4:
        raise ValueError(f"x has to have 4 axes, (B, C, H, W), but has {x.dim()}")
    if isinstance(block_size, bool) or not isinstance(block_size, int) or block_size < 1:
        raise ValueError(f"block_size has to be a whole number from 1 on, but got {block_size!r}")
    if with_noise:
        raise ValueError("with_noise has to be False: fastdrop fills no squares with noise")
    if not gamma_scale >= 0.0:
        raise ValueError(f"gamma_scale has to be a number from 0 on, but got {gamma_scale!r}")
    p, block = min(p * gamma_scale, 1.0), min(block_size, *x.shape[2:])
    if p == 0.0 or 0 in x.shape:
        return x
    factors = drop_block(
        x.new_ones(x.shape[0], 1 if couple_channels else x.shape[1], *x.shape[2:]), p, block, rng, generator, False
    )
    if not scale_by_keep:
        factors = (factors != 0).to(x.dtype)
    return x.mul_(factors) if inplace else x * factors


class TimmDropBlock2d(nn.Module):
    """timm's DropBlock2d, for `replace`: what its modules hold decides.

    Parameters
    ----------
    drop_prob, block_size, gamma_scale, inplace, couple_channels, scale_by_keep
        As for `drop_block_2d`.

    Examples
    --------
    >>> import torch
    >>> from fastdrop.torch.timm_blocks import TimmDropBlock2d
    >>> y = TimmDropBlock2d(0.2, 3)(torch.ones(2, 3, 8, 8))
    >>> y.shape
    torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        drop_prob: float = 0.1,
        block_size: int = 7,
        gamma_scale: float = 1.0,
        inplace: bool = False,
        couple_channels: bool = True,
        scale_by_keep: bool = True,
    ) -> None:
        super().__init__()
        self.drop_prob = drop_prob
        self.block_size = block_size
        self.gamma_scale = gamma_scale
        self.inplace = inplace
        self.couple_channels = couple_channels
        self.scale_by_keep = scale_by_keep

    def forward(self, x: Tensor) -> Tensor:
        """Apply it in training."""
        if not self.training or not self.drop_prob:
            return x
        # Before timm 1.0.23 modules had neither of the last two: each channel had squares of its own, and was scaled.
        return drop_block_2d(
            x,
            self.drop_prob,
            self.block_size,
            self.gamma_scale,
            False,
            self.inplace,
            getattr(self, "couple_channels", False),
            getattr(self, "scale_by_keep", True),
        )
