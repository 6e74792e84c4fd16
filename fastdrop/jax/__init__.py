"""Dropout for JAX on the CPU: one call of the core inside compiled functions, with derivatives, vmap and shards.

The mask is that of `fastdrop.dropout` under the same key. Needs the extra `jax`.
"""

from fastdrop.jax.extra import require_jax

require_jax()

from fastdrop.jax.functional import (  # noqa: E402
    alpha_dropout,
    dropout,
    gaussian_dropout,
    gaussian_noise,
    p_bits,
    sharded_dropout,
)

__all__ = ["alpha_dropout", "dropout", "gaussian_dropout", "gaussian_noise", "p_bits", "sharded_dropout"]
