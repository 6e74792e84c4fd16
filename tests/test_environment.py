"""FASTDROP_ISA, and what the library says about itself."""

import pytest
from conftest import ALL_ISAS, RUNNABLE
from helpers import NATIVE, answer, run_python

import fastdrop as fd
from fastdrop import _core

REPORT = """
import json, fastdrop as fd, numpy as np
from fastdrop import _core
y = fd.dropout(np.arange(1, 5000, dtype=np.float32), 0.1, rng=1)
print(json.dumps([_core.isa(), y.tobytes().hex()]))
"""
NOT_HERE = [name for name in ALL_ISAS if name not in RUNNABLE]


@pytest.mark.parametrize("name", RUNNABLE)
def test_forced_instruction_set_is_the_one_that_runs(name):
    assert answer(REPORT, FASTDROP_ISA=name)[0] == name


def test_same_bytes_whichever_is_forced():
    outputs = {answer(REPORT, FASTDROP_ISA=name)[1] for name in RUNNABLE} | {answer(REPORT)[1]}
    assert len(outputs) == 1


def test_default_is_the_best_that_runs():
    best = next(name for name in ("neon", "avx512", "avx2", "scalar") if name in RUNNABLE)
    for environment in ({}, {"FASTDROP_ISA": ""}):
        assert answer(REPORT, **environment)[0] == best


@pytest.mark.parametrize("name", ["typo", "AVX2", "avx", "sse2", " scalar", "scalar,avx2", *NOT_HERE])
def test_anything_else_is_an_import_error_that_lists_what_can_run(name):
    done = run_python("import fastdrop; print('went through')", FASTDROP_ISA=name)
    assert done.returncode == 1
    assert "went through" not in done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError")
    assert "FASTDROP_ISA" in last
    assert name in last
    assert all(runnable in last for runnable in RUNNABLE)


def test_one_that_this_cpu_lacks_was_among_them():
    """No machine has NEON and AVX2, so the case above has always been tried."""
    assert NOT_HERE


@pytest.mark.parametrize("name", ["typo", "", "AVX2", *NOT_HERE])
def test_test_hook_refuses_too(name):
    before = _core.isa()
    with pytest.raises((ValueError, ImportError)):
        _core.set_isa(name)
    assert _core.isa() == before


def test_scalar_is_always_there():
    assert "scalar" in _core.isas()
    assert set(_core.isas()) <= set(ALL_ISAS)


def test_build_info():
    info = fd.build_info()
    assert set(info["isas_runnable"]) == set(RUNNABLE) == set(NATIVE)
    assert set(info["isas_runnable"]) <= set(info["isas_built"]) <= set(ALL_ISAS)
    assert info["isa"] == _core.isa()
    assert info["contract"] == fd.CONTRACT == 1
    assert info["version"] == fd.__version__
    assert bool(info["openmp"]) == bool(_core.openmp())
    assert info["compiler"]
    assert info is not fd.build_info()


def test_import_is_quiet_and_light():
    """Importing prints nothing, warns about nothing, and loads none of the optional packages."""
    code = """
import json, sys
import fastdrop
heavy = ("torch", "jax", "dask", "sklearn", "matplotlib", "tqdm", "rich", "ml_dtypes", "scipy")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""
    done = run_python("import warnings; warnings.simplefilter('error')\n" + code)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "[]\n")


def test_everything_that_is_promised_has_a_name():
    promised = {
        "Key", "Mask", "Shard", "dropout", "dropout_forward", "dropout_backward", "realised_p", "build_info",
        "set_num_threads", "get_num_threads", "CONTRACT", "__version__",
    }  # fmt: skip
    assert promised <= set(dir(fd))
    assert promised - {"__version__"} <= set(fd.__all__)
    assert all(hasattr(fd, name) for name in fd.__all__)
    for name in promised - {"CONTRACT", "__version__"}:
        assert getattr(fd, name).__doc__
        assert getattr(fd, name).__module__.startswith("fastdrop")


def test_bfloat16_works_without_ml_dtypes_being_imported_first():
    code = """
import json, fastdrop as fd, sys
assert "ml_dtypes" not in sys.modules
fd.dropout([1.0, 2.0], 0.5, rng=0)
import ml_dtypes, numpy as np
print(json.dumps(fd.dropout(np.ones(4, dtype=ml_dtypes.bfloat16), 0.5, rng=0).dtype.name))
"""
    assert answer(code) == "bfloat16"
