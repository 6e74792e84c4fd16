"""Keys: randomness as a value."""

from __future__ import annotations

import numpy as np

from fastdrop import _core
from fastdrop.integers import integer

__all__ = ["ROLES", "Key"]

#: Names of the roles of derived keys, by their number in the contract.
ROLES = ("user", "child", "call", "part", "step", "sample", "replica")
_NUMBERS = {role: number for number, role in enumerate(ROLES)}


def _word(value: object, name: str) -> int:
    """Return `value` as an int in [0, 2**64)."""
    number = integer(value, name)
    if not 0 <= number < 1 << 64:
        raise ValueError(f"{name} has to be between 0 and 2**64 - 1, but got {number}")
    return number


class Key(_core.KeyBase):
    """All the randomness of a mask: two unsigned 64-bit numbers.

    A key is a value: immutable, hashable, comparable, picklable. The same key, probability and index always give the
    same decision, so a key is never "used up"; independent masks need different keys, which `fold_in` makes.

    Parameters
    ----------
    seed : int
        Between 0 and 2**64 - 1.
    stream : int, default 0
        Between 0 and 2**64 - 1. Different streams of one seed are independent.

    Raises
    ------
    TypeError
        If one of them is not an integer; a bool is not.
    ValueError
        If one of them is out of range.

    Examples
    --------
    >>> import fastdrop as fd
    >>> key = fd.Key(42)
    >>> key
    Key(seed=42, stream=0)
    >>> key.fold_in(3) == fd.Key(42).fold_in(3) != key.fold_in(4)
    True
    """

    __slots__ = ()

    def __new__(cls, seed: int, stream: int = 0) -> Key:
        return super().__new__(cls, _word(seed, "seed"), _word(stream, "stream"))

    def fold_in(self, n: int, role: str = "user") -> Key:
        """Derive another key, unrelated to this one and to those of other numbers or roles.

        Parameters
        ----------
        n : int
            What the role counts, from 0 to 2**56 - 1.
        role : {"user", "child", "call", "part", "step", "sample", "replica"}, default "user"
            What is counted: your own numbers, children of a container, calls of a layer, parts of a layer, time steps,
            Monte Carlo samples, replicas.

        Returns
        -------
        Key

        Raises
        ------
        TypeError
            If `n` is not an integer or `role` not a string.
        ValueError
            If `n` is out of range or `role` is none of these.

        Notes
        -----
        The new key is the block ``(DERIVE, role << 56 | n)`` of Philox4x32-10 under this key (Salmon, Moraes, Dror and
        Shaw, SC'11).

        Examples
        --------
        >>> import fastdrop as fd
        >>> epoch = fd.Key(42).fold_in(7)
        >>> epoch.fold_in(0, role="replica") == epoch.fold_in(1, role="replica")
        False
        """
        if not isinstance(role, str):
            raise TypeError(f"role has to be one of {', '.join(ROLES)}, but got {role!r}")
        if role not in _NUMBERS:
            raise ValueError(f"role has to be one of {', '.join(ROLES)}, but got {role!r}")
        number = integer(n, "n")
        if not 0 <= number < 1 << 56:
            raise ValueError(f"n has to be between 0 and 2**56 - 1, but got {number}")
        seed, stream = _core.fold_in(self.seed, self.stream, _NUMBERS[role], number)
        return _core.KeyBase.__new__(Key, seed, stream)  # words of the core need no check

    def generator(self) -> np.random.Generator:
        """Return a NumPy generator that starts from this key, so that one key serves a whole run.

        Returns
        -------
        numpy.random.Generator
            A new one each time, in the same state: NumPy's Philox with ``key=[seed, stream]``.

        Notes
        -----
        For everything of a run that is no mask: initial values, the order of samples, augmentation. NumPy's Philox
        works on 64-bit words, fastdrop's on 32-bit words (both of Salmon, Moraes, Dror and Shaw, SC'11), so that its
        numbers have nothing to do with the masks of the same key. Its words are fixed for all time; what a method of
        the Generator makes of them follows NumPy's compatibility policy. It has no SeedSequence and can't `spawn`:
        ``key.fold_in(i).generator()`` is the i-th of many.

        Examples
        --------
        >>> import fastdrop as fd
        >>> key = fd.Key(42)
        >>> bool((key.generator().random(3) == key.generator().random(3)).all())
        True
        """
        return np.random.Generator(np.random.Philox(key=np.array([self.seed, self.stream], np.uint64)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return self.seed == other.seed and self.stream == other.stream

    def __hash__(self) -> int:
        return hash((self.seed, self.stream))

    def __reduce__(self) -> tuple[type[Key], tuple[int, int]]:
        return Key, (self.seed, self.stream)

    def __repr__(self) -> str:
        return f"Key(seed={self.seed}, stream={self.stream})"
