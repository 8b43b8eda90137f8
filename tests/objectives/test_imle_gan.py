"""IMLE-GAN: the generator's loss is the adversarial one plus lambda times the matched terms, each by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.distances.pixels import Pixels
from allmodes.matching import Nearest
from allmodes.networks.base import Discriminator, Generator
from allmodes.objectives.gan import Gan
from allmodes.objectives.imle_gan import ImleGan
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.priors.gaussian import Gaussian
from allmodes.training.recipe import load_recipe

B, POOL = 6, 40
DATA = torch.randn(B, 4, generator=stream(0, "data"))


class Linear(Generator):
    name = "linear"

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4, generator=stream(0, "weight")))

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return z @ self.weight


class Score(Discriminator):
    name = "score"

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(4, 1, bias=False)
        with torch.no_grad():
            self.score.weight.copy_(torch.tensor([[0.3, -0.2, 0.1, 0.4]]))

    def features(self, images: Tensor) -> Tensor:
        return images


class Halves(Pixels):
    """Two coordinates at a time."""

    def parts(self, shape: Sequence[int]) -> int:
        return 2


@dataclass
class OneOf(Alone):
    rank: int
    size: int


def moment(progress: float = 0.0) -> Moment:
    at = torch.device("cpu")
    return Moment(0, progress, 0, B, at, Alone(), lambda ahead: Batch(DATA, torch.arange(B)), B)


def make(within: str = "whole", **options) -> ImleGan:
    matching = Nearest(pool=POOL, refresh=1, within=within)
    parts = {"discriminator": Score(), "loss": NonSaturating(), "distance": Halves(), "matching": matching}
    method = ImleGan(Linear(), Gaussian(3), **parts, **options)
    method.prepare(moment())
    return method


def generator_turn(method: ImleGan, at: Moment):
    """The losses of the generator's turn: its own, and the adversarial one alone."""
    share = at.upcoming(0).share(at.workers.rank, at.workers.size)
    alone = Gan(method.generator, method.prior, discriminator=method.discriminator, loss=NonSaturating())
    losses = []
    for objective in (method, alone):
        discriminator, generator = objective.updates(share, at)
        discriminator.closure()
        losses.append(generator.closure())
    return losses


def by_hand(method: ImleGan, z: Tensor, example: int) -> Tensor:
    """The squared distance of the sample of a latent to an example, in the part in which it was matched."""
    squares = (z @ method.generator.weight.detach() - DATA[example]).square() / 4
    return squares.sum() if method.rounds.part is None else squares.view(2, 2).sum(1)[method.rounds.part[example]]


