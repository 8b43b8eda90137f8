"""What the discriminator of a GAN sees when images are augmented, in both turns, and by what penalties are taken."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from turns import step_of, turn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.data.augmentation import augment, find_policies, uniforms
from allmodes.networks.base import Discriminator
from allmodes.networks.generators.toy_mlp import ToyMLP
from allmodes.objectives.gan import Gan
from allmodes.objectives.losses.relativistic import Relativistic
from allmodes.objectives.losses.wasserstein import Wasserstein
from allmodes.objectives.terms import Adversary, DiscriminatorTerm, GeneratorTerm, PenaltyTerm
from allmodes.objectives.terms.base import fresh_latents
from allmodes.priors.gaussian import Gaussian
from allmodes.training.recipe import load_recipe

SHAPE = (2, 8, 8)
B = 6


class Watcher(Discriminator):
    """A linear score that remembers what it was shown."""

    name = "watcher"

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(128, 1)
        self.seen: list[torch.Tensor] = []

    def features(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images.detach().clone())
        return images.flatten(1)


@dataclass
class OneOf(Alone):
    """One of several processes."""

    rank: int
    size: int


def moment(workers: Alone | None = None, step: int = 0) -> Moment:
    at = torch.device("cpu")
    return Moment(step, 0.0, 0, B, at, workers or Alone(), lambda ahead: Batch(data(), torch.arange(B)))


def data() -> torch.Tensor:
    return torch.rand(B, *SHAPE, generator=torch.Generator().manual_seed(5)) + 0.1


def gan(*augmentation: str, gamma: float = 0.0) -> Gan:
    torch.manual_seed(0)
    parts = ToyMLP(SHAPE, 4, width=16), Gaussian(dim=4)
    loss = Relativistic(gamma=gamma, every=1)
    return Gan(*parts, discriminator=Watcher(), loss=loss, augmentation=augmentation)


def step(method: Gan, at: Moment) -> list[torch.Tensor]:
    """What the discriminator sees in its own turn and in the generator's."""
    images = data()[at.workers.rank :: at.workers.size]
    for update in method.updates(Batch(images, torch.arange(len(images))), at):
        update.closure()
    return method.discriminator.seen


def test_without_augmentation_the_discriminator_sees_images_and_samples():
    method = gan()
    own, generators = step(method, moment())
    samples = method.generator(fresh_latents(method.prior, Batch(data(), torch.arange(B)), moment()).z).detach()
    assert torch.equal(own, torch.cat([data(), samples]))
    assert torch.equal(generators, samples)


def test_real_images_and_samples_are_augmented_in_both_turns_each_by_draws_of_its_own():
    method = gan("translation", "cutout")
    own, generators = step(method, moment())
    samples = method.generator(fresh_latents(method.prior, Batch(data(), torch.arange(B)), moment()).z).detach()
    policies = find_policies(["translation", "cutout"])
    twice = uniforms(2 * B, policies, moment().rng("augmentation", "discriminator"))
    once = uniforms(B, policies, moment().rng("augmentation", "generator"))
    torch.testing.assert_close(own, augment(torch.cat([data(), samples]), twice, policies))
    torch.testing.assert_close(generators, augment(samples, once, policies))
    assert not torch.equal(own[B:], generators)
    assert not torch.equal(twice[:B], twice[B:])


def test_every_step_draws_afresh_and_the_same_step_alike():
    first, again, later = (step(gan("colour"), moment(step=number))[0][:B] for number in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, later)


def test_processes_share_the_draws_as_they_share_the_images():
    alone = step(gan("translation", "colour", "cutout"), moment())
    halves = [step(gan("translation", "colour", "cutout"), moment(OneOf(rank, 2))) for rank in (0, 1)]
    for number, whole in enumerate(alone):
        batches = whole.view(-1, B, *SHAPE)
        for rank, half in enumerate(halves):
            expected = batches[:, rank::2].flatten(0, 1)
            torch.testing.assert_close(half[number], expected, atol=1e-5, rtol=1e-5)


