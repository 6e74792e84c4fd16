"""Zoneout: where an update is dropped, the old state stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input
from fastdrop.geometry import whole_geometry
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.mixing import Plan, as_companion, as_masked, check_mask, make_plan, write_to
from fastdrop.rng import RNGLike
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["EVAL_MODES", "check_eval_mode", "zoneout", "zoneout_backward", "zoneout_forward"]


EVAL_MODES = ("expectation", "identity")


def check_eval_mode(eval_mode: object) -> str:
    """Return the name of what zoneout is in evaluation."""
    if not isinstance(eval_mode, str) or eval_mode not in EVAL_MODES:
        raise ValueError(f"eval_mode has to be 'expectation' or 'identity', but got {eval_mode!r}")
    return eval_mode


def zoneout(
    new: np.ndarray,
    old: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    training: bool = True,
    eval_mode: str = "expectation",
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Keep the old state with probability p, element by element, and take the new one elsewhere.

    Parameters
    ----------
    new : array_like
        State after the update: float16, bfloat16, float32, float64, complex64 or complex128, of any shape and strides.
    old : array_like
        State before it, of the same shape and dtype.
    p : float, default 0.5
        Probability of dropping the update, in [0, 1].
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, as for `dropout`.
    training : bool, default True
        False computes what `eval_mode` says (no key is drawn).
    eval_mode : {"expectation", "identity"}, default "expectation"
        Without training: (1 - p) new + p old, the mean over all masks, or new as it is.
    out : ndarray, optional
        Where to write: new or old itself, or an array that shares no memory with them, of the same shape and dtype.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.
    shard : Shard, optional
        The arrays are blocks of larger ones.
    threads : int, optional
        Most threads to use; the result does not depend on it.

    Returns
    -------
    ndarray
        `out`, or a new array like new; new itself if `training` is False, `eval_mode` "identity", new is an array
        and `out` not given.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.
    KeyboardInterrupt
        Ctrl-C is seen between parts of a long call; `out` is then unspecified.

    Notes
    -----
    Krueger et al., "Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations", ICLR 2017. Nothing is
    scaled: elements are copied, NaN and infinity too.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> new, old = np.full(6, 2.0), np.ones(6)
    >>> sorted(set(fd.zoneout(new, old, 0.5, rng=1).tolist()))
    [1.0, 2.0]
    >>> fd.zoneout(new, old, 0.25, training=False)
    array([1.75, 1.75, 1.75, 1.75, 1.75, 1.75])
    """
    mode = check_eval_mode(eval_mode)
    array, dtype = as_input(new, "new")
    other = as_companion(old, "old", array, "new")
    plan = make_plan(array.shape, p, rng, training, share_axes, shard, threads)
    if not plan.training:
        if mode == "identity" and out is None and isinstance(new, np.ndarray):
            return array
        y = write_to(out, {"new": array, "old": other})
        return _evaluate(array, other, 0.0 if mode == "identity" else plan.p, dtype, y, plan.threads)
    return _choose(array, other, dtype, plan, out)[0]


def zoneout_forward(
    new: np.ndarray,
    old: np.ndarray,
    p: float = 0.5,
    *,
    rng: RNGLike = None,
    out: np.ndarray | None = None,
    share_axes: int | Sequence[int] | None = None,
    shard: Shard | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, Mask]:
    """Do what `zoneout` does in training, and return the mask as well; arguments and errors are its.

    Returns
    -------
    h : ndarray
        `out`, or a new array like new.
    mask : Mask
        The law of the decisions, True where the new state was taken; nothing is stored.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> h, mask = fd.zoneout_forward(np.ones(6), np.zeros(6), 0.5, rng=1)
    >>> bool((h == mask.to_bool()).all())
    True
    """
    array, dtype = as_input(new, "new")
    other = as_companion(old, "old", array, "new")
    return _choose(array, other, dtype, make_plan(array.shape, p, rng, True, share_axes, shard, threads), out)


def zoneout_backward(
    dh: np.ndarray,
    mask: Mask,
    *,
    out: tuple[np.ndarray | None, np.ndarray | None] | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients for the new and the old state, made in one pass.

    Parameters
    ----------
    dh : array_like, shape ``mask.shape``
        Gradient of the loss for the state that `zoneout_forward` returned, of any supported dtype.
    mask : Mask
        What `zoneout_forward` returned.
    out : tuple of two ndarray or None, optional
        Where to write the one and the other: dh itself, or arrays that share no memory with it or each other.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    d_new : ndarray
        dh where the new state was taken, else +0.
    d_old : ndarray
        dh where the old state stayed, else +0.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; nothing has been written then.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> fd.zoneout_backward(np.array([3.0, 4.0]), fd.Mask.from_bool([True, False], 0.5))
    (array([3., 0.]), array([0., 4.]))
    """
    law = check_mask(mask)
    array, dtype = as_masked(dh, "dh", law)
    team = check_threads(threads)
    if out is not None and (not isinstance(out, tuple) or len(out) != 2):
        raise TypeError(f"out has to be a tuple of two arrays or None, but got {type(out).__name__}")
    first, second = (None, None) if out is None else out
    d_new = write_to(first, {"dh": array}, law)
    d_old = write_to(second, {"dh": array}, law)
    if np.may_share_memory(d_new, d_old) and np.shares_memory(d_new, d_old):
        raise ValueError("out has to be two arrays that share no memory with each other, but they do")
    _core.part(law._core_arguments(), dtype, array, d_new, d_old, team)
    return d_new, d_old


def _choose(new: np.ndarray, old: np.ndarray, dtype: int, plan: Plan, out: object) -> tuple[np.ndarray, Mask]:
    h = write_to(out, {"new": new, "old": old})
    mask = plan.mask()
    _core.choose(mask._core_arguments(), dtype, new, old, h, plan.threads)
    return h, mask


def _evaluate(new: np.ndarray, old: np.ndarray, p: float, dtype: int, h: np.ndarray, threads: int) -> np.ndarray:
    """Write (1 - p) new + p old; the one or the other alone where p says so, that 0 times infinity be no NaN."""
    if p in (0.0, 1.0):
        np.copyto(h, old if p else new)
        return h
    mask = Mask._make(whole_geometry(new.shape), 0.0, Key(0), None)  # for its shape
    _core.blend(mask._core_arguments(), 1.0 - p, p, dtype, new, old, h, threads)
    return h
