"""Where the C headers and libraries of this installation are."""

from __future__ import annotations

from pathlib import Path

__all__ = ["get_include", "get_library_dir"]


def _folder(name: str, file: str) -> str:
    folder = Path(__file__).parent / name
    if not (folder / file).exists():
        raise FileNotFoundError(
            f"this build of fastdrop has no {name} folder with {file}: it is made on Linux, elsewhere compile csrc/"
        )
    return str(folder)


def get_include() -> str:
    """Return the folder of the C headers: ``fastdrop.h`` includes all others.

    Returns
    -------
    str
        For a compiler's ``-I``.

    Raises
    ------
    FileNotFoundError
        If this build has none.

    Examples
    --------
    >>> import os
    >>> import fastdrop as fd
    >>> os.path.exists(os.path.join(fd.get_include(), "fastdrop.h"))
    True
    """
    return _folder("include", "fastdrop.h")


def get_library_dir() -> str:
    """Return the folder of the C libraries: ``libfastdrop.so``, ``libfastdrop.a``, and below it what finds them.

    Returns
    -------
    str
        For a linker's ``-L``. ``pkgconfig`` in it is for PKG_CONFIG_PATH, ``cmake`` for CMAKE_PREFIX_PATH.

    Notes
    -----
    The libraries are a core of their own beside the one that Python calls, of the same version: the same masks, threads
    of their own. FASTDROP_ISA is for both.

    Raises
    ------
    FileNotFoundError
        If this build has none.

    Examples
    --------
    >>> import os
    >>> import fastdrop as fd
    >>> sorted(name for name in os.listdir(fd.get_library_dir()) if name.startswith("lib"))
    ['libfastdrop.a', 'libfastdrop.so', 'libfastdrop.so.1']
    """
    return _folder("lib", "libfastdrop.a")
