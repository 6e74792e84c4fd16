"""What the demo trains on: the digits, the split and the wrong labels, files of users, good and bad."""

import numpy as np
import pytest
from helpers import assert_same

import fastdrop as fd
from fastdrop.demo import data
from fastdrop.demo.extras import InputError


@pytest.fixture(scope="module")
def digits():
    return data.load_digits()


def test_digits(digits):
    assert digits.x.shape == (1797, 64)
    assert digits.x.dtype == np.float32
    assert (digits.x.min(), digits.x.max()) == (0, 1)
    assert digits.classes == 10
    assert set(digits.y) == set(range(10))


def test_split(digits):
    clean, noisy = (data.make_split(digits, fd.Key(3), 400, noise) for noise in (0.0, 0.2))
    assert_same(clean.x_train, noisy.x_train)
    assert_same(clean.x_test, noisy.x_test)
    assert (clean.y_test == noisy.y_test).all()
    assert (clean.y_train != noisy.y_train).sum() == 80
    assert set(noisy.y_train) <= set(range(10))
    assert len(clean.x_train) == 400
    assert len(clean.x_test) == 1397
    rows = {(row.tobytes(), label) for row, label in zip(digits.x, digits.y, strict=True)}
    for split in (clean, data.make_split(digits, fd.Key(4), 400, 0.0)):
        ours = [*zip(split.x_train, split.y_train, strict=True), *zip(split.x_test, split.y_test, strict=True)]
        assert {(row.tobytes(), label) for row, label in ours} == rows
    assert not np.array_equal(clean.x_train, split.x_train)


def test_split_of_own_data_is_standardised_by_its_training_rows():
    rng = np.random.default_rng(1)
    x = np.stack([rng.normal(50, 9, 300), np.full(300, 4.0), rng.normal(size=300) / 1000], axis=1).astype(np.float32)
    mine = data.Dataset("mine", x, np.arange(300) % 2, 2, standardise=True)
    split = data.make_split(mine, fd.Key(0), 400, 0.0)
    assert split.x_train.shape == split.x_test.shape == (150, 3)
    np.testing.assert_allclose(split.x_train.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(split.x_train.std(axis=0), [1, 0, 1], atol=1e-3)
    assert 0 < np.abs(split.x_test.mean(axis=0)[0]) < 0.5


def save_one(path, array):
    with path.open("wb") as file:  # np.save would put .npy behind the name
        np.save(file, array)


X, Y = np.random.default_rng(2).normal(size=(40, 3)), np.arange(40) % 4
BAD_FILES = {
    "one array": (lambda f: save_one(f, X), "single array"),
    "no y": (lambda f: np.savez(f, X=X), "holds X"),
    "nothing": (lambda f: np.savez(f), "holds none"),
    "objects": (lambda f: np.savez(f, X=X.astype(object), y=Y), "can't read"),
    "letters": (lambda f: np.savez(f, X=X, y=Y.astype(str)), "y has to hold numbers"),
    "complex": (lambda f: np.savez(f, X=X + 1j, y=Y), "X has to hold numbers"),
    "dates": (lambda f: np.savez(f, X=X, y=Y.astype("M8[D]")), "y has to hold numbers"),
    "1-d X": (lambda f: np.savez(f, X=X[:, 0], y=Y), "X has to be of shape"),
    "3-d X": (lambda f: np.savez(f, X=X[:, :, None], y=Y), r"X has to be of shape"),
    "2-d y": (lambda f: np.savez(f, X=X, y=Y[:, None]), r"y has to be of shape"),
    "rows": (lambda f: np.savez(f, X=X, y=Y[1:]), "as many rows, but have 40 and 39"),
    "few rows": (lambda f: np.savez(f, X=X[:19], y=Y[:19]), "at least 20 rows"),
    "no feature": (lambda f: np.savez(f, X=X[:, :0], y=Y), "and a feature"),
    "NaN": (lambda f: np.savez(f, X=np.where(X[7, 1] == X, np.nan, X), y=Y), r"nan at \[7, 1\]"),
    "too large": (lambda f: np.savez(f, X=np.where(X[7, 1] == X, 1e300, X), y=Y), r"inf at \[7, 1\]"),
    "y with fractions": (lambda f: np.savez(f, X=X, y=Y + 0.5), r"whole numbers.*0\.5 at \[0\]"),
    "y with NaN": (lambda f: np.savez(f, X=X, y=np.where(Y == 3, np.nan, Y)), r"whole numbers.*nan at \[3\]"),
    "one class": (lambda f: np.savez(f, X=X, y=Y * 0), "2 to 20 classes for 40 rows, but holds 1"),
    "no classes": (lambda f: np.savez(f, X=X, y=np.arange(40)), "but holds 40"),
    "cut off": (lambda f: (np.savez(f, X=X, y=Y), f.write_bytes(f.read_bytes()[:-30])), "can't read"),
    "damaged": (lambda f: (np.savez(f, X=X, y=Y), f.write_bytes(f.read_bytes().replace(b"des", b"xyz"))), "can't read"),
    "empty": (lambda f: f.write_bytes(b""), "can't read"),
    "text": (lambda f: f.write_text("X,y\n1,2\n"), "can't read"),
    "folder": (lambda f: f.mkdir(), "can't read"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(case, tmp_path):
    make, message = BAD_FILES[case]
    path = tmp_path / "bad.npz"
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        data.load_file(path)
    assert "\n" not in str(caught.value)
    assert "bad.npz" in str(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool, np.float16, ">f8"])
def test_own_data_of_other_types(dtype, tmp_path):
    x = (X > 0).astype(dtype)
    np.savez(tmp_path / "good.npz", X=x, y=(10 * Y - 5).astype(np.float32))
    mine = data.load_file(tmp_path / "good.npz")
    assert_same(mine.x, x.astype(np.float32))
    assert mine.y.tolist() == Y.tolist()
    assert mine.classes == 4
