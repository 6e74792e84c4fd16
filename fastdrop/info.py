"""What this build is."""

from __future__ import annotations

from fastdrop import _core

__all__ = ["build_info"]


def build_info() -> dict[str, object]:
    """Say how fastdrop was built and what it uses here.

    Returns
    -------
    dict
        version, contract : of this build; the contract fixes every mask.
        isas_built, isas_runnable, isa : names of instruction sets compiled in, runnable on this machine, in use.
        threads : default number of threads of a call.
        openmp : OpenMP's date (201511 stands for 4.5), 0 for a single-threaded build.
        compiler : of the C core.

    Examples
    --------
    >>> import fastdrop as fd
    >>> info = fd.build_info()
    >>> info["isa"] in info["isas_runnable"]
    True
    """
    return {
        "version": _core.__version__,
        "contract": _core.CONTRACT,
        "isas_built": _core.isas_built(),
        "isas_runnable": _core.isas(),
        "isa": _core.isa(),
        "threads": _core.get_default_threads(),
        "openmp": _core.openmp(),
        "compiler": _core.compiler(),
    }
