"""fastdrop.torch.functional: the bits of fastdrop, the gradients of its masks, PyTorch's errors and statistics."""

import warnings

import numpy as np
import oracle
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402

import fastdrop as fd  # noqa: E402
from fastdrop.torch import functional as ff  # noqa: E402

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128]
SHAPES = {"dropout": (3, 4, 5), "dropout1d": (3, 4, 5), "dropout2d": (3, 4, 5, 2), "dropout3d": (2, 3, 4, 5, 2)}
ALWAYS = [
    lambda x, **k: ff.dropout(x, 0.4, **k),
    lambda x, **k: ff.dropout1d(x, 0.4, **k),
    lambda x, **k: ff.alpha_dropout(x, 0.4, True, **k),
    lambda x, **k: ff.feature_alpha_dropout(x, 0.4, True, **k),
    lambda x, **k: ff.drop_path(x, 0.4, True, **k),
    lambda x, **k: ff.drop_path(x, 0.4, True, False, **k),
    lambda x, **k: ff.stochastic_depth(x, 0.4, "batch", **k),
]
NAMES = ["dropout", "channels", "alpha", "alpha of channels", "path", "path, unscaled", "depth"]


def numbers(shape, dtype=torch.float32, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def kept(key, shape, p, shared=()):
    return torch.from_numpy(oracle.keep_mask(key, shape, p, shared).copy())


@pytest.mark.parametrize("p", [0.5, 0.3])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_bits_are_those_of_the_mask(dtype, p):
    x = numbers((3, 4, 5, 6), dtype)
    keep = kept((7, 9), x.shape, p)
    wide = {torch.float16: torch.float32, torch.bfloat16: torch.float32}.get(dtype, dtype)
    scale = torch.tensor(1 / (1 - p), dtype=torch.empty(0, dtype=wide).real.dtype)
    wanted = torch.where(keep, (x.to(wide) * scale).to(dtype), torch.zeros((), dtype=dtype))
    for layout in (torch.contiguous_format, torch.channels_last):
        a = x.clone(memory_format=layout)
        y = ff.dropout(a, p, rng=fd.Key(7, 9))
        assert torch.equal(y, wanted)
        assert y.stride() == a.stride()
        assert torch.equal(a, x)
        assert ff.dropout(a, p, inplace=True, rng=fd.Key(7, 9)) is a
        assert torch.equal(a, wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_every_function_is_that_of_numpy(dtype):
    for name, shape in SHAPES.items():
        x = numbers(shape, dtype)
        y = getattr(ff, name)(x, 0.3, rng=5)
        assert np.array_equal(y.numpy(), getattr(fd, name)(x.numpy(), 0.3, rng=5)), name
    x = numbers((4, 3, 5), dtype)
    pairs = {
        "alpha": (ff.alpha_dropout(x, 0.3, True, rng=5), fd.alpha_dropout(x.numpy(), 0.3, rng=5)),
        "feature": (ff.feature_alpha_dropout(x, 0.3, True, rng=5), fd.feature_alpha_dropout(x.numpy(), 0.3, rng=5)),
        "path": (ff.drop_path(x, 0.3, True, rng=5), fd.drop_path(x.numpy(), 0.3, rng=5)),
        "row": (ff.stochastic_depth(x, 0.3, "row", rng=5), fd.drop_path(x.numpy(), 0.3, rng=5)),
        "batch": (ff.stochastic_depth(x, 0.3, "batch", rng=5), fd.drop_path(x.numpy(), 0.3, rng=5, mode="batch")),
    }
    for name, (ours, numpys) in pairs.items():
        assert np.array_equal(ours.numpy(), numpys), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_drop_block(dtype):
    for name, shape in (("drop_block2d", (3, 4, 9, 8)), ("drop_block3d", (2, 3, 6, 7, 8))):
        ours, numpys = getattr(ff, name), getattr(fd, name.replace("_", ""))
        x = numbers(shape, dtype)
        wide = x.float() if dtype is torch.bfloat16 else x
        wanted = torch.from_numpy(numpys(wide.numpy(), 0.3, 3, rng=5)).to(dtype)
        assert torch.equal(ours(x, 0.3, 3, rng=5), wanted)
        leaf = x.clone().requires_grad_()
        (dx,) = torch.autograd.grad(ours(leaf, 0.3, 3, rng=5), leaf, x)
        assert torch.equal(dx, wanted)
        assert ours(x, 0.3, 3, training=False) is x
        assert ours(x, 0.3, 100, rng=5).shape == shape  # as large as the map
        assert ours(x, 0.3, 3, True, rng=5) is x
        assert torch.equal(x, wanted)
        with pytest.raises(ValueError, match=f"input should be {len(shape)} dimensional. Got 2 dimensions"):
            ours(torch.ones(2, 3), 0.3, 3)
        with pytest.raises(ValueError, match="drop probability has to be between 0 and 1, but got -1"):
            ours(x, -1.0, 3)
        with pytest.raises(ValueError, match="block_size has to be a whole number from 1 on, but got 0"):
            ours(x, 0.3, 0)
    x = numbers((1, 2, 5, 4), torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ff.drop_block2d(x, 0.3, 2, rng=1), x)
    assert torch.autograd.gradgradcheck(lambda x: ff.drop_block2d(x, 0.3, 2, rng=1), x)


def test_unbatched_channels():
    x = numbers((6, 9))
    assert torch.equal(ff.dropout1d(x, rng=3), ff.dropout1d(x[None], rng=3)[0])
    x = numbers((6, 2, 3, 4))
    assert torch.equal(ff.dropout3d(x, rng=3), ff.dropout3d(x[None], rng=3)[0])


@pytest.mark.parametrize("call", ALWAYS, ids=NAMES)
def test_gradients(call):
    x = numbers((3, 4, 5), torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: call(x, rng=1), x)
    assert torch.autograd.gradgradcheck(lambda x: call(x, rng=1), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_gradient_is_the_mask_and_holds_nothing(dtype):
    x, dy = numbers((50, 40), dtype).requires_grad_(), numbers((50, 40), dtype, seed=1)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        y = ff.dropout(x, 0.3, rng=1)
    (dx,) = torch.autograd.grad(y, x, dy)
    assert torch.equal(dx, ff.dropout(dy, 0.3, rng=1))
    assert sum(saved) == 0
    for gradient in (dy[:1].expand(50, 40), dy.t().contiguous().t(), dy[:, :1].expand(50, 40)):
        y = ff.dropout(x, 0.3, rng=1)
        (dx,) = torch.autograd.grad(y, x, gradient)
        assert torch.equal(dx, ff.dropout(gradient.contiguous(), 0.3, rng=1))
    y = ff.dropout(x, 0.3, rng=1)
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(dx, ff.dropout(torch.ones_like(x), 0.3, rng=1))


def test_in_place_in_a_graph():
    x = numbers((30,)).requires_grad_()
    h = x * 2
    y = ff.dropout(h, 0.5, inplace=True, rng=1)
    assert y is h
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(dx, 2 * ff.dropout(torch.ones(30), 0.5, rng=1))
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
        ff.dropout(x, 0.5, inplace=True)
    h = torch.exp(x)
    ff.dropout(h, 0.5, inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        h.sum().backward()
    with torch.no_grad():
        h = torch.exp(x.detach().requires_grad_())
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        ff.dropout(torch.ones(1).expand(5), 0.5, inplace=True)


def test_keys_come_from_the_generator():
    x = torch.ones(64)
    torch.manual_seed(4)
    first, second = ff.dropout(x), ff.dropout(x)
    assert not torch.equal(first, second)
    torch.manual_seed(4)
    assert torch.equal(ff.dropout(x), first)
    torch.manual_seed(4)
    seed, stream = torch.empty(2, dtype=torch.int64).random_(-(2**63), None).tolist()
    assert np.array_equal(first.numpy(), fd.dropout(x.numpy(), rng=fd.Key(seed % 2**64, stream % 2**64)))
    one, other = torch.Generator().manual_seed(4), torch.Generator().manual_seed(4)
    assert torch.equal(ff.dropout(x, generator=one), first)
    assert torch.equal(ff.dropout(x, generator=one), second)
    for skipped in (
        lambda: ff.dropout(x, training=False, generator=other),
        lambda: ff.alpha_dropout(x, generator=other),
    ):
        assert skipped() is x
    assert ff.dropout(x, 0.0, generator=other) is not None
    assert torch.equal(ff.dropout(x, generator=other), second)  # p = 0 draws as well
    big = fd.Key(2**64 - 1, 2**63)
    words = torch.tensor([-1, -(2**63)])
    for rng in (big, words):
        assert np.array_equal(ff.dropout(x, rng=rng).numpy(), fd.dropout(x.numpy(), rng=big))


def test_probabilities():
    x = numbers((100,))
    x[3], x[4] = torch.nan, torch.inf
    assert torch.equal(ff.dropout(x, 1.0), torch.zeros(100))
    assert torch.equal(ff.dropout(x, 0.0).nan_to_num(), x.nan_to_num())
    g = torch.ones(100, requires_grad=True)
    (dx,) = torch.autograd.grad(ff.dropout(g, 1.0).sum(), g)
    assert torch.equal(dx, torch.zeros(100))
    assert torch.equal(ff.alpha_dropout(x, 1.0, True), torch.zeros(100))
    for p in (torch.tensor(0.5), np.float32(0.5), 0.5):
        assert torch.equal(ff.dropout(torch.ones(9), p, rng=1), ff.dropout(torch.ones(9), 0.5, rng=1))
    assert ff.dropout(torch.ones(0, 3), 0.5).shape == (0, 3)
    assert ff.dropout(torch.tensor(1.0), 0.5, rng=1).item() in (0.0, 2.0)
    n = 1 << 20
    for p in (0.1, 0.5, 0.001):
        dropped = int((ff.dropout(torch.ones(n), p, rng=2) == 0).sum())
        assert abs(dropped - n * p) < 5 * (n * p * (1 - p)) ** 0.5


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d", "dropout3d"])
@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5, 6])
def test_ranks_are_treated_as_pytorch_does(name, rank):
    x = torch.ones((2,) * rank)

    def outcome(function):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                return function(x, 0.5).shape, [str(w.message) for w in told]
            except RuntimeError as error:
                return str(error), [str(w.message) for w in told]

    assert outcome(getattr(ff, name)) == outcome(getattr(F, name))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"p": 1.5}, ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
        ({"p": -0.1}, ValueError, "dropout probability has to be between 0 and 1, but got -0.1"),
        ({"p": float("nan")}, ValueError, "between 0 and 1, but got nan"),
        ({"p": "0.5"}, TypeError, "p has to be a number, but got '0.5' of type str"),
        ({"p": torch.tensor(0.5, requires_grad=True)}, TypeError, "but got one that requires a gradient"),
        ({"p": torch.ones(3)}, TypeError, r"but got one of shape \(3,\)"),
        ({"input": [1.0]}, TypeError, "input has to be a torch.Tensor, but got list"),
        ({"input": torch.ones(3, dtype=torch.int64)}, TypeError, "input has to be of dtype float16, .*, but got int64"),
        ({"input": torch.ones(3, dtype=torch.bool)}, TypeError, "but got bool"),
        ({"input": torch.eye(3).to_sparse()}, ValueError, "input has to be a dense tensor, but is sparse_coo"),
        ({"rng": 2**64}, ValueError, r"rng as an int has to be between 0 and 2\*\*64 - 1"),
        ({"rng": "a"}, TypeError, "rng has to be a Key"),
        ({"rng": torch.ones(2)}, TypeError, "rng as a tensor has to hold two integers of int64"),
        ({"generator": np.random.default_rng(1)}, TypeError, "generator has to be a torch.Generator or None"),
        ({"generator": torch.Generator(), "rng": 1}, ValueError, "rng and generator can't be given both"),
    ],
)
def test_bad_input(arguments, error, text):
    before = torch.get_rng_state()
    x = torch.full((3,), 7.0)
    given = {"input": x, "p": 0.5, "inplace": True} | arguments
    with pytest.raises(error, match=text):
        ff.dropout(**given)
    assert (x == 7).all()
    assert torch.equal(torch.get_rng_state(), before)


