"""The list of planted faults still fits the source, and a few of them: tests/mutants.py runs them all."""

import shutil
import subprocess
import sys

import mutants
import pytest


def test_every_mutant_changes_one_place_of_the_source():
    listed = mutants.read_list()
    assert len(listed) > 200
    assert len({(mutant.file, mutant.text, mutant.replacement) for mutant in listed}) == len(listed)
    for mutant in listed:
        source = (mutants.CSRC / mutant.file).read_text()
        assert mutant.apply(source) != source
        assert mutant.breaks
    assert {mutant.file for mutant in listed} >= {"philox.h", "law.h", "tpl_page.h", "tpl_fill.h", "isa_neon.c"}


@pytest.mark.slow
def test_faults_of_the_law_are_noticed(tmp_path):
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    command = [sys.executable, mutants.__file__, "--only", "law.h,law.c,bits.h", "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
