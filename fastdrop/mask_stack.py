"""Many masks of one law, each under a key of its own: Monte Carlo samples, rows that are known by a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastdrop import _core
from fastdrop.arrays import as_input, make_output
from fastdrop.exchange import incoming
from fastdrop.geometry import Geometry, make_geometry
from fastdrop.immutable import Immutable
from fastdrop.integers import integer
from fastdrop.key import ROLES, Key
from fastdrop.mask import Mask
from fastdrop.probability import broadcast_p, check_p
from fastdrop.rng import RNGLike, key_source
from fastdrop.shard import Shard
from fastdrop.threads import check_threads

__all__ = ["MaskStack", "check_numbers"]

#: Numbers that are folded into keys are below this.
_LIMIT = 1 << 56


def check_numbers(numbers: object, name: str) -> np.ndarray:
    """Return numbers to fold into keys as a read-only 1-d uint64 array of their own.

    Raises
    ------
    TypeError
        If they are not integers; bools are not.
    ValueError
        If they are not 1-d, or one is negative or not below 2**56; the text has the first one and its index.
    """
    array = np.asarray(incoming(numbers, name))
    if array.size == 0 and not isinstance(numbers, np.ndarray):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has to hold integers, but got {type(numbers).__name__} of dtype {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"{name} has to be 1-d, but got shape {array.shape}")
    bad = (array < 0) | (array >= _LIMIT) if array.dtype.itemsize == 8 else array < 0
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ValueError(f"{name} has to hold integers from 0 to 2**56 - 1, but got {array[first]} at index {first}")
    own = array.astype(np.uint64, order="C")
    own.flags.writeable = False
    return own


class MaskStack(Immutable):
    """Masks of one shape and law for several samples, each under a key folded from one key; no bits are held.

    Sample s has the key ``key.fold_in(numbers[s], role)``, so that its mask depends on its number and not on its place.
    `fastdrop.mc_dropout_forward` and `fastdrop.consistent_dropout_forward` return one for the backward pass.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of one sample.
    p : float or array_like of float
        Probability of dropping, in [0, 1]. An array has to broadcast to ``(samples, *mask shape of one)``.
    numbers : int or array_like of int
        One number for each sample, from 0 to 2**56 - 1; an int n stands for 0, 1, ..., n - 1.
    role : str, default "user"
        What the numbers count: a role of `Key.fold_in`.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the key comes from, drawn now.
    share_axes : int or sequence of int, optional
        Axes of a sample along which one decision is shared.
    shard : Shard, optional
        `shape` is that of a block of a larger sample.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the text names it, the value and what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdrop as fd
    >>> masks = fd.MaskStack(8, 0.5, [7, 3, 7], rng=1)
    >>> y = masks.apply(np.ones((3, 8)))
    >>> bool((y[0] == y[2]).all()), bool((y[0] == y[1]).all())
    (True, False)
    >>> masks[1].key == fd.Key(1).fold_in(3)
    True
    """

    __slots__ = ("_count", "_geometry", "_key", "_numbers", "_p", "_role")
    __array_ufunc__ = None  # no arithmetic with arrays, which NumPy would do element by element on one object

    _count: int
    _geometry: Geometry
    _key: Key
    _numbers: np.ndarray | None
    _p: float | np.ndarray
    _role: str

    def __init__(
        self,
        shape: int | Sequence[int],
        p: float | np.ndarray,
        numbers: int | np.ndarray,
        *,
        role: str = "user",
        rng: RNGLike = None,
        share_axes: int | Sequence[int] | None = None,
        shard: Shard | None = None,
    ) -> None:
        geometry = make_geometry(shape, share_axes, None, shard)
        if not isinstance(role, str) or role not in ROLES:
            raise ValueError(f"role has to be one of {', '.join(ROLES)}, but got {role!r}")
        many: int | np.ndarray
        if isinstance(numbers, (list, tuple, np.ndarray)):
            many = check_numbers(numbers, "numbers")
        else:
            many = check_samples(numbers, "numbers", least=0)
        probability = check_p(p)
        stack = MaskStack._make(geometry, probability, many, role, Key(0))
        stack._broadcast_p()
        self._set(geometry, probability, many, role, key_source(rng)())

    def _set(self, geometry: Geometry, p: float | np.ndarray, numbers: int | np.ndarray, role: str, key: Key) -> None:
        plain = isinstance(numbers, int)
        set_ = object.__setattr__
        set_(self, "_geometry", geometry)
        set_(self, "_p", p)
        set_(self, "_numbers", None if plain else numbers)
        set_(self, "_count", numbers if plain else len(numbers))  # type: ignore[arg-type]
        set_(self, "_role", role)
        set_(self, "_key", key)

    @classmethod
    def _make(
        cls, geometry: Geometry, p: float | np.ndarray, numbers: int | np.ndarray, role: str, key: Key
    ) -> MaskStack:
        stack = object.__new__(cls)
        stack._set(geometry, p, numbers, role, key)
        return stack

    # ---- what it does ----

    def apply(self, x: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Return x with dropped elements +0 and kept ones times 1 / (1 - p): forward for x, backward for a gradient.

        Parameters
        ----------
        x : array_like, shape `shape`
            float16, bfloat16, float32, float64, complex64 or complex128; any strides.
        out : ndarray, optional
            Where to write: x itself or an array that shares no memory with it, of the same shape and dtype.
        threads : int, optional
            Most threads to use.

        Returns
        -------
        ndarray
            `out`, or a new array like x.

        Raises
        ------
        TypeError, ValueError
            If an argument can't be used; nothing has been written then.

        Examples
        --------
        >>> import numpy as np
        >>> import fastdrop as fd
        >>> x = np.ones((2, 5), np.float32)
        >>> fd.MaskStack(5, 0.3, 2, rng=1).apply(x, out=x) is x
        True
        """
        return self._apply(x, "x", out, threads)

    def _apply(self, x: object, name: str, out: object, threads: object) -> np.ndarray:
        array, dtype = as_input(x, name)
        if array.shape != self.shape:
            raise ValueError(f"{name} has to have the masks' shape {self.shape}, but got {array.shape}")
        team = check_threads(threads)
        y = make_output(array, out, self._arrays(), name)
        self._run(dtype, array, y, team)
        return y

    def _arrays(self) -> tuple[np.ndarray, ...]:
        return (self._p,) if isinstance(self._p, np.ndarray) else ()

    def _run(self, dtype: int, x: np.ndarray, y: np.ndarray, threads: int) -> None:
        """Write dropout of x, of shape `shape`, to y."""
        if y.size:
            mask, p_step = self._core_arguments()
            _core.samples_apply(mask, ROLES.index(self._role), self._numbers, p_step, dtype, x, y, threads)

    def _core_arguments(self) -> tuple[_core.MaskArguments, int]:
        """Return what the core is told of the first sample, and how far its p is from that of the next."""
        geometry, p, step = self._geometry, self._broadcast_p(), 0
        if isinstance(p, np.ndarray):
            step = p.strides[0] // 8
            p = p[0]
        key = self._key
        start, strides = geometry.start, geometry.strides
        return _core.MaskArguments(geometry.shape, start, strides, key.seed, key.stream, p, None), step

    def _broadcast_p(self) -> float | np.ndarray:
        return broadcast_p(self._p, self.mask_shape, self.shape)

    # ---- what it is ----

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the arrays it applies to: ``(samples, *shape of one)``."""
        return (self._count, *self._geometry.shape)

    @property
    def mask_shape(self) -> tuple[int, ...]:
        """`shape` with 1 on shared axes."""
        return (self._count, *self._geometry.mask_shape)

    @property
    def p(self) -> float | np.ndarray:
        """Probability of dropping: a float, or a read-only float64 array."""
        return self._p

    @property
    def key(self) -> Key:
        """The key that the numbers are folded into."""
        return self._key

    @property
    def role(self) -> str:
        """What the numbers count."""
        return self._role

    @property
    def numbers(self) -> np.ndarray:
        """The numbers of the samples: a read-only array, or a new one where they count up from 0."""
        return np.arange(self._count, dtype=np.uint64) if self._numbers is None else self._numbers

    @property
    def shard(self) -> Shard | None:
        """Where the block lies in the mask of the larger sample (1 on shared axes), None for whole samples."""
        return self._geometry.shard

    @property
    def nbytes(self) -> int:
        """Bytes of stored bits: 0, always."""
        return 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Mask:
        """Return the mask of one sample."""
        place = integer(index, "index")
        if not -self._count <= place < self._count:
            raise IndexError(f"index has to be between {-self._count} and {self._count - 1}, but got {place}")
        place %= self._count
        number = place if self._numbers is None else int(self._numbers[place])
        p = self._p
        if isinstance(p, np.ndarray):
            p = check_p(np.broadcast_to(p, self.mask_shape)[place])
        return Mask._make(self._geometry, p, self._key.fold_in(number, role=self._role), None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MaskStack):
            return NotImplemented
        same = (self._geometry, self._count, self._role, self._key) == (
            other._geometry,
            other._count,
            other._role,
            other._key,
        )
        return same and np.array_equal(self.numbers, other.numbers) and np.array_equal(self._p, other._p)

    __hash__ = None  # type: ignore[assignment]  # it may hold arrays; use the key as a key

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        numbers = self._count if self._numbers is None else self._numbers
        return _restore, (self._geometry, self._p, numbers, self._role, self._key)

    def __repr__(self) -> str:
        p = self._p if isinstance(self._p, float) else f"array of shape {self._p.shape}"
        parts = [f"shape={self._geometry.shape}", f"p={p}"]
        parts.append(f"numbers={self._count if self._numbers is None else f'array of {self._count}'}")
        parts += [f"role={self._role!r}", f"rng={self._key!r}"]
        if self._geometry.mask_shape != self._geometry.shape:
            parts.append(f"mask_shape={self._geometry.mask_shape}")
        if self.shard is not None:
            parts.append(f"shard={self.shard!r}")
        return f"MaskStack({', '.join(parts)})"


def _restore(geometry: Geometry, p: float | np.ndarray, numbers: int | np.ndarray, role: str, key: Key) -> MaskStack:
    """Make a stack again from its pickle; arrays come back writeable."""
    for array in (p, numbers):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return MaskStack._make(geometry, p, numbers, role, key)


def check_samples(samples: object, name: str = "samples", *, least: int = 1, limit: int = _LIMIT) -> int:
    """Return a number of samples as an int, from `least` on and below `limit`."""
    number = integer(samples, name)
    if not least <= number < limit:
        power = limit.bit_length() - 1
        raise ValueError(f"{name} has to be at least {least} and below 2**{power}, but got {number}")
    return number
