"""The supervised GM-GAN: its players descend the N + 1 outputs of the paper, and what cannot be told is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from turns import turn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.networks.discriminators.mlp import MLP as Discriminator
from allmodes.networks.discriminators.toy_mlp import ToyMLP as NoClasses
from allmodes.networks.generators.mlp import MLP as Generator
from allmodes.objectives.gm_gan import GmGan
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.objectives.losses.wasserstein import Wasserstein
from allmodes.objectives.terms import Step
from allmodes.priors.base import Prior
from allmodes.priors.dynamic_mixture import DynamicMixture
from allmodes.priors.gaussian import Gaussian
from allmodes.runs.run import train

B, K = 12, 3
BATCH = Batch(torch.randn(B, 2), torch.arange(B), torch.arange(B) % K)
AT = Moment(3, 0.0, 0, B, torch.device("cpu"), Alone(), lambda ahead: BATCH)


def tied(classes: int | None = K) -> Prior:
    return DynamicMixture(4, components=6, classes=classes)


def method(**options) -> GmGan:
    torch.manual_seed(0)
    parts = {"discriminator": Discriminator((2,), widths=(8,), classes=K), "loss": NonSaturating(), **options}
    return GmGan(Generator((2,), 4, widths=(8,)), tied(), **parts)


def step_of(objective: GmGan) -> Step:
    return Step(BATCH, AT, generator=objective.generator, prior=objective.prior, latents=objective.latents)


def outputs(objective: GmGan, images: torch.Tensor) -> torch.Tensor:
    """The paper's N + 1 outputs, as log-probabilities: each class, and a sample."""
    found = objective.discriminator(images)
    classes = F.logsigmoid(found.scores)[:, None] + found.classes.log_softmax(1)
    return torch.cat([classes, F.logsigmoid(-found.scores)[:, None]], dim=1)


def test_under_the_non_saturating_loss_both_players_descend_the_cross_entropy_of_the_papers_outputs():
    objective = method()
    step = step_of(objective)
    real, fake = outputs(objective, BATCH.images), outputs(objective, step.samples)
    torch.testing.assert_close(real.exp().sum(1), torch.ones(B))  # they are a law
    expected = F.cross_entropy(real, BATCH.labels) + F.cross_entropy(fake, torch.full((B,), K))
    torch.testing.assert_close(turn(objective, "discriminator", step).value, expected)
    torch.testing.assert_close(turn(objective, "generator", step).value, F.cross_entropy(fake, BATCH.labels))


def test_the_weight_is_that_of_the_classes_alone():
    plain, heavy = method(loss=Wasserstein(gamma=0.0)), method(loss=Wasserstein(gamma=0.0), weight=2.5)
    first, second = step_of(plain), step_of(heavy)
    for player in ("discriminator", "generator"):
        one, other = turn(plain, player, first), turn(heavy, player, second)
        torch.testing.assert_close(other.value - one.value, 1.5 * one.scalars["classes"])
        assert float(one.scalars["classes"]) > 0


def test_the_generators_turn_leaves_the_discriminator_and_teaches_the_prior():
    objective = method()
    step = step_of(objective)
    turn(objective, "discriminator", step)
    objective.discriminator.zero_grad()
    turn(objective, "generator", step).value.backward()
    assert all(weights.grad is None for weights in objective.discriminator.parameters())
    turn(objective, "prior", step).value.backward()
    moved = objective.prior.means.grad.norm(dim=1)
    assert set(moved.nonzero()[:, 0].tolist()) == set(step.drawn.component.tolist())


@pytest.mark.parametrize(
    ("discriminator", "prior", "weight", "sentence"),
    [
        (NoClasses((2,)), tied(), 1.0, "The discriminator 'toy-mlp' tells no classes"),
        (Discriminator((2,)), tied(), 1.0, "The discriminator 'mlp' tells no classes"),
        (Discriminator((2,), classes=K), tied(None), 1.0, "'dynamic-mixture' and the generator 'mlp' are of no class"),
        (Discriminator((2,), classes=K), Gaussian(4), 1.0, "'gaussian' and the generator 'mlp' are of no class"),
        (Discriminator((2,), classes=2), tied(), 1.0, "'prior.classes' is 3 and 'discriminator.classes' 2"),
        (Discriminator((2,), classes=K), tied(), 0.0, "'objective.weight' is 0.0, but must be above 0"),
        (Discriminator((2,), classes=K), tied(), float("nan"), "'objective.weight' is nan"),
    ],
)
def test_classes_that_cannot_be_told_are_refused(discriminator: nn.Module, prior, weight, sentence):
    with pytest.raises(UserError, match=sentence):
        GmGan(Generator((2,), 4), prior, discriminator=discriminator, loss=NonSaturating(), weight=weight)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            {"data": "digits", "prior.classes": 20},
            "'prior.classes' is 20, but must be from 1 to 'prior.components', 10",
        ),
        ({"data": "triangles"}, "the data 'triangles' have no labels"),
        ({"data": "digits", "prior.components": 12, "prior.classes": 12}, "'prior.classes' is 12, but classes 10, 11"),
        ({"data": "digits", "discriminator.classes": 0}, "tells no classes"),
    ],
)
def test_of_the_recipe_what_does_not_fit_is_one_sentence(overrides, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        train("mnist/gm-gan-supervised", tmp_path / "run", overrides={**overrides, "threads": 1, "images": 128})
    assert not (tmp_path / "run" / "recipe.yaml").exists()
