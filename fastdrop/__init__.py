"""Dropout on the CPU: exact, reproducible, at the speed of memory.

Whether element i is kept is a pure function of (key, p, i): not of threads, instruction set, dtype, memory layout or of
the part of an array that is computed. So backward needs no stored mask, and a shard gets its part of the whole mask.

>>> import numpy as np
>>> import fastdrop as fd
>>> x = np.ones(8, np.float32)
>>> y, mask = fd.dropout_forward(x, 0.5, rng=fd.Key(42))
>>> bool((fd.dropout_backward(x, mask) == y).all())
True
"""

from fastdrop import _core, schedules
from fastdrop.alpha import (
    alpha_dropout,
    alpha_dropout_backward,
    alpha_dropout_forward,
    feature_alpha_dropout,
    feature_alpha_dropout_forward,
)
from fastdrop.drop_path import drop_path, drop_path_backward, drop_path_forward
from fastdrop.dropconnect import dropconnect, dropconnect_backward, dropconnect_forward, dropconnect_moments
from fastdrop.functional import dropout, dropout_backward, dropout_forward
from fastdrop.info import build_info
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.noise import (
    gaussian_dropout,
    gaussian_dropout_backward,
    gaussian_dropout_forward,
    gaussian_noise,
    gaussian_noise_backward,
    gaussian_noise_forward,
)
from fastdrop.noise_law import Noise
from fastdrop.probability import realised_p
from fastdrop.recurrent import (
    variational_dropout,
    variational_dropout_backward,
    variational_dropout_forward,
)
from fastdrop.shard import Shard
from fastdrop.spatial import dropout1d, dropout2d, dropout3d, spatial_axes
from fastdrop.threads import default_threads, get_num_threads, set_num_threads
from fastdrop.zoneout import zoneout, zoneout_backward, zoneout_forward

__all__ = [
    "CONTRACT",
    "Key",
    "Mask",
    "Noise",
    "Shard",
    "__version__",
    "alpha_dropout",
    "alpha_dropout_backward",
    "alpha_dropout_forward",
    "build_info",
    "drop_path",
    "drop_path_backward",
    "drop_path_forward",
    "dropconnect",
    "dropconnect_backward",
    "dropconnect_forward",
    "dropconnect_moments",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "dropout_backward",
    "dropout_forward",
    "feature_alpha_dropout",
    "feature_alpha_dropout_forward",
    "gaussian_dropout",
    "gaussian_dropout_backward",
    "gaussian_dropout_forward",
    "gaussian_noise",
    "gaussian_noise_backward",
    "gaussian_noise_forward",
    "get_num_threads",
    "realised_p",
    "schedules",
    "set_num_threads",
    "spatial_axes",
    "variational_dropout",
    "variational_dropout_backward",
    "variational_dropout_forward",
    "zoneout",
    "zoneout_backward",
    "zoneout_forward",
]

__version__: str = _core.__version__
CONTRACT: int = _core.CONTRACT


def _configure() -> None:
    import os

    if not _core.select_isa_from_environment():
        raise ImportError(
            f"FASTDROP_ISA has to name an instruction set that runs here ({', '.join(_core.isas())}), "
            f"but is {os.environ['FASTDROP_ISA']!r}"
        )
    try:
        _core.set_default_threads(default_threads())
    except ValueError as error:
        raise ImportError(str(error)) from None


_configure()
