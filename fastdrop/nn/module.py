"""The base of all layers: keys handed down, modes, parameters, saved state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from fastdrop import _core
from fastdrop.key import Key
from fastdrop.nn.checks import check_bool
from fastdrop.nn.parameter import Parameter
from fastdrop.nn.state import Entry, check_contract, parameter_entry
from fastdrop.rng import RNGLike, key_source

__all__ = ["Module"]


class Module:
    """Base of all layers, to derive own layers from: `forward` and `backward` are theirs to write.

    A layer that draws random numbers does so from its key. It has one if it was built with `rng=`; else the container
    it is put into hands one down; else it takes fresh entropy at its first use.

    Parameters
    ----------
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from. None: no key of its own.

    Attributes
    ----------
    training : bool
        True after `train`, False after `eval`; True at first.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> class Negate(nn.Module):
    ...     def forward(self, x):
    ...         return -x
    ...     def backward(self, dy):
    ...         return -dy
    >>> model = nn.Sequential(Negate(), nn.ReLU())
    >>> model(np.array([1.0, -2.0]))
    array([0., 2.])
    >>> model.backward(np.ones(2))
    array([-0., -1.])
    """

    # On the class, so that a derived layer without random numbers needs no __init__.
    training: bool = True
    _key: Key | None = None
    _own_key: bool = False

    def __init__(self, *, rng: RNGLike = None) -> None:
        if rng is not None:
            self._key = key_source(rng)()
            self._own_key = True

    # ---- to be written by layers ----

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the layer's output for x, and remember what `backward` needs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest forward's x from that for its output; add to the parameters' gradients."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def children(self) -> tuple[Module, ...]:
        """Return the modules directly inside, in order."""
        return ()

    def own_parameters(self) -> dict[str, Parameter]:
        """Return the parameters of this module without those of its children, by name."""
        return {}

    def _entries(self) -> dict[str, Entry]:
        """Return what is saved of this module without its children, by name. Must not draw anything."""
        return {name: parameter_entry(parameter) for name, parameter in self.own_parameters().items()}

    # ---- keys ----

    @property
    def key(self) -> Key | None:
        """Key or None: the layer's key, None as long as it has none."""
        return self._key

    def _take_key(self) -> Key:
        """Return the key; fresh entropy now if there is none."""
        if self._key is None:
            self._key = key_source(None)()
        return self._key

    def _receive_key(self, key: Key) -> None:
        """Take the key that a container hands down, unless the layer was built with its own."""
        if not self._own_key:
            self._key = key
            self._key_changed()

    def _key_changed(self) -> None:
        """Do what a new key from a container asks for."""

    # ---- use ----

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return ``forward(x)``."""
        return self.forward(x)

    def modules(self) -> Iterator[Module]:
        """Iterate over this module and all inside it, each before its children."""
        yield self
        for child in self.children():
            yield from child.modules()

    def parameters(self) -> list[Parameter]:
        """Return all parameters, in the order of the modules. Does not draw their values."""
        return [parameter for module in self.modules() for parameter in module.own_parameters().values()]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: `grad` becomes None."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode: bool = True) -> Self:
        """Put this module and all inside it in training mode (or, for False, in evaluation mode), and return it."""
        mode = check_bool(mode, "mode")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Put this module and all inside it in evaluation mode, and return it: dropout passes its input through."""
        return self.train(False)

    # ---- saved state ----

    def _all_entries(self, prefix: str = "") -> dict[str, Entry]:
        entries = {prefix + name: entry for name, entry in self._entries().items()}
        for i, child in enumerate(self.children()):
            entries |= child._all_entries(f"{prefix}{i}.")
        return entries

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on exactly: parameters, keys of dropout layers, their counts of calls.

        This is a use of the layers: what they have not drawn yet, they draw now.

        Returns
        -------
        dict
            ``"contract"``: 1, and copies of arrays or ints under names like ``"0.weight"``, ``"2.key"`` (two uint64:
            seed and stream) and ``"2.calls"``, where the numbers count the children of containers.
            ``np.savez(file, **state)`` saves it, what ``np.load(file)`` returns can be loaded. The optimizer has a
            state of its own.

        Examples
        --------
        >>> from fastdrop import nn
        >>> nn.Sequential(nn.ReLU(), nn.Dropout(0.5), rng=7).state_dict()["1.calls"]
        0
        """
        return {"contract": _core.CONTRACT} | {name: entry.get() for name, entry in self._all_entries().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state, into fresh layers or used ones; nothing is changed if anything of it does not fit.

        Parameters
        ----------
        state : mapping
            What `state_dict` of a module of the same structure returned, or that saved by `np.savez` and loaded.

        Raises
        ------
        TypeError
            If a value is of the wrong type.
        ValueError
            If the state is of another contract (its masks would be others), lacks a name or has one too many, or if a
            shape or number does not fit. The text names it.

        Examples
        --------
        >>> import numpy as np
        >>> from fastdrop import nn
        >>> trained, resumed = nn.Dropout(0.5, rng=7), nn.Dropout(0.5)
        >>> _ = trained(np.ones(8))
        >>> resumed.load_state_dict(trained.state_dict())
        >>> bool((resumed(np.ones(8)) == trained(np.ones(8))).all())
        True
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"state has to be a mapping, but got {state!r} of type {type(state).__name__}")
        check_contract(state)
        entries = self._all_entries()
        names = set(state) - {"contract"}
        missing, unknown = sorted(set(entries) - names), sorted(map(str, names - set(entries)))
        if missing or unknown:
            lacks = f" lacks {', '.join(missing)}" if missing else ""
            extra = f" has {', '.join(unknown)} too many" if unknown else ""
            differences = " and".join(filter(None, [lacks, extra]))
            raise ValueError(f"state has to have the entries of this module, but{differences}")
        checked = {name: entry.check(state[name], name) for name, entry in entries.items()}
        for name, entry in entries.items():
            entry.put(checked[name])
