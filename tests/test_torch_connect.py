"""fastdrop.torch.DropConnectLinear against the explicit mask, and as a linear layer."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from torch import library as registry  # noqa: E402

import fastdrop as fd  # noqa: E402
import fastdrop.torch as ft  # noqa: E402
from fastdrop.torch.connect import linear  # noqa: E402


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64)


@pytest.mark.parametrize("per_sample", [True, False])
@pytest.mark.parametrize("batch", [(4,), (2, 3), ()])
def test_against_the_explicit_mask(batch, per_sample):
    x, weight, bias = (t.requires_grad_() for t in (numbers(*batch, 7), numbers(5, 7), numbers(5)))
    samples = (int(np.prod(batch)),) if per_sample else ()
    mask = torch.from_numpy(fd.Mask((*samples, 5, 7), 0.3, rng=5).to_bool()).reshape(
        (*batch, 5, 7) if per_sample else (5, 7)
    )
    wanted = ((mask * weight / 0.7) * x.unsqueeze(-2)).sum(-1) + bias
    ours = linear(x, weight, bias, 0.3, per_sample=per_sample, rng=5)
    torch.testing.assert_close(ours, wanted)
    assert np.array_equal(
        ours.detach().numpy(),
        fd.dropconnect(
            x.detach().numpy(), weight.detach().numpy(), 0.3, bias=bias.detach().numpy(), per_sample=per_sample, rng=5
        ),
    )
    for a, b in zip(*(torch.autograd.grad(y.square().sum(), (x, weight, bias)) for y in (ours, wanted)), strict=True):
        torch.testing.assert_close(a, b)


def test_gradcheck_and_operators():
    x, weight = numbers(3, 4).requires_grad_(), numbers(2, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w: linear(x, w, p=0.3, rng=1), (x, weight))
    arguments = (x.detach(), weight.detach(), None, torch.tensor(0.3, dtype=torch.float64), torch.tensor([1, 2]), True)
    registry.opcheck(torch.ops.fastdrop.dropconnect.default, arguments)


def test_layer():
    layer = ft.DropConnectLinear(6, 4, p=0.5)
    other = torch.nn.Linear(6, 4)
    layer.load_state_dict(other.state_dict())
    x = torch.randn(8, 6)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(first, layer(x))
    assert not torch.equal(first, other(x))
    torch.testing.assert_close(layer.eval()(x), other(x))
    assert repr(layer) == "DropConnectLinear(in_features=6, out_features=4, bias=True, p=0.5, per_sample=True)"
    layer.train()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.manual_seed(1)
    torch.testing.assert_close(compiled(x), first)
    torch._dynamo.reset()
    mean = torch.stack([layer(x) for _ in range(2000)]).mean(0)
    spread = ((x * x) @ (layer.weight * layer.weight).t()).sqrt() / 2000**0.5  # p/q = 1
    assert ((mean - F.linear(x, layer.weight, layer.bias)).abs() < 5 * spread).all()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {"input": torch.ones(3, 4, dtype=torch.bfloat16)},
            TypeError,
            "input and weight have to be of float32 or float64",
        ),
        (
            {"weight": torch.ones(2, 4, dtype=torch.float64)},
            TypeError,
            "input and weight have to be of float32 or float64",
        ),
        ({"weight": torch.ones(2, 5)}, ValueError, r"but are \(3, 4\) and \(2, 5\)"),
        ({"p": 1.5}, ValueError, "dropout probability has to be between 0 and 1"),
    ],
)
def test_bad_input(arguments, error, text):
    given = {"input": torch.ones(3, 4), "weight": torch.ones(2, 4), "p": 0.5} | arguments
    with pytest.raises(error, match=text):
        linear(**given)