def test_the_generator_learns_through_the_augmentation():
    """What is cut out carries no gradient to the sample, the rest does."""
    method = gan("cutout")
    fake = torch.ones(B, *SHAPE, requires_grad=True)
    one = step_of(method, data(), fake, moment())
    turn(method, "discriminator", one)
    turn(method, "generator", one).value.backward()
    blank = method.discriminator.seen[-1] == 0
    assert 0.05 < float(blank.float().mean()) < 0.95
    assert (fake.grad[blank] == 0).all()
    assert (fake.grad[~blank] != 0).all()


def test_the_turn_of_the_generator_leaves_the_discriminator_alone():
    method = gan()
    method.discriminator.score.bias.requires_grad_(False)
    own, generators = method.updates(Batch(data(), torch.arange(B)), moment())
    own.closure()
    generators.closure().value.backward()
    assert method.discriminator.score.weight.grad is None
    assert all(parameter.grad is not None for parameter in method.generator.parameters())
    assert method.discriminator.score.weight.requires_grad
    assert not method.discriminator.score.bias.requires_grad


def test_penalties_are_taken_by_the_images_before_augmentation():
    """Of a linear score behind a mask, the gradient by the image is the masked weight."""
    method = gan("cutout", gamma=3.0)
    found = turn(method, "discriminator", step_of(method, data(), torch.ones(B, *SHAPE), moment())).scalars["penalty"]
    kept = (method.discriminator.seen[-1] != 0).float()
    weight = method.discriminator.score.weight.detach().view(SHAPE)
    expected = 3.0 * (kept * weight).square().flatten(1).sum(1).mean()
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    assert float(found) < 0.95 * 3.0 * float(weight.square().sum())


def test_wasserstein_penalties_are_taken_on_the_lines_between_images_and_samples():
    method = gan()
    adversary = Adversary(method.discriminator, Wasserstein(gamma=10.0, every=2))
    method.terms = DiscriminatorTerm(adversary), PenaltyTerm(adversary), GeneratorTerm(adversary)
    fake = torch.ones(B, *SHAPE)
    found = turn(method, "discriminator", step_of(method, data(), fake, moment())).scalars
    own, between = method.discriminator.seen
    assert torch.equal(own, torch.cat([data(), fake]))
    shares = ((between - data()) / (fake - data())).flatten(1)
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares), atol=1e-3, rtol=1e-3)
    assert ((shares > 0) & (shares < 1)).all()
    assert shares[:, 0].std() > 0.1
    slope = method.discriminator.score.weight.detach().norm()
    assert float(found["penalty"]) == pytest.approx(20 * float((slope - 1).square()), rel=1e-4)
    later = turn(method, "discriminator", step_of(method, data(), fake, moment(step=1))).scalars
    assert set(later) == {"loss"}
    halves = []
    for rank in (0, 1):
        at = moment(OneOf(rank, 2))
        turn(method, "discriminator", step_of(method, data()[rank::2], fake[rank::2], at))
        halves.append(method.discriminator.seen[-1])
    torch.testing.assert_close(torch.stack(halves, 1).flatten(0, 1), between)


@pytest.mark.parametrize("recipe", ["stacked-digits/gan", "stacked-digits/imle-gan"])
def test_augmentation_is_an_option_of_recipes(recipe):
    assert load_recipe(recipe).to_dict()["objective"]["augmentation"] == []
    chosen = load_recipe(recipe, {"objective.augmentation": ["colour", "cutout"]})
    assert chosen.to_dict()["objective"]["augmentation"] == ["colour", "cutout"]
    with pytest.raises(UserError, match=r"objective\.augmentation"):
        load_recipe(recipe, {"objective.augmentation": 3})


def test_unknown_augmentation_is_named():
    with pytest.raises(UserError, match="'flip' is no policy"):
        gan("flip")
