"""Optimizers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fastdrop.nn.checks import check_number
from fastdrop.nn.parameter import Parameter

__all__ = ["SGD", "Adam"]


class Optimizer:
    """Base of the optimizers: which parameters, how they are saved.

    A subclass names its hyperparameters and its buffers (arrays like the parameter) and writes `_update`.
    """

    _settings: tuple[str, ...] = ()
    _buffers: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[Parameter], lr: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        for i, parameter in enumerate(self.parameters):
            if not isinstance(parameter, Parameter):
                raise TypeError(f"parameters has to hold Parameters, but got {parameter!r} at index {i}")
        if not self.parameters:
            raise ValueError("parameters has to hold at least one Parameter, but got none")
        if len({id(parameter) for parameter in self.parameters}) != len(self.parameters):
            raise ValueError("parameters has to hold each Parameter once, but got one twice")
        self.lr = check_number(lr, "lr", 0, math.inf, open_low=True)
        self.weight_decay = check_number(weight_decay, "weight_decay", 0, math.inf)
        self._steps = [0] * len(self.parameters)
        self._state: list[dict[str, np.ndarray]] = [{} for _ in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients: `grad` of each parameter becomes None."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Change each parameter by its gradient; those without one stay as they are."""
        for i, parameter in enumerate(self.parameters):
            if parameter.grad is None:
                continue
            gradient = parameter.grad
            if self.weight_decay:
                gradient = gradient + self.weight_decay * parameter.data
            if not self._state[i]:
                self._state[i] = {name: np.zeros(parameter.shape, parameter.dtype) for name in self._buffers}
            self._steps[i] += 1
            self._update(parameter.data, gradient, self._state[i], self._steps[i])

    def _update(self, data: np.ndarray, gradient: np.ndarray, state: dict[str, np.ndarray], step: int) -> None:
        """Change `data` and `state` in place, not `gradient`; `step` counts from 1."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on exactly: hyperparameters, counts of steps, copies of the buffers.

        Returns
        -------
        dict
            ``"optimizer"``: its name, the hyperparameters, ``"0.steps"`` and buffers like ``"0.mean"``, where the
            numbers count the parameters. ``np.savez(file, **state)`` saves it.
        """
        state: dict[str, Any] = {"optimizer": type(self).__name__}
        state |= {name: getattr(self, name) for name in self._settings}
        for i, buffers in enumerate(self._state):
            state[f"{i}.steps"] = self._steps[i]
            state |= {f"{i}.{name}": array.copy() for name, array in buffers.items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state; nothing is changed if anything of it does not fit.

        Parameters
        ----------
        state : mapping
            What `state_dict` of such an optimizer of such parameters returned.

        Raises
        ------
        TypeError
            If it is no mapping.
        ValueError
            If it is of another optimizer or of other parameters. The text names what does not fit.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"state has to be a mapping, but got {state!r} of type {type(state).__name__}")
        kind = str(state["optimizer"]) if "optimizer" in state else None
        if kind != type(self).__name__:
            raise ValueError(f"state has to be of the optimizer {type(self).__name__}, but is of {kind}")
        wanted = {"optimizer", *self._settings}
        counts = [_check_count(state.get(f"{i}.steps"), f"{i}.steps") for i in range(len(self.parameters))]
        buffers = []
        for i, parameter in enumerate(self.parameters):
            names = {name: f"{i}.{name}" for name in self._buffers if counts[i]}
            wanted |= {f"{i}.steps", *names.values()}
            buffers.append({name: _check_buffer(state.get(full), full, parameter) for name, full in names.items()})
        if set(state) != wanted:
            names = ", ".join(sorted(map(str, set(state) ^ wanted)))
            raise ValueError(f"state has to have the entries of this optimizer, but differs in {names}")
        numbers = {name: np.asarray(state[name]) for name in self._settings}
        for name, number in numbers.items():
            if number.dtype.kind != "f" or number.shape != () or not math.isfinite(number):
                raise ValueError(f"{name} has to be a finite float, but got {state[name]!r}")
        self._steps, self._state = counts, buffers
        for name, number in numbers.items():
            setattr(self, name, float(number))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name):g}' for name in self._settings)})"


