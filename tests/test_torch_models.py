"""Models of other packages after `replace`: torchvision's, timm's, Hugging Face's, and a loop of Lightning's."""

import copy
import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import library as registry  # noqa: E402
from torch import nn  # noqa: E402

import fastdrop.torch as ft  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module", autouse=True)
def _torchvision():
    """torchvision's Python, also beside a PyTorch that its compiled operators, unused here, were not built for."""
    try:
        import torchvision
    except ImportError:
        return None
    except RuntimeError:  # operator torchvision::nms does not exist
        library = registry.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision

        torchvision._operators_defined_by_a_test = library
    return torchvision


@pytest.fixture
def torchvision(_torchvision):
    if _torchvision is None:
        pytest.skip("torchvision is not installed")
    return _torchvision


def trains_on(model, *inputs, output=lambda y: y, kinds):
    """Check a model whose modules are swapped: as before in eval, steps that repeat, finite gradients, and back."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() > 1 and not parameter.any():  # heads that begin as zeros would hide everything
            nn.init.normal_(parameter)
    before = {name: type(module) for name, module in model.named_modules()}
    model.eval()
    with torch.no_grad():
        wanted = output(model(*inputs))
    state = copy.deepcopy(model.state_dict())
    report = ft.replace(model)
    assert report.unreached == []
    assert {kind.rsplit(".", 1)[1] for _, kind in report.replaced} == kinds
    with torch.no_grad():
        torch.testing.assert_close(output(model(*inputs)), wanted)
    assert model.state_dict().keys() == state.keys()
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        model.zero_grad()
        y = output(model(*inputs))
        y.square().mean().backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
        results.append(y.detach())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    ft.restore(model)
    assert {name: type(module) for name, module in model.named_modules()} == before


def test_torchvision_efficientnet(torchvision):
    model = torchvision.models.efficientnet_b0(weights=None, num_classes=10)
    trains_on(model, torch.randn(2, 3, 32, 32), kinds={"Dropout", "StochasticDepth"})


def test_torchvision_vision_transformer(torchvision):
    model = torchvision.models.VisionTransformer(
        32, 8, 2, 2, 32, 64, dropout=0.1, attention_dropout=0.1, num_classes=10
    )
    trains_on(model, torch.randn(2, 3, 32, 32), kinds={"Dropout", "MultiheadAttention"})


def test_torchvision_swin(torchvision):
    from torchvision.models.swin_transformer import SwinTransformer

    model = SwinTransformer([2, 2], 24, [1, 1], [2, 2], [4, 4], dropout=0.1, stochastic_depth_prob=0.3, num_classes=10)
    trains_on(model, torch.randn(2, 3, 32, 32), kinds={"Dropout", "StochasticDepth"})


def test_torchvisions_own_expectations(torchvision):
    """What torchvision's tests ask of its modules: rates, rows and batches, p = 0, texts of errors."""
    ops = torchvision.ops
    for mode in ("row", "batch"):
        theirs, ours = ops.StochasticDepth(0.25, mode), ft.StochasticDepth(0.25, mode)
        assert repr(ours) == repr(theirs)
        x = torch.ones(40, 3, 4)
        n = 40 if mode == "row" else 1
        dropped = torch.stack([(ours(x).flatten(1) == 0).all(1).float().sum() / (40 / n) for _ in range(200)]).sum()
        assert abs(dropped - 50 * n) < 5 * math.sqrt(200 * n * 0.25 * 0.75)
    for function in (ops.stochastic_depth, ft.functional.stochastic_depth):
        with pytest.raises(ValueError, match=r"drop probability has to be between 0 and 1, but got -1\.0"):
            function(torch.ones(2), -1.0, "batch")
        with pytest.raises(ValueError, match="mode has to be either 'batch' or 'row', but got layer"):
            function(torch.ones(2), 0.5, "layer")
    for dim, name in ((4, "drop_block2d"), (5, "drop_block3d")):
        for function in (getattr(ops, name), getattr(ft.functional, name)):
            with pytest.raises(ValueError, match="drop probability has to be between 0 and 1, but got 2"):
                function(torch.ones(dim * [4]), 2, 3)
            with pytest.raises(ValueError, match=f"input should be {dim} dimensional. Got {dim - 1} dimensions"):
                function(torch.ones((dim - 1) * [4]), 0.5, 3)
            x = torch.randn(dim * [8])
            assert torch.equal(function(x, 0.0, 3), x)
            assert torch.equal(function(x, 0.5, 3, training=False), x)
    # the rate of both is the same function of p and the block, whatever that is of an element: compared, not derived
    x = torch.ones(64, 16, 12, 12)
    rates = [
        torch.stack([(f(x, 0.2, 3) == 0).float().mean((1, 2, 3)) for _ in range(4)]).flatten()
        for f in (ops.drop_block2d, ft.functional.drop_block2d)
    ]
    spread = math.sqrt(sum(float(r.var()) / r.numel() for r in rates))
    assert abs(float(rates[0].mean() - rates[1].mean())) < 5 * spread


