"""The core's handler for XLA, called as XLA calls it: without JAX, by the layout of the interface.

tests/test_jax_abi.py checks that layout against the header that comes with jaxlib.
"""

import ctypes
from ctypes import POINTER, byref, c_int, c_int64, c_void_p

import numpy as np
import pytest
from xla_runtime import (
    BUFFER,
    EXECUTE,
    F32,
    METADATA,
    PREPARE,
    Buffer,
    Extension,
    Frame,
    Items,
    Metadata,
    MetadataExtension,
    Runtime,
    handler,
)

import fastdrop as fd
from fastdrop.alpha import alpha_constants

KEY = fd.Key(0x1234_5678_9ABC_DEF0, 0xFEDC_BA98_7654_3210)
WORDS = np.array([0x9ABC_DEF0, 0x1234_5678, 0x7654_3210, 0xFEDC_BA98], np.uint32)


def bits(p):
    return np.array([p]).view(np.uint32).copy()


def run(
    x, p=0.3, origin=None, shape=None, steps=None, runtime=None, key=WORDS, y=None, operation=0, constants=(0, 0, 0)
):
    shape = x.shape if shape is None else shape
    full = [int(np.prod(shape[d + 1 :], dtype=np.int64)) for d in range(len(shape))]
    attributes = {
        "shape": np.array(shape, np.int64),
        "steps": np.array(full if steps is None else steps, np.int64),
        "operation": np.array([operation]),
        "constants": np.array(constants, np.float64),
    }
    origin = np.zeros(x.ndim, np.int32) if origin is None else origin
    y = np.full_like(x, 7) if y is None else y
    operands = [x, key, bits(p) if isinstance(p, float) else p, origin]
    return (runtime or Runtime()).call(operands, [y], attributes=attributes), y


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (1, 1, 70_001), (4, 5, 6)], ids=str)
def test_same_as_the_function(dtype, shape):
    x = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    error, y = run(x)
    assert error is None
    np.testing.assert_array_equal(y, fd.dropout(x, 0.3, rng=KEY))
    assert run(x, y=x.copy())[0] is None


@pytest.mark.parametrize("p", [bits(0.1), np.array(0.1), np.array(0.1, np.float32), 0.0, 1.0], ids=str)
def test_p_as_bits_and_as_numbers(p):
    x = np.ones(5000)
    value = p if isinstance(p, float) else float(p) if p.ndim == 0 else 0.1
    error, y = run(x, p)
    assert error is None
    np.testing.assert_array_equal(y, fd.dropout(x, value, rng=KEY))


@pytest.mark.parametrize("integer", [np.int32, np.int64])
def test_shards_and_shared_axes(integer):
    whole = np.random.default_rng(2).standard_normal((6, 7, 8)).astype(np.float32)
    x = whole[2:5, 3:, 1:7].copy()
    error, y = run(x, origin=np.array([2, 3, 1], integer), shape=whole.shape)
    assert error is None
    np.testing.assert_array_equal(y, fd.dropout(whole, 0.3, rng=KEY)[2:5, 3:, 1:7])
    error, y = run(x, origin=np.array([2, 3, 1], integer), shape=whole.shape, steps=[8, 0, 1])
    assert error is None
    np.testing.assert_array_equal(y, fd.dropout(whole, 0.3, rng=KEY, share_axes=1)[2:5, 3:, 1:7])


def test_operations():
    x = np.random.default_rng(3).standard_normal((3, 400_001)).astype(np.float32)
    a, b, c = alpha_constants(0.3)
    wanted = {
        1: fd.Mask(x.shape, 0.3, rng=KEY).apply(x, scale=1.5),
        2: fd.alpha_dropout(x, 0.3, rng=KEY),
        3: fd.gaussian_dropout(x, 0.3, rng=KEY),
        4: fd.gaussian_noise(x, 0.7, rng=KEY),
    }
    constants = {1: (1.5, 0, 0), 2: (a, b, c), 3: ((0.3 / 0.7) ** 0.5, 0, 0), 4: (0.7, 0, 0)}
    for operation, y in wanted.items():
        for threads in (1, 3):
            error, found = run(x, runtime=Runtime(threads), operation=operation, constants=constants[operation])
            assert error is None
            np.testing.assert_array_equal(found, y)


@pytest.mark.parametrize("threads", [2, 3, 16])
@pytest.mark.parametrize("refuse_after", [None, 0, 1])
def test_threads_of_the_runtime(threads, refuse_after):
    runtime = Runtime(threads, refuse_after=refuse_after)
    x = np.ones((1, 3, 700_001), np.float32)
    error, y = run(x, 0.1, runtime=runtime)
    assert error is None
    np.testing.assert_array_equal(y, fd.dropout(x, 0.1, rng=KEY))
    assert len(runtime.started) == (
        min(threads, x.size >> 17) - 1 if refuse_after is None else min(refuse_after, threads - 1)
    )
    assert runtime.deleted == len(runtime.errors)
    few = Runtime(threads)
    assert run(np.ones(1000, np.float32), runtime=few)[0] is None
    assert not few.started


