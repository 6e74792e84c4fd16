"""Every example in a docstring runs, and every public object has one that says what the object does."""

import doctest
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
from helpers import skip_without_packages

import fastdrop as fd

ROOT = Path(fd.__file__).parent
FILES = [path.relative_to(ROOT.parent).with_suffix("") for path in ROOT.rglob("*.py") if path.name != "__main__.py"]
MODULES = sorted({".".join(path.parts).removesuffix(".__init__") for path in FILES})
PUBLIC = [name for name in fd.__all__ if callable(getattr(fd, name))]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    skip_without_packages(f"import {name}")
    monkeypatch.chdir(tmp_path)  # an example that writes a file writes it there
    module = importlib.import_module(name)
    names = {"fd": fd, "np": np}
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


def examples(thing) -> int:
    return sum(len(test.examples) for test in doctest.DocTestFinder().find(thing, globs={}))


@pytest.mark.parametrize("name", PUBLIC)
def test_public_objects_have_an_example(name):
    thing = getattr(fd, name)
    assert inspect.getdoc(thing)
    assert examples(thing) > 0


@pytest.mark.parametrize("name", PUBLIC)
def test_public_signatures_are_annotated(name):
    thing = getattr(fd, name)
    signature = inspect.signature(thing)
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter
    if not inspect.isclass(thing):
        assert signature.return_annotation is not inspect.Signature.empty
