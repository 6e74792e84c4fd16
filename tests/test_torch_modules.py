"""fastdrop.torch's modules, replace, restore and patch: the same state, hooks and reports; attention by its formula."""

import copy
import io
import subprocess
import sys

import pytest
from helpers import clean_environment

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

import fastdrop.torch as ft  # noqa: E402

PAIRS = [
    (ft.Dropout, nn.Dropout, (4, 5)),
    (ft.Dropout1d, nn.Dropout1d, (2, 4, 5)),
    (ft.Dropout2d, nn.Dropout2d, (2, 4, 5, 6)),
    (ft.Dropout3d, nn.Dropout3d, (2, 4, 5, 6, 3)),
    (ft.AlphaDropout, nn.AlphaDropout, (4, 5)),
    (ft.FeatureAlphaDropout, nn.FeatureAlphaDropout, (2, 4, 5)),
]


@pytest.mark.parametrize(("ours", "theirs", "shape"), PAIRS, ids=[pair[1].__name__ for pair in PAIRS])
def test_stands_in_for_pytorchs(ours, theirs, shape):
    x = torch.randn(shape)
    layer, other = ours(0.3), theirs(0.3)
    assert isinstance(layer, theirs)
    assert repr(layer) == repr(other)
    layer.load_state_dict(other.state_dict())
    other.load_state_dict(layer.state_dict())
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(first, layer(x))
    assert not torch.equal(first, x)
    assert layer.eval()(x) is x
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 2"):
        ours(2)
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=False)
    assert type(loaded) is ours
    assert loaded.p == 0.3


def test_in_place_module():
    x = torch.ones(50)
    assert ft.Dropout(0.5, inplace=True)(x) is x
    assert set(x.tolist()) == {0.0, 2.0}


def test_paths():
    x = torch.ones(64, 3)
    assert {*ft.DropPath(0.5)(x).flatten().tolist()} == {0.0, 2.0}
    assert {*ft.DropPath(0.5, scale_by_keep=False)(x).flatten().tolist()} == {0.0, 1.0}
    assert ft.DropPath(0.5).eval()(x) is x
    assert {*ft.StochasticDepth(0.5, "row")(x).flatten().tolist()} == {0.0, 2.0}
    assert len(ft.StochasticDepth(0.5, "batch")(x).unique()) == 1


class Strange(nn.Dropout):
    """Somebody's own."""


def test_blocks():
    x = torch.ones(4, 3, 8, 8)
    layer = ft.DropBlock2d(0.3, 3)
    assert repr(layer) == "DropBlock2d(p=0.3, block_size=3, inplace=False)"
    assert (layer(x) == 0).any()
    assert layer.eval()(x) is x
    assert (ft.DropBlock3d(0.3, 3)(x[None].movedim(1, 2)) == 0).any()
    compiled = torch.compile(ft.DropBlock2d(0.3, 3), backend="aot_eager", fullgraph=True)
    torch.manual_seed(2)
    first = compiled(x)
    torch.manual_seed(2)
    assert torch.equal(first, ft.DropBlock2d(0.3, 3)(x))
    torch._dynamo.reset()


def test_replace_and_restore():
    model = nn.Sequential(
        nn.Linear(4, 8),
        nn.Dropout(0.25, inplace=True),
        nn.ModuleDict({"a": nn.Dropout2d(0.1), "b": nn.AlphaDropout(0.3)}),
        nn.LSTM(8, 8, 2, dropout=0.2),
        Strange(0.5),
        nn.GRU(8, 8, 1),
    )
    drop, calls = model[1], []
    drop.register_forward_hook(lambda *_: calls.append(1))
    drop.eval()
    state = copy.deepcopy(model.state_dict())
    report = ft.replace(model)
    assert [name for name, _ in report.replaced] == ["1", "2.a", "2.b"]
    assert [name for name, _ in report.unreached] == ["3", "4"]
    assert "LSTM drops between its layers" in str(report)
    assert "Strange is a class that fastdrop has nothing for" in str(report)
    assert model[1] is drop
    assert type(drop) is ft.Dropout
    assert (drop.p, drop.inplace, drop.training) == (0.25, True, False)
    drop(torch.ones(2))
    assert calls == [1]
    assert state.keys() == model.state_dict().keys()
    model.load_state_dict(state)
    assert ft.replace(model).replaced == []
    twin = copy.deepcopy(model)
    assert ft.restore(model) == ["1", "2.a", "2.b"]
    assert type(drop) is nn.Dropout
    assert ft.restore(model) == []
    assert ft.restore(twin) == ["1", "2.a", "2.b"]
    for function in (ft.replace, ft.restore):
        with pytest.raises(TypeError, match=r"model has to be a torch.nn.Module, but got int"):
            function(3)


def other_peoples_class(module, name, **attributes):
    """A class as another package has it: known by its module, its name and what its objects hold."""
    made = type(name, (nn.Module,), {"__module__": module, "forward": lambda self, x: x})()
    for key, value in attributes.items():
        setattr(made, key, value)
    return made


