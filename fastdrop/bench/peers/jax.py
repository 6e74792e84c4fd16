"""Dropout in JAX, jitted: ``where(bernoulli(key, 1 - p), x / (1 - p), 0)`` with each of its random generators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.peers.tools import few_cpus, find, fixed_threads, quiet_import

__all__ = ["missing", "rows"]

GENERATORS = ("threefry2x32", "rbg", "philox4x32")


def missing() -> str | None:
    """Return why JAX can't run here, or None."""
    return find("jax", "jaxlib")


def start(threads: int) -> Any:
    """Import JAX and start its thread pool, which takes as many threads as there are CPUs for it."""
    jax = quiet_import("jax")
    if fixed_threads("JAX", threads):
        with few_cpus(threads):
            jax.devices("cpu")
    return jax


def prepare(case: Case, generator: str) -> Callable[[int], Any]:
    """Prepare one generator; the key is split inside the compiled function, which returns the next one."""
    jax = start(case.threads)
    jnp, cpu = jax.numpy, jax.devices("cpu")[0]

    def step(key: Any, x: Any) -> tuple[Any, Any]:
        key, now = jax.random.split(key)
        keep = jax.random.bernoulli(now, jnp.asarray(1 - case.p, uniform), x.shape)
        return key, jnp.where(keep, x / (1 - case.p), 0)

    wide = case.dtype == "float64"
    with jax.enable_x64(wide), jax.default_device(cpu):
        uniform = jnp.float64 if wide else jnp.float32
        x = jnp.ones(case.size, case.dtype)
        try:
            state = [jax.random.key(1, impl=generator)]
        except (KeyError, ValueError, TypeError) as error:
            raise UnsupportedError(f"JAX {jax.__version__} has no generator {generator}") from error
        compiled = jax.jit(step).lower(state[0], x).compile()

    def run(times: int) -> Any:
        key = state[0]
        for _ in range(times):
            key, y = compiled(key, x)
        state[0] = key
        return y.block_until_ready()

    run(1)
    return run


def rows() -> list[Row]:
    """Return a row for each generator."""
    return [Row(f"JAX jit, {name}", "peer", partial(prepare, generator=name), per_call=True) for name in GENERATORS]
