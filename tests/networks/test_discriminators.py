"""Every discriminator: one score per example, features that the last linear layer sees, a gradient everywhere."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.networks.base import Discriminator
from allmodes.networks.discriminators.auto_encoder import AutoEncoder, DenseAutoEncoder
from allmodes.networks.discriminators.convolutional import Convolutional
from allmodes.networks.discriminators.fastgan import FastGAN
from allmodes.networks.discriminators.mlp import MLP, MLP4
from allmodes.networks.discriminators.patch import Patch
from allmodes.networks.discriminators.projected import Projected
from allmodes.networks.discriminators.stylegan2 import StyleGan2
from allmodes.networks.discriminators.toy_mlp import ToyMLP
from allmodes.networks.discriminators.unrolled import Unrolled
from allmodes.networks.drawing import Reconstructing

DISCRIMINATORS = entries("allmodes.networks.discriminators", Discriminator)
CONVOLUTIONAL = {
    name: cls
    for name, cls in DISCRIMINATORS.items()
    if cls in (AutoEncoder, Convolutional, Unrolled, FastGAN, Patch, Projected, StyleGan2)
}
SHAPES = [(channels, side, side) for side in (8, 28, 32, 64) for channels in (1, 3)]


def small(name: str, shape: tuple[int, ...]) -> Discriminator:
    """In evaluation mode, in which spectral normalisation does not move."""
    torch.manual_seed(0)
    widths = {"widths": (4, 4)} if name in {"mlp", "dense-auto-encoder"} else {"width": 4}
    return DISCRIMINATORS[name](shape, **widths).eval()


def examples(n: int, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def cases() -> list[object]:
    planar = [pytest.param(name, (2,), id=f"{name}-2") for name in DISCRIMINATORS if name not in CONVOLUTIONAL]
    images = [
        pytest.param(name, shape, id=f"{name}-{'x'.join(map(str, shape))}")
        for name in DISCRIMINATORS
        for shape in SHAPES
    ]
    return planar + images


@pytest.mark.parametrize(("name", "shape"), cases())
def test_scores_examples_with_a_gradient_to_every_parameter_and_to_them(name, shape):
    discriminator, x = small(name, shape), examples(5, shape).requires_grad_()
    scores = discriminator(x).scores
    assert scores.shape[0] == 5
    assert scores.ndim == 1 or (name in {"patch", "projected"} and scores.ndim == 2)  # the others give one score
    (scores.view(5, -1) * torch.tensor([[1.0], [-2.0], [3.0], [0.5], [1.0]])).sum().backward()
    assert all(float(row.abs().max()) > 0 for row in x.grad)
    if isinstance(discriminator, Reconstructing):  # its decoders have no part in scores
        drawn = discriminator.reconstruct(discriminator(x).maps, 1)
        (drawn.whole.square().sum() + drawn.part.square().sum()).backward()
    for key, parameter in discriminator.named_parameters():
        if not parameter.requires_grad:
            continue
        assert torch.isfinite(parameter.grad).all(), key
        assert float(parameter.grad.abs().max()) > 0, key


@pytest.mark.parametrize("name", DISCRIMINATORS)
class TestEveryDiscriminator:
    def test_scores_nearly_the_same_in_mixed_precision(self, name):
        discriminator, x = small(name, (3, 28, 28)), examples(16, (3, 28, 28))
        with torch.autocast("cpu", torch.bfloat16):
            mixed = discriminator(x).float().scores
        exact = discriminator(x).scores
        assert float((mixed - exact).detach().norm()) < 0.05 * float(exact.detach().norm())

    def test_features_are_what_the_last_linear_layer_sees(self, name):
        discriminator, x = small(name, (3, 28, 28)), examples(4, (3, 28, 28))
        seen = []
        hook = discriminator.score.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        discriminator(x)
        hook.remove()
        assert torch.equal(seen[0], discriminator.features(x))
        assert seen[0].shape[0] == 4
        assert seen[0].ndim == 2

    def test_a_score_does_not_depend_on_the_batch(self, name):
        """Penalties take the gradient of each score by its own image: a score must see no other image, or say so."""
        discriminator, x = small(name, (3, 28, 28)), examples(4, (3, 28, 28))
        if discriminator.together:
            assert name == "stylegan2"  # whose groups have tests of their own
            return
        one_by_one = torch.cat([discriminator(x[i : i + 1]).scores for i in range(4)])
        torch.testing.assert_close(discriminator(x).scores, one_by_one, atol=1e-6, rtol=1e-5)

    def test_has_second_derivatives(self, name):
        """R1 and R2 descend the gradient by the images."""
        discriminator, x = small(name, (1, 8, 8)), examples(4, (1, 8, 8)).requires_grad_()
        (gradient,) = torch.autograd.grad(discriminator(x).scores.sum(), x, create_graph=True)
        gradient.pow(2).sum().backward()
        found = [weights.grad for weights in discriminator.parameters() if weights.grad is not None]
        assert max(float(gradient.abs().max()) for gradient in found) > 0

    def test_survives_a_round_trip_through_its_state(self, name):
        first, second = (small(name, (1, 8, 8)) for _ in range(2))
        for parameter in second.parameters():
            nn.init.normal_(parameter)
        second.load_state_dict(first.state_dict())
        assert torch.equal(first(examples(3, (1, 8, 8))).scores, second(examples(3, (1, 8, 8))).scores)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_convolutions_need_images(name):
    with pytest.raises(UserError, match="toy-mlp"):
        CONVOLUTIONAL[name]((2,))


@pytest.mark.parametrize("cls", [Convolutional, MLP, MLP4, ToyMLP, Unrolled])
def test_spectral_normalisation_leaves_every_layer_a_norm_of_one(cls):
    small = {"widths": (8, 8)} if cls is MLP else {"width": 4}
    torch.manual_seed(3)
    plain = cls((1, 8, 8), **small)
    torch.manual_seed(3)
    network = cls((1, 8, 8), **small, normalisation="spectral")
    for _ in range(50):  # in training every pass takes a step of power iteration
        network(examples(1, (1, 8, 8)))
    for layer, drawn in zip(layers(network), layers(plain), strict=True):
        largest = torch.linalg.svdvals(drawn.weight.detach().double().flatten(1))[0]
        assert largest != pytest.approx(1.0, abs=0.01)
        torch.testing.assert_close(layer.weight.double(), drawn.weight.double() / largest, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("cls", [AutoEncoder, DenseAutoEncoder])
class TestAutoEncoders:
    def test_a_score_is_minus_the_mean_error_of_what_it_draws(self, cls):
        discriminator, x = cls((3, 28, 28)), examples(4, (3, 28, 28))
        drawn = discriminator.reconstructed(x)
        assert drawn.shape == x.shape
        expected = -(x.double() - drawn.double()).abs().flatten(1).mean(1)
        torch.testing.assert_close(discriminator(x).scores.double(), expected)

    def test_all_it_draws_passes_through_a_code_of_few_numbers(self, cls):
        """What it draws of any images lies on a surface of as many dimensions: so many singular values of its slope."""
        discriminator = cls((1, 8, 8), code=3)
        slope = torch.autograd.functional.jacobian(discriminator.reconstructed, examples(1, (1, 8, 8))).view(64, 64)
        values = torch.linalg.svdvals(slope.double())
        assert float(values[3]) < 1e-5 * float(values[0])
        assert float(values[2]) > 1e-3 * float(values[0])


def layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def kernels(network: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(layer.weight.shape) for layer in layers(network)]


def test_mlp_4_has_four_fully_connected_layers():
    assert kernels(MLP4((3, 28, 28))) == [(512, 2352), (512, 512), (256, 512), (1, 256)]


def test_mlp_is_the_mirror_of_the_generator():
    assert kernels(MLP((1, 28, 28))) == [(1024, 784), (512, 1024), (256, 512), (1, 256)]


@pytest.mark.parametrize("widths", [(), (8, 0)])
def test_hidden_layers_below_one_are_refused(widths):
    with pytest.raises(UserError, match="'widths' are"):
        MLP((1, 8, 8), widths=widths)


@pytest.mark.parametrize("cls", [MLP, Convolutional])
class TestClasses:
    def test_logits_come_from_the_features_beside_an_unchanged_score(self, cls):
        """Recipes without classes keep their weights: those of the classes are drawn last."""
        torch.manual_seed(3)
        plain = cls((1, 8, 8))
        torch.manual_seed(3)
        telling = cls((1, 8, 8), classes=5)
        assert plain(examples(4, (1, 8, 8))).classes is None
        assert all(torch.equal(value, telling.state_dict()[key]) for key, value in plain.state_dict().items())
        found = telling(examples(4, (1, 8, 8)))
        weight, bias = telling.class_logits.weight, telling.class_logits.bias
        torch.testing.assert_close(found.classes, telling.features(examples(4, (1, 8, 8))) @ weight.T + bias)
        assert torch.equal(found.scores, plain(examples(4, (1, 8, 8))).scores)

    def test_a_negative_number_is_refused(self, cls):
        with pytest.raises(UserError, match="'classes' is -1"):
            cls((1, 8, 8), classes=-1)


def test_convolutional_halves_28_to_4():
    expected = [(32, 3, 4, 4), (64, 32, 4, 4), (128, 64, 3, 3), (256, 2048), (1, 256)]
    assert kernels(Convolutional((3, 28, 28))) == expected


@pytest.mark.parametrize("width", [2, 4])
def test_unrolled_has_the_layers_of_the_protocol(width):
    expected = [(width, 3, 3, 3), (2 * width, width, 3, 3), (4 * width, 2 * width, 3, 3), (1, 4 * width * 16)]
    assert kernels(Unrolled((3, 28, 28), width=width)) == expected
