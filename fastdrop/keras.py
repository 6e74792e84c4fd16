"""Keras' dropout layers on fastdrop's masks, for its back ends torch, jax and numpy.

Classes are subclasses of Keras' own and keep their signatures, errors and configurations. Each has, as Keras' have, a
`SeedGenerator`, whose two numbers are the key of a call: the same seed gives the same masks on every back end. Needs
the extra `keras`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_HOW = "install it with pip install '.[keras]' in the source of fastdrop"
try:
    import keras
except ImportError as error:
    raise ImportError(f"fastdrop.keras needs Keras 3: {_HOW}") from error
if int(keras.__version__.split(".")[0]) < 3:
    raise ImportError(f"fastdrop.keras needs Keras 3, but got {keras.__version__}: {_HOW}")

__all__ = [
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]

_register = keras.saving.register_keras_serializable(package="fastdrop")


def _functions() -> Any:
    """Return the functions for tensors of the back end.

    Raises
    ------
    ImportError
        If there are none.
    """
    name = keras.backend.backend()
    if name == "jax":
        from fastdrop import jax

        return jax
    if name == "torch":
        from fastdrop.torch import functional

        return functional
    if name == "numpy":
        import fastdrop

        return fastdrop
    raise ImportError(f"fastdrop.keras works on Keras' back ends torch, jax and numpy, but this is {name}")


def _key(layer: Any) -> Any:
    """Return the layer's next key, as the back end's functions take it: seed and counter are its first two words."""
    words = layer.seed_generator.next()
    name = keras.backend.backend()
    if name == "jax":
        return words
    if name == "torch":
        import torch

        low, high = words.to(torch.int64).unbind()
        return torch.stack([(low & 0xFFFFFFFF) | (high << 32), torch.zeros_like(low)])
    from fastdrop.key import Key

    low, high = (int(word) & 0xFFFFFFFF for word in np.asarray(words))
    return Key(low | high << 32)


def _shared(layer: Any, inputs: Any, noise_shape: tuple[int | None, ...] | None) -> tuple[int, ...]:
    """Return the axes that share decisions: those of which a noise shape says 1.

    Raises
    ------
    ValueError
        If it has another number of axes than the inputs, or another length.
    """
    if noise_shape is None:
        return ()
    shape = tuple(inputs.shape)
    fits = len(noise_shape) == len(shape) and all(
        n in (None, 1) or whole is None or n == whole for n, whole in zip(noise_shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"noise_shape of layer {layer.name} has to have 1, None or the length of each axis of {shape}, but got "
            f"{tuple(noise_shape)}"
        )
    return tuple(axis for axis, n in enumerate(noise_shape) if n == 1 and shape[axis] != 1)


def _run(layer: Any, name: str, inputs: Any, amount: float, noise_shape: Any = None) -> Any:
    function = getattr(_functions(), name)
    shared = _shared(layer, inputs, noise_shape)
    x = np.asarray(inputs) if keras.backend.backend() == "numpy" else inputs
    return function(x, amount, rng=_key(layer), training=True, share_axes=shared)


@_register
class Dropout(keras.layers.Dropout):
    """Set inputs to 0 with probability rate in training, and scale the others by 1 / (1 - rate).

    Parameters
    ----------
    rate : float
        In [0, 1].
    noise_shape : tuple of int or None, optional
        1 for each axis along which one decision is shared, else None or its length.
    seed : int, optional
    **kwargs
        As for any layer.

    Examples
    --------
    >>> import keras, numpy as np
    >>> import fastdrop.keras as fk
    >>> layer = fk.Dropout(0.5, seed=7)
    >>> y = keras.ops.convert_to_numpy(layer(np.ones((2, 50), "float32"), training=True))
    >>> sorted(set(y.ravel().tolist()))
    [0.0, 2.0]
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply it in training."""
        if not training or self.rate == 0:
            return inputs
        return _run(self, "dropout", inputs, self.rate, self.noise_shape)


class _Spatial:
    """Whole channels: what Keras' own class says of the noise's shape holds."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply it in training."""
        if not training or self.rate == 0:  # type: ignore[attr-defined]
            return inputs
        channels_first = getattr(self, "data_format", "channels_last") == "channels_first"
        last = len(inputs.shape) - 1
        shape = [1] * (last + 1)
        shape[0] = shape[1 if channels_first else last] = None  # type: ignore[call-overload]
        return _run(self, "dropout", inputs, self.rate, tuple(shape))  # type: ignore[attr-defined]


@_register
class SpatialDropout1D(_Spatial, keras.layers.SpatialDropout1D):
    """Drop whole channels of (samples, steps, channels); parameters are Keras'."""


@_register
class SpatialDropout2D(_Spatial, keras.layers.SpatialDropout2D):
    """Drop whole channels of four axes, the last or by `data_format` the second; parameters are Keras'."""


@_register
class SpatialDropout3D(_Spatial, keras.layers.SpatialDropout3D):
    """Drop whole channels of five axes, the last or by `data_format` the second; parameters are Keras'."""


@_register
class AlphaDropout(keras.layers.AlphaDropout):
    """Set inputs to SELU's negative limit with probability rate in training, and keep mean and variance.

    Parameters are Keras'. With rate 1 all outputs are 0, where Keras' divides by 0.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply it in training."""
        if not training or self.rate == 0:
            return inputs
        return _run(self, "alpha_dropout", inputs, self.rate, self.noise_shape)


@_register
class GaussianDropout(keras.layers.GaussianDropout):
    """Multiply inputs by normal numbers of mean 1 and variance rate / (1 - rate) in training; parameters are Keras'.

    A rate of 1 is an error of the constructor: its variance is infinite.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        if rate == 1:
            raise ValueError(f"rate has to be below 1 for GaussianDropout, whose variance is rate / (1 - rate): {rate}")

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply it in training."""
        if not training or self.rate == 0:
            return inputs
        return _run(self, "gaussian_dropout", inputs, self.rate)


@_register
class GaussianNoise(keras.layers.GaussianNoise):
    """Add normal numbers of mean 0 and standard deviation stddev in training; parameters are Keras'."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply it in training."""
        if not training or self.stddev == 0:
            return inputs
        return _run(self, "gaussian_noise", inputs, self.stddev)
