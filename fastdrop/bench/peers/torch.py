"""Dropout in PyTorch, eager: the function that programs call, its two passes, and the best that its own pieces give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastdrop.bench.case import Case, Row
from fastdrop.bench.peers.tools import find, in_place, quiet_import

__all__ = ["missing", "ones", "rows"]


def missing() -> str | None:
    """Return why torch can't run here, or None."""
    return find("torch")


def ones(case: Case, **options: Any) -> tuple[Any, Any]:
    """Return the module and a new tensor of the case's elements, all 1."""
    torch = quiet_import("torch")
    return torch, torch.ones(case.size, dtype=getattr(torch, case.dtype), **options)


def out_of_place(case: Case) -> Callable[[int], Any]:
    """Prepare ``F.dropout(x, p, True)``."""
    torch, x = ones(case)
    dropout = torch.nn.functional.dropout

    def run(times: int) -> Any:
        torch.set_num_threads(case.threads)
        with torch.no_grad():
            for _ in range(times):
                y = dropout(x, case.p, True)
        return y

    run(1)
    return run


def overwriting(case: Case) -> Callable[[int], Any]:
    """Prepare ``F.dropout(x, p, True, inplace=True)``."""
    torch, x = ones(case)
    dropout = torch.nn.functional.dropout

    def run(times: int) -> Any:
        torch.set_num_threads(case.threads)
        with torch.no_grad():
            for _ in range(times):
                dropout(x, case.p, True, True)
        return x

    return in_place(run, x.fill_)


def both_passes(case: Case) -> Callable[[int], Any]:
    """Prepare ``torch.native_dropout`` and its backward pass, which autograd runs from the mask that it returned."""
    torch, x = ones(case, requires_grad=True)
    gradient = torch.ones_like(x, requires_grad=False)

    def run(times: int) -> Any:
        torch.set_num_threads(case.threads)
        for _ in range(times):
            y, _mask = torch.native_dropout(x, case.p, True)
            (dx,) = torch.autograd.grad(y, x, gradient)
        return y.detach(), dx

    run(1)
    return run


def uniform(case: Case) -> Callable[[int], Any]:
    """Prepare ``x.mul_(torch.rand(n) >= p).mul_(1 / (1 - p))``: vectorised where ``F.dropout`` is not."""
    torch, x = ones(case)
    draws = torch.empty(case.size, dtype=torch.float64 if case.dtype == "float64" else torch.float32)
    scale = 1 / (1 - case.p)

    def run(times: int) -> Any:
        torch.set_num_threads(case.threads)
        for _ in range(times):
            torch.rand(case.size, dtype=draws.dtype, out=draws)
            x.mul_(draws >= case.p).mul_(scale)
        return x

    return in_place(run, x.fill_)


def rows() -> list[Row]:
    """Return torch's rows."""
    return [
        Row("torch F.dropout", "peer", out_of_place, per_call=True),
        Row("torch F.dropout, in place", "peer", overwriting, per_call=True),
        Row("torch native_dropout, forward + backward", "peer", both_passes, per_call=True),
        Row("torch.rand idiom, in place", "peer", uniform, per_call=True),
    ]
