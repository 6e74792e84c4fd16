"""The rows of bench/variants.py: one entry for each variant, which says what every contestant does in one call.

`@variant(name, needs, goals, numpy=...)` puts a function into ROWS. It takes a Setting and returns calls by contestant;
each call takes a seed that was never used before. Everything that is not random is made beforehand and all results are
written to arrays that exist, by NumPy too. `numpy` says in words what its composition is: what somebody writes who
knows NumPy well, has no other library, and wants the result and not its masks. Where memory is the limit, PASS is what
nobody can do without: NumPy reads and writes the same arrays once, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import fastdrop as fd

OURS, NUMPY, TORCH, PLAIN, PASS = "fastdrop", "NumPy", "torch", "plain", "pass"
Calls = dict[str, Callable[[int], object]]


@dataclass(frozen=True)
class Goal:
    """How the time of another contestant has to compare with ours: at least, or (`most`) at most so many times."""

    limit: float
    against: str = NUMPY
    most: bool = False

    def ratio(self, medians: dict[str, float]) -> float:
        """Return what the limit is for: theirs / ours, or ours / theirs for `most`."""
        ours, theirs = medians[OURS], medians[self.against]
        return ours / theirs if self.most else theirs / ours

    def met(self, medians: dict[str, float]) -> bool:
        """Return whether it is met."""
        ratio = self.ratio(medians)
        return ratio <= self.limit if self.most else ratio >= self.limit

    def bound(self, medians: dict[str, float]) -> float | None:
        """Return the ratio that a mere pass over memory would have, if the row has one."""
        return None if PASS not in medians else self.ratio(medians | {OURS: medians[PASS]})

    def __str__(self) -> str:
        return f"<= {self.limit:g} x {self.against}" if self.most else f"{self.against} / {self.limit:g}"


class Setting:
    """The size, p and dtype of a row, and what its contestants share."""

    def __init__(self, size: int, p: float, dtype: type = np.float32) -> None:
        self.size, self.p, self.dtype = size, p, dtype
        self.rng = np.random.default_rng(0)
        self.scale = dtype(1 / (1 - p))

    def shape(self, *inner: int) -> tuple[int, ...]:
        """Return a shape of about `size` elements with these last axes."""
        return (max(1, self.size // math.prod(inner)), *inner)

    def numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return values to work on."""
        return self.rng.standard_normal(shape, dtype=self.dtype)

    def keep(self, shape: tuple[int, ...]) -> Callable[[], np.ndarray]:
        """Return how NumPy makes a mask: float32 uniforms compared with p, no array made anew."""
        u, kept = np.empty(shape, np.float32), np.empty(shape, bool)
        return lambda: np.greater_equal(self.rng.random(out=u, dtype=np.float32), self.p, out=kept)

    def normal(self, shape: tuple[int, ...], sigma: float) -> Callable[[], np.ndarray]:
        """Return how NumPy makes sigma z in the row's dtype."""
        z = np.empty(shape, self.dtype)
        return lambda: np.multiply(self.rng.standard_normal(out=z, dtype=self.dtype), self.dtype(sigma), out=z)


@dataclass(frozen=True)
class Row:
    """One variant: which names of fastdrop it needs, what is asked of it, what NumPy does."""

    name: str
    needs: tuple[str, ...]
    goals: tuple[Goal, ...]
    numpy: str
    make: Callable[[Setting], Calls]
    dtype: type = np.float32
    note: str = ""
    activation: str = ""

    def missing(self) -> list[str]:
        """Return the names, or the activation, that this fastdrop lacks."""
        lacks = [name for name in self.needs if not _has(name)]
        if self.activation and not lacks and not _activates(self.activation):
            lacks.append(f"dropout_bias_act(activation={self.activation!r})")
        return lacks


ROWS: list[Row] = []
FIVE, FUSED, GAUSSIAN, GAUSSIAN_WIDE = Goal(5), Goal(3), Goal(3), Goal(1.5)
EPILOGUE = Goal(1.3, PLAIN, most=True)


def _has(name: str) -> bool:
    thing: object = fd
    if name.startswith("nn."):
        from fastdrop import nn as thing
    return hasattr(thing, name.removeprefix("nn."))


def _activates(activation: str) -> bool:
    try:
        fd.dropout_bias_act(np.zeros(1, np.float32), activation=activation, training=False)
    except ValueError:
        return False
    return True


def variant(
    name: str,
    needs: str,
    *goals: Goal,
    numpy: str,
    dtype: type = np.float32,
    note: str = "",
    activation: str = "",
) -> Callable:
    """Put a function that makes the calls of a row into ROWS."""

    def put(make: Callable[[Setting], Calls]) -> Callable[[Setting], Calls]:
        ROWS.append(Row(name, tuple(needs.split()), goals, numpy, make, dtype, note, activation))
        return make

    return put


def torch_calls(make: Callable[[object, object, Callable], Callable[[], object]]) -> Calls:
    """Return PyTorch's call, made from torch, its functional module and its view of arrays; nothing without it."""
    try:
        import torch
        from torch.nn import functional
    except ImportError:
        return {}
    call = make(torch, functional, torch.from_numpy)
    return {TORCH: lambda seed: call()}


