"""Every generator: shapes, range, and a gradient to every parameter."""

from __future__ import annotations

from math import prod

import pytest
import torch
from torch import nn

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.networks.base import Generator
from allmodes.networks.flow import Flow
from allmodes.networks.generators.dcgan import DCGAN, side_plan
from allmodes.networks.generators.mlp import MLP
from allmodes.networks.generators.toy_mlp import ToyMLP
from allmodes.networks.generators.unrolled import Unrolled
from allmodes.networks.generators.velocity_mlp import VelocityMLP

EVERY = entries("allmodes.networks.generators", Generator)
GENERATORS = {name: cls for name, cls in EVERY.items() if cls.conditioned != "inputs"}  # those have tests of their own
FLAT = (ToyMLP, MLP, VelocityMLP)  # make examples of any shape
IMAGE_GENERATORS = {name: cls for name, cls in GENERATORS.items() if cls not in FLAT}
SIDES = (8, 28, 32, 64)
LATENT = 6
DIGIT = (1, 28, 28)


def small(cls: type[Generator], shape: tuple[int, ...]) -> Generator:
    torch.manual_seed(0)
    if cls is MLP:
        return cls(shape, LATENT, widths=(4, 4))
    if issubclass(cls, Flow):
        return cls(shape, prod(shape), width=4, steps=1, solver="midpoint")
    return cls(shape, LATENT) if cls is Unrolled else cls(shape, LATENT, width=4)


def dimensions(cls: type[Generator], shape: tuple[int, ...]) -> int:
    """Of its latent: a flow begins where an example could be."""
    return prod(shape) if issubclass(cls, Flow) else LATENT


def latents(n: int, dim: int = LATENT) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(1))


def made_by(cls: type[Generator]) -> list[tuple[int, ...]]:
    """The shapes that a generator must be able to make."""
    sides = (28,) if cls is Unrolled else SIDES
    images = [(channels, side, side) for side in sides for channels in (1, 3)]
    return [(2,), *images] if cls in FLAT else images


CASES = [
    pytest.param(cls, shape, id=f"{name}-{'x'.join(map(str, shape))}")
    for name, cls in GENERATORS.items()
    for shape in made_by(cls)
]


