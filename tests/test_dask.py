"""fastdrop.dask: the bytes of the whole array for any chunks, slices, workers, retries; controls that must differ."""

import os
import signal
import time

import numpy as np
import pytest

da = pytest.importorskip("dask.array", reason="Dask is not installed")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import fastdrop as fd  # noqa: E402
import fastdrop.dask as fdd  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
)
KEY = fd.Key(11, 2**63 + 5)
SHAPE = (60, 50, 7)
CHUNKS = [(60, 50, 7), (1, 50, 7), (60, 1, 7), (7, 11, 3), (13, 50, 1), (59, 49, 6), ((1, 58, 1), 25, (3, 4)), "auto"]


def numbers(shape=SHAPE, dtype=np.float32):
    return np.random.default_rng(3).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("p", [0.5, 0.1])
@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
def test_chunks_change_nothing(chunks, p):
    x = numbers()
    lazy = fdd.dropout(da.from_array(x, chunks=chunks), p, rng=KEY)
    assert lazy.chunks == da.from_array(x, chunks=chunks).chunks
    assert (lazy.shape, lazy.dtype) == (x.shape, x.dtype)
    for scheduler in ("synchronous", "threads"):
        assert np.array_equal(lazy.compute(scheduler=scheduler), fd.dropout(x, p, rng=KEY))


@given(st.data())
def test_any_chunks_and_slices(data):
    shape = tuple(data.draw(st.lists(st.integers(0, 12), min_size=1, max_size=3)))
    chunks = tuple(data.draw(st.integers(1, max(1, n))) for n in shape)
    axes = tuple(axis for axis in range(len(shape)) if data.draw(st.booleans()))
    x = numbers(shape, np.float64)
    wanted = fd.dropout(x, 0.3, rng=KEY, share_axes=axes or None)
    lazy = fdd.dropout(da.from_array(x, chunks=chunks), 0.3, rng=KEY, share_axes=axes or None)
    assert np.array_equal(lazy.compute(scheduler="synchronous"), wanted)
    begin = tuple(data.draw(st.integers(0, n)) for n in shape)
    part = tuple(slice(first, None) for first in begin)
    block = da.from_array(x[part], chunks=chunks)
    lazy = fdd.dropout(block, 0.3, rng=KEY, share_axes=axes or None, shard=fd.Shard(begin, shape))
    assert np.array_equal(lazy.compute(scheduler="synchronous"), wanted[part])


def test_rechunked_sliced_and_backward():
    x = numbers()
    y = fdd.dropout(da.from_array(x, chunks=(20, 20, 7)), 0.2, rng=KEY)
    wanted = fd.dropout(x, 0.2, rng=KEY)
    assert np.array_equal(y.rechunk((7, 50, 2))[3:40:2, ::-1].compute(), wanted[3:40:2, ::-1])
    dy = da.ones(SHAPE, chunks=(9, 50, 7), dtype=np.float32)
    dx = fdd.dropout(dy, 0.2, rng=KEY)
    assert np.array_equal(dx.compute(), fd.dropout(np.ones(SHAPE, np.float32), 0.2, rng=KEY))


def test_names_and_keys():
    x = da.from_array(numbers(), chunks=(20, 20, 7))
    name = fdd.dropout(x, 0.2, rng=KEY).name
    assert fdd.dropout(x, 0.2, rng=KEY).name == name
    others = [fdd.dropout(x, 0.3, rng=KEY), fdd.dropout(x, 0.2, rng=1), fdd.dropout(x + 1, 0.2, rng=KEY)]
    others += [
        fdd.dropout(x, 0.2, rng=KEY, share_axes=0),
        fdd.dropout(x, 0.2, rng=KEY, shard=fd.Shard((0, 0, 0), (99, 50, 7))),
    ]
    assert len({name, *(other.name for other in others)}) == 6
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    y = fdd.dropout(x, 0.2, rng=rng)
    assert np.array_equal(y.compute(), fd.dropout(x.compute(), 0.2, rng=twin))
    assert np.array_equal(y.compute(), y.compute())
    assert fdd.dropout(x, 0.2, rng=rng, training=False) is x
    assert rng.bit_generator.state == twin.bit_generator.state


