"""Every Python block of the README and the documentation runs as it stands, every example runs, every link resolves."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from helpers import clean_environment, skip_without_packages

import fastdrop as fd

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [
        *(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts),
        *ROOT.glob("*.md"),
        ROOT / "csrc/README.md",
        ROOT / "bench/README.md",
        ROOT / "examples/README.md",
    ]
)
FENCE = re.compile(r"^(`{3,})([^\n`]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
DOC_ROLE = re.compile(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`")
TOCTREE_ENTRY = re.compile(r"^(?![:\s])(\S+)$", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
#: Programs that take no options. Those on real data train for minutes: test_examples.py runs them in small.
PYTHON_EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.py") if not re.search("argparse|common", p.read_text()))


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """Line number and contents of the fenced blocks of a language."""
    found = (match for match in FENCE.finditer(text) if match[2].strip() == language)
    return [(text.count("\n", 0, match.start(3)) + 1, match[3]) for match in found]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The fragments that headings make, as forges and MyST write them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(text)))
    return {heading.replace(" ", "-") for heading in plain}


WITH_PYTHON = [p for p in PAGES if p.exists() and blocks(p.read_text(), "python")]


def test_there_is_something_to_test():
    names = {page_id(p) for p in WITH_PYTHON}
    assert {"README.md", "docs/tutorial.md", "docs/contract.md"} <= names
    assert len(PYTHON_EXAMPLES) >= 3


@pytest.mark.parametrize("path", WITH_PYTHON, ids=page_id)
def test_python_blocks_run(path, tmp_path, monkeypatch):
    """Blocks of a page run in order, as a reader would type them; one with a prompt also has to print what it shows."""
    skip_without_packages(path.read_text())
    monkeypatch.chdir(tmp_path)
    threads = fd.get_num_threads()
    module = ModuleType(page_id(path))  # dataclasses look for the one that they are made in
    monkeypatch.setitem(sys.modules, page_id(path), module)
    names: dict[str, object] = module.__dict__
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    try:
        for line, code in blocks(path.read_text(), "python"):
            where = f"{page_id(path)}:{line}"
            if code.lstrip().startswith(">>>"):
                test = doctest.DocTestParser().get_doctest(code, names, where, str(path), line - 1)
                report: list[str] = []
                runner.run(test, out=report.append, clear_globs=False)
                assert not report, "".join(report)
                names.update(test.globs)
            else:
                exec(compile("\n" * (line - 1) + code, str(path), "exec"), names)
    finally:
        fd.set_num_threads(threads)


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_links_resolve(path):
    text = prose(path.read_text())
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        other = (path.parent / file).resolve() if file else path
        assert other.exists(), f"{target} in {page_id(path)}"
        if fragment:
            assert fragment in anchors(other.read_text()), f"{target} in {page_id(path)}"
    for name in DOC_ROLE.findall(text):
        base = ROOT / "docs" if name.startswith("/") else path.parent
        assert (base / f"{name.lstrip('/')}.md").exists(), f"{name} in {page_id(path)}"


def test_every_page_is_in_the_contents():
    docs = ROOT / "docs"
    listed = {docs / "index.md"}
    for path in docs.rglob("*.md"):
        for _, body in blocks(path.read_text(), "{toctree}"):
            listed |= {(path.parent / f"{entry}.md").resolve() for entry in TOCTREE_ENTRY.findall(body)}
    assert {p for p in docs.rglob("*.md") if "_build" not in p.parts} == listed


@pytest.mark.parametrize("path", PYTHON_EXAMPLES, ids=page_id)
def test_example_runs(path, tmp_path):
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