def test_other_bad_input():
    with pytest.raises(RuntimeError, match="Feature dropout requires at least 2 dimensions in the input"):
        ff.feature_alpha_dropout(torch.ones(3), 0.5, True)
    with pytest.raises(ValueError, match="mode has to be either 'batch' or 'row', but got column"):
        ff.stochastic_depth(torch.ones(3), 0.5, "column")
    with pytest.raises(ValueError, match="drop probability has to be between 0 and 1, but got 2"):
        ff.stochastic_depth(torch.ones(3), 2.0, "row")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a prototype, it says
        nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    with pytest.raises(ValueError, match="input has to be a dense tensor, but is nested"):
        ff.dropout(nested)
    assert ff.dropout(torch.ones(3, device="meta")).device.type == "meta"


def test_threads_change_nothing():
    x = numbers((1 << 20,))
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(ff.dropout(x, 0.1, rng=1))
        assert torch.equal(*results)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64], ids=str)
def test_gaussian(dtype):
    x = torch.randn(4, 300, 5, generator=torch.Generator().manual_seed(1)).to(dtype)
    wide = x.float() if dtype is torch.bfloat16 else x
    for shared in ((), (1,), (-1, 0)):
        for ours, numpys, size in (
            (ff.gaussian_dropout, fd.gaussian_dropout, 0.3),
            (ff.gaussian_noise, fd.gaussian_noise, 1.5),
        ):
            wanted = torch.from_numpy(numpys(wide.numpy(), size, rng=7, share_axes=shared)).to(dtype)
            assert torch.equal(ours(x, size, rng=7, share_axes=shared), wanted)
    y = x.clone()
    assert ff.gaussian_dropout(y, 0.3, inplace=True, rng=7) is y
    assert torch.equal(y, ff.gaussian_dropout(x, 0.3, rng=7))
    assert ff.gaussian_noise(x, 1.0, training=False) is x
    torch.manual_seed(2)
    first = ff.gaussian_noise(x, 1.0)
    torch.manual_seed(2)
    assert torch.equal(first, ff.gaussian_noise(x, 1.0))
    call = torch.compile(lambda x: ff.gaussian_dropout(x, 0.3, rng=7), backend="aot_eager", fullgraph=True)
    assert torch.equal(call(x), ff.gaussian_dropout(x, 0.3, rng=7))
    torch._dynamo.reset()


def test_gaussian_bad_input():
    x = torch.ones(3)
    with pytest.raises(ValueError, match="p has to be below 1 for Gaussian dropout"):
        ff.gaussian_dropout(x, 1.0)
    with pytest.raises(ValueError, match="sigma"):
        ff.gaussian_noise(x, -1.0)
    with pytest.raises(TypeError, match="input has to be of dtype"):
        ff.gaussian_noise(torch.arange(3), 1.0)
