"""What is said where JAX is missing or too old."""

from __future__ import annotations

__all__ = ["require_jax"]

_NEEDED = (0, 6)


def require_jax() -> None:
    """Raise an ImportError that names the extra, unless JAX can be used.

    Raises
    ------
    ImportError
        If JAX is not installed, or is older than 0.6.
    """
    how = "install it with pip install '.[jax]' in the source of fastdrop"
    try:
        import jax
    except ImportError as error:
        raise ImportError(f"fastdrop.jax needs JAX 0.6 or later: {how}") from error
    if tuple(map(int, jax.__version__.split(".")[:2])) < _NEEDED:
        raise ImportError(f"fastdrop.jax needs JAX 0.6 or later, but got {jax.__version__}: {how}")
