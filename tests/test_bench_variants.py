"""bench/variants.py: contestants do the same, each row is measured or named, goals are read as they are meant."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import fastdrop as fd

BENCH = Path(__file__).resolve().parent.parent / "bench"


@pytest.fixture
def variants(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module("variants")


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def traits(y) -> list[float]:
    """What two ways of the same random operation have in common."""
    y = np.concatenate([np.asarray(part, np.float64).reshape(-1) for part in (y if isinstance(y, tuple) else (y,))])
    return [y.mean(), (y * y).mean(), (y == 0).mean(), np.abs(y).mean()]


@pytest.mark.parametrize("p", [0.5, 0.2])
def test_contestants_do_the_same(variants, p):
    """Mean, mean square and share of zeros over calls agree within five standard errors, shapes and dtypes exactly."""
    compared = 0
    for row in variants.ROWS:
        if row.missing():
            continue
        setting = variants.Setting(1 << 14, p, row.dtype)
        calls = {name: call for name, call in row.make(setting).items() if name not in (variants.PLAIN, variants.PASS)}
        count = 4 if len(calls) == 1 else 24
        results = {}
        for name, call in calls.items():
            ys = [call(seed) for seed in range(count)]
            kinds = {(part.shape, part.dtype) for y in ys for part in (y if isinstance(y, tuple) else (np.asarray(y),))}
            found = np.array([traits(call(seed)) for seed in range(100, 100 + count)])
            results[name] = (kinds, found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(count))
            assert found.std(axis=0)[0] > 0, f"{row.name}, {name}: the same values in each call"
        ours = results.pop(variants.OURS)
        for name, theirs in results.items():
            assert theirs[0] == ours[0], (row.name, name)
            error = np.hypot(ours[2], theirs[2]) + 1e-6 * np.abs(ours[1])
            assert (np.abs(ours[1] - theirs[1]) <= 6 * error).all(), (row.name, name, ours[1], theirs[1], error)
            compared += 1
    assert compared > 8


def test_quick_run_measures_or_names_each_row(variants, capsys):
    before = fd.get_num_threads()
    variants.main(["--quick"])
    assert fd.get_num_threads() == before
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert {len(cells(line)) for line in table} == {len(variants.HEAD)}
    rows = table[2:]
    assert len(rows) == len(variants.ROWS)
    missing = []
    for line, row in zip(rows, variants.ROWS, strict=True):
        assert cells(line)[0].startswith(row.name)
        if row.missing():
            assert f"NOT RUN: this fastdrop has no fastdrop.{row.missing()[0]}" in line
            missing.append(row.name)
        else:
            assert cells(line)[10] in ("met", "NOT MET")
            assert float(cells(line)[2].removesuffix(" ms")) > 0
    assert lines[-1] == f"rows not run: {', '.join(missing) or 'none'}"
    assert lines[-2].startswith("goals not met: ")


def test_each_variant_once(variants):
    """No two rows are of the same name and dtype; no function of this package that has a row is misspelt."""
    names = [(row.name, row.dtype) for row in variants.ROWS]
    assert len(set(names)) == len(names)
    wanted = (
        "dropout dropout2d drop_path variational_dropout alpha_dropout feature_alpha_dropout zoneout dropout_bias "
        "dropout_bias_act dropout_residual softmax_dropout dropblock2d token_dropout embedding_dropout word_dropout "
        "gaussian_dropout gaussian_noise concrete_dropout mc_dropout mc_moments consistent_dropout dropconnect nn.LSTM"
    )
    assert {need for row in variants.ROWS for need in row.needs} == set(wanted.split())


def test_goals(variants):
    at_least = variants.ROWS[0].goals[0]
    at_most = next(goal for row in variants.ROWS for goal in row.goals if goal.most)
    assert at_least.ratio({"fastdrop": 2.0, "NumPy": 10.0}) == 5.0
    assert at_least.met({"fastdrop": 2.0, "NumPy": 10.0})
    assert not at_least.met({"fastdrop": 2.0, "NumPy": 9.9})
    assert str(at_least) == "NumPy / 5"
    assert at_least.bound({"fastdrop": 2.0, "NumPy": 10.0}) is None
    assert at_least.bound({"fastdrop": 2.0, "NumPy": 10.0, "pass": 4.0}) == 2.5
    assert at_most.bound({"fastdrop": 2.0, "plain": 1.0, "pass": 1.5}) == 1.5
    assert at_most.ratio({"fastdrop": 2.0, "plain": 1.0}) == 2.0
    assert not at_most.met({"fastdrop": 2.0, "plain": 1.0})
    assert at_most.met({"fastdrop": 1.0, "plain": 1.0})
    assert str(at_most) == "<= 1.3 x plain"


def test_torch_is_skipped_by_name(variants, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    variants.main(["--quick", "--only", "mc_moments"])
    out = capsys.readouterr().out
    assert "torch: skipped, not installed" in out
    assert len([line for line in out.splitlines() if line.startswith("| mc_moments")]) == 1
