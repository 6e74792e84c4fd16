"""What all values of the package have in common: they never change."""

from __future__ import annotations

__all__ = ["Immutable"]


class Immutable:
    """Base of values; their own methods set what they hold by ``object.__setattr__``, once."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable: {name} can't be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable: {name} can't be deleted")
