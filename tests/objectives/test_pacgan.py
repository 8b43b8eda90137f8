"""Packs: what the discriminator of PacGAN is shown, how processes share it, and what it costs each sample."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest
import torch
from turns import step_of, turn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch, Latents
from allmodes.core.workers import Alone
from allmodes.networks.discriminators.convolutional import Convolutional
from allmodes.networks.generators.toy_mlp import ToyMLP
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.objectives.pacgan import PacGan, PackedStep
from allmodes.objectives.terms.prior import expected_cost
from allmodes.priors.gaussian import Gaussian
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.recipe import load_recipe

B, SHAPE = 6, (2, 8, 8)


@dataclass
class OneOf(Alone):
    """One of several processes."""

    rank: int
    size: int


def moment(workers: Alone | None = None, size: int = B) -> Moment:
    return Moment(0, 0.0, 0, size, torch.device("cpu"), workers or Alone(), lambda ahead: pytest.fail("not needed"))


def images(seed: int) -> torch.Tensor:
    return torch.rand(B, *SHAPE, generator=torch.Generator().manual_seed(seed))


def method(packing: int, *, gamma: float = 0.0) -> PacGan:
    torch.manual_seed(0)
    discriminator = Convolutional((2 * packing, 8, 8), width=4, hidden=8)
    loss = NonSaturating(gamma=gamma, every=1)
    return PacGan(ToyMLP(SHAPE, 4), Gaussian(dim=4), discriminator=discriminator, loss=loss, packing=packing)


def test_the_discriminator_sees_packs_of_real_images_and_packs_of_samples() -> None:
    packs, real, fake = method(3, gamma=1.0), images(0), images(1)
    found = turn(packs, "discriminator", step_of(packs, real, fake, moment())).scalars
    shown = torch.stack([torch.cat([of[k], of[k + 2], of[k + 4]]) for of in (real, fake) for k in (0, 1)])
    shown.requires_grad_()
    scores = packs.discriminator(shown).scores
    expected = torch.log1p(torch.exp(-scores[:2])).mean() + torch.log1p(torch.exp(scores[2:])).mean()
    torch.testing.assert_close(found["loss"], expected.detach())
    # penalties are of packs: the slope by all three images together
    (slope,) = torch.autograd.grad(scores.sum(), shown)
    torch.testing.assert_close(found["penalty"], slope.square().flatten(1).sum(1).mean())


def test_processes_pack_as_one_does() -> None:
    packs = method(3)
    whole = step_of(packs, images(0), images(1), moment()).real
    shares = [step_of(packs, images(0)[rank::2], images(1)[rank::2], moment(OneOf(rank, 2))).real for rank in (0, 1)]
    assert torch.equal(torch.stack(shares, 1).flatten(0, 1), whole)


def test_gradients_reach_every_sample_of_a_pack() -> None:
    packs, fake = method(2), images(1).requires_grad_()
    step = step_of(packs, images(0), fake, moment())
    turn(packs, "discriminator", step)
    turn(packs, "generator", step).value.backward()
    assert (fake.grad.flatten(1).abs().amax(1) > 0).all()


def test_what_packs_cost_moves_the_weights_of_a_mixture_without_bias() -> None:
    """The mean over all draws of 4 components in 2 packs is the slope of the mean cost of a pack, exactly."""
    logits = torch.tensor([0.3, -0.4], dtype=torch.float64, requires_grad=True)
    costs = torch.tensor([[1.0, 5.0], [-2.0, 0.5]], dtype=torch.float64)  # of a pack, by its components

    class Weighed(Gaussian):
        name = "weighed"

        def log_chances(self, latents: Latents) -> torch.Tensor:
            return logits.log_softmax(0)[latents.component]

    estimated = torch.zeros_like(logits)
    for drawn in product((0, 1), repeat=4):
        at = moment(size=4)
        step = PackedStep(
            Batch(torch.zeros(4, 2), torch.arange(4)),
            at,
            generator=ToyMLP((2,), 2),
            prior=Weighed(dim=2),
            latents=lambda batch, at, drawn=drawn: Latents(torch.zeros(4, 2), torch.tensor(drawn)),
        )
        step.packing = 2
        step.charge(lambda drawn=drawn: torch.stack([costs[drawn[0], drawn[2]], costs[drawn[1], drawn[3]]]))
        chances = step.prior.log_chances(step.drawn)
        (slope,) = torch.autograd.grad(expected_cost(chances, step), logits)
        estimated += chances.sum().exp().detach() * slope
    chance = logits.softmax(0)
    (expected,) = torch.autograd.grad(chance @ costs @ chance, logits)
    torch.testing.assert_close(estimated, expected)


def test_recipes_build_the_discriminator_for_packs() -> None:
    recipe = load_recipe("stacked-digits/gan", {"objective": {"name": "pacgan", "packing": 3}})
    objective = build_objective(recipe, build_dataset(recipe), torch.device("cpu"))
    assert objective.players()["discriminator"].layers[1].in_features == 9 * 64


def test_a_packing_must_divide_the_batch() -> None:
    packs = method(4)
    with pytest.raises(UserError, match="'objective.packing' is 4, which does not divide the 6 examples"):
        packs.step(Batch(images(0), torch.arange(B)), moment())
    recipe = load_recipe("ring/gan", {"objective": {"name": "pacgan", "packing": 0}})
    with pytest.raises(UserError, match="'objective.packing' is 0"):
        build_objective(recipe, build_dataset(recipe), torch.device("cpu"))
