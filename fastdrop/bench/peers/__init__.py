"""Dropout as other packages do it, for the benchmark to time beside fastdrop in one process.

A module a package. Importing them imports no package: that happens when a row is prepared, and what is not installed
is named with the reason. Rows that overwrite their array have it filled with 1 before each timing; elements become 0 or
grow by 1 / (1 - p), never subnormal, so no repetition costs more than another for its values.
``run`` returns what its last call computed, for tests to look at: the array, or the array and what else there is.
"""

from __future__ import annotations

from fastdrop.bench.case import Row
from fastdrop.bench.peers import jax, libxsmm, numba, numpy, onnxruntime, tensorflow, torch, torch_compile

__all__ = ["FAMILIES", "rows"]

#: Each has ``missing() -> str | None``, the reason why it can't run here, and ``rows() -> list[Row]``.
FAMILIES = {
    "NumPy": numpy,
    "numba": numba,
    "torch": torch,
    "torch.compile": torch_compile,
    "JAX": jax,
    "onnxruntime": onnxruntime,
    "TensorFlow": tensorflow,
    "LIBXSMM": libxsmm,
}


def rows() -> tuple[list[Row], dict[str, str]]:
    """Return the rows that can run here, and for each family that can't its name and the reason.

    Returns
    -------
    available : list of Row
        Rows of kind ``"idiom"`` and ``"peer"``; those whose name ends in ``"backward"`` apply a stored mask, those
        that end in ``"forward + backward"`` do a step's two passes.
    missing : dict of str to str
        ``{"torch": "torch is not installed", ...}``.

    Examples
    --------
    >>> from fastdrop.bench import peers
    >>> available, missing = peers.rows()
    >>> available[0].name
    'NumPy idiom'
    >>> all(isinstance(reason, str) for reason in missing.values())
    True
    """
    missing = {name: reason for name, family in FAMILIES.items() if (reason := family.missing())}
    return [row for name, family in FAMILIES.items() if name not in missing for row in family.rows()], missing
