"""Functions of PyTorch that other people's code calls, exchanged for fastdrop's and back."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor

from fastdrop.torch import functional
from fastdrop.torch.attention import scaled_dot_product_attention
from fastdrop.torch.kernels import is_able

__all__ = ["patch"]

_OURS = {
    name: getattr(functional, name)
    for name in ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
} | {"scaled_dot_product_attention": scaled_dot_product_attention}
_theirs: dict[str, Callable[..., Tensor]] = {}
_lock = threading.Lock()
_users = 0


def _either(name: str) -> Callable[..., Tensor]:
    """Return what calls ours for tensors that it can work on, and PyTorch's for all others."""
    ours, theirs = _OURS[name], _theirs[name]

    @functools.wraps(theirs)
    def call(*arguments, **options) -> Tensor:
        first = arguments[0] if arguments else options.get("input", options.get("query"))
        return (ours if is_able(first) else theirs)(*arguments, **options)

    return call


@contextmanager
def patch() -> Iterator[None]:
    """Let `torch.nn.functional`'s dropouts and attention be fastdrop's, in the whole process, until it is left.

    For calls inside code that has no module to `replace`. To leave it on, enter it and keep it:
    ``contextlib.ExitStack().enter_context(patch())``. Code that imported a function by name before is not reached; nor
    are tensors that fastdrop has nothing for, which go where they went.

    Examples
    --------
    >>> import torch
    >>> import torch.nn.functional as F
    >>> import fastdrop as fd
    >>> import fastdrop.torch as ft
    >>> x = torch.ones(100)
    >>> with ft.patch():
    ...     y = F.dropout(x, 0.5)
    >>> y.unique().tolist()
    [0.0, 2.0]
    """
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            _theirs.update({name: getattr(F, name) for name in _OURS})
            for name in _OURS:
                setattr(F, name, _either(name))
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                for name, function in _theirs.items():
                    setattr(F, name, function)
