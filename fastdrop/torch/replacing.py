"""Dropout modules of a model that exists, swapped in place for fastdrop's and back."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from fastdrop.torch import modules
from fastdrop.torch.timm_blocks import TimmDropBlock2d

__all__ = ["Report", "replace", "restore"]

#: Classes by module and name: packages that are not imported have no modules to swap.
_OURS: dict[tuple[str, str], type[nn.Module]] = {
    **{
        ("torch.nn.modules.dropout", name): getattr(modules, name)
        for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
    },
    ("torch.nn.modules.activation", "MultiheadAttention"): modules.MultiheadAttention,
    ("torchvision.ops.stochastic_depth", "StochasticDepth"): modules.StochasticDepth,
    ("torchvision.ops.drop_block", "DropBlock2d"): modules.DropBlock2d,
    ("torchvision.ops.drop_block", "DropBlock3d"): modules.DropBlock3d,
    ("timm.layers.drop", "DropPath"): modules.DropPath,
    ("timm.layers.drop", "DropBlock2d"): TimmDropBlock2d,
}
_WAS = "_class_before_fastdrop"


@dataclass
class Report:
    """What `replace` did.

    Attributes
    ----------
    replaced : list of (str, str)
        Names of modules in the model, and of their classes before.
    unreached : list of (str, str)
        Names of modules that drop something themselves, and why they were left as they are.
    """

    replaced: list[tuple[str, str]] = field(default_factory=list)
    unreached: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"replaced: {len(self.replaced)} modules"]
        lines += [f"  {name or 'the model itself'}: {kind}" for name, kind in self.replaced]
        lines += [f"not reached: {len(self.unreached)} modules"]
        lines += [f"  {name or 'the model itself'}: {why}" for name, why in self.unreached]
        return "\n".join(lines)


def replace(model: nn.Module) -> Report:
    """Let every dropout module of a model use fastdrop from now on.

    Parameters
    ----------
    model : torch.nn.Module
        Modules of exactly PyTorch's, timm's, torchvision's or Hugging Face's classes change their class; p, training
        flags, hooks, state and identity stay.

    Returns
    -------
    Report
        What was swapped, and what drops by itself and can't be reached so. Calls of functions inside a `forward` are
        not seen: `patch` reaches those.

    Raises
    ------
    TypeError
        If model is not a module.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.1))
    >>> ft.replace(model).replaced
    [('1', 'torch.nn.modules.dropout.Dropout')]
    >>> type(model[1]) is ft.Dropout
    True
    """
    report = Report()
    for name, module in _modules(model):
        kind = type(module)
        ours = _counterpart(kind)
        if ours is not None and not _special(module):
            module.__dict__[_WAS] = kind
            module.__class__ = ours
            report.replaced.append((name, f"{kind.__module__}.{kind.__qualname__}"))
        elif why := _why_not(module):
            report.unreached.append((name, why))
    return report


def restore(model: nn.Module) -> list[str]:
    """Undo `replace`.

    Parameters
    ----------
    model : torch.nn.Module
        What `replace` was called on, or a part of it.

    Returns
    -------
    list of str
        Names of the modules that have their former class again.

    Examples
    --------
    >>> import torch
    >>> import fastdrop.torch as ft
    >>> model = torch.nn.Sequential(torch.nn.Dropout(0.1))
    >>> report = ft.replace(model)
    >>> ft.restore(model), type(model[0]) is torch.nn.Dropout
    (['0'], True)
    """
    names = []
    for name, module in _modules(model):
        before = module.__dict__.pop(_WAS, None)
        if before is not None:
            module.__class__ = before
            names.append(name)
    return names


def _modules(model: object):
    if not isinstance(model, nn.Module):
        raise TypeError(f"model has to be a torch.nn.Module, but got {type(model).__name__}")
    return list(model.named_modules())


def _counterpart(kind: type[nn.Module]) -> type[nn.Module] | None:
    """Return our class for somebody's: by name, since Hugging Face's models have each a DropPath of its own."""
    if kind.__module__.startswith("transformers.models.") and kind.__qualname__.endswith("DropPath"):
        return modules.DropPath
    return _OURS.get((kind.__module__, kind.__qualname__))


def _special(module: nn.Module) -> bool:
    """Return whether it was told to do what ours don't: timm's DropBlock can fill squares with noise."""
    return bool(getattr(module, "with_noise", False) or getattr(module, "batchwise", False))


def _why_not(module: nn.Module) -> str:
    """Return why a module that drops something is left alone; nothing for all others."""
    kind = type(module)
    if isinstance(module, nn.RNNBase) and module.dropout > 0 and module.num_layers > 1:
        return f"{kind.__name__} drops between its layers inside PyTorch's own code"
    if _counterpart(kind) is not None and _special(module):
        return f"{kind.__name__} has with_noise or batchwise, which fastdrop's has not"
    if isinstance(module, tuple(_OURS.values())):
        return ""
    if "Drop" in kind.__name__ or isinstance(module, (nn.modules.dropout._DropoutNd, nn.MultiheadAttention)):
        return f"{kind.__module__}.{kind.__qualname__} is a class that fastdrop has nothing for"
    return ""