def _check_count(value: Any, name: str) -> int:
    count = np.asarray(-1 if value is None else value)
    if count.shape != () or count.dtype.kind not in "iu" or count < 0:
        raise ValueError(f"{name} has to be a count of steps, but got {value!r}")
    return int(count)


def _check_buffer(value: Any, name: str, parameter: Parameter) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype != parameter.dtype or array.shape != parameter.shape:
        wanted, got = (f"dtype {a.dtype} and shape {a.shape}" for a in (parameter, array))
        raise ValueError(f"{name} has to be of {wanted}, but got {got}")
    return array.copy()


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: v = momentum * v + g, then w = w - lr * v.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr : float, default 0.01
        Step length, above 0.
    momentum : float, default 0
        In [0, 1).
    weight_decay : float, default 0
        This times the parameter is added to its gradient (L2 penalty).

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.Linear(1, 1, bias=False, rng=0)
    >>> layer.weight.data = [[1.0]]
    >>> sgd = nn.SGD(layer.parameters(), lr=0.5)
    >>> _ = layer(np.ones((1, 1))), layer.backward(np.ones((1, 1)))
    >>> sgd.step()
    >>> layer.weight.data
    array([[0.5]], dtype=float32)
    """

    _settings = ("lr", "momentum", "weight_decay")
    _buffers = ("velocity",)

    def __init__(
        self, parameters: Iterable[Parameter], lr: float = 0.01, *, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.momentum = check_number(momentum, "momentum", 0, 1)

    def _update(self, data: np.ndarray, gradient: np.ndarray, state: dict[str, np.ndarray], step: int) -> None:
        velocity = state["velocity"]
        velocity *= self.momentum
        velocity += gradient
        data -= self.lr * velocity


class Adam(Optimizer):
    """Adam (Kingma and Ba, ICLR 2015): steps by running means of the gradient and of its square, freed of their bias.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr : float, default 0.001
        Step length, above 0.
    betas : (float, float), default (0.9, 0.999)
        Decay of the running means, each in [0, 1).
    eps : float, default 1e-8
        Added to the root of the mean square, above 0.
    weight_decay : float, default 0
        This times the parameter is added to its gradient (L2 penalty).

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.Linear(1, 1, bias=False, rng=0, dtype=np.float64)
    >>> layer.weight.data = [[1.0]]
    >>> adam = nn.Adam(layer.parameters(), lr=0.25)
    >>> _ = layer(np.ones((1, 1))), layer.backward(np.full((1, 1), 3.0))
    >>> adam.step()
    >>> layer.weight.data.round(6)
    array([[0.75]])
    """

    _settings = ("lr", "beta1", "beta2", "eps", "weight_decay")
    _buffers = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        try:
            beta1, beta2 = betas
        except (TypeError, ValueError):
            raise TypeError(f"betas has to be a pair of numbers, but got {betas!r}") from None
        self.beta1 = check_number(beta1, "betas[0]", 0, 1)
        self.beta2 = check_number(beta2, "betas[1]", 0, 1)
        self.eps = check_number(eps, "eps", 0, math.inf, open_low=True)

    def _update(self, data: np.ndarray, gradient: np.ndarray, state: dict[str, np.ndarray], step: int) -> None:
        mean, square = state["mean"], state["square"]
        mean *= self.beta1
        mean += (1.0 - self.beta1) * gradient
        scratch = gradient * gradient
        scratch *= 1.0 - self.beta2
        square *= self.beta2
        square += scratch
        np.sqrt(square, out=scratch)
        scratch /= math.sqrt(1.0 - self.beta2**step)
        scratch += self.eps
        np.divide(mean, scratch, out=scratch)
        scratch *= self.lr / (1.0 - self.beta1**step)
        data -= scratch
