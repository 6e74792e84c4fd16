"""The scripts in bench/ that need no pytest-benchmark: what they compare is comparable, what they print is readable.

Nothing here depends on how fast anything is.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import fastdrop as fd
from fastdrop import nn

BENCH = Path(__file__).parent.parent / "bench"


def load(name):
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


step, alternate, threads, lstm = load("step"), load("alternate"), load("threads"), load("lstm")
DROPOUTS = [name for name in step.LAYERS if name != "no dropout"]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


# ---- bench/step.py ----


@pytest.mark.parametrize("p", [0.5, 0.1])
@pytest.mark.parametrize("name", DROPOUTS)
def test_the_layers_compared_are_dropout(name, p):
    """Same shapes and dtype, zeros and scaled values, the same mask backward, and the mean of many outputs is x."""
    layer = step.LAYERS[name](p, 3)
    x = np.arange(1, 1001, dtype=np.float32).reshape(20, 50)
    total, rounds = np.zeros(x.shape), 400
    for _ in range(rounds):
        y = layer(x.copy())
        dx = layer.backward(np.full(x.shape, 2, np.float32))
        assert (y.shape, dx.shape, y.dtype, dx.dtype) == (x.shape, x.shape, np.float32, np.float32)
        assert np.array_equal(y != 0, dx != 0)
        np.testing.assert_allclose(y[y != 0], (x / (1 - p))[y != 0], rtol=1e-6)
        np.testing.assert_allclose(dx[dx != 0], 2 / (1 - p), rtol=1e-6)
        total += y / x
    error = np.sqrt(p / (1 - p) / rounds)  # of one element's mean
    assert abs(total / rounds - 1).max() < 5 * error
    assert abs(total.mean() / rounds - 1) < 5 * error / np.sqrt(x.size)


def test_the_layers_compared_train_alike():
    """The loss after a few steps, without dropout then, is the same but for the draws."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 10), dtype=np.float32)
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)

    def final_loss(name, seed):
        layer = step.LAYERS[name](0.5, seed)
        modules = [nn.Linear(10, 32, rng=1), nn.ReLU(), *([layer] if layer else []), nn.Linear(32, 2, rng=2)]
        model, loss = nn.Sequential(*modules), nn.CrossEntropyLoss()
        adam = nn.Adam(model.parameters(), lr=0.01)
        for _ in range(80):
            loss(model(x), labels)
            model.backward(loss.backward())
            adam.step()
            adam.zero_grad()
        plain = nn.Sequential(*(m for m in modules if m is not layer))
        return loss(plain(x), labels)

    losses = {name: np.array([final_loss(name, seed) for seed in range(8)]) for name in DROPOUTS}
    without = final_loss("no dropout", 0)
    for name, found in losses.items():
        other = losses["NumPy, bool mask"]
        error = np.hypot(found.std(ddof=1), other.std(ddof=1)) / np.sqrt(8)
        assert abs(found.mean() - other.mean()) < 4 * error, name
        assert found.mean() > without + 0.02, name  # all are held back by dropout
        assert found.mean() < np.log(2) - 0.1, name  # and all learn


def test_step_measures_and_leaves_the_setting(capsys):
    before = fd.get_num_threads()
    row = step.measure(step.Shape((4, 8, 8, 3), 5), 0.5, 1, 0.0)
    assert fd.get_num_threads() == before
    assert list(row.added) == DROPOUTS
    assert row.plain > 0
    assert all(np.isfinite(list(row.added.values())))


def test_step_table():
    added = dict(zip(DROPOUTS, (0.02, -0.01, 1.0, 0.5), strict=True))
    head, line, first = step.format_table([step.Row(step.Shape((256, 512, 10), 64), 0.1, 2, 4.0, added)]).splitlines()
    assert cells(head) == ["layers", "p", "threads", "no dropout, ms", *DROPOUTS]
    assert len(cells(line)) == len(cells(head))
    wanted = ["256-512-10, batch 64", "0.1", "2", "4.00"]
    assert cells(first) == [*wanted, "+0.020 (+0.5 %)", "-0.010 (-0.2 %)", "+1.000 (+25.0 %)", "+0.500 (+12.5 %)"]


# ---- bench/alternate.py ----


def test_alternate_calls_in_turn_and_times_both(monkeypatch):
    monkeypatch.setattr(alternate, "PAUSE", 0)
    calls = []
    taken = alternate.in_turn(lambda: calls.append("a"), lambda: calls.append("b"), 3)
    assert "".join(calls) == "ababab"
    assert [len(times) for times in taken] == [2, 2]
    row = alternate.measure("nothing", lambda: None, 1 << 10, 2, 1)
    assert min(row.one, row.many, row.one_in_turn, row.many_in_turn, row.partner, row.partner_in_turn) > 0


