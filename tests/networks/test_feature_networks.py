"""Every feature network: features of single images, of one size, independent of their batch when frozen."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.networks.features.base import FeatureNetwork
from allmodes.networks.features.classifier import Classifier
from allmodes.networks.features.efficientnet_lite0 import (
    WEIGHTS,
    EfficientNetLite0,
    SameConvolution,
    load_efficientnet_lite0,
)
from allmodes.networks.features.embedding import Embedding
from allmodes.networks.features.inception import Inception, load_inception

NETWORKS = entries("allmodes.networks.features", FeatureNetwork)


def make(name: str, shape: tuple[int, ...]) -> FeatureNetwork:
    torch.manual_seed(0)
    return Classifier(shape, 10) if name == "classifier" else NETWORKS[name](shape)


def images(n: int, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("name", NETWORKS)
class TestEveryFeatureNetwork:
    @pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
    def test_gives_features_of_every_image_with_a_gradient_to_it(self, name, shape):
        network, x = make(name, shape).eval(), images(5, shape).requires_grad_()
        features = network.features(x)
        assert features.ndim == 2
        assert features.shape[0] == 5
        assert network.shape == shape
        features.mul(torch.linspace(-1, 1, features.shape[1])).sum().backward()
        assert all(float(row.abs().max()) > 0 for row in x.grad)

    def test_once_frozen_features_do_not_depend_on_the_batch(self, name):
        network, x = make(name, (1, 28, 28)).eval(), images(6, (1, 28, 28))
        one_by_one = torch.cat([network.features(x[i : i + 1]) for i in range(6)])
        torch.testing.assert_close(network.features(x), one_by_one, atol=1e-6, rtol=1e-5)

    def test_is_cheap_enough_to_embed_every_candidate(self, name):
        """About a million multiplications for a digit: embedding a pool must not cost more than making it."""
        network = make(name, (1, 28, 28)).eval()
        assert multiplications(network, images(1, (1, 28, 28))) < 2_000_000


def multiplications(network: FeatureNetwork, x: torch.Tensor) -> int:
    """Of all convolutions and linear layers, for one image."""
    total = 0

    def count(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal total
        weight = layer.weight
        total += weight.numel() * out.numel() // (len(out) * weight.shape[0])

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    network.features(x)
    for hook in hooks:
        hook.remove()
    return total


def test_the_classifiers_features_are_what_its_head_reads():
    network, x = make("classifier", (1, 28, 28)).eval(), images(4, (1, 28, 28))
    assert isinstance(network, Classifier)
    logits = network(x)
    assert logits.shape == (4, 10)
    assert torch.equal(logits, network.head(network.features(x)))


def test_embeddings_lie_on_the_unit_sphere():
    features = Embedding((1, 8, 8), dim=12).features(images(7, (1, 8, 8)))
    assert features.shape == (7, 12)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(7))


def test_efficientnet_with_its_norms_folded_is_what_its_weights_say():
    stored = WEIGHTS.read(None)
    as_stored = EfficientNetLite0().eval()
    as_stored.load_state_dict(dict(zip(as_stored.state_dict(), stored.values(), strict=True)))
    folded, colours = load_efficientnet_lite0(), images(4, (3, 64, 64))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    with torch.no_grad():
        torch.testing.assert_close(folded(colours), as_stored(colours), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 1), (3, 2), (5, 2), (1, 1)])
@pytest.mark.parametrize("size", [(8, 8), (7, 8), (9, 5), (2, 1)])
@pytest.mark.parametrize("groups", [1, 2])
def test_what_efficientnet_pads_unevenly_is_left_over_at_the_bottom_and_the_right(groups, size, kernel, stride):
    """TensorFlow's rule: ceil(size / stride) places, the smaller half of the missing pixels first."""
    torch.manual_seed(0)
    layer, x = SameConvolution(2, 4, kernel, stride=stride, groups=groups).double(), torch.randn(3, 2, *size).double()
    missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in size]
    framed = torch.zeros(3, 2, size[0] + missing[0], size[1] + missing[1]).double()
    top, left = missing[0] // 2, missing[1] // 2
    framed[:, :, top : top + size[0], left : left + size[1]] = x
    torch.testing.assert_close(layer(x), nn.functional.conv2d(framed, layer.weight, layer.bias, stride, groups=groups))


def test_efficientnets_maps_are_the_same_without_a_gradient():
    """Where none is wanted its activations overwrite what they are given: no map, and not the images."""
    network, colours = load_efficientnet_lite0(), images(2, (3, 64, 64))
    kept = colours.clone().requires_grad_()
    for found, expected in zip(list(network.maps(colours, range(6))), network.maps(kept, range(6)), strict=True):
        assert torch.equal(found, expected)
    assert torch.equal(colours, kept)


def test_inception_is_that_of_the_standard_fid():
    """The figures are those of torch-fidelity 0.3.0 with the same weights, drawn at random, and the same image."""
    network, state = Inception(), {}
    for number, (name, value) in enumerate(network.state_dict().items()):
        drawn = torch.randn(value.shape, generator=torch.Generator().manual_seed(number))
        if "var" in name:
            drawn = 1 + 0.5 * drawn.tanh()
        elif value.ndim == 4:
            drawn = drawn * (2 / value[0].numel()) ** 0.5
        elif name.endswith("bn.weight"):
            drawn = 1 + 0.2 * drawn
        else:
            drawn = value if value.ndim == 0 else 0.1 * drawn
        state[name] = drawn
    network.load_state_dict(state)
    y, x = torch.meshgrid(torch.arange(64), torch.arange(48), indexing="ij")
    image = torch.stack([3 * y + x, x * y, 5 * x])[None].remainder(256)
    with torch.no_grad():
        found = network.eval().features(image / 127.5 - 1)[0]
    expected = torch.tensor([8.73623, 4.6808, 0.0, 0.00383, 6.01166])
    torch.testing.assert_close(found[[0, 500, 1000, 1500, 2047]], expected, rtol=1e-3, atol=1e-4)


def test_inception_takes_no_other_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: (_ for _ in ()).throw(OSError("no route")))
    with pytest.raises(UserError, match=r"cannot be downloaded \(no route\): copy pt_inception"):
        load_inception()
    (tmp_path / "other.pth").write_bytes(b"something else")
    with pytest.raises(UserError, match="is not the file"):
        load_inception(tmp_path / "other.pth")
