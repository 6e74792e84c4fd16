"""docs/variants.md says what there is and where it is tested: every name in its table exists, and none is missing."""

from __future__ import annotations

import inspect
import re
import subprocess
from pathlib import Path

import pytest

import fastdrop as fd
from fastdrop import nn

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/variants.md").read_text()
COLUMNS = ["variant", "rule", "source", "function", "layer", "backward", "stored", "test"]


def table() -> list[dict[str, str]]:
    """The rows of the page's table, by column."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert cells[0] == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in cells)
    return [dict(zip(COLUMNS, row, strict=True)) for row in cells[2:]]


ROWS = table()
EACH = pytest.mark.parametrize("row", ROWS, ids=lambda row: row["variant"])


def names(text: str, space: str) -> list[str]:
    """The names of a namespace, `fd` or `nn`, that stand in a cell: each in code marks, with or without arguments."""
    return re.findall(rf"`{space}\.([\w.]+)[`(]", text)


def find(owner: object, path: str) -> object:
    for name in path.split("."):
        owner = getattr(owner, name)
    return owner


def files(row: dict[str, str]) -> list[str]:
    return re.findall(r"`(tests/\w+\.py)`", row["test"])


@EACH
def test_names_of_a_row_exist(row):
    for column in COLUMNS:
        for path in names(row[column], "fd"):
            assert callable(find(fd, path)), path
            assert path.split(".")[0] in fd.__all__
        for path in names(row[column], "nn"):
            assert path.split(".")[0] in nn.__all__
            assert callable(find(nn, path)), path
    assert names(row["function"] + row["layer"], "(?:fd|nn)")


@EACH
def test_arguments_that_a_row_names_exist(row):
    """`fd.f(a=..., b=...)` and `nn.L(a=...)` take these arguments."""
    for space, owner in (("fd", fd), ("nn", nn)):
        for path, arguments in re.findall(rf"`{space}\.([\w.]+)\(([^`]*)\)`", "".join(row.values())):
            known = inspect.signature(find(owner, path)).parameters
            for argument in re.findall(r"(\w+)=", arguments):
                assert argument in known, f"{path}({argument}=)"


@EACH
def test_a_row_says_where_it_is_tested(row):
    assert files(row)
    for file in files(row):
        text = (ROOT / file).read_text()
        wanted = [path.split(".")[-1] for path in names(row["function"], "fd") + names(row["layer"], "nn")]
        assert any(re.search(rf"\b{name}\b", text) for name in wanted), f"{file} says nothing of {wanted}"
    told = "".join((ROOT / file).read_text() for file in files(row))
    for path in names(row["function"], "fd") + names(row["layer"], "nn"):
        assert re.search(rf"\b{path.split('.')[-1]}\b", told), f"{path} is in none of {files(row)}"


def test_every_function_has_a_row():
    listed = {path for row in ROWS for path in names(row["function"], "fd")}
    public = {name for name in fd.__all__ if f"{name}_forward" in fd.__all__}
    assert public - listed == set()


def test_every_layer_that_draws_has_a_row():
    listed = {path for row in ROWS for path in names(row["layer"], "nn")}
    layers = {name for name in nn.__all__ if inspect.isclass(getattr(nn, name))}
    drawing = {name for name in layers if issubclass(getattr(nn, name), nn.RandomModule)}
    assert drawing - listed == {"RandomModule"}


def test_functions_with_a_backward_have_both():
    for row in ROWS:
        for name in names(row["function"], "fd"):
            if f"{name}_backward" in fd.__all__:
                assert f"{name}_backward" in names(row["backward"], "fd"), name


def test_the_command_of_the_page_runs_all_of_the_files():
    command = re.search(r"^    pytest \$\((.*)\)$", PAGE, re.MULTILINE)[1]
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted({file for row in ROWS for file in files(row)})
