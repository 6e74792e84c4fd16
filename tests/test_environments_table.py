"""docs/environments.md says what is done to the library and where: every test of its table exists, with a limit."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINES = [line for line in (ROOT / "docs/environments.md").read_text().splitlines() if line.startswith("|")]
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in LINES]
NAMED = re.compile(r"`(tests/\w+\.py)::(\w+)`")


def functions(file: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", (ROOT / file).read_text(), re.MULTILINE))


def test_the_table_is_there():
    assert ROWS[0] == ["fault", "what happens", "test"]
    assert len(ROWS) > 25
    assert all(len(row) == 3 and all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS[2:], ids=lambda row: row[0])
def test_tests_of_a_row_exist(row):
    named = NAMED.findall(row[2])
    assert named
    assert len(named) == row[2].count("`") // 2, "a cell names tests and nothing else"
    for file, test in named:
        assert test in functions(file), f"{file} has no {test}"


@pytest.mark.parametrize("file", sorted({file for row in ROWS[2:] for file, _ in NAMED.findall(row[2])}))
def test_what_is_run_has_a_time_limit(file):
    """Whoever starts a process limits its time: subprocess calls say so, and the helpers have a default."""
    text = (ROOT / file).read_text()
    for call in re.finditer(r"subprocess\.run\(", text):
        depth, end = 1, call.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        arguments = text[call.end() : end]
        assert "timeout=" in arguments or "--version" in arguments, f"{file}: {arguments[:100]}"


def test_every_hostile_test_has_a_row():
    listed = {test for row in ROWS[2:] for file, test in NAMED.findall(row[2]) if file == "tests/test_hostile.py"}
    assert functions("tests/test_hostile.py") == listed
