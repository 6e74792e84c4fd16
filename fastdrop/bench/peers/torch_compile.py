"""Dropout compiled by torch.compile, which draws in the same loop that multiplies."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.peers.tools import find, quiet_import
from fastdrop.bench.peers.torch import ones

__all__ = ["missing", "rows"]


def missing() -> str | None:
    """Return why torch.compile can't run here, or None."""
    return find("torch")


def prepare(case: Case) -> Callable[[int], Any]:
    """Prepare ``torch.compile(F.dropout)`` for one size and one number of threads, which becomes part of the code."""
    torch, x = ones(case)
    inductor = quiet_import("torch._inductor.config")
    dropout = torch.nn.functional.dropout

    def apply(x: Any) -> Any:
        return dropout(x, case.p, True)

    # What is compiled is kept with the code object, and after eight versions torch quietly goes on uncompiled: a code
    # object a case prevents that.
    fresh = FunctionType(apply.__code__.replace(), apply.__globals__, closure=apply.__closure__)
    compiled = torch.compile(fresh, dynamic=False, fullgraph=True)

    def run(times: int) -> Any:
        torch.set_num_threads(case.threads)
        with torch.no_grad():
            for _ in range(times):
                y = compiled(x)
        return y

    try:
        with inductor.patch({"cpp.threads": case.threads}):
            run(1)
    except Exception as error:  # no C++ compiler, or one that fails: torch has a dozen exceptions for it
        line = str(error).strip().splitlines()[0]
        raise UnsupportedError(f"torch.compile failed: {type(error).__name__}: {line}") from error
    return run


def rows() -> list[Row]:
    """Return the row of torch.compile."""
    return [Row("torch.compile F.dropout", "peer", prepare, per_call=True)]
