"""Arrays of other libraries as input and `out`: the buffer protocol, __array_interface__, DLPack."""

import array
import ctypes

import numpy as np
import pytest

import fastdrop as fd

KEY = fd.Key(5, 6)


class Interface:
    """Has nothing but __array_interface__."""

    def __init__(self, values):
        self.values = values

    @property
    def __array_interface__(self):
        return self.values.__array_interface__


class Pack:
    """Has nothing but DLPack."""

    def __init__(self, values, device=(1, 0)):
        self.values, self.device = values, device

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device


def makers():
    x = np.random.default_rng(1).standard_normal(3000).astype(np.float32)
    wanted = fd.dropout(x, 0.3, rng=KEY)
    matrix, square = x.reshape(50, 60), wanted.reshape(50, 60)
    return {
        "array.array": (array.array("f", x.tolist()), wanted),
        "ctypes": ((ctypes.c_float * 3000)(*x.tolist()), wanted),
        "memoryview": (memoryview(matrix.copy()), square),
        "interface": (Interface(np.asfortranarray(matrix)), square),
        "dlpack": (Pack(matrix.copy()), square),
        "dlpack, transposed": (Pack(np.asfortranarray(matrix)), square),
    }


def values_of(thing):
    return np.array(thing.values if isinstance(thing, Interface | Pack) else thing)


@pytest.mark.parametrize("name", makers())
def test_input_and_out(name):
    thing, wanted = makers()[name]
    y = fd.dropout(thing, 0.3, rng=KEY)
    assert type(y) is np.ndarray
    assert np.array_equal(y, wanted)
    target, _ = makers()[name]
    y = fd.dropout(thing, 0.3, rng=KEY, out=target)
    assert np.array_equal(values_of(target), wanted)
    assert np.shares_memory(y, np.asarray(target.values if isinstance(target, Interface | Pack) else target))
    fd.dropout(thing, 0.3, rng=KEY, out=thing)  # in place
    assert np.array_equal(values_of(thing), wanted)


def test_other_functions():
    x = np.ones((6, 8, 4), np.float32)
    out = Pack(np.empty_like(x))
    fd.alpha_dropout(Pack(x), 0.3, rng=KEY, out=out)
    assert np.array_equal(out.values, fd.alpha_dropout(x, 0.3, rng=KEY))
    assert np.array_equal(fd.token_dropout(Pack(x), 0.5, rng=KEY), fd.token_dropout(x, 0.5, rng=KEY))
    mask = fd.Mask((3,), 0.5, rng=KEY)
    assert np.array_equal(mask.apply(array.array("d", [1, 2, 3])), mask.apply(np.array([1.0, 2, 3])))
    ids = array.array("q", [3, 1, 2] * 20)
    fd.word_dropout(ids, 0.5, 9, rng=KEY, out=ids)
    assert np.array_equal(ids, fd.word_dropout(np.array([3, 1, 2] * 20), 0.5, 9, rng=KEY))


def test_bad_input():
    x = np.full(4, 7, np.float32)
    read_only = x.copy()
    read_only.flags.writeable = False
    cases = [
        ([0.0] * 4, TypeError, "out has to be a NumPy array, an array with the buffer protocol, .* but got list"),
        (object(), TypeError, "but got object"),
        (b"0123456789abcdef", ValueError, "out has to have the shape of x"),
        (memoryview(b"0123456789abcdef").cast("f"), ValueError, "out has to be writeable"),
        (Pack(read_only), ValueError, "out has to be writeable"),
        (Pack(np.empty(4, np.float64)), ValueError, "out has to have the dtype of x, float32, but got float64"),
        (
            Pack(np.empty(4, np.float32), device=(2, 0)),
            TypeError,
            r"out has to be in the CPU's memory, but is on DLPack's device \(2, 0\)",
        ),
        (np.ma.masked_array(x), TypeError, "out has to be an array that is not masked"),
    ]
    for out, error, text in cases:
        with pytest.raises(error, match=text):
            fd.dropout(x, 0.5, out=out)
    with pytest.raises(TypeError, match="x has to be in the CPU's memory"):
        fd.dropout(Pack(x, device=(2, 0)), 0.5)
    broken = Pack(x)
    broken.__class__ = type("Broken", (Pack,), {"__dlpack__": lambda self, **_: None})
    with pytest.raises(
        TypeError, match="x has to be an array that NumPy can take through DLPack, but for Broken it says"
    ):
        fd.dropout(broken, 0.5)
    with pytest.raises(TypeError, match="x has to be of dtype"):
        fd.dropout(array.array("i", [1, 2]), 0.5)


def test_torch_tensors():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x, out = torch.arange(12.0).reshape(3, 4), torch.empty(4, 3).t()
    y = fd.dropout(x, 0.5, rng=KEY, out=out)
    assert np.array_equal(out.numpy(), fd.dropout(x.numpy(), 0.5, rng=KEY))
    assert np.shares_memory(y, out.numpy())


def test_jax_arrays():
    jnp = pytest.importorskip("jax.numpy", reason="JAX is not installed")
    x = jnp.arange(12.0).reshape(3, 4)
    assert np.array_equal(fd.dropout(x, 0.5, rng=KEY), fd.dropout(np.asarray(x), 0.5, rng=KEY))
    with pytest.raises(ValueError, match="out has to be writeable"):
        fd.dropout(x, 0.5, rng=KEY, out=x)
