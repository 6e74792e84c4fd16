"""Dropout as a primitive of JAX: lowered to the core's handler, linear in x, with a rule for vmap."""

from __future__ import annotations

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from fastdrop import _core

__all__ = ["ADD", "AFFINE", "DROPOUT", "MULTIPLY", "SCALED", "bind"]

_TARGET = "fastdrop_dropout"
jax.ffi.register_ffi_target(_TARGET, _core.xla_handler(), platform="cpu")

_dropout = Primitive("fastdrop_dropout")


#: As fd_xla_operation has them; all but affine and add are linear in x.
DROPOUT, SCALED, AFFINE, MULTIPLY, ADD = range(5)
NONE = (0.0, 0.0, 0.0)


def bind(
    x,
    key,
    p,
    origin,
    *,
    shape: tuple[int, ...],
    steps: tuple[int, ...],
    operation: int = DROPOUT,
    constants: tuple[float, float, float] = NONE,
    reuse: bool = False,
):
    """Return dropout of x, or another operation under the same law.

    Parameters
    ----------
    x : jax.Array
        Of a dtype and rank that the core takes.
    key : jax.Array, uint32[4]
        Seed and stream, low words first.
    p : jax.Array, uint32[2] or a scalar of float32 or float64
        The bits of a double, low word first, or a number.
    origin : jax.Array, int32 or int64, one for each axis
        Where x begins in the whole array.
    shape, steps : tuple of int
        Of the whole array, and the mask indices from one element to the next, 0 where a decision is shared.
    operation, constants
        As csrc/fastdrop_xla.h has them.
    reuse : bool
        Whether the result may be written over x, which XLA copies if it is needed later.
    """
    law = {"shape": shape, "steps": steps, "operation": operation, "constants": constants}
    return _dropout.bind(x, key, p, origin, reuse=reuse, **law)


@lru_cache(maxsize=256)
def _compiled(law: frozenset):
    return jax.jit(lambda *operands: bind(*operands, **dict(law)))


@_dropout.def_impl
def _run(*operands, reuse, **law):
    return _compiled(frozenset(law.items()))(*operands)


@_dropout.def_abstract_eval
def _abstract(x, key, p, origin, **law):
    return x.update(weak_type=False)


def _lower(context, *operands, shape, steps, operation, constants, reuse):
    return jax.ffi.ffi_lowering(_TARGET, operand_output_aliases={0: 0} if reuse else None)(
        context,
        *operands,
        shape=np.array(shape, np.int64),
        steps=np.array(steps, np.int64),
        operation=np.array([operation], np.int64),
        constants=np.array(constants, np.float64),
    )


mlir.register_lowering(_dropout, _lower, platform="cpu")


# The tangent is dropout of x's tangent, and the cotangent dropout of y's: the same mask, made again.


def _tangent(of_x, operands, operation, constants, **place):
    if operation == ADD:
        return of_x
    operation = SCALED if operation == AFFINE else operation
    return bind(of_x, *operands, operation=operation, constants=constants, **place)


def _jvp(primals, tangents, **law):
    y = _dropout.bind(*primals, **law)
    of_x, _, of_p, _ = tangents
    if type(of_p) is not ad.Zero and of_p.dtype != jax.dtypes.float0:
        raise TypeError(
            "p has to be a constant: dropout has no derivative for it (fastdrop.concrete_dropout learns one)"
        )
    return y, ad.Zero.from_primal_value(y) if type(of_x) is ad.Zero else _tangent(of_x, primals[1:], **law)


def _transpose(dy, x, key, p, origin, reuse, **law):
    """A cotangent is seldom needed any more: dx may lie where dy was."""
    dx = ad.Zero(x.aval) if type(dy) is ad.Zero else bind(dy, key, p, origin, reuse=True, **law)
    return [dx, None, None, None]


ad.primitive_jvps[_dropout] = _jvp
ad.primitive_transposes[_dropout] = _transpose


def _batch(operands, axes, *, shape, steps, **law):
    """With one key for all, rows share their decisions along an axis more; with a key for each, they are calls."""
    x, key, p, origin = operands
    front = [a if d is None else jnp.moveaxis(a, d, 0) for a, d in zip(operands, axes, strict=True)]
    if all(d is None for d in axes[1:]):
        x = front[0]
        origin = jnp.concatenate([jnp.zeros(1, origin.dtype), origin])
        return bind(x, key, p, origin, shape=(x.shape[0], *shape), steps=(0, *steps), **law), 0
    batched = tuple(a for a, d in zip(front, axes, strict=True) if d is not None)

    def one(rows):
        rows = iter(rows)
        operands = (next(rows) if d is not None else a for a, d in zip(front, axes, strict=True))
        return bind(*operands, shape=shape, steps=steps, **law)

    return jax.lax.map(one, batched), 0


batching.primitive_batchers[_dropout] = _batch
