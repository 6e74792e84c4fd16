"""The examples on real data: each runs in small, and what they have in common does what its texts say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import clean_environment

import fastdrop as fd
from fastdrop import nn

FOLDER = Path(__file__).resolve().parent.parent / "examples"
sys.path.insert(0, str(FOLDER))

import char_lm  # noqa: E402
import common  # noqa: E402
import digits_convnet  # noqa: E402
import speakers  # noqa: E402
import uncertainty  # noqa: E402

PROGRAMS = sorted(p for p in FOLDER.glob("*.py") if "common" in p.read_text() and "__main__" in p.read_text())
#: Packages of the extra `examples` that the extra `test` does without.
NEEDS = {"speakers": "sktime"}


def run(program, *arguments, code=""):
    """Run a program as users do, or after the code that is given."""
    start = f"import runpy, sys; sys.argv[0] = {str(program)!r}; {code}; sys.path.insert(0, {str(FOLDER)!r})\n"
    start += f"runpy.run_path({str(program)!r}, run_name='__main__')"
    command = [sys.executable, "-P", "-c", start] if code else [sys.executable, str(program)]
    return subprocess.run(
        [*command, *map(str, arguments)], env=clean_environment(), capture_output=True, text=True, timeout=120
    )


def test_all_programs_are_tested():
    assert [p.stem for p in PROGRAMS] == ["char_lm", "digits_convnet", "speakers", "uncertainty"]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """Run a program in small, in one process, the first time it is asked for: what it did, and its picture."""
    runs = {}

    def get(name):
        pytest.importorskip(NEEDS.get(name, "numpy"), reason="a package of the extra examples")
        if name not in runs:
            picture = tmp_path_factory.mktemp(name) / "picture.png"
            runs[name] = run(FOLDER / f"{name}.py", "--quick", "--jobs", 1, "--out", picture), picture
        return runs[name]

    return get


@pytest.mark.parametrize("name", [p.stem for p in PROGRAMS])
def test_program_runs_in_small(name, small_run):
    done, picture = small_run(name)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    head = next(i for i, line in enumerate(lines) if line.endswith(": difference"))
    rows = lines[head + 2 : lines.index("", head)]
    assert rows[0].startswith("none ")
    assert len(rows) >= 4
    for row in rows[1:]:
        assert re.search(r"[+-][\d.]+ ± [\d.]+$", row), row
    assert f"picture: {picture}" in done.stdout
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert 10_000 < len(content) < 100_000


def test_processes_change_nothing(small_run):
    one, picture = small_run("uncertainty")
    two = run(FOLDER / "uncertainty.py", "--quick", "--jobs", 2, "--out", picture)
    assert two.returncode == 0, two.stderr
    first, *rest = one.stdout.splitlines()
    assert first.endswith("on one process")
    assert two.stdout.splitlines()[0].endswith("on 2 processes")
    assert two.stdout.splitlines()[1:] == rest


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--seeds", "0"], "--seeds has to be at least 1, but is 0"),
        (["--jobs", "-1"], "--jobs has to be at least 1, but is -1"),
        (["--out", "nowhere/x.png"], "there is no nowhere"),
        (["--out", "x.pdf"], "ends in .png"),
    ],
)
def test_bad_options_are_refused_before_any_work(arguments, text, capsys):
    with pytest.raises(SystemExit) as stop:
        common.options("Text.", "x.png", 3, arguments)
    assert stop.value.code == 2
    assert text in capsys.readouterr().err


def test_options():
    assert common.options("Text.", "x.png", 7, []).seeds == 7
    assert common.options("Text.", "x.png", 7, ["--quick"]).seeds == 2
    assert common.options("Text.", "x.png", 7, ["--quick", "--seeds", "3"]).seeds == 3


@pytest.mark.parametrize(("program", "package"), [("digits_convnet", "sklearn"), ("speakers", "sktime")])
def test_missing_package_is_named(program, package, tmp_path):
    code = f"sys.modules[{package!r}] = None"
    done = run(FOLDER / f"{program}.py", "--quick", "--jobs", 1, "--out", tmp_path / "picture.png", code=code)
    name = {"sklearn": "scikit-learn"}.get(package, package)
    assert done.returncode == 1
    assert f"needs {name}" in done.stderr
    assert "pip install '.[examples]'" in done.stderr


RESULTS = {
    "none": [{"test": 1.0}, {"test": 2.0}, {"test": 3.0}],
    "up": [{"test": 2.0}, {"test": 3.5}, {"test": 4.5}],
    "same": [{"test": 1.1}, {"test": 1.9}, {"test": 3.0}],
    "down": [{"test": 0.0}, {"test": 1.0}, {"test": 2.1}],
}


def test_table():
    lines = common.table(RESULTS, {"test": "test %"}, "test").splitlines()
    assert lines[0].split() == ["test", "%", "test", "%:", "difference"]
    assert lines[2].split() == ["none", "2.00", "±", "0.58"]
    assert lines[3].split() == ["up", "3.33", "±", "0.73", "+1.33", "±", "0.17"]  # paired: less than either's error
    single = common.table({name: one[:1] for name, one in RESULTS.items()}, {"test": "test %"}, "test")
    assert "±" not in single
    assert "nan" not in single


def test_verdict():
    lines = common.verdict(RESULTS, "test", "points").splitlines()
    reach = 4.302653 / 6  # Student's t with two degrees of freedom, times the standard error 1/6
    assert (
        lines[0] == f"up: better than none (+1.33 points; 95 % interval +{4 / 3 - reach:.2f} to +{4 / 3 + reach:.2f})"
    )
    assert lines[1].startswith("same: no difference that these seeds could show (+0.00 points;")
    assert lines[2].startswith("down: WORSE than none (-0.97 points;")
    lines = common.verdict(RESULTS, "test", "bits", low_is_good=True).splitlines()
    assert "WORSE" in lines[0]
    assert "better" in lines[2]
    assert "one seed" in common.verdict({name: one[:1] for name, one in RESULTS.items()}, "test", "bits")


def test_convolution_is_that_of_scipy():
    correlate = pytest.importorskip("scipy.signal").correlate
    x = np.random.default_rng(1).normal(size=(2, 5, 6, 3)).astype(np.float32)
    layer = digits_convnet.Conv2d(3, 4, rng=1)
    kernels = layer.weight.data.reshape(4, 3, 3, 3)
    for image, maps in zip(x, layer(x), strict=True):
        for f in range(4):
            channels = [correlate(image[:, :, c], kernels[f, :, :, c], mode="same") for c in range(3)]
            np.testing.assert_allclose(maps[:, :, f], sum(channels) + layer.bias.data[f], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [digits_convnet.Conv2d(3, 4, rng=1), digits_convnet.MeanPool()], ids=["conv", "pool"])
def test_layers_of_the_example_have_the_right_gradient(layer):
    """Both are affine, so that for any x, y and w: w · (layer(x) - layer(y)) = layer.backward(w) · (x - y)."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 2, 4, 6, 3)).astype(np.float32)
    difference = layer(x).astype(np.float64) - layer(y)
    w = rng.normal(size=difference.shape).astype(np.float32)
    assert np.vdot(w, difference) == pytest.approx(np.vdot(layer.backward(w), x - y), rel=1e-3)


