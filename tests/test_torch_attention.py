"""fastdrop.torch's attention by its formula, its derivatives of either mode, and where it is calls of their own."""

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

import fastdrop as fd  # noqa: E402
import fastdrop.torch as ft  # noqa: E402


def test_attention_module_with_weights():
    ours = ft.MultiheadAttention(8, 2, dropout=0.4, batch_first=True)
    x = torch.randn(3, 5, 8)
    torch.manual_seed(3)
    _, weights = ours(x, x, x, average_attn_weights=False)
    assert abs((weights == 0).float().mean() - 0.4) < 5 * math.sqrt(0.24 / weights.numel())
    assert "dropout" not in nn.MultiheadAttention.forward.__globals__  # nobody else's function was changed
    assert F.multi_head_attention_forward.__globals__["dropout"] is F.dropout


def explicit(q, k, v, keep, p, mask, causal, scale):
    scores = q @ k.transpose(-2, -1) * scale
    if causal:
        scores = scores.masked_fill(~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(), -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype is torch.bool else scores + mask
    return (torch.softmax(scores, -1) * keep / (1 - p)) @ v


MASKS = {
    "none": (None, False),
    "causal": (None, True),
    "added": (torch.randn(5, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64), False),
    "bool": (torch.rand(2, 1, 5, 7, generator=torch.Generator().manual_seed(2)) > 0.3, False),
}


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("scale", [None, 0.3])
def test_attention_is_its_formula(kind, scale):
    mask, causal = MASKS[kind]
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(2, 3, n, 8, generator=generator, dtype=torch.float64, requires_grad=True) for n in (5, 7, 7))
    keep = torch.from_numpy(fd.Mask((2, 3, 5, 7), 0.3, rng=5).to_bool())
    ours = ft.scaled_dot_product_attention(q, k, v, mask, 0.3, causal, scale, rng=5)
    wanted = explicit(q, k, v, keep, 0.3, mask, causal, scale or 1 / math.sqrt(8))
    torch.testing.assert_close(ours, wanted)
    for a, b in zip(*(torch.autograd.grad(y.square().sum(), (q, k, v)) for y in (ours, wanted)), strict=True):
        torch.testing.assert_close(a, b)
    without = ft.scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale)
    torch.testing.assert_close(without, F.scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale=scale))


def test_attention_where_the_fused_pass_is_not_used():
    q, k, v = (torch.randn(2, n, 8, dtype=torch.float64, requires_grad=True) for n in (5, 7, 7))
    bias = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    keep = torch.from_numpy(fd.Mask((2, 5, 7), 0.3, rng=5).to_bool())
    ours = ft.scaled_dot_product_attention(q, k, v, bias, 0.3, rng=5)
    wanted = explicit(q, k, v, keep, 0.3, bias, False, 1 / math.sqrt(8))
    for a, b in zip(*(torch.autograd.grad(y.square().sum(), (q, bias)) for y in (ours, wanted)), strict=True):
        torch.testing.assert_close(a, b)
    groups = ft.scaled_dot_product_attention(
        torch.ones(1, 4, 5, 8), *torch.ones(2, 1, 2, 7, 8), None, 0.5, enable_gqa=True
    )
    assert groups.shape == (1, 4, 5, 8)
    with pytest.raises(RuntimeError, match="Explicit attn_mask should not be set when is_causal=True"):
        ft.scaled_dot_product_attention(q, k, v, bias, 0.3, True)
    with pytest.raises(ValueError, match=r"between 0 and 1, but got 1\.5"):
        ft.scaled_dot_product_attention(q, k, v, None, 1.5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own forward mode
@pytest.mark.parametrize("kind", [*MASKS, "a blind row"])
def test_derivatives_of_attention(kind):
    blind = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=torch.bool), False
    mask, causal = blind if kind == "a blind row" else MASKS[kind]
    mask = mask[..., :3, :4] if mask is not None else None
    generator = torch.Generator().manual_seed(4)
    q, k, v = (torch.randn(2, 1, n, 3, generator=generator, dtype=torch.float64).requires_grad_() for n in (3, 4, 4))

    def call(q, k, v):
        return ft.scaled_dot_product_attention(q, k, v, mask, 0.3, causal, rng=5)

    assert torch.autograd.gradcheck(
        call, (q, k, v), check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True
    )
    assert torch.autograd.gradgradcheck(call, (q, k, v), check_fwd_over_rev=True)

    def loss(q):
        return call(q, k.detach(), v.detach()).square().sum()

    wanted = torch.autograd.functional.hessian(loss, q.detach())
    torch.testing.assert_close(torch.func.hessian(loss)(q.detach()), wanted)
