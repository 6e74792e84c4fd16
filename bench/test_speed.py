"""pytest-benchmark suite: `pytest bench --benchmark-only --benchmark-group-by=param:size`.

The rows are those of `fastdrop bench`; here each is a test, so that runs can be saved and compared
(--benchmark-save, --benchmark-compare). A fresh key for every call. Nothing here fails by being slow.
"""

import numpy as np
import pytest

from fastdrop import bench

SIZES = {"2^4": 1 << 4, "2^12": 1 << 12, "2^16": 1 << 16, "2^20": 1 << 20, "2^24": 1 << 24}
ROWS = list(bench.rows(np.ones(1, np.float32)))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("size", SIZES)
def test_row(benchmark, row, size):
    x = np.ones(SIZES[size], np.float32)
    run = bench.rows(x)[row]
    benchmark.extra_info.update(bench.describe_machine(), elements=x.size)
    rounds = 5 if x.size >= 1 << 20 and "NumPy" in row else 21
    benchmark.pedantic(run, args=(1,), rounds=rounds, warmup_rounds=1)
    assert x.size == SIZES[size]
