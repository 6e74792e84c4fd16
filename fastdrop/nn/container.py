"""Containers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastdrop.nn.checks import no_forward
from fastdrop.nn.module import Module
from fastdrop.rng import RNGLike

__all__ = ["Sequential"]


class Sequential(Module):
    """Layers one after the other.

    Parameters
    ----------
    *modules : Module
        In the order of the forward pass. Each can be in one place only, for it remembers one forward.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the container's key comes from: all randomness of the layers inside follows from it.

    Raises
    ------
    TypeError
        If something is not a Module.
    ValueError
        If the same module is there twice, directly or in containers inside.

    Notes
    -----
    Child i, counted from 0 with all children, random or not, gets ``key.fold_in(i, role="child")``, unless it was built
    with its own `rng`; containers inside hand on likewise. A layer that got its key elsewhere before (at its first use,
    or from another container) takes the new one and counts its calls from 0 again, but parameters once drawn stay.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Dropout(p=0.5), nn.Linear(256, 10))
    >>> y = model.train()(np.ones((32, 784), np.float32))
    >>> dx = model.backward(np.ones_like(y))
    >>> y.shape, dx.shape
    ((32, 10), (32, 784))
    >>> model.eval()[2]
    Dropout(p=0.5)
    """

    def __init__(self, *modules: Module, rng: RNGLike = None) -> None:
        place: dict[int, int] = {}
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"child {i} has to be a Module, but got {module!r} of type {type(module).__name__}")
            for inner in module.modules():
                if id(inner) in place:
                    raise ValueError(
                        f"a module can be in one place only, but children {place[id(inner)]} and {i} share the same "
                        f"{type(inner).__name__}"
                    )
                place[id(inner)] = i
        super().__init__(rng=rng)
        self._modules = modules
        self._ready = False
        self._key_changed()

    def _key_changed(self) -> None:
        if self._key is not None:
            for i, module in enumerate(self._modules):
                module._receive_key(self._key.fold_in(i, role="child"))

    def children(self) -> tuple[Module, ...]:
        """Return the layers, in order."""
        return self._modules

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the output of the last layer.

        Parameters
        ----------
        x : array_like
            What the first layer takes.

        Returns
        -------
        ndarray
        """
        # If a layer fails, those before it belong to this forward and those after it to an older one.
        self._ready = False
        for module in self._modules:
            x = module(x)
        self._ready = True
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for the latest x, and add to the gradients of all parameters.

        Parameters
        ----------
        dy : array_like
            Gradient of the loss for the latest output, of its shape.

        Returns
        -------
        ndarray

        Raises
        ------
        RuntimeError
            Without a forward, or if the latest one failed.
        """
        if not self._ready:
            raise no_forward(self)
        for module in reversed(self._modules):
            dy = module.backward(dy)
        return dy

    def __len__(self) -> int:
        return len(self._modules)

    def __getitem__(self, index: int) -> Module:
        return self._modules[index]

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules)

    def __repr__(self) -> str:
        lines = [f"({i}): {module!r}".replace("\n", "\n  ") for i, module in enumerate(self._modules)]
        return "Sequential(" + "".join(f"\n  {line}" for line in lines) + ("\n" if lines else "") + ")"
