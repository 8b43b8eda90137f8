"""FastGAN: the discriminator's turn is the adversarial loss plus the error of its reconstructions of real images."""

from __future__ import annotations

import pytest
import torch
from turns import step_of, turn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.networks.discriminators.fastgan import FastGAN as Discriminator
from allmodes.networks.generators.fastgan import FastGAN as Generator
from allmodes.objectives.fastgan import FastGan
from allmodes.objectives.losses.hinge import Hinge
from allmodes.objectives.terms import ReconstructionTerm
from allmodes.priors.gaussian import Gaussian
from allmodes.training.recipe import load_recipe

SHAPE = (1, 8, 8)
B = 6


def moment(step: int = 0) -> Moment:
    return Moment(step, 0.0, 0, B, torch.device("cpu"), Alone(), lambda ahead: Batch(data(), torch.arange(B)))


def data() -> torch.Tensor:
    return torch.rand(B, *SHAPE, generator=torch.Generator().manual_seed(5)) * 2 - 1


def method(**options: float | list[str]) -> FastGan:
    torch.manual_seed(0)
    networks = Generator(SHAPE, 4, width=4), Gaussian(dim=4)
    return FastGan(*networks, discriminator=Discriminator(SHAPE, width=4), loss=Hinge(gamma=1.0, every=2), **options)


@pytest.mark.parametrize("step", [0, 1])
def test_adds_the_weighted_error_of_both_reconstructions_to_the_adversarial_loss(step):
    at, fake = moment(step), torch.zeros(B, *SHAPE)
    weighted, plain = method(reconstruction=3.0), method()
    ours = turn(weighted, "discriminator", step_of(weighted, data(), fake, at))
    adversarial = turn(plain, "discriminator", step_of(plain, data(), fake, at), without=ReconstructionTerm)
    corner = int(torch.randint(4, (), generator=at.rng("corner")))
    drawn = plain.discriminator.reconstruct(plain.discriminator(data()).maps, corner)
    top, left = 4 * (corner // 2), 4 * (corner % 2)
    part = (drawn.part - data()[:, :, top : top + 4, left : left + 4]).abs().mean()
    whole = (drawn.whole - torch.nn.functional.avg_pool2d(data(), 2)).abs().mean()
    torch.testing.assert_close(ours.scalars["reconstruction"], (part + whole).detach())
    torch.testing.assert_close(ours.value, adversarial.value + 3.0 * (part + whole))
    assert ("penalty" in ours.scalars) == (step == 0)


def test_images_are_reconstructed_as_the_discriminator_sees_them():
    gan, at = method(augmentation=["colour"]), moment(1)
    seen = gan.terms[0].adversary.augmented(torch.cat([data(), data()]), at, "discriminator")
    assert not torch.allclose(seen[:B], data())
    corner = int(torch.randint(4, (), generator=at.rng("corner")))
    maps = gan.discriminator(seen[:B]).maps
    drawn, wanted = gan.discriminator.reconstruct(maps, corner), gan.discriminator.views(seen[:B], corner)
    error = (drawn.whole - wanted.whole).abs().mean() + (drawn.part - wanted.part).abs().mean()
    found = turn(gan, "discriminator", step_of(gan, data(), data(), at))
    torch.testing.assert_close(found.scalars["reconstruction"], error.detach())


def test_another_quarter_in_other_steps():
    corners = {int(torch.randint(4, (), generator=moment(step).rng("corner"))) for step in range(40)}
    assert corners == {0, 1, 2, 3}


def test_the_reconstruction_trains_the_features_that_scores_rest_on():
    gan = method()
    turn(gan, "discriminator", step_of(gan, data(), torch.zeros(B, *SHAPE), moment(1))).value.backward()
    both = gan.discriminator.first[0].weight.grad.clone()
    gan.discriminator.zero_grad()
    one = step_of(gan, data(), torch.zeros(B, *SHAPE), moment(1))
    turn(gan, "discriminator", one, without=ReconstructionTerm).value.backward()
    assert not torch.allclose(both, gan.discriminator.first[0].weight.grad)


def test_reconstructions_come_nearer():
    gan = method()
    optimizer = torch.optim.Adam(gan.discriminator.parameters(), lr=3e-3)
    errors = []
    for step in range(80):
        loss = turn(gan, "discriminator", step_of(gan, data(), torch.zeros(B, *SHAPE), moment(step)))
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        errors.append(float(loss.scalars["reconstruction"]))
    assert sum(errors[-8:]) < 0.7 * sum(errors[:8])


def test_needs_a_discriminator_that_reconstructs():
    with pytest.raises(UserError, match="'fastgan' needs another discriminator than 'convolutional': fastgan"):
        load_recipe("few-shot/fastgan", {"discriminator": "convolutional"})
