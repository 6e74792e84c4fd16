"""What the demo trains on: scikit-learn's handwritten digits, or a file of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import fastdrop as fd
from fastdrop.demo.extras import InputError, extra

__all__ = ["Dataset", "Split", "load_digits", "load_file", "make_split"]

#: Fewer rows than this give no test accuracy worth a name.
LEAST_ROWS = 20
#: Rows of the test set are not more than this, so that a large file takes no longer than a small one.
TEST_LIMIT = 2000
#: What is folded into a seed's key ("user" role) for each thing that is drawn at random.
SPLIT, NOISE, ORDER, MODEL = range(4)


@dataclass(frozen=True)
class Dataset:
    """Rows of numbers with a class each.

    Attributes
    ----------
    name : str
        For people.
    x : ndarray of float32, shape (rows, features)
    y : ndarray of int64, shape (rows,)
        Classes, from 0 to classes - 1.
    classes : int
    standardise : bool
        Whether features still have to be brought to a common scale.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: int
    standardise: bool


@dataclass(frozen=True)
class Split:
    """A training and a test set, float32 rows and int64 classes. Test labels are always the true ones."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int


def load_digits() -> Dataset:
    """Return scikit-learn's digits: 1,797 scans of 8 x 8 pixels with values from 0 to 1.

    Raises
    ------
    MissingExtraError
        If scikit-learn is missing.
    """
    images, labels = extra("sklearn.datasets").load_digits(return_X_y=True)
    name = "scikit-learn's handwritten digits"
    return Dataset(name, (images / 16).astype(np.float32), labels.astype(np.int64), 10, standardise=False)


def load_file(path: str | Path) -> Dataset:
    """Read arrays X (rows, features) and y (rows,) from a file of `numpy.savez`.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Dataset
        Labels become classes in ascending order.

    Raises
    ------
    InputError
        If the file is missing, unreadable, or holds something else. The text is one line and names the file.

    Examples
    --------
    >>> from fastdrop.demo.data import load_file
    >>> load_file("nowhere.npz")
    Traceback (most recent call last):
    ...
    fastdrop.demo.extras.InputError: can't read nowhere.npz: No such file or directory
    """
    arrays = _read(Path(path))
    for name, ndim, shape in (("X", 2, "(rows, features)"), ("y", 1, "(rows,)")):
        array = arrays[name]
        if array.dtype.kind not in "biuf":
            raise InputError(f"{path}: {name} has to hold numbers, but is of dtype {array.dtype}")
        if array.ndim != ndim:
            raise InputError(f"{path}: {name} has to be of shape {shape}, but is of shape {array.shape}")
    x, y = arrays["X"], arrays["y"]
    if len(x) != len(y):
        raise InputError(f"{path}: X and y have to have as many rows, but have {len(x)} and {len(y)}")
    if len(x) < LEAST_ROWS or x.shape[1] == 0:
        raise InputError(f"{path}: X has to have at least {LEAST_ROWS} rows and a feature, but is of shape {x.shape}")
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise InputError(f"{path}: X has to hold finite float32 numbers, but has {x[row, column]} at [{row}, {column}]")
    if y.dtype.kind == "f" and not (np.isfinite(y) & (y == np.floor(y))).all():
        row = np.flatnonzero(~(np.isfinite(y) & (y == np.floor(y))))[0]
        raise InputError(f"{path}: y has to hold whole numbers, one for each class, but has {y[row]} at [{row}]")
    labels, y = np.unique(y, return_inverse=True)
    if not 2 <= len(labels) <= len(x) // 2:
        raise InputError(f"{path}: y has to hold 2 to {len(x) // 2} classes for {len(x)} rows, but holds {len(labels)}")
    return Dataset(str(path), x, y.astype(np.int64), len(labels), standardise=True)


def _read(path: Path) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as stream:
            content = np.load(stream, allow_pickle=False)
            names = list(content.files) if isinstance(content, Mapping) else None
            if names is not None:
                arrays = {name: content[name] for name in ("X", "y") if name in names}
    except Exception as error:  # a broken file may raise anything: of zip, zlib, header, pickle, memory
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"can't read {path}: {(reason.splitlines() or [type(error).__name__])[0]}") from None
    if names is None:
        raise InputError(f"{path}: has to be a file of numpy.savez with arrays X and y, but holds a single array")
    if len(arrays) < 2:
        raise InputError(f"{path}: has to hold arrays X and y, but holds {', '.join(names) or 'none'}")
    return arrays


def make_split(data: Dataset, key: fd.Key, train_rows: int, noise: float) -> Split:
    """Choose the training set and replace labels.

    Parameters
    ----------
    data : Dataset
    key : Key
        The same key gives the same rows, and for the same `noise` the same replaced labels.
    train_rows : int
        Rows to train on: at most half of all.
    noise : float
        Share of the training labels that are replaced by another class, each other one as likely.

    Returns
    -------
    Split
    """
    rows = len(data.x)
    order = key.fold_in(SPLIT).generator().permutation(rows)
    cut = min(train_rows, rows // 2)
    train, test = order[:cut], order[cut : cut + TEST_LIMIT]
    labels = data.y[train]
    generator = key.fold_in(NOISE).generator()
    replaced = generator.permutation(cut)[: round(noise * cut)]
    labels[replaced] = (labels[replaced] + generator.integers(1, data.classes, len(replaced))) % data.classes
    x_train, x_test = data.x[train], data.x[test]
    if data.standardise:
        mean, deviation = x_train.mean(axis=0, dtype=np.float64), x_train.std(axis=0, dtype=np.float64)
        deviation[deviation == 0] = 1
        x_train, x_test = (((x - mean) / deviation).astype(np.float32) for x in (x_train, x_test))
    return Split(x_train, labels, x_test, data.y[test], data.classes)