def test_timm_models():
    timm = pytest.importorskip("timm", reason="timm is not installed")
    model = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, depth=2, num_classes=10,
        drop_rate=0.1, proj_drop_rate=0.1, attn_drop_rate=0.1, drop_path_rate=0.2,
    )  # fmt: skip
    trains_on(model, torch.randn(2, 3, 32, 32), kinds={"Dropout", "DropPath"})
    model = timm.create_model("resnet18", num_classes=10, zero_init_last=False, drop_block_rate=0.2, drop_path_rate=0.2)
    trains_on(model, torch.randn(2, 3, 64, 64), kinds={"DropPath", "DropBlock2d"})


def test_timms_blocks():
    drop = pytest.importorskip("timm.layers.drop", reason="timm is not installed")
    x = torch.ones(32, 3, 12, 12)
    for options in ({}, {"couple_channels": False}, {"scale_by_keep": False}, {"inplace": True}):
        module = drop.DropBlock2d(0.2, 3, **options)
        model = nn.Sequential(module)
        assert len(ft.replace(model).replaced) == 1
        y = model(x.clone())
        zeros = y == 0
        assert 0.05 < zeros.float().mean() < 0.3
        coupled = options.get("couple_channels", True)
        assert bool((zeros == zeros[:, :1]).all()) is coupled
        assert bool((y[~zeros] == 1).all()) is not options.get("scale_by_keep", True)
        torch.testing.assert_close(y.mean(), torch.tensor(1.0)) if options.get("scale_by_keep", True) else None
        assert model.eval()(x) is x
    noisy = nn.Sequential(drop.DropBlock2d(0.2, 3, with_noise=True))
    report = ft.replace(noisy)
    assert report.replaced == []
    assert "with_noise" in report.unreached[0][1]
    assert type(noisy[0]) is drop.DropBlock2d
    theirs, ours = drop.DropPath(0.5, False), nn.Sequential(drop.DropPath(0.5, False))
    ft.replace(ours)
    assert repr(ours[0]) == repr(theirs)
    assert set(ours(torch.ones(64, 3)).flatten().tolist()) == {0.0, 1.0}


@pytest.fixture
def transformers():
    return pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_hugging_face_encoder(transformers, attention):
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=100,
        attention_probs_dropout_prob=0.2, attn_implementation=attention,
    )  # fmt: skip
    model = transformers.BertModel(config, add_pooling_layer=False)
    ids = torch.randint(100, (3, 9), generator=torch.Generator().manual_seed(1))
    trains_on(model, ids, output=lambda y: y.last_hidden_state, kinds={"Dropout"})
    # attention's dropout is a call inside a function: patch reaches that, and its step is fastdrop's alone
    ft.replace(model)
    model.train()
    with ft.patch(), torch.profiler.profile() as profile:
        model(ids).last_hidden_state.square().mean().backward()
    calls = {event.key for event in profile.key_averages()}
    assert not calls & {"aten::bernoulli_", "aten::native_dropout", "aten::dropout"}


def test_hugging_face_paths(transformers):
    config = transformers.SwinConfig(
        image_size=32, patch_size=4, embed_dim=12, depths=[2, 2], num_heads=[1, 2], window_size=4, drop_path_rate=0.5,
        hidden_dropout_prob=0.1,
    )  # fmt: skip
    model = transformers.SwinModel(config, add_pooling_layer=False)
    kinds = {type(module).__name__ for module in model.modules() if "DropPath" in type(module).__name__}
    assert len(kinds) == 1
    trains_on(model, torch.randn(2, 3, 32, 32), output=lambda y: y.last_hidden_state, kinds={"Dropout", *kinds})


def test_a_loop_of_lightnings(tmp_path):
    lightning = pytest.importorskip("lightning", reason="lightning is not installed")

    class Task(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
            ft.replace(self.net)

        def training_step(self, batch, _):
            return (self.net(batch[0]) - batch[1]).square().mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.01)

    def run():
        lightning.seed_everything(3, verbose=False)
        data = torch.utils.data.TensorDataset(torch.randn(64, 8), torch.randn(64, 1))
        trainer = lightning.Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, default_root_dir=tmp_path,
        )  # fmt: skip
        task = Task()
        trainer.fit(task, torch.utils.data.DataLoader(data, batch_size=16))
        return list(task.parameters())

    for a, b in zip(run(), run(), strict=True):
        assert torch.equal(a, b)
