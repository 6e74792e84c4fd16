"""fastdrop.torch under torch.compile, functorch, autocast and checkpoints; its operators by PyTorch's own checks."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import library as registry  # noqa: E402
from torch._dynamo.testing import CompileCounterWithBackend  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

import fastdrop.torch as ft  # noqa: E402
from fastdrop.torch import functional as ff  # noqa: E402

operators = torch.ops.fastdrop
KEY = torch.tensor([5, -6])
P = torch.tensor(0.3, dtype=torch.float64)


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_operators_pass_pytorchs_checks(dtype):
    x = torch.randn(3, 4, 5, dtype=dtype, requires_grad=True)
    registry.opcheck(operators.draw_key.default, (x.detach(), None), test_utils=["test_schema", "test_faketensor"])
    for arguments in ((x, P, KEY, [], "dropout"), (x, P, KEY, [1, 2], "unscaled"), (x.detach(), P, KEY, [], "alpha")):
        registry.opcheck(operators.scaled.default, arguments)
    registry.opcheck(operators.alpha.default, (x, P, KEY, [2]))
    registry.opcheck(operators.noise.default, (x.detach(), 0.5, KEY, [1], 0))
    registry.opcheck(operators.drop_block.default, (torch.randn(2, 3, 6, 5, dtype=dtype), P, KEY, 3))
    scores = torch.randn(2, 3, 4, dtype=dtype)
    registry.opcheck(operators.softmax_dropout.default, (scores, P, 0.5, None, True, KEY))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_compiled_equals_eager_and_is_compiled_once(backend):
    counter = CompileCounterWithBackend(backend)
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), ft.Dropout(0.3), ft.AlphaDropout(0.2))
    compiled = torch.compile(model, backend=counter, fullgraph=True)
    for step in range(5):
        x = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
        results = []
        for call in (compiled, model):
            torch.manual_seed(step)
            y = call(x)
            results.append((y, *torch.autograd.grad(y.square().sum(), list(model.parameters()))))
        for ours, wanted in zip(*results, strict=True):
            torch.testing.assert_close(ours, wanted)
    assert counter.frame_count == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_p_and_keys_do_not_compile_anew(backend):
    counter = CompileCounterWithBackend(backend)

    @torch.compile(backend=counter, fullgraph=True)
    def call(x, p, key):
        return ff.dropout(x * 2, p, rng=key)

    x = torch.randn(40)
    for step in range(8):
        p, key = 0.1 + 0.07 * step, torch.tensor([step, 3])
        assert torch.equal(call(x, p, key), ff.dropout(x * 2, p, rng=key))
    assert counter.frame_count <= 2  # a number is taken for a constant until it changes
    counter.clear()

    @torch.compile(backend=counter, fullgraph=True)
    def seeded(x, seed):
        return ff.dropout(x, 0.5, rng=seed)

    for seed in range(8):
        assert torch.equal(seeded(x, seed), ff.dropout(x, 0.5, rng=seed))
    assert counter.frame_count <= 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_compiled_in_place_and_transformer():
    @torch.compile(backend="aot_eager", fullgraph=True)
    def call(x):
        h = x + 1
        ff.dropout(h, 0.5, inplace=True, rng=3)
        return h

    x = torch.randn(30)
    assert torch.equal(call(x), ff.dropout(x + 1, 0.5, rng=3))
    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.2, batch_first=True)
    ft.replace(layer)
    compiled, x = torch.compile(layer, backend="aot_eager", fullgraph=True), torch.randn(3, 5, 16)
    results = []
    for run in (compiled, layer):
        torch.manual_seed(5)
        results.append(run(x))
    torch.testing.assert_close(*results)


def test_vmap():
    x = torch.ones(4, 64)
    with pytest.raises(RuntimeError, match="called random operation while in randomness error mode"):
        torch.vmap(ff.dropout)(x)
    torch.manual_seed(1)
    same = torch.vmap(ff.dropout, randomness="same")(x)
    torch.manual_seed(1)
    assert torch.equal(same, ff.dropout(x[0]).expand(4, 64))
    torch.manual_seed(1)
    different = torch.vmap(ff.dropout, randomness="different")(x)
    torch.manual_seed(1)
    assert torch.equal(different, torch.stack([ff.dropout(row) for row in x]))
    given = torch.vmap(lambda row: ff.dropout1d(row, rng=2))(torch.ones(3, 2, 4, 5))
    assert torch.equal(given, ff.dropout1d(torch.ones(2, 4, 5), rng=2).expand(3, 2, 4, 5))
    keys = torch.tensor([[1, 0], [2, 0]])
    each = torch.vmap(lambda row, key: ff.alpha_dropout(row, 0.3, True, rng=key), in_dims=(1, 0))(
        torch.ones(9, 2), keys
    )
    assert torch.equal(each, torch.stack([ff.alpha_dropout(torch.ones(9), 0.3, True, rng=k) for k in (1, 2)]))


def test_functorch_gradients():
    def loss(x):
        return (ff.dropout(x, 0.5, rng=3) ** 2).sum() + ff.alpha_dropout(x, 0.5, True, rng=4).sum()

    x = torch.randn(2, 6, dtype=torch.float64)
    by_autograd = []
    for row in x:
        leaf = row.clone().requires_grad_()
        by_autograd += torch.autograd.grad(loss(leaf), leaf)
    assert torch.equal(torch.func.grad(loss)(x[0]), by_autograd[0])
    assert torch.equal(torch.vmap(torch.func.grad(loss))(x), torch.stack(by_autograd))
    keep = ff.dropout(torch.ones(6, dtype=torch.float64), 0.5, rng=3)
    torch.testing.assert_close(torch.func.jacrev(torch.func.jacrev(loss))(x[0]), torch.diag(2 * keep * keep))


CALLS = {
    "dropout": lambda x: ff.dropout(x, 0.5, rng=1),
    "in place": lambda x: ff.dropout(x.clone(), 0.5, inplace=True, rng=1),
    "channels": lambda x: ff.dropout2d(x, 0.5, rng=1),
    "alpha": lambda x: ff.alpha_dropout(x, 0.5, True, rng=1),
    "gaussian": lambda x: ff.gaussian_dropout(x, 0.5, rng=1, share_axes=(2,)),
    "noise": lambda x: ff.gaussian_noise(x, 0.5, rng=1),
    "blocks": lambda x: ff.drop_block2d(x, 0.3, 2, rng=1),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own forward mode
@pytest.mark.parametrize("name", CALLS)
def test_derivatives_of_either_mode(name):
    """Reverse, forward, by the batch, and one over the other; a tangent is not lost in silence."""
    call = CALLS[name]
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    tangent = torch.randn_like(x)
    factor = call(tangent) - call(torch.zeros_like(x))
    with torch.autograd.forward_ad.dual_level():
        y = call(torch.autograd.forward_ad.make_dual(x, tangent))
        torch.testing.assert_close(torch.autograd.forward_ad.unpack_dual(y).tangent, factor)
    torch.testing.assert_close(torch.func.jvp(call, (x,), (tangent,))[1], factor)
    small = x[:1, :2].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        call, small, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True
    )
    assert torch.autograd.gradgradcheck(call, small, check_fwd_over_rev=True)
    hessian = torch.func.hessian(lambda z: call(z).square().sum())(small.detach())
    slope = torch.func.jacrev(call)(small.detach()).reshape(small.numel(), small.numel())
    torch.testing.assert_close(hessian.reshape(slope.shape), 2 * slope.T @ slope)


def test_checkpoints():
    layer = torch.nn.Linear(6, 6)
    x = torch.randn(5, 6, requires_grad=True)

    def gradient(call):
        torch.manual_seed(4)
        return torch.autograd.grad(call().square().sum(), x)[0]

    def drawn(x):
        return ff.dropout(layer(x), 0.5)

    def keyed(x):
        return ff.dropout(layer(x), 0.5, rng=3)

    def by_backward(call):
        torch.manual_seed(4)
        x.grad = None
        call().square().sum().backward()
        return x.grad

    wanted = gradient(lambda: drawn(x))
    assert torch.equal(gradient(lambda: checkpoint(drawn, x, use_reentrant=False)), wanted)
    assert torch.equal(by_backward(lambda: checkpoint(drawn, x, use_reentrant=True)), wanted)
    stateless = gradient(lambda: checkpoint(keyed, x, use_reentrant=False, preserve_rng_state=False))
    assert torch.equal(stateless, gradient(lambda: keyed(x)))


def test_autocast_keeps_the_type():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ff.dropout(torch.ones(3), 0.5).dtype is torch.float32
        assert ff.dropout(torch.ones(3, dtype=torch.bfloat16), 0.5).dtype is torch.bfloat16
        assert ft.Dropout(0.5)(torch.nn.Linear(3, 3)(torch.ones(2, 3))).dtype is torch.bfloat16