@pytest.mark.parametrize(("cls", "shape"), CASES)
def test_makes_examples_of_the_shape_with_a_gradient_to_every_parameter(cls, shape):
    generator = small(cls, shape)
    examples = generator(latents(5, dimensions(cls, shape)))
    assert examples.shape == (5, *shape)
    if cls is not ToyMLP and len(shape) == 3:
        assert float(examples.detach().abs().max()) <= 1
    # a random direction: batch norm makes the gradient of a plain sum vanish
    (examples * torch.randn(examples.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    scale = max(float(parameter.grad.abs().max()) for parameter in generator.parameters())
    for key, parameter in generator.named_parameters():
        assert torch.isfinite(parameter.grad).all(), key
        assert float(parameter.grad.abs().max()) > 1e-6 * scale, key


@pytest.mark.parametrize("cls", [cls for cls in GENERATORS.values() if cls not in (Unrolled, MLP)])
@pytest.mark.parametrize("width", [0, -1])
def test_sizes_below_one_are_refused(cls, width):
    shape = (2,) if cls is ToyMLP else (3, 32, 32)
    with pytest.raises(UserError, match=f"'width' is {width}, but must be at least 1"):
        cls(shape, dimensions(cls, shape), width=width)


def digits(n: int, name: str) -> torch.Tensor:
    """Latents of digits."""
    return latents(n, dimensions(GENERATORS[name], DIGIT))


@pytest.mark.parametrize("name", GENERATORS)
class TestEveryGenerator:
    def test_makes_nearly_the_same_in_mixed_precision(self, name):
        generator, z = small(GENERATORS[name], DIGIT).eval(), digits(6, name)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = generator(z).float()
        exact = generator(z)
        assert float((mixed - exact).detach().norm()) < 0.05 * float(exact.detach().norm())

    def test_when_sampling_a_latent_does_not_depend_on_its_batch(self, name):
        generator = small(GENERATORS[name], DIGIT).eval()
        z = digits(6, name)
        one_by_one = torch.cat([generator(z[i : i + 1]) for i in range(6)])
        torch.testing.assert_close(generator(z), one_by_one, atol=1e-5, rtol=1e-5)

    def test_survives_a_round_trip_through_its_state(self, name):
        first, second = (small(GENERATORS[name], DIGIT) for _ in range(2))
        for parameter in second.parameters():
            nn.init.normal_(parameter)
        first(digits(8, name))  # moves the running statistics
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.eval()(digits(3, name)), second.eval()(digits(3, name)))

    def test_weights_come_from_torchs_generator(self, name):
        first, second = (small(GENERATORS[name], DIGIT).state_dict() for _ in range(2))
        assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", IMAGE_GENERATORS)
def test_images_must_be_square(name):
    with pytest.raises(UserError, match=r"\(3, 28, 30\)"):
        IMAGE_GENERATORS[name]((3, 28, 30), LATENT)


@pytest.mark.parametrize("side", range(1, 70))
def test_the_plan_of_sides_ends_at_the_image_and_doubles_at_most(side):
    sides = side_plan(side)
    assert sides[-1] == side
    assert sides[0] <= 4
    assert all(after in (2 * before, 2 * before - 1) for before, after in zip(sides, sides[1:], strict=False))


@pytest.mark.parametrize("side", [5, 7, 9, 17, 28, 30, 48])
def test_dcgan_makes_any_square(side):
    assert small(DCGAN, (1, side, side))(latents(2)).shape == (2, 1, side, side)


def test_dcgan_starts_with_a_transposed_convolution():
    """The linear layer is the transposed 4x4 convolution of a 1x1 image."""
    generator = small(DCGAN, (3, 28, 28))
    linear, fold = generator.layers[0], generator.layers[1]
    convolution = nn.ConvTranspose2d(LATENT, 16, 4, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(linear.weight.T.reshape(LATENT, 16, 4, 4))
    z = latents(3)
    torch.testing.assert_close(fold(linear(z)), convolution(z[:, :, None, None]))


def test_dcgan_has_the_layers_of_its_description():
    generator = DCGAN((3, 28, 28), 256)
    layers = [layer for layer in generator.layers if isinstance(layer, nn.Linear | nn.ConvTranspose2d)]
    shapes = [tuple(layer.weight.shape) for layer in layers]
    assert shapes == [(128 * 16, 256), (128, 64, 3, 3), (64, 32, 4, 4), (32, 3, 4, 4)]
    deviations = [float(layer.weight.detach().std()) for layer in layers]
    assert deviations == pytest.approx([0.02, 0.02, 0.02, 0.05], rel=0.1)


def test_mlp_has_the_layers_of_the_published_networks():
    """100-256-512-1024-784, weights and biases: 25,856 + 131,584 + 525,312 + 803,600."""
    generator = MLP((1, 28, 28), 100)
    shapes = [tuple(layer.weight.shape) for layer in generator.layers if isinstance(layer, nn.Linear)]
    assert shapes == [(256, 100), (512, 256), (1024, 512), (784, 1024)]
    assert sum(parameter.numel() for parameter in generator.parameters()) == 1_486_352


class TestMlpWithClasses:
    def test_its_first_layer_sees_the_latent_and_the_vector_of_the_class(self):
        torch.manual_seed(0)
        generator, z, labels = MLP((1, 8, 8), LATENT, widths=(5,), classes=3), latents(4), torch.tensor([2, 0, 2, 1])
        (weight, bias), vectors = generator.layers[0].parameters(), generator.embedding.weight
        seen = z @ weight[:, :LATENT].T + vectors[labels] @ weight[:, LATENT:].T + bias
        torch.testing.assert_close(generator(z, labels), generator.layers[1:](seen))

    def test_every_parameter_has_a_gradient(self):
        torch.manual_seed(0)
        generator = MLP((1, 8, 8), LATENT, widths=(5, 5), classes=3)
        generator(latents(3), torch.arange(3)).square().sum().backward()
        assert all(float(weights.grad.abs().max()) > 0 for weights in generator.parameters())

    def test_a_negative_number_is_refused(self):
        with pytest.raises(UserError, match="'classes' is -1"):
            MLP((1, 8, 8), LATENT, classes=-1)


@pytest.mark.parametrize("widths", [(), (8, 0)])
def test_hidden_layers_below_one_are_refused(widths):
    with pytest.raises(UserError, match="'widths' are"):
        MLP((1, 8, 8), LATENT, widths=widths)


def test_unrolled_has_the_layers_of_the_protocol():
    layers = [
        layer for layer in Unrolled((3, 28, 28), 256).layers if hasattr(layer, "weight") and layer.weight.ndim > 1
    ]
    shapes = [tuple(layer.weight.shape) for layer in layers]
    assert shapes == [(1024, 256), (64, 32, 3, 3), (32, 16, 3, 3), (16, 8, 3, 3), (3, 8, 3, 3)]
