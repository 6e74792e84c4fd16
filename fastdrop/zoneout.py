"""Zoneout: where an update is dropped, the old value stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import _share, as_input, make_output
from fastdrop.functional import check_flag
from fastdrop.geometry import make_geometry
from fastdrop.mask import Mask
from fastdrop.noise_law import one_p
from fastdrop.operands import as_partner, check_mask, everything, mixed_output
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["EVAL_MODES", "check_eval_mode", "zoneout", "zoneout_backward", "zoneout_forward"]

EVAL_MODES = ("expectation", "identity")


def check_eval_mode(mode: object) -> str:
    """Return what zoneout does without training, if it is one of `EVAL_MODES`."""
    if not isinstance(mode, str) or mode not in EVAL_MODES:
        raise ValueError(f"eval_mode has to be 'expectation' or 'identity', but got {mode!r}")
    return mode


def zoneout(
    new: np.ndarray,
    old: np.ndarray,
    p: float,
    *,
    rng: RNGLike = None,
    training: bool = True,
    eval_mode: str = "expectation",
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Return the new state where it is kept and the old one where its update is dropped, with probability p.

    Parameters
    ----------
    new : array_like
        State after the update; float16, bfloat16 (of ml_dtypes), float32, float64, complex64 or complex128, of any shape
        and strides.
    old : array_like
        State before it, of the same shape and dtype; may be broadcast.
    p : float
        Probability of keeping the old value, in [0, 1]; one number.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False does what `eval_mode` says; no key is drawn.
    eval_mode : {"expectation", "identity"}, default "expectation"
        Without training the mean, (1 - p) new + p old, or `new` itself as MXNet and Chainer have it.
    out : ndarray, optional
        Where to write: new or old itself, or an array that shares no memory with either.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.
    shard : Shard, optional
        new and old are blocks of larger arrays.
    threads : int, optional
        Most threads to use; the result does not depend on it.

    Returns
    -------
    ndarray
        `out`, or a new array like `new`. `new` itself where it is the result, as for p = 0, and is an array and `out`
        not given. Nothing is scaled.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    Krueger et al., Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations, ICLR 2017. Kept means that the
    update is: a mask of this p drops the update with probability p.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> new, old = np.ones(8), np.zeros(8)
    >>> h = fd.zoneout(new, old, 0.5, rng=3)
    >>> bool((h == fd.Mask(8, 0.5, rng=3).to_bool()).all())
    True
    >>> fd.zoneout(new, old, 0.25, training=False)
    array([0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75])
    """
    train = check_flag(training, "training")
    return _zoneout(new, old, p, rng, train, eval_mode, out, share_axes, shard, threads)[0]


def zoneout_forward(
    new: np.ndarray,
    old: np.ndarray,
    p: float,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `zoneout` does in training, and return the mask for `zoneout_backward`: a law, which holds no bits.

    Parameters
    ----------
    new, old, p, rng, out, share_axes, shard, threads
        As for `zoneout`.

    Returns
    -------
    h : ndarray
        As of `zoneout`.
    mask : Mask
        Of the updates: kept where h is new.

    Raises
    ------
    TypeError, ValueError, KeyboardInterrupt
        As `zoneout`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> h, mask = fd.zoneout_forward(np.ones((2, 3)), np.zeros((2, 3)), 0.5, rng=3)
    >>> mask.nbytes
    0
    """
    h, mask = _zoneout(new, old, p, rng, True, "expectation", out, share_axes, shard, threads)
    assert mask is not None  # there is one in training
    return h, mask


def zoneout_backward(
    dh: np.ndarray,
    mask: Mask,
    *,
    out: tuple[np.ndarray | None, np.ndarray | None] | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients for the new and the old state: each element of dh goes to one of them.

    Parameters
    ----------
    dh : array_like, shape ``mask.shape``
        Gradient of the loss for h, of any supported dtype.
    mask : Mask
        What `zoneout_forward` returned, or the same law made again.
    out : tuple of ndarray or None, optional
        Where to write the two gradients: None for a new array; one of them may be dh itself, and they share no memory.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    d_new : ndarray
        dh where the update was kept, +0 elsewhere.
    d_old : ndarray
        +0 where the update was kept, dh elsewhere.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> fd.zoneout_backward(np.array([5.0, 7.0]), fd.Mask.from_bool([True, False], 0.5))
    (array([5., 0.]), array([0., 7.]))
    """
    array, dtype = as_input(dh, "dh")
    law = check_mask(mask, array, "dh")
    one_p(law.p)
    team = check_threads(threads)
    if out is not None and (not isinstance(out, tuple) or len(out) != 2):
        raise TypeError(f"out has to be None or a tuple of two arrays, but got {out!r}")
    first, second = (None, None) if out is None else out
    bits = () if law._bits is None else (law._bits,)
    d_new, d_old = make_output(array, first, bits, "dh"), make_output(array, second, bits, "dh")
    if first is not None and second is not None and _share(d_new, d_old):
        raise ValueError("out has to hold two arrays that share no memory, but they do")
    _core.part(law._core_arguments(), dtype, array, d_new, d_old, team)
    return d_new, d_old


def _zoneout(
    new: object,
    old: object,
    p: object,
    rng: object,
    training: bool,
    eval_mode: object,
    out: object,
    share_axes: object,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, Mask | None]:
    """Check the arguments and choose. There is no mask without training."""
    array, dtype = as_input(new, "new")
    before = as_partner(old, array, "old", "new")
    geometry = make_geometry(array.shape, share_axes, None, shard)
    number = one_p(p)
    mode = check_eval_mode(eval_mode)
    team = check_threads(threads)
    draw = key_source(rng)
    idle = number == 0.0 or (not training and mode == "identity")
    same = idle and out is None and isinstance(new, np.ndarray)
    h = array if same else mixed_output(array, out, "new", (("old", before),))
    mask = Mask._make(geometry, number, draw(), None) if training else None
    if idle:
        if h is not array:
            np.copyto(h, array)
    elif mask is None:
        _core.blend(everything(array.shape)._core_arguments(), 1.0 - number, number, dtype, array, before, h, team)
    else:
        _core.choose(mask._core_arguments(), dtype, array, before, h, team)
    return h, mask
