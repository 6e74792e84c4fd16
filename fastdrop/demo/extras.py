"""Packages that only the demo needs, and what can go wrong before it starts."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["InputError", "MissingExtraError", "extra"]


class InputError(ValueError):
    """A file or option that can't be used. The text is one line for the person who gave it."""


class MissingExtraError(ImportError):
    """A package of the extra `demo` is missing."""


def extra(name: str) -> ModuleType:
    """Import a module of the extra `demo`.

    Raises
    ------
    MissingExtraError
        If it can't be imported; the text says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(name.split(".")[0], name.split(".")[0])
        raise MissingExtraError(
            f"the demo needs {package}, which can't be imported ({error}); from the checkout: pip install '.[demo]'"
        ) from error
