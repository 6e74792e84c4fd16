"""The demo's parts on small problems; the claim it makes, on the real one, is marked slow."""

from dataclasses import replace

import numpy as np
import pytest
import threadpoolctl
from conftest import RUNNABLE

import fastdrop as fd
from fastdrop import _core, demo, nn
from fastdrop.demo import data, plot, report, training, worked_example
from fastdrop.demo.extras import InputError
from fastdrop.demo.measure import Digest
from fastdrop.demo.training import Outcome, Regime, Training

TINY = Regime(train_rows=60, hidden=24, batch=20, epochs=6, evaluations=3)


@pytest.fixture(scope="module")
def digits():
    return data.load_digits()


def tiny_split(digits, seed=0, noise=0.0):
    return data.make_split(digits, fd.Key(seed), TINY.train_rows, noise)


def test_worked_example(isa):
    lines = worked_example.example_text().splitlines()
    assert [line.split(":")[0].strip() for line in lines[2:]] == ["training", "gradient", "evaluation"]
    assert "2 4 6 8  ->  4 0 12 0" in lines[2]
    assert "1 1 1 1  ->  2 0 2 0" in lines[3]
    assert "2 4 6 8  ->  2 4 6 8" in lines[4]


def test_worked_example_notices_a_broken_build(monkeypatch):
    other = next(n for n in range(100) if nn.Dropout(0.5, rng=n)(np.array([2.0, 4, 6, 8])).tolist() != [4, 0, 12, 0])
    monkeypatch.setattr(worked_example, "KEEPS_FIRST_AND_THIRD", other)
    with pytest.raises(RuntimeError, match="worked example"):
        worked_example.example_text()


def test_training_is_reproducible_and_measured(digits):
    one, other = (training.train(tiny_split(digits), 0.5, fd.Key(1), TINY, left_on=True) for _ in range(2))
    assert (one.outcome, one.left_on, one.curve) == (other.outcome, other.left_on, other.curve)
    assert one.epochs == (2, 4, 6)
    assert one.curve[-1] == (one.outcome.train, one.outcome.test)
    assert one.left_on != one.outcome
    assert 0 < one.dropout_seconds < one.seconds
    assert one.numpy_seconds > 0
    assert training.train(tiny_split(digits), 0.5, fd.Key(2), TINY).curve != one.curve
    assert training.train(tiny_split(digits), 0.5, fd.Key(1), TINY).left_on is None


def test_networks_of_one_key_start_alike_whatever_p_is(digits):
    still = replace(TINY, learning_rate=1e-30)
    curves = {training.train(tiny_split(digits), p, fd.Key(1), still).curve for p in (0.0, 0.2, 0.9)}
    assert len(curves) == 1


@pytest.mark.parametrize("p", [0.5, 0.2])
def test_digest_is_the_same_on_every_instruction_set(p, digits):
    before = _core.isa()
    hashes = {}
    try:
        for name in RUNNABLE:
            _core.set_isa(name)
            digest = Digest()
            training.train(tiny_split(digits), p, fd.Key(1), TINY, digest=digest)
            hashes[name] = digest.hexdigest()
    finally:
        _core.set_isa(before)
    assert len(hashes) >= 1
    assert len(set(hashes.values())) == 1, hashes


def test_digest_takes_masks_and_outputs():
    def digest(key, x):
        result = Digest()
        y, mask = fd.dropout_forward(x, 0.5, rng=key)
        result.update(mask, y)
        return result.hexdigest()

    x = np.zeros(100, np.float32)
    assert digest(1, x) == digest(1, x)
    assert len({digest(1, x), digest(2, x), digest(1, x + 1)}) == 3


def test_worst_unit_is_that_of_really_removing_each():
    rng = np.random.default_rng(5)
    hidden, labels = np.maximum(rng.normal(size=(200, 9)), 0).astype(np.float32), rng.integers(4, size=200)
    weight = rng.normal(size=(4, 9)).astype(np.float32)
    logits = hidden @ weight.T
    labels[:150] = logits[:150].argmax(axis=1)
    accuracy = np.mean(logits.argmax(axis=1) == labels)
    losses = []
    for unit in range(9):
        without = hidden.copy()
        without[:, unit] = 0
        losses.append(accuracy - np.mean((without @ weight.T).argmax(axis=1) == labels))
    assert max(losses) > 0.02
    assert training.worst_unit_loss(hidden, logits, weight, labels) == pytest.approx(max(losses))


