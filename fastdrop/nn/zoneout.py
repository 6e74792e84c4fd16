"""Zoneout as a layer of two inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop.arrays import as_input
from fastdrop.geometry import whole_geometry
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.nn.checks import check_shape, no_forward
from fastdrop.nn.dropout import _axes
from fastdrop.nn.random import ONLY_MASK, RandomModule
from fastdrop.probability import one_p
from fastdrop.rng import RNGLike
from fastdrop.zoneout import check_eval_mode, zoneout, zoneout_backward, zoneout_forward

__all__ = ["Zoneout"]


class Zoneout(RandomModule):
    """Keep the old state with probability p while training; in evaluation mode the mean of that, or the new state.

    Parameters
    ----------
    p : float, default 0.5
        Probability of dropping the update, in [0, 1].
    eval_mode : {"expectation", "identity"}, default "expectation"
        What evaluation mode computes: (1 - p) new + p old, or new.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Notes
    -----
    Krueger et al., ICLR 2017: see `fastdrop.zoneout`. Each call has a mask of its own; `LSTM` has rates of its own for
    hidden state and cell.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.Zoneout(0.5, rng=1)
    >>> h = layer(np.ones(8), np.zeros(8))
    >>> d_new, d_old = layer.backward(np.ones(8))
    >>> bool((d_new == h).all()), bool((d_new + d_old == 1).all())
    (True, True)
    >>> layer.eval()(np.ones(2), np.zeros(2))
    array([0.5, 0.5])
    """

    def __init__(
        self,
        p: float = 0.5,
        eval_mode: str = "expectation",
        *,
        rng: RNGLike = None,
        share_axes: int | Sequence[int] | None = None,
    ) -> None:
        self.p = p
        self.eval_mode = check_eval_mode(eval_mode)
        self.share_axes = _axes(share_axes)
        super().__init__(rng=rng)
        self._mask: Mask | None = None
        self._mean: float | None = None  # p of the latest forward in evaluation mode
        self._shape: tuple[int, ...] | None = None

    @property
    def p(self) -> float:
        """float: probability of dropping the update; can be set at any time."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = one_p(p)

    def __call__(self, new: np.ndarray, old: np.ndarray) -> np.ndarray:  # type: ignore[override]
        """Return ``forward(new, old)``."""
        return self.forward(new, old)

    def forward(self, new: np.ndarray, old: np.ndarray) -> np.ndarray:  # type: ignore[override]
        """Return the state after the step.

        Parameters
        ----------
        new, old : array_like
            State after and before the update, of one shape and dtype.

        Returns
        -------
        ndarray
            A new array, or new itself where evaluation mode is the identity.

        Raises
        ------
        TypeError, ValueError
            If an array can't be used, or `share_axes` does not fit to its shape.
        """
        if not self._active:
            rule = {"training": False, "eval_mode": self.eval_mode, "share_axes": self.share_axes}
            h = zoneout(new, old, self._p, **rule)  # type: ignore[arg-type]
            self._mask, self._mean = None, 0.0 if self.eval_mode == "identity" else self._p
        else:
            h, self._mask = zoneout_forward(
                new, old, self._p, rng=self._part_key(ONLY_MASK), share_axes=self.share_axes
            )
            self._count_call()
        self._shape = h.shape
        return h

    def backward(self, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[override]
        """Return the gradients for the latest new and old state.

        Parameters
        ----------
        dh : array_like
            Gradient for the latest output, of its shape and any supported dtype.

        Returns
        -------
        d_new, d_old : ndarray

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dh can't be used.
        """
        if self._shape is None:
            raise no_forward(self)
        array, _ = as_input(dh, "dh")
        check_shape(array, self._shape, "dh")
        if self._mask is not None:
            return zoneout_backward(array, self._mask)
        assert self._mean is not None
        whole = whole_geometry(array.shape)
        kept, none = (Mask._make(whole, p, Key(0), None) for p in (0.0, 1.0))
        d_new, d_old = ((kept if q else none).apply(array, scale=q) for q in (1.0 - self._mean, self._mean))
        return d_new, d_old

    def __repr__(self) -> str:
        axes = "" if self.share_axes is None else f", share_axes={self.share_axes}"
        return f"Zoneout(p={self._p}, eval_mode={self.eval_mode!r}{axes})"