def test_metadata_and_stages():
    metadata = Metadata(ctypes.sizeof(Metadata))
    metadata.version.major, metadata.version.minor, metadata.traits = 9, 9, 9
    extension = MetadataExtension(Extension(ctypes.sizeof(MetadataExtension), METADATA), ctypes.pointer(metadata))
    frame = Frame(ctypes.sizeof(Frame), ctypes.cast(ctypes.pointer(extension), POINTER(Extension)))
    assert handler(byref(frame)) is None
    assert (metadata.version.major, metadata.version.minor, metadata.traits) == (0, 3, 0)
    y = np.zeros(3, np.float32)
    assert Runtime().call([], [], stage=PREPARE) is None
    assert Runtime(major=1).call([y], [y]) == (
        12, "fastdrop: built for XLA's foreign function interface 0.3, but this is 1.3",
    )  # fmt: skip


X = np.ones((4, 5), np.float32)
BAD = {
    "probability has to be between 0 and 1, but got 1.5": {"p": 1.5},
    "probability has to be between 0 and 1, but got nan": {"p": float("nan")},
    "p has to be uint32[2], float32[] or float64[], but has type 5 and 0 axes": {"p": np.array(1)},
    "x has to be of float16, bfloat16": {"x": X.astype(np.int32)},
    "x has to have up to 64 axes, but has 65": {"x": 65},
    "key has to be uint32[4]": {"key": WORDS[:2].copy()},
    "key has to be uint32[4]: seed": {"key": WORDS.view(np.int32).copy()},
    "origin has to be int32[2] or int64[2]": {"origin": np.zeros(1, np.int32)},
    "origin has to be int32[2] or int64[2], as": {"origin": np.zeros(2, np.float32)},
    "attributes shape and steps have to be int64[2]": {"shape": (4, 5, 6)},
    "attributes shape and steps have to be int64[2], as": {"steps": [1]},
    "of length 4 from 1 on does not lie in axis 0 of the whole array, of length 4": {
        "origin": np.array([1, 0], np.int32)
    },
    "of length 4 from -1 on does not lie in axis 0": {"origin": np.array([-1, 0], np.int32)},
    "of length 5 from 9223372036854775807 on": {"origin": np.array([0, 2**63 - 1])},
    "steps has to be 0 or more, but is -1 in axis 1": {"steps": [5, -1]},
    "mask indices have to be below 2^62": {"steps": [2**61, 1]},
    "attributes operation and constants have to be int64[1] and float64[3]": {"constants": (1.0, 2.0)},
    "operation 5 is unknown": {"operation": 5},
    "operation -1 is unknown": {"operation": -1},
    "the result has to be of x's shape and type": {"y": np.ones((5, 4), np.float32)},
    "the result has to be of x's shape and type ": {"y": np.ones((4, 5), np.float64)},
}


@pytest.mark.parametrize("text", BAD)
def test_bad_operands_write_nothing(text):
    arguments = {"x": X, **BAD[text]}
    if isinstance(arguments["x"], int):
        lies = np.ones(1, np.float32)
        shape = (c_int64 * 65)(*65 * [1])
        buffer = Buffer(ctypes.sizeof(Buffer), None, F32, lies.ctypes.data, 65, shape)
        runtime = Runtime()
        items = (c_void_p * 4)(*4 * [ctypes.addressof(buffer)])
        kinds = (c_int * 4)(*4 * [BUFFER])
        both = [Items(ctypes.sizeof(Items), None, n, kinds, items) for n in (4, 1)]
        frame = Frame(ctypes.sizeof(Frame), None, ctypes.pointer(runtime.api), None, EXECUTE, *both)
        error = runtime.errors[handler(byref(frame)) - 1]
        y = np.full(1, 7)
    else:
        error, y = run(**arguments)
    assert error[0] == 3
    assert error[1].startswith("fastdrop: ")
    assert text.strip() in error[1]
    assert (y == (1 if "y" in arguments else 7)).all()


def test_a_wrong_number_of_operands():
    assert Runtime().call([X], [X])[1] == "fastdrop: there have to be 4 operands and 1 result, but there are 1 and 1"
    assert (
        Runtime().call([X, X, X, X], [])[1]
        == "fastdrop: there have to be 4 operands and 1 result, but there are 4 and 0"
    )