@pytest.mark.parametrize("module", [char_lm, digits_convnet, speakers, uncertainty], ids=lambda m: m.__name__)
def test_training_is_reproducible(module):
    pytest.importorskip(NEEDS.get(module.__name__, "numpy"), reason="a package of the extra examples")

    def numbers(outcome):
        values = outcome.values() if module is not uncertainty else [one["auroc"] for one in outcome.values()]
        return [np.asarray(value).tolist() for value in values]

    last = list(getattr(module, "VARIANTS", [uncertainty.DROPOUT]))[-1]
    assert numbers(module.train(last, 3, True)) == numbers(module.train(last, 3, True))
    assert numbers(module.train(last, 3, True)) != numbers(module.train(last, 4, True))


def test_topics_share_no_paragraph():
    texts, alphabet = char_lm.corpus()
    paragraphs = [part.strip() for text in texts.values() for part in text.split("\n\n") if len(part.strip()) > 20]
    assert len(paragraphs) > 1000
    assert len(paragraphs) < 1.01 * len(set(paragraphs))  # what one topic repeats itself is its own affair
    assert len(alphabet) == len(set(alphabet))
    seen, unseen, symbols = char_lm.split(fd.Key(5))
    assert (len(seen), len(unseen), symbols) == (char_lm.SEEN + 1, char_lm.UNSEEN + 1, len(alphabet))
    lines = [
        {line for line in "".join(alphabet[i] for i in text).split("\n") if len(line) > 40} for text in (seen, unseen)
    ]
    assert len(lines[0] & lines[1]) <= 0.02 * len(lines[1])


def test_streams_predict_the_next_character():
    x, y = char_lm.streams(np.arange(1 + 16 * 5 + 3))
    assert x.shape == y.shape == (16, 5)
    assert (y == x + 1).all()
    assert x.ravel().tolist() == list(range(80))


def test_utterances_are_those_of_their_authors():
    pytest.importorskip("sktime", reason="a package of the extra examples")
    for split, count in (("train", 270), ("test", 370)):
        x, lengths, y = speakers.utterances(split)
        assert x.shape == (count, lengths.max(), 12)
        assert lengths.min() >= 7
        assert lengths.max() <= 29
        assert set(y) == set(range(9))
        assert all((frames[n:] == 0).all() and frames[n - 1].any() for frames, n in zip(x, lengths, strict=True))
    assert (np.bincount(speakers.utterances("train")[2]) == 30).all()


def test_padding_changes_no_answer_and_gets_no_gradient():
    model = speakers.Reader(8, {}, 0.0, fd.Key(1)).eval()
    x = np.random.default_rng(3).normal(size=(2, 9, 12)).astype(np.float32)
    lengths = np.array([9, 5])
    with_rubbish = x.copy()
    with_rubbish[1, 5:] = 7
    np.testing.assert_array_equal(model(x, lengths), model(with_rubbish, lengths))
    np.testing.assert_allclose(model(x, lengths)[1], model(x[1:, :5], lengths[1:])[0], rtol=1e-5)
    model(x, lengths)
    dx = model.backward(np.ones((2, 9), np.float32))
    assert (dx[1, 5:] == 0).all()
    assert (dx[1, :5] != 0).any()


def test_uncertainty_of_one_and_of_many_passes():
    certain, unsure = np.array([[1.0, 0, 0, 0]]), np.full((1, 4), 0.25)
    assert uncertainty.entropy(np.concatenate([certain, unsure])).tolist() == [0, 2]
    assert uncertainty.auroc(np.array([0.0, 1]), np.array([1.0, 2])) == 87.5
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 8), rng=1)
    x = np.ones((3, 64), np.float32)
    many = uncertainty.many_passes(model, x, 20)
    assert (many["mutual"] > 0).all()
    assert (many["mutual"] <= uncertainty.entropy(many["mean"])).all()
    model[0].p = 0.0
    many = uncertainty.many_passes(model, x, 5)
    np.testing.assert_allclose(many["mean"], uncertainty.one_pass(model, x)["mean"], rtol=1e-12)
    np.testing.assert_allclose(many["mutual"], 0, atol=1e-12)
