"""PyTorch's tensors as input and `out` of the functions on arrays, and the example of the page on protocols."""

import re

import numpy as np
import pytest
from helpers import BFLOAT16, assert_same, bits_of, numbers

import fastdrop as fd

torch = pytest.importorskip("torch", reason="torch is not installed")
from test_docs import ROOT, blocks  # noqa: E402

KEY, P = fd.Key(31, 4), 0.3
TYPES = {
    torch.float16: np.float16,
    torch.bfloat16: BFLOAT16,
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.complex64: np.complex64,
    torch.complex128: np.complex128,
}


def pair(dtype, shape=(30, 40)):
    """A tensor and an array of the same numbers."""
    values = torch.from_numpy(numbers(shape, np.complex128 if dtype.is_complex else np.float64)).to(dtype)
    array = values.view(torch.int16).numpy().view(BFLOAT16) if dtype == torch.bfloat16 else values.numpy()
    return values, array.copy()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_input_out_and_in_place(dtype):
    x, array = pair(dtype)
    wanted, out = fd.dropout(array, P, rng=KEY), torch.zeros_like(x)
    assert_same(fd.dropout(x, P, rng=KEY), wanted)
    y = fd.dropout(x, P, rng=KEY, out=out)
    assert y.__array_interface__["data"][0] == out.data_ptr()
    back = out.view(torch.int16).numpy().view(BFLOAT16) if dtype == torch.bfloat16 else out.numpy()
    assert np.array_equal(bits_of(back), bits_of(wanted))
    fd.dropout(x, P, rng=KEY, out=x)
    assert torch.equal(x, out)


def test_strides():
    x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    for view in (x.permute(2, 0, 1), x[:, ::2], x[0, 0, 0], x[:0], x.to(memory_format=torch.contiguous_format)):
        out = torch.full(view.shape, 7.0)
        fd.dropout(view, P, rng=KEY, out=out)
        assert_same(out.numpy(), fd.dropout(view.numpy(), P, rng=KEY))
    row = torch.ones(1, 4).expand(3, 4)
    assert_same(fd.dropout(row, P, rng=KEY), fd.dropout(np.ones((3, 4), np.float32), P, rng=KEY))
    with pytest.raises(ValueError, match="out has to hold each element once"):
        fd.dropout(torch.ones(3, 4), P, rng=KEY, out=row)


def test_refused():
    leaf = torch.ones(3, requires_grad=True)
    with pytest.raises(TypeError, match=r"x has to be readable as an array, but got a Tensor: .*detach"):
        fd.dropout(leaf, P, rng=KEY)
    with pytest.raises(TypeError, match=r"out has to be readable as an array, but got a Tensor: .*detach"):
        fd.dropout(np.ones(3, np.float32), P, rng=KEY, out=leaf)
    with pytest.raises(TypeError, match=r"p has to be readable as an array, but got a Tensor: .*detach"):
        fd.dropout(np.ones(3), leaf, rng=KEY)
    with pytest.raises((TypeError, ValueError), match="x has to"):
        fd.dropout(torch.ones(3, device="meta"), P, rng=KEY)
    with pytest.raises((TypeError, ValueError), match="x has to"):
        fd.dropout(torch.ones(3).to_sparse(), P, rng=KEY)
    with pytest.raises((TypeError, ValueError), match="x has to"):
        fd.dropout(torch.ones(3, dtype=torch.complex64).conj(), P, rng=KEY)
    with pytest.raises(TypeError, match=r"x has to be of dtype .* but got int64"):
        fd.dropout(torch.ones(3, dtype=torch.int64), P, rng=KEY)
    with pytest.raises((TypeError, ValueError), match="x has to"):
        fd.dropout(torch.ones(3).to(torch.float8_e5m2), P, rng=KEY)
    assert torch.equal(leaf, torch.ones(3))


def test_p_in_a_tensor():
    x, p = np.ones((3, 5)), torch.tensor([[0.0], [0.5], [1.0]], dtype=torch.float64)
    assert_same(fd.dropout(x, p, rng=KEY), fd.dropout(x, p.numpy(), rng=KEY))
    assert_same(fd.dropout(x, torch.tensor(0.5), rng=KEY), fd.dropout(x, 0.5, rng=KEY))


def test_example_of_the_page():
    (code,) = [text for _, text in blocks((ROOT / "docs/how-to/other-arrays.md").read_text(), "py") if "torch" in text]
    assert len(code.splitlines()) <= 12
    assert re.search(r"^assert ", code, re.M)
    exec(compile(code, "other-arrays.md", "exec"), {})