def arc(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """On the circle of which a and b are two points, as a rotation: another form of the great circle's formula."""
    one = a / a.norm()
    across = b / b.norm() - (b @ a) / (b.norm() * a.norm()) * one
    angle = t * torch.atan2(across.norm(), (b @ a) / (b.norm() * a.norm()))
    whole = torch.atan2(across.norm(), (b @ a) / (b.norm() * a.norm()))
    lengths = (torch.sin(whole - angle) * a.norm(), torch.sin(angle) * b.norm())
    return (lengths[0] * one + lengths[1] * b / b.norm()) / torch.sin(whole)


@pytest.mark.parametrize("within", ["whole", "part"])
@pytest.mark.parametrize(
    ("progress", "until", "weight"), [(0.0, 0.5, 3.0), (0.125, 0.5, 2.25), (0.9, None, 3.0), (0.9, 2.0, 1.65)]
)
def test_the_matched_distance_has_its_weight(within, progress, until, weight):
    method = make(within, weight=3.0, until=until)
    ours, adversarial = generator_turn(method, moment(progress))
    latents = method.rounds.assignment.latents
    matched = torch.stack([by_hand(method, latents[i], i) for i in range(B)]).mean()
    torch.testing.assert_close(ours.value, adversarial.value + weight * matched)
    torch.testing.assert_close(ours.scalars["matched"], matched)
    assert set(ours.scalars) == {"loss", "matched"}


def test_its_gradient_has_that_weight_too():
    method = make(weight=3.0, until=None)
    gradients = [
        torch.autograd.grad(loss.value, method.generator.weight)[0] for loss in generator_turn(method, moment())
    ]
    latents = method.rounds.assignment.latents
    slope = latents.T @ (latents @ method.generator.weight.detach() - DATA) * 2 / 4 / B
    torch.testing.assert_close(gradients[0], gradients[1] + 3.0 * slope)


@pytest.mark.parametrize("within", ["whole", "part"])
def test_samples_between_two_matches_are_drawn_to_both_by_their_shares(within):
    method = make(within, weight=2.0, until=None, interpolation=0.4)
    ours, adversarial = generator_turn(method, moment())
    latents = method.rounds.assignment.latents
    shares = torch.rand(B, 1, generator=moment().rng("interpolation"))[:, 0]
    assert shares.std() > 0.1
    terms = []
    for i, t in enumerate(shares):
        j = (i + 1) % B
        z = arc(latents[i], latents[j], t)
        terms.append((1 - t) * by_hand(method, z, i) + t * by_hand(method, z, j))
    matched = torch.stack([by_hand(method, latents[i], i) for i in range(B)]).mean()
    torch.testing.assert_close(ours.scalars["interpolated"], torch.stack(terms).mean())
    torch.testing.assert_close(ours.value, adversarial.value + 2.0 * (matched + 0.4 * torch.stack(terms).mean()))


def test_matches_are_trained_a_share_of_the_way_to_noise():
    method = make(weight=1.0, until=None, perturbation=0.1)
    ours, _ = generator_turn(method, moment())
    noise = method.prior.sample(B, moment().rng("perturbation")).z
    moved = [arc(z, e, torch.tensor(0.1)) for z, e in zip(method.rounds.assignment.latents, noise, strict=True)]
    matched = torch.stack([by_hand(method, z, i) for i, z in enumerate(moved)]).mean()
    torch.testing.assert_close(ours.scalars["matched"], matched)
    plain = generator_turn(make(weight=1.0, until=None), moment())[0]
    assert not torch.allclose(plain.value, ours.value)


def test_between_two_matches_that_are_moved_towards_noise_each_by_its_own():
    method = make(weight=1.0, until=None, interpolation=1.0, perturbation=0.3)
    ours, _ = generator_turn(method, moment())
    noise = method.prior.sample(B, moment().rng("perturbation")).z
    moved = [arc(z, e, torch.tensor(0.3)) for z, e in zip(method.rounds.assignment.latents, noise, strict=True)]
    terms = []
    for i, t in enumerate(torch.rand(B, 1, generator=moment().rng("interpolation"))[:, 0]):
        j = (i + 1) % B
        z = arc(moved[i], moved[j], t)
        terms.append((1 - t) * by_hand(method, z, i) + t * by_hand(method, z, j))
    torch.testing.assert_close(ours.scalars["interpolated"], torch.stack(terms).mean(), rtol=1e-3, atol=0)


def test_the_discriminator_sees_augmented_images():
    images = torch.rand(B, 1, 2, 2, generator=stream(1, "images"))
    plain, augmented = (make(augmentation=names).terms[0].adversary for names in ([], ["colour"]))
    assert torch.equal(plain.augmented(images, moment(), "generator"), images)
    assert not torch.allclose(augmented.augmented(images, moment(), "generator"), images)


def test_where_matched_samples_are_judged_one_pass_serves_both_terms():
    method = make(weight=3.0, until=0.5, judged="matched")
    passes = []
    method.generator.register_forward_hook(lambda *_: passes.append(1))
    discriminator, generator = method.updates(Batch(DATA, torch.arange(B)), moment())
    discriminator.closure()
    ours = generator.closure()
    assert len(passes) == 1
    latents = method.rounds.assignment.latents
    samples = latents @ method.generator.weight.detach()
    scores = samples @ method.discriminator.score.weight.detach()[0]
    matched = torch.stack([by_hand(method, latents[i], i) for i in range(B)]).mean()
    torch.testing.assert_close(ours.value.detach(), nn.functional.softplus(-scores).mean() + 3.0 * matched)
    later = method.latents(Batch(DATA, torch.arange(B)), moment(0.5)).z
    assert torch.equal(later, method.prior.sample(B, moment(0.5).rng("latents")).z)  # once nothing is matched


def test_processes_share_both_terms():
    method = make("part", weight=2.0, until=None, interpolation=0.4, perturbation=0.1)
    whole = generator_turn(method, moment())[0].scalars
    halves = [generator_turn(method, replace(moment(), workers=OneOf(rank, 2)))[0].scalars for rank in (0, 1)]
    for name in ("matched", "interpolated"):
        torch.testing.assert_close(torch.stack([half[name] for half in halves]).mean(), whole[name])


def test_matching_ends_when_its_weight_has_fallen_to_nothing():
    method = make(weight=2.0, until=0.5)
    assert not method.due(moment(0.4))
    assert method.due(moment(0.5))
    assert method.prepare(moment(0.5)) == {}
    assert not method.due(moment(0.6))
    ours, adversarial = generator_turn(method, moment(0.6))
    assert torch.equal(ours.value, adversarial.value)
    assert set(ours.scalars) == {"loss"}


@pytest.mark.parametrize(("until", "falls"), [(0.5, True), (2.0, True), (None, False)])
def test_only_a_weight_that_falls_went_by_the_length_of_the_training(until, falls):
    method = make(weight=2.0, until=until)
    assert method.scheduled(0.0) is None
    assert (method.scheduled(0.25) is not None) == falls


def test_the_next_example_is_of_the_batch_of_this_step():
    """Other batches hold what is far away: a term of theirs would be as large."""
    method = make(weight=1.0, until=None, interpolation=1.0)
    here = moment()
    there = replace(here, upcoming=lambda ahead: Batch(DATA + 1e3 * (ahead != 0), torch.arange(B)))
    ours, theirs = (generator_turn(method, at)[0].scalars["interpolated"] for at in (here, there))
    torch.testing.assert_close(ours, theirs)


def test_both_terms_and_a_constant_weight_are_options_of_recipes():
    known = load_recipe("stacked-digits/imle-gan").to_dict()["objective"]
    assert (known["interpolation"], known["perturbation"]) == (0.0, 0.0)
    changed = {"objective.interpolation": 0.4, "objective.perturbation": 0.1, "objective.until": None}
    assert load_recipe("stacked-digits/imle-gan", changed).to_dict()["objective"]["until"] is None


@pytest.mark.parametrize(
    "wrong", [{"weight": 0.0}, {"until": 0.0}, {"interpolation": -0.1}, {"perturbation": 1.1}, {"perturbation": -0.1}]
)
def test_settings_that_make_no_sense_are_named(wrong):
    with pytest.raises(UserError, match=rf"objective\.{next(iter(wrong))}"):
        make(**wrong)


def test_samples_between_two_examples_are_not_asked_of_a_generator_that_makes_them_of_one() -> None:
    class Told(Linear):
        name = "told"
        conditioned = "labels"

    parts = {"discriminator": Score(), "loss": NonSaturating(), "distance": Pixels(), "matching": Nearest(pool=4)}
    with pytest.raises(UserError, match=r"'objective.interpolation' .* under its labels: set it to 0"):
        ImleGan(Told(), Gaussian(3), interpolation=0.4, **parts)
