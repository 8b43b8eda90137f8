"""A training whose data lacks what prior or generator are conditioned on is refused before anything is built."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from allmodes.core.errors import UserError
from allmodes.data.fixed import FixedImages
from allmodes.networks.base import Generator
from allmodes.priors.fitted_mixture import FittedMixture
from allmodes.priors.gaussian import Gaussian
from allmodes.priors.gaussian_mixture import GaussianMixture
from allmodes.runs.run import train
from allmodes.training.conditions import require_conditions


class Own(FixedImages):
    """Images with these labels."""

    name = "own"

    def __init__(self, labels: list[int] | None) -> None:
        count = 6 if labels is None else len(labels)
        super().__init__(
            torch.zeros(count, 1, 2, 2, dtype=torch.uint8), None if labels is None else torch.tensor(labels), "x"
        )


class Given(Generator):
    """Conditioned on something."""

    name = "given"

    def __init__(self, conditioned: str | None, classes: int | None = None) -> None:
        super().__init__()
        self.conditioned = conditioned  # type: ignore[assignment]
        self.classes = classes

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return z


def tied(classes: int) -> GaussianMixture:
    return GaussianMixture(2, components=classes, classes=classes)


@pytest.mark.parametrize(
    ("prior", "generator", "labels", "sentence"),
    [
        (tied(3), Given(None), None, "'gaussian-mixture' is tied to classes, and the data 'own' have no labels"),
        (tied(3), Given(None), [0, 1, 2, 3], "'prior.classes' is 3, but the labels of the data go up to 3"),
        (tied(4), Given(None), [0, 1, 3, 3], "'prior.classes' is 4, but class 2 has no example"),
        (tied(9), Given(None), [0, 1], "but classes 2, 3, 4, 5, 6, ... have no example"),
        (Gaussian(2), Given("labels", 3), None, "'given' is conditioned on labels, and the data 'own' have no labels"),
        (Gaussian(2), Given("labels", 3), [0, 1, 4], "'generator.classes' is 3, but the labels of the data go up to 4"),
        (Gaussian(2), Given("labels", 3), [0, 2], "'generator.classes' is 3, but class 1 has no example"),
        (Gaussian(2), Given("inputs"), [0, 1], "'given' is conditioned on inputs, and the data 'own' have none"),
    ],
)
def test_what_the_data_lacks_is_one_sentence(prior, generator, labels, sentence):
    with pytest.raises(UserError, match=sentence):
        require_conditions(prior, generator, Own(labels))


@pytest.mark.parametrize("name", ["conditional/pairs", "super-resolution/imle-gan", "layouts/bicyclegan"])
def test_inputs_that_are_missing_are_said_before_networks_are_built_by_them(name, tmp_path):
    with pytest.raises(UserError, match="'cascade' is conditioned on inputs, and the data 'digits' have none: make"):
        train(name, tmp_path / "run", overrides={"data": "digits", "degradation": None})
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_data_that_has_it_is_taken():
    for generator in (Given(None), Given("labels", 3)):
        require_conditions(tied(3), generator, Own([2, 0, 1]))
        require_conditions(Gaussian(2), Given(None), Own(None))


def test_a_training_that_is_refused_leaves_no_folder(tmp_path):
    with pytest.raises(UserError, match="'prior.classes' is 10, but classes 8, 9 have no example"):
        train("ring/gan", tmp_path / "run", overrides={"prior": {"name": "gaussian-mixture", "dim": 2, "classes": 10}})
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_a_mixture_is_fitted_to_as_many_examples_as_components_at_least() -> None:
    three = FixedImages(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), None, "three")
    require_conditions(FittedMixture(2, components=3), Given(None), three)
    with pytest.raises(UserError, match=r"'prior\.components' is 4, too many to be fitted to 3 examples"):
        require_conditions(FittedMixture(2, components=4), Given(None), three)