# ---- one decision for each element, or for many ----


@variant("dropout", "dropout", FIVE, numpy="uniforms, comparison, product with the mask, product with the scale")
def dropout(s: Setting) -> Calls:
    x, y, keep = s.numbers(s.shape()), np.empty(s.shape(), s.dtype), s.keep(s.shape())
    return {
        OURS: lambda seed: fd.dropout(x, s.p, rng=seed, out=y),
        NUMPY: lambda seed: np.multiply(np.multiply(x, keep(), out=y), s.scale, out=y),
    } | torch_calls(lambda torch, f, view: lambda: f.dropout(view(x), s.p))


@variant(
    "dropout2d",
    "dropout2d",
    FIVE,
    numpy="a factor for each channel, one broadcast product",
)
def dropout2d(s: Setting) -> Calls:
    shape = s.shape(32, 16, 16)
    x, y, keep = s.numbers(shape), np.empty(shape, s.dtype), s.keep((*shape[:2], 1, 1))
    return {
        OURS: lambda seed: fd.dropout2d(x, s.p, rng=seed, out=y),
        NUMPY: lambda seed: np.multiply(x, keep() * s.scale, out=y),
        PASS: lambda seed: np.copyto(y, x),
    } | torch_calls(lambda torch, f, view: lambda: f.dropout2d(view(x), s.p))


@variant(
    "drop_path",
    "drop_path",
    FIVE,
    numpy="a factor for each sample, one broadcast product",
)
def drop_path(s: Setting) -> Calls:
    shape = s.shape(64, 64)
    x, y, keep = s.numbers(shape), np.empty(shape, s.dtype), s.keep((shape[0], 1, 1))
    return {
        OURS: lambda seed: fd.drop_path(x, s.p, rng=seed, out=y),
        NUMPY: lambda seed: np.multiply(x, keep() * s.scale, out=y),
        PASS: lambda seed: np.copyto(y, x),
    }


@variant(
    "variational_dropout",
    "variational_dropout",
    FIVE,
    numpy="a factor for each feature of a sequence, one broadcast product",
)
def variational_dropout(s: Setting) -> Calls:
    shape = s.shape(32, 256)
    x, y, keep = s.numbers(shape), np.empty(shape, s.dtype), s.keep((shape[0], 1, 256))
    return {
        OURS: lambda seed: fd.variational_dropout(x, s.p, rng=seed, out=y),
        NUMPY: lambda seed: np.multiply(x, keep() * s.scale, out=y),
        PASS: lambda seed: np.copyto(y, x),
    }


def _alpha(p: float) -> tuple[float, float, float]:
    low = -1.7580993408473766
    a = 1 / math.sqrt((1 - p) * (1 + p * low * low))
    return low, a, -a * p * low


@variant("alpha_dropout", "alpha_dropout", FIVE, numpy="mask, copies of x and of the constant by it, product, sum")
def alpha_dropout(s: Setting) -> Calls:
    x, y, keep = s.numbers(s.shape()), np.empty(s.shape(), s.dtype), s.keep(s.shape())
    low, a, b = (s.dtype(v) for v in _alpha(s.p))

    def numpy(seed: int) -> object:
        y.fill(low)
        np.copyto(y, x, where=keep())
        return np.add(np.multiply(y, a, out=y), b, out=y)

    return {OURS: lambda seed: fd.alpha_dropout(x, s.p, rng=seed, out=y), NUMPY: numpy} | torch_calls(
        lambda torch, f, view: lambda: f.alpha_dropout(view(x), s.p, training=True)
    )


@variant(
    "feature_alpha_dropout",
    "feature_alpha_dropout",
    FIVE,
    numpy="a factor and a summand for each channel, broadcast product and sum",
)
def feature_alpha_dropout(s: Setting) -> Calls:
    shape = s.shape(32, 16, 16)
    x, y, keep = s.numbers(shape), np.empty(shape, s.dtype), s.keep((*shape[:2], 1, 1))
    low, a, b = (s.dtype(v) for v in _alpha(s.p))

    def numpy(seed: int) -> object:
        kept = keep()
        np.multiply(x, np.where(kept, a, s.dtype(0)), out=y)
        return np.add(y, np.where(kept, b, a * low + b), out=y)

    ours = {OURS: lambda seed: fd.feature_alpha_dropout(x, s.p, rng=seed, out=y), PASS: lambda seed: np.copyto(y, x)}
    return (
        ours
        | {NUMPY: numpy}
        | torch_calls(lambda torch, f, view: lambda: f.feature_alpha_dropout(view(x), s.p, training=True))
    )


@variant("zoneout", "zoneout", FIVE, numpy="mask, copy of the old, copy of the new by the mask")
def zoneout(s: Setting) -> Calls:
    new, old, y = s.numbers(s.shape()), s.numbers(s.shape()), np.empty(s.shape(), s.dtype)
    keep = s.keep(s.shape())

    def numpy(seed: int) -> object:
        np.copyto(y, old)
        np.copyto(y, new, where=keep())
        return y

    return {OURS: lambda seed: fd.zoneout(new, old, s.p, rng=seed, out=y), NUMPY: numpy}


