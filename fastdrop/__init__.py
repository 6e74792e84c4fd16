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
from fastdrop.alpha import alpha_dropout, alpha_dropout_backward, alpha_dropout_forward
from fastdrop.attention import attention_dropout, attention_dropout_backward, attention_dropout_forward
from fastdrop.block_mask import BlockMask
from fastdrop.concrete import concrete_dropout, concrete_dropout_backward, concrete_dropout_forward
from fastdrop.concrete_law import ConcreteMask
from fastdrop.consistent import consistent_dropout, consistent_dropout_backward, consistent_dropout_forward
from fastdrop.drop_path import drop_path, drop_path_backward, drop_path_forward
from fastdrop.dropblock import (
    dropblock1d,
    dropblock1d_backward,
    dropblock1d_forward,
    dropblock2d,
    dropblock2d_backward,
    dropblock2d_forward,
    dropblock3d,
    dropblock3d_backward,
    dropblock3d_forward,
)
from fastdrop.dropconnect import dropconnect, dropconnect_backward, dropconnect_forward, dropconnect_moments
from fastdrop.embedding_dropout import embedding_dropout, embedding_dropout_backward, embedding_dropout_forward
from fastdrop.feature_alpha import feature_alpha_dropout, feature_alpha_dropout_backward, feature_alpha_dropout_forward
from fastdrop.functional import dropout, dropout_backward, dropout_forward
from fastdrop.fused_act import dropout_bias_act, dropout_bias_act_backward, dropout_bias_act_forward
from fastdrop.fused_bias import dropout_bias, dropout_bias_backward, dropout_bias_forward
from fastdrop.fused_parts import bias_gradient
from fastdrop.fused_residual import dropout_residual, dropout_residual_backward, dropout_residual_forward
from fastdrop.info import build_info
from fastdrop.installed import get_include, get_library_dir
from fastdrop.key import Key
from fastdrop.mask import Mask
from fastdrop.mask_stack import MaskStack
from fastdrop.monte_carlo import mc_dropout, mc_dropout_backward, mc_dropout_forward, mc_moments
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
from fastdrop.recurrent import variational_dropout, variational_dropout_backward, variational_dropout_forward
from fastdrop.shard import Shard
from fastdrop.softmax import softmax_dropout, softmax_dropout_backward, softmax_dropout_forward
from fastdrop.softmax_law import SoftmaxLaw
from fastdrop.spatial import dropout1d, dropout2d, dropout3d, spatial_axes
from fastdrop.threads import default_threads, follow_main_thread, get_num_threads, set_num_threads
from fastdrop.token_dropout import token_dropout, token_dropout_backward, token_dropout_forward, token_indices
from fastdrop.token_sample import TokenSample
from fastdrop.word_dropout import word_dropout, word_dropout_forward
from fastdrop.zoneout import zoneout, zoneout_backward, zoneout_forward

__all__ = [
    "BlockMask",
    "CONTRACT",
    "ConcreteMask",
    "Key",
    "Mask",
    "MaskStack",
    "Noise",
    "Shard",
    "SoftmaxLaw",
    "TokenSample",
    "__version__",
    "alpha_dropout",
    "alpha_dropout_backward",
    "alpha_dropout_forward",
    "attention_dropout",
    "attention_dropout_backward",
    "attention_dropout_forward",
    "bias_gradient",
    "build_info",
    "concrete_dropout",
    "concrete_dropout_backward",
    "concrete_dropout_forward",
    "consistent_dropout",
    "consistent_dropout_backward",
    "consistent_dropout_forward",
    "drop_path",
    "drop_path_backward",
    "drop_path_forward",
    "dropblock1d",
    "dropblock1d_backward",
    "dropblock1d_forward",
    "dropblock2d",
    "dropblock2d_backward",
    "dropblock2d_forward",
    "dropblock3d",
    "dropblock3d_backward",
    "dropblock3d_forward",
    "dropconnect",
    "dropconnect_backward",
    "dropconnect_forward",
    "dropconnect_moments",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "dropout_backward",
    "dropout_bias",
    "dropout_bias_act",
    "dropout_bias_act_backward",
    "dropout_bias_act_forward",
    "dropout_bias_backward",
    "dropout_bias_forward",
    "dropout_forward",
    "dropout_residual",
    "dropout_residual_backward",
    "dropout_residual_forward",
    "embedding_dropout",
    "embedding_dropout_backward",
    "embedding_dropout_forward",
    "feature_alpha_dropout",
    "feature_alpha_dropout_backward",
    "feature_alpha_dropout_forward",
    "gaussian_dropout",
    "gaussian_dropout_backward",
    "gaussian_dropout_forward",
    "gaussian_noise",
    "gaussian_noise_backward",
    "gaussian_noise_forward",
    "get_include",
    "get_library_dir",
    "get_num_threads",
    "mc_dropout",
    "mc_dropout_backward",
    "mc_dropout_forward",
    "mc_moments",
    "realised_p",
    "schedules",
    "set_num_threads",
    "softmax_dropout",
    "softmax_dropout_backward",
    "softmax_dropout_forward",
    "spatial_axes",
    "token_dropout",
    "token_dropout_backward",
    "token_dropout_forward",
    "token_indices",
    "variational_dropout",
    "variational_dropout_backward",
    "variational_dropout_forward",
    "word_dropout",
    "word_dropout_forward",
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
    follow_main_thread()


_configure()
