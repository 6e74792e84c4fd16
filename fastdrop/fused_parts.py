"""What functions that fuse dropout with a bias, an activation and a residual have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input
from fastdrop.mask import Mask
from fastdrop.mixing import as_broadcast, as_companion, make_plan, write_to

__all__ = ["NO_ACTIVATION", "activation_number", "bias_gradient", "check_real", "fuse", "needed"]

#: Activations by name, in the numbers of the core.
ACTIVATIONS = {"relu": 1, "gelu": 2, "gelu_tanh": 3}
NO_ACTIVATION = 0


def bias_gradient(dx: np.ndarray, shape: int | Sequence[int]) -> np.ndarray:
    """Return the gradient for a bias of this shape: dx summed over the axes along which the bias was broadcast.

    Parameters
    ----------
    dx : array_like
        Gradient for x, which is that for x + bias.
    shape : int or sequence of int
        The bias's.

    Returns
    -------
    ndarray
        Of that shape and dx's dtype; float16 and bfloat16 are summed in float32.

    Raises
    ------
    TypeError, ValueError
        If dx is of no supported type, or `shape` does not broadcast to its shape.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> fd.bias_gradient(np.ones((4, 3)), (3,)), fd.bias_gradient(np.ones((4, 3)), (4, 1)).shape
    (array([4., 4., 4.]), (4, 1))
    """
    array, _ = as_input(dx, "dx")
    lengths = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    extra = array.ndim - len(lengths)
    fits = extra >= 0 and all(n in (1, m) for n, m in zip(lengths, array.shape[extra:], strict=True))
    if not fits:
        raise ValueError(f"shape has to broadcast to that of dx, {array.shape}, but got {lengths}")
    axes = [*range(extra), *(extra + d for d, n in enumerate(lengths) if n == 1)]
    wide = np.float32 if array.dtype.itemsize == 2 else array.dtype
    return np.asarray(array.sum(axis=tuple(axes), dtype=wide)).reshape(lengths).astype(array.dtype, copy=False)


def activation_number(activation: object) -> int:
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        known = " or ".join(map(repr, ACTIVATIONS))
        raise ValueError(f"activation has to be {known}, but got {activation!r}")
    return ACTIVATIONS[activation]


def check_real(array: np.ndarray) -> None:
    if array.dtype.kind == "c":
        raise TypeError(f"x has to be of a real dtype for an activation, but got {array.dtype}")


def needed(array: object, name: str) -> object:
    """Return an argument that may not be None."""
    if array is None:
        raise TypeError(f"{name} has to be an array, but got None")
    return array


def fuse(
    activation: int,
    x: object,
    bias: object,
    residual: object,
    p: object,
    rng: object,
    training: object,
    out: object,
    share_axes: object,
    shard: object,
    threads: object,
) -> tuple[np.ndarray, Mask]:
    """Check the arguments and write residual + (kept ? act(x + bias) s : 0), bias and residual where they are."""
    array, dtype = as_input(x)
    if activation != NO_ACTIVATION:
        check_real(array)
    added = None if bias is None else as_broadcast(bias, "bias", array)
    other = None if residual is None else as_companion(residual, "residual", array)
    plan = make_plan(array.shape, p, rng, training, share_axes, shard, threads)
    y = write_to(out, {"x": array, "bias": added, "residual": other})
    mask = plan.mask()
    _core.fused(mask._core_arguments(), activation, dtype, array, added, other, y, plan.threads)
    return y, mask
