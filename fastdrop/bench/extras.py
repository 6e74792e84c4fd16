"""Packages that only the benchmark needs."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["InputError", "MissingExtraError", "extra"]


class InputError(ValueError):
    """An option or file that can't be used. The text is one line for the person who gave it."""


class MissingExtraError(ImportError):
    """A package of the extra `bench` is missing."""


def extra(name: str) -> ModuleType:
    """Import a module of the extra `bench`.

    Raises
    ------
    MissingExtraError
        If it can't be imported; the text says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise MissingExtraError(
            f"this needs {package}, which can't be imported ({error}); from the checkout: pip install '.[bench]'"
        ) from error
