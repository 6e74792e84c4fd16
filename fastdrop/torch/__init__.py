"""Dropout for PyTorch on the CPU: the same modules and functions, at the speed of memory.

`fastdrop.torch.functional` has what `torch.nn.functional` has; the modules of the same names here are subclasses of
PyTorch's; `replace` swaps those of a model that exists, and `patch` the functions that other people's code calls. Needs
the extra `torch`.
"""

from fastdrop.torch.extra import require_torch

require_torch()

from fastdrop.torch import functional  # noqa: E402
from fastdrop.torch.attention import scaled_dot_product_attention  # noqa: E402
from fastdrop.torch.connect import DropConnectLinear  # noqa: E402
from fastdrop.torch.modules import (  # noqa: E402
    AlphaDropout,
    DropBlock2d,
    DropBlock3d,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    DropPath,
    FeatureAlphaDropout,
    MultiheadAttention,
    StochasticDepth,
)
from fastdrop.torch.patching import patch  # noqa: E402
from fastdrop.torch.replacing import Report, replace, restore  # noqa: E402

__all__ = [
    "AlphaDropout",
    "DropBlock2d",
    "DropBlock3d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "MultiheadAttention",
    "Report",
    "StochasticDepth",
    "functional",
    "patch",
    "replace",
    "restore",
    "scaled_dot_product_attention",
]