# ---- fused with what is around it ----


def _plain(s: Setting, x: np.ndarray, y: np.ndarray) -> Calls:
    return {PLAIN: lambda seed: fd.dropout(x, s.p, rng=seed, out=y)}


@variant(
    "dropout_bias",
    "dropout_bias",
    FUSED,
    EPILOGUE,
    numpy="sum, then dropout as above",
    note="bits first, then the arrays: at p = 0.1 making bits takes more than half of plain dropout's time",
)
def dropout_bias(s: Setting) -> Calls:
    shape = s.shape(1024)
    x, bias, y, keep = s.numbers(shape), s.numbers((1024,)), np.empty(shape, s.dtype), s.keep(shape)

    def numpy(seed: int) -> object:
        np.add(x, bias, out=y)
        return np.multiply(np.multiply(y, keep(), out=y), s.scale, out=y)

    calls = {OURS: lambda seed: fd.dropout_bias(x, bias, s.p, rng=seed, out=y), NUMPY: numpy} | _plain(s, x, y)
    calls[PASS] = lambda seed: np.add(x, bias, out=y)
    return calls | torch_calls(lambda torch, f, view: lambda: f.dropout(view(x) + view(bias), s.p))


def _activated(name: str, activate: Callable[[np.ndarray], np.ndarray]) -> Callable[[Setting], Calls]:
    def make(s: Setting) -> Calls:
        shape = s.shape(1024)
        x, bias, y, keep = s.numbers(shape), s.numbers((1024,)), np.empty(shape, s.dtype), s.keep(shape)

        def numpy(seed: int) -> object:
            np.add(x, bias, out=y)
            np.multiply(activate(y), keep(), out=y)
            return np.multiply(y, s.scale, out=y)

        return {
            OURS: lambda seed: fd.dropout_bias_act(x, bias, s.p, activation=name, rng=seed, out=y),
            NUMPY: numpy,
        } | torch_calls(lambda torch, f, view: lambda: f.dropout(getattr(f, name)(view(x) + view(bias)), s.p))

    return make


def _gelu(v: np.ndarray) -> np.ndarray:
    """GELU by the hyperbolic tangent, since NumPy has no error function; a temporary array, the rest in place."""
    w = v * v
    w *= np.float32(0.044715)
    w += 1
    w *= v
    w *= np.float32(math.sqrt(2 / math.pi))
    np.tanh(w, out=w)
    w += 1
    w *= v
    w *= np.float32(0.5)
    return w


variant("dropout_bias_act, relu", "dropout_bias_act", FUSED, numpy="sum, maximum with 0, dropout")(
    _activated("relu", lambda v: np.maximum(v, 0, out=v))
)
variant(
    "dropout_bias_act, gelu",
    "dropout_bias_act",
    FUSED,
    numpy="sum, GELU by tanh in place, dropout",
    note="ours is the exact form, computed in float64 and rounded once: 82 operations and 2 divisions for 8 elements",
    activation="gelu",
)(_activated("gelu", _gelu))


@variant(
    "dropout_residual",
    "dropout_residual",
    FUSED,
    EPILOGUE,
    numpy="dropout as above, then the sum",
    note="three arrays where plain dropout has two: a pass over them takes 1.3 times plain at p = 0.5",
)
def dropout_residual(s: Setting) -> Calls:
    x, residual, y = s.numbers(s.shape()), s.numbers(s.shape()), np.empty(s.shape(), s.dtype)
    keep = s.keep(s.shape())

    def numpy(seed: int) -> object:
        np.multiply(np.multiply(x, keep(), out=y), s.scale, out=y)
        return np.add(y, residual, out=y)

    calls = {OURS: lambda seed: fd.dropout_residual(x, residual, s.p, rng=seed, out=y), NUMPY: numpy} | _plain(s, x, y)
    calls[PASS] = lambda seed: np.add(x, residual, out=y)
    return calls | torch_calls(lambda torch, f, view: lambda: f.dropout(view(x), s.p) + view(residual))


@variant("softmax_dropout", "softmax_dropout", FUSED, numpy="softmax in place in five steps, then dropout as above")
def softmax_dropout(s: Setting) -> Calls:
    shape = s.shape(8, 128, 128)
    x, y, keep = s.numbers(shape), np.empty(shape, s.dtype), s.keep(shape)
    scale = 0.125

    def numpy(seed: int) -> object:
        np.multiply(x, s.dtype(scale), out=y)
        np.subtract(y, y.max(axis=-1, keepdims=True), out=y)
        np.exp(y, out=y)
        np.multiply(y, s.scale / y.sum(axis=-1, keepdims=True), out=y)
        return np.multiply(y, keep(), out=y)

    return {OURS: lambda seed: fd.softmax_dropout(x, s.p, scale=scale, rng=seed, out=y), NUMPY: numpy} | torch_calls(
        lambda torch, f, view: lambda: f.dropout(f.softmax(view(x) * scale, -1), s.p)
    )
