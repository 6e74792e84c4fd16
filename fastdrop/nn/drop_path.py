"""DropPath as a layer: whole samples, or the whole batch, are dropped."""

from __future__ import annotations

import numpy as np

from fastdrop.drop_path import check_mode, drop_path_backward, drop_path_forward
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.nn.checks import check_bool
from fastdrop.nn.dropout import Dropout
from fastdrop.rng import RNGLike

__all__ = ["DropPath"]


class DropPath(Dropout):
    """Drop whole samples of a residual branch with probability p while training.

    Parameters
    ----------
    p : float or array_like of float, default 0.5
        Probability of dropping, in [0, 1].
    scale_by_keep : bool, default True
        Whether kept samples are scaled by 1 / (1 - p).
    mode : {"row", "batch"}, default "row"
        One decision for each sample, or a single one for all (LayerDrop).
    inplace : bool, default False
        Whether the forward pass writes to its input.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from.

    Notes
    -----
    Huang, Sun, Liu, Sedra and Weinberger, ECCV 2016. `fastdrop.schedules.linear_depth` gives the usual probabilities of
    a deep network.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> y = nn.DropPath(0.5, rng=3)(np.ones((4, 3)))
    >>> bool((y == y[:, :1]).all())
    True
    """

    def __init__(
        self,
        p: float | np.ndarray = 0.5,
        scale_by_keep: bool = True,
        mode: str = "row",
        inplace: bool = False,
        *,
        rng: RNGLike = None,
    ) -> None:
        self.scale_by_keep = check_bool(scale_by_keep, "scale_by_keep")
        self.mode = check_mode(mode)
        super().__init__(p, inplace, rng=rng)

    def _draw(self, x: np.ndarray, key: Key, out: np.ndarray | None) -> tuple[np.ndarray, Mask]:
        return drop_path_forward(x, self._p, rng=key, scale_by_keep=self.scale_by_keep, mode=self.mode, out=out)

    def _draw_again(self, dy: np.ndarray, mask: Mask) -> np.ndarray:
        return drop_path_backward(dy, mask, scale_by_keep=self.scale_by_keep)

    def __repr__(self) -> str:
        scale = "" if self.scale_by_keep else ", scale_by_keep=False"
        return super().__repr__().removesuffix(")") + f"{scale}, mode={self.mode!r})"