def test_alternate_skips_torch_by_name(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    found = dict(alternate.partners(2))
    assert list(found) == ["np.matmul 128", "np.matmul 512"]
    assert (found["np.matmul 128"]() == 128).all()
    assert capsys.readouterr().out == "torch: skipped, not installed\n"


def test_alternate_table():
    row = alternate.Row("np.matmul 128", 1 << 18, 30.0, 20.0, 32.0, 4000.0, 36.0, 4010.0)
    head, line, first = alternate.format_table([row], 2).splitlines()
    assert len(cells(head)) == len(cells(line)) == len(cells(first))
    times = ["30 us", "32 us", "20 us", "4000 us", "125.00", "36 us", "4010 us", "111.39"]
    assert cells(first) == ["np.matmul 128", "2^18", *times]


# ---- bench/threads.py ----


def some_row(elements, gain, times_the_scale=1.0):
    one = dict.fromkeys(threads.PROBABILITIES, 10.0)
    many = {p: 10.0 * gain for p in one}
    many[threads.KEEP_ALL] = many[0.5] / times_the_scale
    return threads.Row(elements, one, many)


def test_threads_row_and_head():
    row = threads.measure(1 << 10, 2, 1)
    assert min(*row.one.values(), *row.many.values()) > 0
    head, line = threads.format_head(2).splitlines()
    first = threads.format_row(some_row(1 << 20, 0.5, 1.25))
    assert len(cells(head)) == len(cells(line)) == len(cells(first)) == 11
    assert cells(first) == ["2^20", "10.00", "5.00", "0.50", "10.00", "5.00", "0.50", "10.00", "4.00", "0.40", "1.25"]


def test_threads_scale_keeps_all():
    """The p of the scale row drops nothing and multiplies by a scale of one."""
    x = np.arange(1, 5001, dtype=np.float32)
    assert (fd.dropout(x, threads.KEEP_ALL, rng=1) == x).all()
    assert fd.realised_p(threads.KEEP_ALL) == 0


def test_threads_verdicts():
    good = [some_row(1 << 14, 1.04), some_row(1 << 20, 0.5, 1.14)]
    assert [line.rpartition(": ")[2] for line in threads.verdicts(good, 2)] == ["met", "met"]
    bad = [some_row(1 << 14, 1.06, 9.0), some_row(1 << 20, 0.5, 1.16)]
    slower, far = threads.verdicts(bad, 2)
    assert slower.endswith("NOT MET at 2^14 p = 0.5 (1.06), 2^14 p = 0.1 (1.06)")
    assert far.endswith("NOT MET at 2^20 (1.16)")


# ---- bench/lstm.py ----


@pytest.mark.parametrize("kind", lstm.KINDS)
def test_the_lstms_compared_drop_alike(kind):
    """The mean of many outputs, and of the gradients for x, is the same on both kinds of masks, and is not constant."""
    x = np.ones((200, 3, 4), np.float32)
    ours, theirs = (make(4, 5, rng=1, **lstm.KINDS[kind](0.4)) for make in (nn.LSTM, lstm.NumpyLSTM))
    found = {}
    for layer in (ours, theirs):
        runs = []
        for _ in range(20):
            y = layer(x)
            runs.append(np.concatenate([y, layer.backward(np.ones_like(y))], axis=2))
        found[layer] = np.stack(runs)
    error = np.sqrt(sum(f.var(axis=(0, 1)) for f in found.values()) / 4000)
    assert (error[1:] > 0).all()
    assert (abs(found[ours].mean(axis=(0, 1)) - found[theirs].mean(axis=(0, 1))) < 5 * error + 1e-6).all()


def test_lstm_measures_and_leaves_the_setting():
    before = fd.get_num_threads()
    result = lstm.measure(lstm.Shape(3, 4, 2), 0.5, 1, 0.0)
    assert fd.get_num_threads() == before
    assert list(result.added) == ["fastdrop", "NumPy"]
    assert list(result.added["fastdrop"]) == list(result.added["NumPy"]) == list(lstm.KINDS)
    assert result.plain > 0


def test_lstm_table():
    ours = dict.fromkeys(lstm.KINDS, 1.0) | {"zoneout h": 9.0}
    result = lstm.Result(lstm.Shape(3, 4, 2), 0.5, 100.0, {"fastdrop": ours, "NumPy": dict.fromkeys(lstm.KINDS, 20.0)})
    first, _, head, line, *rows, _, verdict = lstm.format_table(result).splitlines()
    assert first == "batch 3, hidden 4, 2 steps, p = 0.5: 100 us a time step, forward and back, without dropout"
    assert len(cells(head)) == len(cells(line)) == 5
    assert cells(rows[0]) == ["input", "1.0", "1.0 %", "20.0", "20.0 %"]
    assert verdict == "at most 10% for each: met, zoneout h costs most, 9.0%"
    ours["input"] = 11.0
    assert "NOT MET, input costs most, 11.0%" in lstm.format_table(result)


@pytest.mark.parametrize("script", ["step", "alternate", "threads", "lstm"])
def test_they_start(script, capsys):
    with pytest.raises(SystemExit) as stop:
        {"step": step, "alternate": alternate, "threads": threads, "lstm": lstm}[script].main(["--help"])
    assert stop.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_same_bytes(monkeypatch):
    """What needs no other package; .ci/full runs the whole table."""
    same_bytes = load("same_bytes")
    wanted = same_bytes.digest(fd.dropout(same_bytes.array(), same_bytes.P, rng=same_bytes.KEY))
    rows = list(same_bytes.with_numpy())
    assert len(rows) == 6
    assert all(found == wanted and same for _, _, found, same in rows)
    assert same_bytes.rows_of("NumPy") == rows
    other = fd.dropout(same_bytes.array(), same_bytes.P, rng=fd.Key(8))
    assert same_bytes.digest(other) != wanted
    monkeypatch.setitem(same_bytes.ENGINES, "NumPy", (None, (), {"PYTHONHOME": "/nowhere"}))
    with pytest.raises(RuntimeError, match="NumPy: "):  # an engine that fails is no row that is missing
        same_bytes.rows_of("NumPy")


def test_engines():
    found = load("engines").medians({"a": lambda: None, "b": lambda: sum(range(1000))}, 3)
    assert set(found) == {"a", "b"}
    assert all(time >= 0 for time in found.values())
