"""Pairs in a training: each image is judged with the input of its own example, penalties are by the image alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.distances.discriminator_features import DiscriminatorFeatures
from allmodes.networks.discriminators.patch import Patch
from allmodes.networks.generators.cascade import Cascade
from allmodes.objectives.gan import Gan
from allmodes.objectives.losses.hinge import Hinge
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.objectives.losses.wasserstein import Wasserstein
from allmodes.objectives.pacgan import PacGan
from allmodes.objectives.terms import AdaptiveTerm, Adversary, PenaltyTerm, Step
from allmodes.objectives.unrolled_gan import UnrolledGan
from allmodes.priors.gaussian import Gaussian

N, SHAPE, INPUTS = 5, (1, 8, 8), (1, 4, 4)


class Product(nn.Module):
    """Scores whose slope by the image is known by hand: D(x, y) = (mean y) |x|^2 / 2."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        x, y = features.view(-1, 2, 64).unbind(1)
        return (y.mean(1) * x.square().sum(1) / 2)[:, None]


def pairs() -> Patch:
    """A discriminator of that form."""
    discriminator = Patch(SHAPE, inputs=INPUTS, width=2)
    discriminator.trunk, discriminator.last = nn.Sequential(), nn.Sequential()
    discriminator.score = Product()
    return discriminator


def batch() -> Batch:
    rng = torch.Generator().manual_seed(3)
    images, inputs = torch.rand(N, *SHAPE, generator=rng), torch.rand(N, *INPUTS, generator=rng)
    return Batch(images, torch.arange(N), inputs=inputs)


def step_of(method: Gan, fake: torch.Tensor) -> Step:
    examples = batch()
    at = Moment(0, 0.0, 0, N, torch.device("cpu"), Alone(), lambda ahead: examples)
    step = method.step(examples, at)
    step.samples = fake
    return step


def gan(loss) -> Gan:
    generator = Cascade(SHAPE, 4, inputs=INPUTS, width=4, widest=4, style=4)
    return Gan(generator, Gaussian(4), discriminator=pairs(), loss=loss)


def test_each_image_is_judged_with_the_input_of_its_example_in_both_turns():
    fake = torch.rand(N, *SHAPE, generator=torch.Generator().manual_seed(4))
    method = gan(Hinge(gamma=0.0, every=1))
    step = step_of(method, fake)
    for term in method.terms:
        if not isinstance(term, PenaltyTerm):
            term.loss(step)

    def by_hand(images: torch.Tensor) -> torch.Tensor:
        # bilinear enlarging to twice the size keeps no mean exactly: the mean of what is shown
        shown = nn.functional.interpolate(step.batch.inputs.double(), (8, 8), mode="bilinear")
        return shown.mean((1, 2, 3)) * images.double().square().sum((1, 2, 3)) / 2

    expected = torch.cat([by_hand(step.batch.images), by_hand(fake)]).float()
    assert torch.allclose(step.seen.judgement.scores, expected, rtol=1e-5)
    assert torch.allclose(step.answer.judgement.scores, expected[N:], rtol=1e-5)


@pytest.mark.parametrize("where", ["both", "real"])
def test_the_penalty_is_the_slope_by_images_and_not_by_inputs(where):
    fake = torch.rand(N, *SHAPE, generator=torch.Generator().manual_seed(4))
    method = gan(NonSaturating(gamma=3.0, every=1, where=where))
    step = step_of(method, fake)
    method.terms[0].loss(step)
    value = float(method.terms[1].loss(step).value.detach())
    shown = nn.functional.interpolate(step.batch.inputs.double(), (8, 8), mode="bilinear").mean((1, 2, 3))
    squares = [shown.square() * images.double().square().sum((1, 2, 3)) for images in (step.batch.images, fake)]
    expected = sum(float(each.mean()) for each in (squares if where == "both" else squares[:1])) * 3.0 / 2
    assert value == pytest.approx(expected, rel=1e-5)


def test_a_penalty_between_real_images_and_samples_is_under_the_input_of_both():
    fake = torch.rand(N, *SHAPE, generator=torch.Generator().manual_seed(4))
    loss = Wasserstein(gamma=2.0)
    method = gan(loss)
    step = step_of(method, fake)
    method.terms[0].loss(step)
    value = float(method.terms[1].loss(step).value.detach())
    points = loss.points(step.batch.images, fake, step.moment).double()
    shown = nn.functional.interpolate(step.batch.inputs.double(), (8, 8), mode="bilinear").mean((1, 2, 3))
    slopes = shown.abs() * points.square().sum((1, 2, 3)).sqrt()
    assert value == pytest.approx(2.0 * float((slopes - 1).square().mean()), rel=1e-4)


def test_what_would_part_images_from_their_inputs_is_refused():
    discriminator, loss = pairs(), Hinge(gamma=0.0, every=1)
    with pytest.raises(UserError, match="'translation' moves images and not the inputs that 'patch' judges them with"):
        Adversary(discriminator, loss, ["colour", "translation"])
    assert len(Adversary(discriminator, loss, ["colour", "cutout"]).policies) == 2
    with pytest.raises(UserError, match=r"set --objective\.target null"):
        AdaptiveTerm(Adversary(discriminator, loss), target=0.6, speed=1000)


def test_methods_and_distances_that_show_it_other_than_pairs_refuse_it():
    generator, prior = Cascade(SHAPE, 4, inputs=INPUTS, width=4, widest=4, style=4), Gaussian(4)
    for method in (PacGan, UnrolledGan):
        with pytest.raises(UserError, match=f"with their inputs, and the objective '{method.name}'"):
            method(generator, prior, discriminator=pairs(), loss=Hinge(gamma=0.0, every=1))
    with pytest.raises(UserError, match="and the distance 'discriminator-features' looks at images alone"):
        DiscriminatorFeatures().attach(pairs())
