"""Arguments of calls, checked, as operands of the primitive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fastdrop.arrays import DTYPES
from fastdrop.integers import lengths, product
from fastdrop.key import Key
from fastdrop.probability import one_p
from fastdrop.rng import key_source
from fastdrop.shard import Shard

__all__ = ["as_array", "key_words", "p_operand", "p_words", "place"]

_MOST_AXES = 64


def as_array(x: Any) -> jax.Array:
    """Return x as an array of JAX, of a dtype and rank that the core takes."""
    if not isinstance(x, (jax.Array, np.ndarray, np.generic, float, complex, list, tuple)):
        raise TypeError(f"x has to be an array, but got {x!r} of type {type(x).__name__}")
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("x has to be an array that is not masked, but got a MaskedArray")
    array = x if isinstance(x, jax.Array) else jnp.asarray(x)
    if array.dtype.name not in DTYPES:
        raise TypeError(f"x has to be of dtype {', '.join(DTYPES)}, but got {array.dtype}")
    if array.ndim > _MOST_AXES:
        raise ValueError(f"x has to have up to {_MOST_AXES} axes, but got {array.ndim}")
    return array


def p_words(p: float) -> np.ndarray:
    """Return the bits of a probability, low word first."""
    return np.array([one_p(p)], np.float64).view(np.uint64).astype("<u8").view("<u4").astype(np.uint32)


def p_operand(p: Any) -> Any:
    """Return p as the bits of a double, or as the scalar of JAX that it is."""
    if not isinstance(p, jax.Array):
        is_bits = isinstance(p, np.ndarray) and p.dtype == np.uint32 and p.shape == (2,)
        return p if is_bits else p_words(p)
    if p.dtype == np.uint32 and p.shape == (2,):
        return p
    if p.ndim or not jnp.issubdtype(p.dtype, jnp.floating):
        raise TypeError(
            f"p has to be a number, a scalar of a floating dtype, or its bits, but got {p.dtype} of shape {p.shape}"
        )
    return p if p.dtype in (np.float32, np.float64) else p.astype(np.float32)


def key_words(rng: Any) -> Any:
    """Return seed and stream as four words, low ones first.

    Raises
    ------
    TypeError
        If it is nothing that stands for one key. A generator would be drawn from once, where a function is traced.
    """
    if isinstance(rng, Key) or (isinstance(rng, (int, np.integer)) and not isinstance(rng, bool)):
        key = key_source(rng)()
        halves = np.array([key.seed, key.stream], np.uint64)
        return np.stack([halves & np.uint64(0xFFFFFFFF), halves >> np.uint64(32)], 1).ravel().astype(np.uint32)
    words = rng
    if isinstance(rng, jax.Array) and jnp.issubdtype(rng.dtype, jax.dtypes.prng_key):
        if rng.ndim:
            raise TypeError(
                f"rng has to be one key, but got keys of shape {rng.shape}: jax.vmap takes one for each row"
            )
        words = jax.random.key_data(rng)
    if isinstance(words, (jax.Array, np.ndarray)) and words.dtype == np.uint32 and words.shape in ((2,), (4,)):
        return words if words.shape == (4,) else jnp.concatenate([words, jnp.zeros(2, np.uint32)])
    kind = f"{rng.dtype} of shape {rng.shape}" if isinstance(rng, (jax.Array, np.ndarray)) else repr(rng)
    raise TypeError(f"rng has to be a Key, an int, a key of jax.random or the words of one, but got {kind}")


def place(
    shape: tuple[int, ...], shard: Shard | tuple[Sequence[Any], Sequence[int]] | None
) -> tuple[Any, tuple[int, ...]]:
    """Return where a block begins, as an operand, and the shape of the whole array."""
    if shard is None:
        return np.zeros(len(shape), np.int32), shape
    if isinstance(shard, Shard):
        origin, whole = shard.origin, shard.global_shape
    elif isinstance(shard, tuple) and len(shard) == 2:
        origin, whole = shard[0], lengths(shard[1], "global_shape")
    else:
        raise TypeError(f"shard has to be a Shard, a pair (origin, global_shape) or None, but got {shard!r}")
    if isinstance(origin, jax.Array):
        if origin.shape != (len(shape),) or not jnp.issubdtype(origin.dtype, jnp.integer):
            raise TypeError(
                f"origin has to hold an integer for each axis, but got {origin.dtype} of shape {origin.shape}"
            )
    else:
        origin = tuple(origin)
    if len(origin) != len(shape) or len(whole) != len(shape):
        raise ValueError(f"shard has to have an origin and a length for each axis of shape {shape}, but got {shard!r}")
    product(whole, "global_shape")
    if not isinstance(origin, jax.Array) and not any(isinstance(first, jax.Array) for first in origin):
        Shard(origin, whole).check_block(shape)
        origin = np.array(origin, np.int64)
        if origin.size and origin.max() > np.iinfo(np.int32).max and not jax.config.jax_enable_x64:
            raise ValueError(f"an origin from 2**31 on needs jax_enable_x64, but got {tuple(origin.tolist())}")
        return origin.astype(np.int64 if jax.config.jax_enable_x64 else np.int32), whole
    return jnp.asarray(origin).astype(np.int64 if jax.config.jax_enable_x64 else np.int32), whole
