"""The command line as a user meets it: exit codes, one-line errors, signals, pipes."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers import clean_environment, run_python

import fastdrop as fd
from fastdrop import cli

MAIN = "import sys; from fastdrop.cli import main; sys.exit(main())"


def run(*arguments, **environment):
    """Run ``python -m fastdrop``."""
    command = [sys.executable, "-P", "-m", "fastdrop", *map(str, arguments)]
    env = clean_environment(**environment)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def one_line(text):
    """The only line of a text."""
    assert text.endswith("\n")
    assert text.count("\n") == 1, text
    return text.strip()


def test_version():
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"fastdrop {fd.__version__}\n", "")


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("demo", "info", "bench", "verify", "--version"))
    for command, options in (
        ("demo", ("--data", "--out", "--seeds", "--epochs", "--digest")),
        ("bench", ("--isa",)),
        ("verify", ("--full", "--seed")),
    ):
        done = run(command, "--help")
        assert done.returncode == 0
        assert all(option in done.stdout for option in options)


def test_info():
    done = run("info")
    info = fd.build_info()
    assert (done.returncode, done.stderr) == (0, "")
    rows = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    rows = {name: value.strip() for name, value in rows.items()}
    assert rows["fastdrop"] == fd.__version__
    assert rows["mask contract"] == "1"
    assert rows["instruction sets built"].split() == list(info["isas_built"])
    assert rows["instruction sets runnable"].split() == list(info["isas_runnable"])
    assert rows["instruction set in use"] in info["isas_runnable"]
    assert int(rows["threads"]) >= 1
    assert rows["OpenMP"].startswith("yes" if info["openmp"] else "no")
    assert rows["compiler"] == info["compiler"]


def test_info_follows_the_environment():
    done = run("info", FASTDROP_ISA="scalar", FASTDROP_NUM_THREADS="3")
    assert "instruction set in use      scalar\n" in done.stdout
    assert "threads                     3\n" in done.stdout


def test_info_says_when_there_is_no_openmp(monkeypatch):
    info = fd.build_info() | {"openmp": 0}
    monkeypatch.setattr(fd, "build_info", lambda: info)
    assert "OpenMP                      no: one thread only\n" in cli.info_text()


def test_function_and_module_are_the_same_program():
    one, other = run_python(MAIN, "info"), run("info")
    assert (one.returncode, one.stdout, one.stderr) == (other.returncode, other.stdout, other.stderr)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "required"),
        (("train",), "train"),
        (("info", "extra"), "extra"),
        (("demo", "--seeds", "0"), "from 1 on, but is '0'"),
        (("demo", "--seeds", "-3"), "--seeds"),
        (("demo", "--epochs", "many"), "from 1 on, but is 'many'"),
        (("demo", "--data"), "--data"),
        (("bench", "--seconds", "0"), "--seconds"),
        (("bench", "--isa", "typo"), "typo"),
    ],
)
def test_bad_arguments(arguments, text):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert text in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_bad_data_is_one_line_and_exit_code_2(tmp_path):
    x, y = np.zeros((30, 4)), np.arange(30) % 3
    text = tmp_path / "text.npz"
    text.write_text("not an archive")
    files = {
        tmp_path / "missing.npz": "No such file",
        text: "can't read",
        save(tmp_path / "shape.npz", X=np.zeros(30), y=y): "X has to be of shape (rows, features)",
        save(tmp_path / "letters.npz", X=x.astype(str), y=y): "X has to hold numbers",
        save(tmp_path / "rows.npz", X=x, y=y[:5]): "as many rows",
    }
    for path, message in files.items():
        done = run("demo", "--data", path, "--out", tmp_path)
        assert done.returncode == 2, path
        assert done.stdout == ""
        line = one_line(done.stderr)
        assert line.startswith("fastdrop demo: ")
        assert path.name in line
        assert message in line
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("out", ["picture.jpg", "nowhere/picture.png"])
def test_bad_out_is_one_line_and_exit_code_2(out, tmp_path):
    done = run("demo", "--out", tmp_path / out)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--out" in one_line(done.stderr)


@pytest.mark.parametrize("module", ["sklearn", "sklearn.datasets", "matplotlib", "tqdm"])
def test_missing_extra_says_what_to_install(module, tmp_path):
    code = f"import sys; sys.modules[{module!r}] = None; from fastdrop.cli import main; sys.exit(main())"
    done = run_python(code, "demo", "--seeds", "1", "--epochs", "1", "--out", str(tmp_path))
    assert done.returncode == 1
    line = one_line(done.stderr)
    assert "pip install '.[demo]'" in line
    assert {"sklearn": "scikit-learn"}.get(module.split(".")[0], module) in line


def test_own_data_end_to_end(tmp_path):
    rng = np.random.default_rng(1)
    y = rng.integers(3, size=90)
    data = save(tmp_path / "mine.npz", X=rng.normal(size=(90, 5)) + 10 * y[:, None], y=y + 7)
    options = ("--data", data, "--out", tmp_path, "--seeds", 2, "--epochs", 2, "--digest")
    done = run("demo", *options, PYTHONIOENCODING="ascii")  # the tables have a ±
    assert done.returncode == 0, done.stderr
    assert "mine.npz: 45 rows to train on, 45 to test on; 5 inputs" in done.stdout
    assert done.stdout.count("p = 0.5, left on while testing") == 2
    assert (tmp_path / "fastdrop-demo.png").read_bytes().startswith(b"\x89PNG")
    assert "training" in done.stderr  # progress


def test_ctrl_c_is_one_line_and_exit_code_130(tmp_path):
    # A process started in the background of a shell may have inherited that Ctrl-C is ignored.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " + MAIN
    command = [sys.executable, "-P", "-c", code, "demo", "--out", str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=clean_environment(), **pipes) as process:
        try:
            while "training" not in process.stderr.readline(40):
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert errors.endswith("\nfastdrop: interrupted\n")
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())


def test_reader_that_went_away():
    command = [sys.executable, "-P", "-m", "fastdrop", "info"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=clean_environment(), **pipes) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141
    assert errors == ""
