"""PyTorch, or an error that says how to get it."""

from __future__ import annotations

import re

__all__ = ["OLDEST", "require_torch"]

#: The release from which on operators can say how they behave under vmap.
OLDEST = (2, 5)


def require_torch() -> None:
    """Import PyTorch.

    Raises
    ------
    ImportError
        If there is none, or one that is too old.
    """
    wanted = ".".join(map(str, OLDEST))
    how = "install it with pip install '.[torch]' in the source of fastdrop"
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"fastdrop.torch needs PyTorch {wanted} or later: {how}") from error
    found = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if found is None or tuple(map(int, found.groups())) < OLDEST:
        raise ImportError(f"fastdrop.torch needs PyTorch {wanted} or later, but got {torch.__version__}: {how}")