def test_classes_of_other_packages():
    model = nn.Sequential(
        other_peoples_class("timm.layers.drop", "DropPath", drop_prob=0.5, scale_by_keep=False),
        other_peoples_class("torchvision.ops.stochastic_depth", "StochasticDepth", p=0.5, mode="row"),
        other_peoples_class("timm.layers.drop", "DropBlock3d", drop_prob=0.1),
    )
    kinds = [type(module) for module in model]
    report = ft.replace(model)
    assert [name for name, _ in report.replaced] == ["0", "1"]
    assert [name for name, _ in report.unreached] == ["2"]
    x = torch.ones(64, 3)
    assert set(model[0](x).flatten().tolist()) == {0.0, 1.0}
    assert set(model[1](x).flatten().tolist()) == {0.0, 2.0}
    ft.restore(model)
    assert [type(module) for module in model] == kinds


def test_transformer_trains_on():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True), 2)
    x = torch.randn(3, 7, 16)
    before = encoder.eval()(x)
    assert len(ft.replace(encoder).replaced) == 8
    torch.testing.assert_close(encoder(x), before)
    encoder.train()
    torch.manual_seed(1)
    y = encoder(x, mask=nn.Transformer.generate_square_subsequent_mask(7), is_causal=True)
    y.square().mean().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())
    encoder.double()
    x = x.double().requires_grad_()

    def call(x):
        torch.manual_seed(2)
        return encoder(x)[:, :2, :3]

    assert torch.autograd.gradcheck(call, x)


def test_patch():
    functions = {name: getattr(F, name) for name in ("dropout", "dropout2d", "scaled_dot_product_attention")}
    x = torch.ones(40)
    wanted = ft.functional.dropout(x, 0.5, rng=_next_key(6))
    torch.manual_seed(6)
    theirs = F.dropout(x, 0.5)
    with ft.patch():
        torch.manual_seed(6)
        assert torch.equal(F.dropout(x, 0.5), wanted)
        with ft.patch():
            torch.manual_seed(6)
            assert torch.equal(nn.Dropout(0.5)(x), wanted)
        torch.manual_seed(6)
        assert torch.equal(F.dropout(x, 0.5), wanted)
        torch.manual_seed(6)
        assert torch.equal(F.dropout(p=0.5, input=x), wanted)
        q = torch.ones(2, 4, 8)
        assert F.scaled_dot_product_attention(query=q, key=q, value=q, dropout_p=0.5).shape == q.shape
        for other in (torch.ones(3, dtype=torch.int64), torch.eye(3).to_sparse(), torch.ones(3, device="meta")):
            assert F.dropout(other, 0.5, training=False).layout is other.layout  # goes where it went
    assert {name: getattr(F, name) for name in functions} == functions
    torch.manual_seed(6)
    assert torch.equal(F.dropout(x, 0.5), theirs)
    with pytest.raises(ValueError, match="between 0 and 1"), ft.patch():
        F.dropout(x, 2.0)
    assert F.dropout is functions["dropout"]


def _next_key(seed):
    torch.manual_seed(seed)
    return torch.empty(2, dtype=torch.int64).random_(-(2**63), None)


def test_workers_of_a_data_loader():
    """Each worker has PyTorch's seed for it: masks differ between workers, and are the same again."""
    code = """
import torch, fastdrop.torch as ft
class Data(torch.utils.data.Dataset):
    def __len__(self): return 6
    def __getitem__(self, i): return ft.functional.dropout(torch.ones(32), 0.5)
ft.functional.dropout(torch.ones(1 << 18), 0.5)
def run():
    torch.manual_seed(3)
    return torch.stack(list(torch.utils.data.DataLoader(Data(), batch_size=None, num_workers=2)))
a, b = run(), run()
assert torch.equal(a, b)
assert len({tuple(row.tolist()) for row in a}) == 6
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=clean_environment(), capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "done\n", done.stderr


def test_workers_of_a_data_loader_and_their_parent():
    """Under a key of their own, items are the same whoever makes them; large enough for more threads than one."""
    code = """
import torch, fastdrop as fd, fastdrop.torch as ft
class Data(torch.utils.data.Dataset):
    def __len__(self): return 6
    def __getitem__(self, i): return ft.functional.dropout(torch.ones(1 << 19), 0.5, rng=fd.Key(7).fold_in(i))
data = Data()
parent = [data[i] for i in range(6)]
made = list(torch.utils.data.DataLoader(data, batch_size=None, num_workers=2))
assert all(torch.equal(a, b) for a, b in zip(parent, made, strict=True))
assert not torch.equal(parent[0], parent[1])
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=clean_environment(), capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "done\n", done.stderr


def test_a_missing_or_old_pytorch_is_named(monkeypatch):
    from fastdrop.torch import extra

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"needs PyTorch 2.5 or later: install it with pip install '.\[torch\]'"):
        extra.require_torch()
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    sys.modules["torch"].__version__ = "2.4.1+cpu"
    with pytest.raises(ImportError, match=r"needs PyTorch 2\.5 or later, but got 2\.4\.1"):
        extra.require_torch()
