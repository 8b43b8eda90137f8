"""What a model is asked for: samples by seed, and the latents that come nearest to images."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from allmodes.model import Model
from allmodes.networks.generators.toy_mlp import ToyMLP
from allmodes.priors.gaussian import Gaussian


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model(ToyMLP((1, 3, 3), 4), Gaussian(dim=4), config={}, card={})


def test_the_first_samples_of_a_longer_draw_are_those_of_a_shorter_one(model: Model) -> None:
    torch.testing.assert_close(model.sample(700, seed=1)[:20], model.sample(20, seed=1))


def test_images_that_the_generator_makes_are_inverted(model: Model) -> None:
    images = model.sample(30, seed=5)
    found = model.invert(images, pool=1_000, seed=6)
    nearest = torch.cdist(images.flatten(1), model.sample(1_000, seed=6).flatten(1)).amin(1)
    assert (found.distances <= nearest + 1e-5).all()
    assert found.distances.median() < 0.1 * nearest.median()
    gaps = (model.decode(found.latents) - images).flatten(1).norm(dim=1)
    torch.testing.assert_close(gaps, found.distances, atol=1e-4, rtol=1e-3)


def test_inversion_finds_the_nearest_point_of_a_plane() -> None:
    plane = Model(ToyMLP((6,), 2), Gaussian(dim=2), config={}, card={})
    torch.manual_seed(1)
    plane.generator.layers = nn.Sequential(nn.Linear(2, 6))  # type: ignore[assignment]
    images = torch.randn(20, 6)
    found = plane.invert(images, pool=2_000, steps=300)
    weight, bias = plane.generator.layers[0].parameters()  # type: ignore[index]
    solved = torch.linalg.lstsq(weight.detach(), (images - bias.detach()).T)
    exact = (images - bias.detach() - (weight.detach() @ solved.solution).T).norm(dim=1)
    torch.testing.assert_close(found.distances, exact, atol=1e-2, rtol=1e-2)
    assert not any(parameter.grad is not None for parameter in plane.generator.parameters())
