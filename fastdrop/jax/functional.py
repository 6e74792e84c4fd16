"""Dropout of JAX arrays: checks, keys and places, and the primitive called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from fastdrop.alpha import alpha_constants
from fastdrop.functional import check_flag
from fastdrop.geometry import c_strides, shared_axes
from fastdrop.integers import product
from fastdrop.jax.arguments import as_array, key_words, p_operand, p_words, place
from fastdrop.jax.primitive import ADD, AFFINE, DROPOUT, MULTIPLY, NONE, bind
from fastdrop.noise_law import check_gaussian_p, check_sigma, gaussian_sigma
from fastdrop.probability import one_p
from fastdrop.shard import Shard

__all__ = ["alpha_dropout", "dropout", "gaussian_dropout", "gaussian_noise", "p_bits", "sharded_dropout"]

SharedAxes = int | Sequence[int] | None
Place = Shard | tuple[Sequence[Any], Sequence[int]] | None
_EVERYWHERE = PartitionSpec()


def dropout(
    x: Any,
    p: Any = 0.5,
    *,
    rng: Any,
    training: bool = True,
    share_axes: SharedAxes = None,
    shard: Place = None,
) -> jax.Array:
    """Set elements to zero with probability p and scale the others by 1 / (1 - p).

    Parameters
    ----------
    x : array_like
        float16, bfloat16, float32, float64, complex64 or complex128, of any shape.
    p : float or jax.Array, default 0.5
        Probability of dropping, in [0, 1]. Under `jax.jit` it may be an argument: a scalar, which counts as the number
        that its dtype holds, or what `p_bits` returned.
    rng : Key, int or jax.Array
        The key: of fastdrop, or of `jax.random`, whose words are taken as seed and stream; or such words, uint32, two
        or four. Under `jax.jit` a key of JAX may be an argument, so that another key compiles nothing.
    training : bool, default True
        False returns x.
    share_axes : int or sequence of int, optional
        Axes along which one decision is shared.
    shard : Shard or (origin, global_shape), optional
        x is a block of a larger array, and gets its part of that array's mask; origin may be computed,
        from `jax.lax.axis_index` for instance.

    Returns
    -------
    jax.Array
        Of x's shape and dtype, with the mask of `fastdrop.dropout`. It is differentiable in x, in either mode and of
        any order, without storing a mask. Under `jax.vmap` rows share their mask if they share the key.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used. A p or an origin that only a run can tell, and that is out of range, is an error
        of that run.

    Notes
    -----
    It is a custom call that XLA does not look into: under `jax.jit` an array that is spread over devices by meshes with
    automatic axes is brought together for it; `sharded_dropout` leaves it where it is, as this function does where axes
    are explicit and x's type says how it is spread.

    Examples
    --------
    >>> import jax
    >>> import fastdrop as fd
    >>> import fastdrop.jax as fj
    >>> x = jax.numpy.ones((2, 8))
    >>> y = jax.jit(fj.dropout)(x, 0.5, rng=jax.random.key(7))
    >>> sorted(set(y.ravel().tolist()))
    [0.0, 2.0]
    >>> bool((fj.dropout(x, 0.3, rng=fd.Key(5)) == fd.dropout(x, 0.3, rng=fd.Key(5))).all())
    True
    """
    return _apply(x, p, rng, training, share_axes, shard)


def alpha_dropout(
    x: Any, p: float = 0.5, *, rng: Any, training: bool = True, share_axes: SharedAxes = None, shard: Place = None
) -> jax.Array:
    """Set elements to SELU's negative limit with probability p, and keep mean and variance (Klambauer et al. 2017).

    Parameters
    ----------
    x, rng, training, share_axes, shard
        As for `dropout`.
    p : float, default 0.5
        Probability of dropping, in [0, 1]: a number, not an argument of a compiled function.

    Returns
    -------
    jax.Array
        As of `fastdrop.alpha_dropout`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import fastdrop.jax as fj
    >>> y = fj.alpha_dropout(jnp.zeros(1000), 0.2, rng=1)
    >>> len(set(y.tolist()))
    2
    """
    p = one_p(p)
    return _apply(x, p, rng, training, share_axes, shard, AFFINE, alpha_constants(p))


def gaussian_dropout(
    x: Any, p: float = 0.5, *, rng: Any, training: bool = True, share_axes: SharedAxes = None, shard: Place = None
) -> jax.Array:
    """Multiply each element by 1 + sigma z, where z is standard normal and sigma² = p / (1 - p).

    Parameters
    ----------
    x, rng, training, share_axes, shard
        As for `dropout`.
    p : float, default 0.5
        In [0, 1): a number, not an argument of a compiled function.

    Returns
    -------
    jax.Array
        As of `fastdrop.gaussian_dropout`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import fastdrop.jax as fj
    >>> y = fj.gaussian_dropout(jnp.ones(100_000), 0.5, rng=1)
    >>> abs(float(y.mean()) - 1) < 0.02, abs(float(y.std()) - 1) < 0.02
    (True, True)
    """
    return _apply(x, 0.0, rng, training, share_axes, shard, MULTIPLY, (gaussian_sigma(check_gaussian_p(p)), 0.0, 0.0))


def gaussian_noise(
    x: Any, sigma: float, *, rng: Any, training: bool = True, share_axes: SharedAxes = None, shard: Place = None
) -> jax.Array:
    """Add sigma z to each element, where z is standard normal.

    Parameters
    ----------
    x, rng, training, share_axes, shard
        As for `dropout`.
    sigma : float
        Standard deviation, from 0 on and finite: a number, not an argument of a compiled function.

    Returns
    -------
    jax.Array
        As of `fastdrop.gaussian_noise`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import fastdrop.jax as fj
    >>> y = fj.gaussian_noise(jnp.zeros(100_000), 3.0, rng=1)
    >>> abs(float(y.mean())) < 0.05, abs(float(y.std()) - 3) < 0.05
    (True, True)
    """
    return _apply(x, 0.0, rng, training, share_axes, shard, ADD, (check_sigma(sigma), 0.0, 0.0))


def _apply(
    x: Any,
    p: Any,
    rng: Any,
    training: bool,
    share_axes: SharedAxes,
    shard: Place,
    operation: int = DROPOUT,
    constants: tuple[float, float, float] = NONE,
    spread: tuple[Any, PartitionSpec] | None = None,
) -> jax.Array:
    """Check arguments and call the primitive, on each device by itself where it is known how x is spread."""
    x = as_array(x)
    p, key = p_operand(p), key_words(rng)
    shared = shared_axes(share_axes, x.ndim)
    check_flag(training, "training")
    origin, whole = place(x.shape, shard)
    numbered = tuple(1 if d in shared else n for d, n in enumerate(whole))
    product(numbered, "shape")
    if not training:
        return x
    law = {"shape": whole, "steps": c_strides(numbered), "operation": operation, "constants": constants}
    spread = spread or (_explicit(x) if shard is None else None)
    if spread is None:
        return bind(x, key, p, origin, **law)
    mesh, spec = spread
    names = [*spec, *[None] * (x.ndim - len(spec))]

    def part(x, key, p):
        begin = [0 if name is None else jax.lax.axis_index(name) * n for name, n in zip(names, x.shape, strict=True)]
        return bind(x, key, p, place(x.shape, (begin, whole))[0], **law)

    call = jax.shard_map(part, mesh=mesh, in_specs=(spec, _EVERYWHERE, _EVERYWHERE), out_specs=spec)
    return call(x, key, p)


def _explicit(x: jax.Array) -> tuple[Any, PartitionSpec] | None:
    """Return mesh and spec of an array whose type tells them."""
    sharding = jax.typeof(x).sharding
    if all(name is None for name in sharding.spec):
        return None
    return sharding.mesh, sharding.spec


def sharded_dropout(
    x: jax.Array,
    p: Any = 0.5,
    *,
    rng: Any,
    mesh: Mesh | None = None,
    spec: PartitionSpec | None = None,
    training: bool = True,
    share_axes: SharedAxes = None,
) -> jax.Array:
    """Apply dropout to an array that is spread over devices, each to its part, without bringing anything together.

    Parameters
    ----------
    x : jax.Array
    p, rng, training, share_axes
        As for `dropout`; key and p are the same on all devices.
    mesh, spec : Mesh and PartitionSpec, optional
        How x is spread, or is to be; without them, what its type or `x.sharding` says. Inside of transformations
        neither tells that of meshes with automatic axes.

    Returns
    -------
    jax.Array
        Spread like x, with the mask of the whole array, whatever the mesh.

    Raises
    ------
    TypeError, ValueError
        As for `dropout`, and if it is not known how x is spread.

    Examples
    --------
    >>> import jax
    >>> import fastdrop as fd
    >>> import fastdrop.jax as fj
    >>> mesh = jax.make_mesh((1,), ("rows",))
    >>> rows = jax.sharding.PartitionSpec("rows")
    >>> y = fj.sharded_dropout(jax.numpy.ones((4, 2)), 0.5, rng=fd.Key(1), mesh=mesh, spec=rows)
    >>> bool((y == fj.dropout(jax.numpy.ones((4, 2)), 0.5, rng=fd.Key(1))).all())
    True
    """
    x = as_array(x)
    if mesh is None and spec is None:
        mesh, spec = _explicit(x) or _placed(x)
    if mesh is None or spec is None:
        raise ValueError("mesh and spec have to be given both, or x has to be an array with a NamedSharding")
    if AxisType.Explicit in mesh.axis_types and _explicit(x) is None:
        x = jax.device_put(x, NamedSharding(mesh, spec))
    return _apply(x, p, rng, training, share_axes, None, spread=(mesh, spec))


def _placed(x: jax.Array) -> tuple[Mesh | None, PartitionSpec | None]:
    sharding = None if isinstance(x, jax.core.Tracer) else x.sharding
    return (sharding.mesh, sharding.spec) if isinstance(sharding, NamedSharding) else (None, None)


def p_bits(p: float) -> np.ndarray:
    """Return the bits of a probability, for functions that are compiled once and called with many.

    Parameters
    ----------
    p : float
        In [0, 1].

    Returns
    -------
    numpy.ndarray, uint32[2]
        The double's bits, low word first: under `jax.jit` a number as an argument would be rounded to float32.

    Examples
    --------
    >>> import fastdrop.jax as fj
    >>> fj.p_bits(0.5).tolist()
    [0, 1071644672]
    """
    return p_words(p)