def test_controls_differ():
    """Blocks that number themselves, and Dask's own random numbers, depend on the chunks: this test can see it."""
    x = np.ones((40, 40), np.float32)
    local, own = [], []
    for chunks in ((40, 40), (10, 40)):
        lazy = da.from_array(x, chunks=chunks)
        local.append(lazy.map_blocks(lambda block: fd.dropout(block, 0.5, rng=KEY), dtype=x.dtype).compute())
        own.append((da.random.default_rng(3).random(x.shape, chunks=chunks) < 0.5).compute())
    assert not np.array_equal(*local)
    assert not np.array_equal(*own)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"x": np.ones(3)}, TypeError, "x has to be a dask.array.Array, but got ndarray"),
        ({"x": da.ones(3, dtype=int)}, TypeError, "x has to be of dtype float16, .*, but got int64"),
        ({"p": 1.5}, ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
        ({"p": np.array([0.5])}, TypeError, r"p has to be one number, but got an array of shape \(1,\)"),
        ({"share_axes": 3}, ValueError, "share_axes has to hold axes between -1 and 0"),
        ({"shard": fd.Shard((1,), (3,))}, ValueError, "shard"),
        ({"rng": 1.5}, TypeError, "rng has to be a Key"),
        ({"training": 1}, TypeError, "training has to be a bool"),
    ],
)
def test_bad_input(arguments, error, text):
    given = {"x": da.ones(3)} | arguments
    with pytest.raises(error, match=text):
        fdd.dropout(**given)


def test_unknown_chunks_are_refused():
    x = da.ones(10, chunks=5)
    with pytest.raises(ValueError, match="the sizes of x's chunks have to be known"):
        fdd.dropout(x[x > 0], 0.5)
    known = x[x > 0].compute_chunk_sizes()
    assert fdd.dropout(known, 0.5, rng=1).compute().shape == (10,)


def slow(block):
    time.sleep(0.3)
    return block


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_change_nothing(workers, tmp_path):
    """Worker processes, however many, and one of them killed in the middle: the same bytes."""
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    x = numbers((400, 300))
    wanted = fd.dropout(x, 0.1, rng=KEY)
    options = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "local_directory": str(tmp_path),
    }
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, timeout=60) as client:
        lazy = fdd.dropout(da.from_array(x, chunks=(37, 300)), 0.1, rng=KEY)
        assert np.array_equal(client.compute(lazy).result(timeout=60), wanted)
        if workers < 2:
            return
        future = client.compute(fdd.dropout(da.from_array(x, chunks=(37, 300)).map_blocks(slow), 0.1, rng=KEY))
        time.sleep(0.4)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        assert np.array_equal(future.result(timeout=60), wanted)


def test_arrays_in_a_store(tmp_path):
    """From one Zarr store to another, block by block, the bits of the array in memory."""
    zarr = pytest.importorskip("zarr", reason="Zarr is not installed")
    x = np.random.default_rng(5).standard_normal((40, 30)).astype(np.float32)
    da.from_array(x, (7, 11)).to_zarr(str(tmp_path / "x.zarr"))
    lazy = fdd.dropout(da.from_zarr(str(tmp_path / "x.zarr")), 0.3, rng=fd.Key(4))
    lazy.to_zarr(str(tmp_path / "y.zarr"))
    wanted = fd.dropout(x, 0.3, rng=fd.Key(4))
    assert np.array_equal(zarr.open(str(tmp_path / "y.zarr"))[:], wanted)


def test_arrays_in_a_file(tmp_path):
    """HDF5, read and written by blocks."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    x = np.random.default_rng(5).standard_normal((40, 30)).astype(np.float32)
    wanted = fd.dropout(x, 0.3, rng=fd.Key(4))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = x
        lazy = fdd.dropout(da.from_array(file["x"], (7, 11)), 0.3, rng=fd.Key(4))
        target = file.create_dataset("y", x.shape, np.float32)
        da.store(lazy, target, lock=True)
        assert np.array_equal(target[:], wanted)
