"""Monte Carlo dropout of a whole model: all that draws in it is switched on, pass after pass, and off again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np

from fastdrop.mask_stack import check_samples
from fastdrop.nn.module import Module
from fastdrop.nn.random import RandomModule
from fastdrop.nn.running import RunningMoments

__all__ = ["MonteCarlo", "mc", "mc_predict"]


class MonteCarlo:
    """A model whose random layers draw in every pass, in evaluation mode too: what `mc` returns.

    Pass s, counted from 0, folds ``(s, role="sample")`` into the key of each layer's part, below its call, whose number
    stands still. So passes differ, the same passes come again the next time, and training goes on as if there had been
    none.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2), rng=1).eval()
    >>> x = np.ones((3, 4), np.float32)
    >>> with nn.mc(model) as passes:
    ...     first, second = model(x), model(x)
    ...     again = [model(x) for s in passes.range(2)]
    >>> bool((first == second).all()), bool((again[1] == second).all())
    (False, True)
    """

    def __init__(self, model: Module, samples: int | None = None) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"model has to be a Module, but got {model!r} of type {type(model).__name__}")
        self._samples = None if samples is None else check_samples(samples)
        self._layers = [module for module in model.modules() if isinstance(module, RandomModule)]
        for layer in self._layers:
            if layer._sample is not None:
                raise RuntimeError(
                    f"this model is being sampled already: its {type(layer).__name__} is; close that one first"
                )
        if not self._layers:
            warnings.warn(
                f"model has no layer that draws, so all its passes will be equal: {model!r}", UserWarning, stacklevel=3
            )
        self._model = model
        self._open = True
        self._held = False  # a loop of `range` says which pass it is
        self._before = vars(model).get("forward")
        self._wrap(model.forward)
        self._go_to(0)

    def _wrap(self, forward: Callable[..., Any]) -> None:
        """Count passes: each forward of the model that succeeds. What is on the instance hides what is on its class."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            y = forward(*args, **kwargs)
            if not self._held:
                self._go_to(self._number + 1)
            return y

        self._model.forward = counted  # type: ignore[method-assign]

    def _go_to(self, number: int) -> None:
        self._number = number
        for layer in self._layers:
            layer._sample = number

    @property
    def number(self) -> int:
        """int: the number of the next pass, or of that of the loop which is under way."""
        return self._number

    @property
    def closed(self) -> bool:
        """bool: whether the model is as it was before."""
        return not self._open

    def range(self, samples: int | None = None) -> Iterator[int]:
        """Iterate over passes from 0 on: however often the model is called in one turn of the loop, it is one pass.

        Parameters
        ----------
        samples : int, optional
            How many; that of `mc` if it is not given.

        Yields
        ------
        int
            The number of the pass.

        Raises
        ------
        TypeError, ValueError
            If it is no number of samples, or none was given.
        RuntimeError
            If the model is not being sampled any more, or such a loop is under way.
        """
        if samples is None and self._samples is None:
            raise TypeError("samples has to be given, here or to mc")
        count = self._samples if samples is None else check_samples(samples)
        assert count is not None
        return self._loop(count)

    def _loop(self, count: int) -> Iterator[int]:
        if not self._open:
            raise RuntimeError("this model is not being sampled any more: it was closed")
        if self._held:
            raise RuntimeError("a loop over passes of this model is under way")
        self._held = True
        try:
            for number in range(count):
                if not self._open:
                    return
                self._go_to(number)
                yield number
        finally:
            self._held = False
            if self._open:
                self._go_to(self._number + 1)

    def close(self) -> None:
        """Switch off: the model is as it was before. Does nothing the second time."""
        if not self._open:
            return
        self._open = False
        if self._before is None:
            del self._model.forward
        else:
            self._model.forward = self._before  # type: ignore[method-assign]
        for layer in self._layers:
            del layer._sample

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = f"number={self._number}" if self._open else "closed"
        return f"MonteCarlo({type(self._model).__name__} with {len(self._layers)} layers that draw, {state})"


def mc(model: Module, samples: int | None = None) -> MonteCarlo:
    """Switch everything that draws in a model on, whatever its mode, to sample its outputs; close to switch off.

    Parameters
    ----------
    model : Module
        Layers inside that derive from `RandomModule` draw until the result is closed, which a with-statement does, also
        if something fails in it. Other layers and the `training` of all of them stay as they are.
    samples : int, optional
        How many passes ``passes.range()`` has.

    Returns
    -------
    MonteCarlo

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used.
    RuntimeError
        If the model, or a layer of it, is being sampled already.

    Warns
    -----
    UserWarning
        If nothing in the model draws.

    Notes
    -----
    Gal and Ghahramani, ICML 2016. Each call of the model is one pass, counted from 0; in a loop over
    ``passes.range(n)`` each turn is. Call c, part n and pass s of a layer have the key
    ``key.fold_in(c, role="call").fold_in(n, role="part").fold_in(s, role="sample")``, where c, the count of training
    calls, stands still. `backward` belongs to the latest pass as usual.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> layer = nn.Dropout(0.5, rng=1).eval()
    >>> sampling = nn.mc(layer)
    >>> x = np.ones(16)
    >>> bool((layer(x) == layer(x)).all())
    False
    >>> sampling.close()
    >>> layer(x) is x
    True
    """
    return MonteCarlo(model, samples)


def mc_predict(model: Module, x: np.ndarray, samples: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of a model's output over passes with dropout, without keeping the outputs.

    Parameters
    ----------
    model : Module
        Put it in evaluation mode for layers that make a difference there; what draws does so in either mode.
    x : array_like
        Its input. A copy is given to models with a layer that works in place.
    samples : int, default 30
        Passes, at least 1.

    Returns
    -------
    mean, variance : ndarray
        As of `RunningMoments`: the variance is that of the population.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `mc`, and what the model raises.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2), rng=1).eval()
    >>> mean, variance = nn.mc_predict(model, np.ones((3, 4), np.float32), samples=10)
    >>> mean.shape, bool((variance > 0).all())
    ((3, 2), True)
    """
    moments = RunningMoments()
    with MonteCarlo(model, samples) as passes:
        in_place = any(getattr(module, "inplace", False) for module in model.modules())
        for _ in passes.range():
            moments.update(model(np.array(x, subok=True) if in_place else x))
    return moments.mean, moments.variance
