"""DropBlock as layers: contiguous blocks of feature maps are dropped."""

from __future__ import annotations

import numpy as np

from fastdrop.block_mask import BlockMask
from fastdrop.block_state import check_block
from fastdrop.dropblock import _drop
from fastdrop.key import Key
from fastdrop.nn.checks import check_bool
from fastdrop.nn.dropout import Dropout
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike
from fastdrop.spatial import check_rank

__all__ = ["DropBlock1d", "DropBlock2d", "DropBlock3d"]


class _DropBlock(Dropout):
    """A layer for inputs of batch, channels and `_dims` spatial axes."""

    _dims: int
    _mask: BlockMask | None  # type: ignore[assignment]

    def __init__(
        self,
        p: float = 0.5,
        block_size: int = 7,
        inplace: bool = False,
        *,
        channels_last: bool = False,
        rng: RNGLike = None,
    ) -> None:
        self.block_size = check_block(block_size)
        self.channels_last = check_bool(channels_last, "channels_last")
        super().__init__(p, inplace, rng=rng)

    @property
    def p(self) -> float:
        """float: target of the share that is dropped; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = one_p(p)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return x with blocks +0 and the rest scaled; x as it is in evaluation mode.

        Raises
        ------
        TypeError, ValueError
            If x can't be used, its number of axes and maps smaller than a block included.
        """
        array = check_rank(x, self._dims, self.channels_last, type(self).__name__)
        return super().forward(x if isinstance(x, np.ndarray) else array)

    def _draw(self, x: np.ndarray, key: Key, out: np.ndarray | None) -> tuple[np.ndarray, BlockMask]:
        y, mask = _drop(self._dims, x, self._p, self.block_size, self.channels_last, key, True, out, None, None, None)
        assert mask is not None  # there is one in training
        return y, mask

    def _draw_again(self, dy: np.ndarray, mask: BlockMask) -> np.ndarray:
        return mask._apply(dy, "dy", None, None)

    def __repr__(self) -> str:
        last = ", channels_last=True" if self.channels_last else ""
        inplace = ", inplace=True" if self.inplace else ""
        return f"{type(self).__name__}(p={self.p}, block_size={self.block_size}{inplace}{last})"


class DropBlock1d(_DropBlock):
    """Drop blocks of (N, C, L), or of (N, L, C) with `channels_last`, while training, and scale what is left.

    Parameters
    ----------
    p : float, default 0.5
        Target of the share that is dropped, in [0, 1]. Fewer are, for blocks overlap.
    block_size : int, default 7
        Side of a block; no spatial axis may be shorter.
    inplace : bool, default False
        Whether the forward pass writes to its input.
    channels_last : bool, default False
        Whether channels are the last axis. The same elements are dropped either way.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from.

    Notes
    -----
    Ghiasi, Lin and Le, NeurIPS 2018: `fastdrop.BlockMask` has the rule. An input of another rank, or with maps smaller
    than a block, is an error.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer, x = nn.DropBlock1d(0.3, 3, rng=1), np.ones((2, 8, 50))
    >>> y = layer(x)
    >>> float(y.mean().round(6)), bool((layer.backward(x) == y).all())
    (1.0, True)
    """

    _dims = 1


class DropBlock2d(_DropBlock):
    """Drop blocks of (N, C, H, W), or of (N, H, W, C) with `channels_last`: see `DropBlock1d`.

    Examples
    --------
    >>> from fastdrop import nn
    >>> nn.DropBlock2d(0.1, 7, channels_last=True)
    DropBlock2d(p=0.1, block_size=7, channels_last=True)
    """

    _dims = 2


class DropBlock3d(_DropBlock):
    """Drop blocks of (N, C, D, H, W), or of (N, D, H, W, C) with `channels_last`: see `DropBlock1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> nn.DropBlock3d(0.1, 3)(np.ones((1, 2, 2, 9, 9)))
    Traceback (most recent call last):
        ...
    ValueError: block_size has to be at most 2, the length of axis D, but got 3
    """

    _dims = 3
