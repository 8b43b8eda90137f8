"""What a model is asked for: samples by seed, and the latents that come nearest to images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from allmodes.core.errors import UserError
from allmodes.model import Model, build_networks, load
from allmodes.networks.generators.style import Style
from allmodes.networks.generators.stylegan2 import StyleGan2
from allmodes.networks.generators.toy_mlp import ToyMLP
from allmodes.networks.generators.velocity_mlp import VelocityMLP
from allmodes.networks.solvers import integrate
from allmodes.priors.gaussian import Gaussian
from allmodes.priors.gaussian_mixture import GaussianMixture
from allmodes.priors.uniform import Uniform


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model(ToyMLP((1, 3, 3), 4), Gaussian(dim=4), config={}, card={})


def test_the_first_samples_of_a_longer_draw_are_those_of_a_shorter_one(model: Model) -> None:
    torch.testing.assert_close(model.sample(700, seed=1)[:20], model.sample(20, seed=1))


def mixture(**options: Any) -> Model:
    torch.manual_seed(0)
    prior = GaussianMixture(4, components=6, spread=5.0, sigma=0.2, **options)
    return Model(ToyMLP((1, 3, 3), 4), prior, config={}, card={})


def test_sigma_scales_the_distance_from_the_mean_of_the_same_component(model: Model) -> None:
    torch.testing.assert_close(model.draw(600, sigma=0.7).z, 0.7 * model.draw(600).z)
    made = mixture()
    means = made.prior.means[torch.cdist(made.draw(600).z, made.prior.means).argmin(1)]
    torch.testing.assert_close(made.draw(600, sigma=0.7).z - means, 0.7 * (made.draw(600).z - means), atol=1e-5, rtol=0)
    assert torch.equal(made.sample(5, sigma=0.7), made.decode(made.draw(5, sigma=0.7).z))


@pytest.mark.parametrize("generator", [Style, StyleGan2])
@pytest.mark.parametrize("prior", [Gaussian, Uniform])
def test_a_sigma_that_would_change_nothing_is_refused(generator: type, prior: type) -> None:
    made = Model(generator((1, 8, 8), 6, width=4), prior(dim=6), config={}, card={})
    z = made.draw(3).z
    torch.testing.assert_close(made.decode(0.5 * z), made.decode(z), atol=1e-4, rtol=0)
    with pytest.raises(UserError, match=f"'{generator.name}' draws by the direction .*'{prior.name}'"):
        made.sample(3, sigma=0.5)
    assert made.sample(3, sigma=1.0).shape == (3, 1, 8, 8)


def test_sigma_moves_directions_of_components_that_lie_beside_the_centre() -> None:
    torch.manual_seed(0)
    made = Model(Style((1, 8, 8), 4, width=4), GaussianMixture(4, components=2, spread=5.0), config={}, card={})
    assert float((made.sample(9, sigma=0.1) - made.sample(9)).abs().max()) > 0.01


def test_a_flow_takes_as_many_steps_as_it_is_asked_for(tmp_path: Path) -> None:
    parts = {
        "generator": {"name": "velocity-mlp", "steps": 2, "solver": "euler"},
        "prior": {"name": "gaussian", "dim": 2},
        "shape": [2],
    }
    torch.manual_seed(0)
    flow = Model(*build_networks(parts), config=parts, card={})
    torch.nn.init.normal_(next(flow.generator.parameters()))  # so that few steps are off
    assert isinstance(flow.generator, VelocityMLP)
    velocity, z = flow.generator.velocity, flow.draw(20).z
    few, many = ((integrate(velocity, z, steps=n, solver="euler")).detach() for n in (2, 64))
    torch.testing.assert_close(flow.sample(20), few)
    torch.testing.assert_close(flow.solve_in(64).sample(20), many)
    assert flow.generator.calls == 64
    assert float((many - few).abs().max()) > 0.01
    flow.save(tmp_path / "model")
    torch.testing.assert_close(load(tmp_path / "model").sample(20), many)
    with pytest.raises(UserError, match="'steps' is 0"):
        flow.solve_in(0)


def test_a_generator_of_one_call_takes_no_steps(model: Model) -> None:
    with pytest.raises(UserError, match="'toy-mlp' makes a sample in one call, without steps"):
        model.solve_in(5)


def test_one_component_or_one_class_is_drawn_alone() -> None:
    made = mixture(classes=3)
    nearest = torch.cdist(made.draw(600, component=4).z, made.prior.means).argmin(1)
    assert set(nearest.tolist()) == {4}
    nearest = torch.cdist(made.draw(600, label=1).z, made.prior.means).argmin(1)
    assert set(nearest.tolist()) == {1, 4}
    assert abs(int((nearest == 1).sum()) - 300) < 5 * 150**0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sigma": 0.0}, "sigma of 0.0: it must be above 0"),
        ({"sigma": float("nan")}, "above 0"),
        ({"component": 6}, "no component 6: .* 0 to 5"),
        ({"component": -1}, "no component -1"),
        ({"label": 3}, "no label 3: .* 0 to 2"),
        ({"label": 1, "component": 1}, "one of the two"),
    ],
)
def test_what_the_prior_does_not_have_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        mixture(classes=3).sample(2, **options)


def test_a_prior_without_components_or_classes_is_asked_for_none(model: Model) -> None:
    with pytest.raises(UserError, match="'gaussian' .* no components"):
        model.sample(2, component=0)
    with pytest.raises(UserError, match="'gaussian-mixture' .* no classes"):
        mixture().sample(2, label=0)


@pytest.mark.parametrize(("classes", "said"), [(7, "from 1 to"), (0, "from 1 to"), (4, "a multiple of")])
def test_components_are_spread_evenly_over_classes(classes: int, said: str) -> None:
    with pytest.raises(UserError, match=said):
        mixture(classes=classes)


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


def test_inversion_descends_alike_whatever_the_size_of_the_prior() -> None:
    """A prior of 1% of the size before a layer of 100 times the weights is the same model."""
    found = []
    for size in (1.0, 0.01):
        torch.manual_seed(1)
        prior = GaussianMixture(2, components=3, spread=2.0 * size, sigma=0.5 * size)
        plane = Model(ToyMLP((6,), 2), prior, config={}, card={})
        plane.generator.layers = nn.Sequential(nn.Linear(2, 6))  # type: ignore[assignment]
        plane.generator.layers[0].weight.data /= size  # type: ignore[index]
        found.append(plane.invert(torch.randn(20, 6), pool=500, steps=20))
    torch.testing.assert_close(found[0].distances, found[1].distances, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found[0].latents, 100 * found[1].latents, atol=1e-2, rtol=1e-2)