def fake(test, left_on=None):
    outcome = Outcome(train=1.0, test=test, worst_unit=0.01)
    mistaken = None if left_on is None else Outcome(1.0, left_on, 0.02)
    return Training(outcome, mistaken, (1, 2), ((0.5, 0.5), (1.0, test)), 2.0, 0.1, 0.6)


RESULTS = {
    0.0: [fake(0.80), fake(0.82), fake(0.84)],
    0.5: [fake(0.85, 0.7), fake(0.86, 0.7), fake(0.93, 0.7)],
}


def test_table():
    lines = report.table(RESULTS).splitlines()
    assert " ".join(lines[0].split()) == "train % test % gap worst unit seconds in dropout NumPy mask"
    assert [line.split("  ")[0] for line in lines[2:]] == ["p = 0", "p = 0.5", "p = 0.5, left on while testing"]
    cells = [[c.strip() for c in line.split("  ") if c.strip()] for line in lines[2:]]
    assert cells[0][1:5] == ["100.00 ± 0.00", "82.00 ± 1.15", "18.00 ± 1.15", "1.00 ± 0.00"]
    assert cells[0][5:] == ["2.00", "100 ms,", "5.0 %", "-"]
    assert cells[1][2] == "88.00 ± 2.52"
    assert cells[1][-1] == "600 ms, 24.0 %"
    assert cells[2][2:] == ["70.00 ± 0.00", "30.00 ± 0.00", "2.00 ± 0.00", "as above"]


def test_summary_is_paired():
    difference, error = report.paired_difference(RESULTS, 0.5)
    assert difference == pytest.approx(0.06)
    assert error == pytest.approx(np.std([0.05, 0.04, 0.09], ddof=1) / np.sqrt(3))
    assert "+6.00 points, standard error 1.53 (paired over 3 seeds), +3.9 standard errors" in report.summary(RESULTS)
    single = {p: runs[:1] for p, runs in RESULTS.items()}
    assert "+5.00 points (one seed: no standard error)" in report.summary(single)
    assert "±" not in report.table(single)


def test_picture(tmp_path):
    path = plot.check_out(tmp_path / "curves.png")
    plot.draw_curves({"clean": RESULTS, "noisy": RESULTS}, "title", path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(content[i : i + 4]) for i in (16, 20))
    assert width > height > 500
    with pytest.raises(InputError, match="can't write"):
        plot.draw_curves({"clean": RESULTS}, "title", tmp_path / "gone" / "curves.png")


def test_where_the_picture_goes(tmp_path):
    assert plot.check_out(tmp_path) == tmp_path / "fastdrop-demo.png"
    assert plot.check_out(str(tmp_path / "a.PNG")) == tmp_path / "a.PNG"
    for bad in (tmp_path / "a.pdf", tmp_path / "no" / "a.png"):
        with pytest.raises(InputError, match="--out"):
            plot.check_out(bad)


def test_whole_run_in_small(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(demo, "REGIME", TINY)
    outputs = []
    for _ in range(2):
        demo.run(out=tmp_path, seeds=2, epochs=3, digest=True)
        outputs.append(capsys.readouterr().out)
    text = outputs[0]
    assert text.startswith("A worked example")
    assert "60 rows to train on, 1737 to test on; 64 inputs" in text
    assert "3 epochs; seeds 0 to 1" in text
    assert text.index("Labels as they are") < text.index("20% of the training labels replaced")
    for row in ("p = 0 ", "p = 0.2 ", "p = 0.5 ", "p = 0.8 ", "p = 0.5, left on while testing"):
        assert text.count(f"\n{row}") >= 2
    assert f"learning curves: {tmp_path / 'fastdrop-demo.png'}" in text
    digests = [[line for line in output.splitlines() if line.startswith("digest")] for output in outputs]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 1


@pytest.mark.slow
def test_dropout_helps_where_labels_are_wrong(digits):
    results = {p: [] for p in (0.0, 0.5)}
    regime = training.REGIME
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        for seed in range(10):
            split = data.make_split(digits, fd.Key(seed), regime.train_rows, regime.noise)
            for p in results:
                results[p].append(training.train(split, p, fd.Key(seed), regime))
    difference, error = report.paired_difference(results, 0.5)
    assert difference > 2 * error > 0
    assert np.mean([t.outcome.train for t in results[0.0]]) > 0.98  # the wrong labels were memorised
