"""StyleGAN2's terms against closed forms: path lengths, R1, mixed styles, the controller, corrected optimizers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.networks.base import Discriminator, Judgement
from allmodes.networks.discriminators.stylegan2 import StyleGan2 as Judge
from allmodes.networks.generators.stylegan2 import StyleGan2 as Drawer
from allmodes.networks.styled import Styled
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.objectives.stylegan2 import StyleGan2
from allmodes.objectives.terms import AdaptiveTerm, Adversary, MixedStep, PathLengthTerm, RealPenaltyTerm, Step
from allmodes.objectives.terms.base import Seen
from allmodes.objectives.terms.styled import path_lengths
from allmodes.objectives.unrolled_gan import UnrolledGan
from allmodes.priors.gaussian import Gaussian
from allmodes.training.optimizers import make_optimizers
from allmodes.training.settings import Optimizer, Player

SHAPE, B, LAYERS = (1, 4, 4), 8, 3


class Linear(Styled):
    """Styles are latents; an image is the sum over layers of a matrix times the layer's style."""

    name = "linear"
    count = LAYERS

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.matrices = nn.Parameter(torch.randn(LAYERS, 16, 5, generator=torch.Generator().manual_seed(0)))

    def mapped(self, z: Tensor) -> Tensor:
        return self.gain * z

    def drawn(self, styles: Tensor, z: Tensor) -> Tensor:
        return torch.einsum("lpw,nlw->np", self.matrices, styles).view(-1, *SHAPE)


class Told(Linear):
    """Draws the styles themselves, in the first pixels."""

    name = "told"

    def drawn(self, styles: Tensor, z: Tensor) -> Tensor:
        return styles


class Plain(Discriminator):
    """A linear score."""

    name = "plain"

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(16, 1)

    def features(self, images: Tensor) -> Tensor:
        return images.flatten(1)


@dataclass
class OneOf(Alone):
    """One of several processes, whose figures are all alike."""

    rank: int
    size: int

    def gather(self, tensor: Tensor) -> Tensor:
        return tensor[None].expand(self.size, *tensor.shape)


def moment(step: int = 0, workers: Alone | None = None, size: int = B) -> Moment:
    batch = Batch(torch.randn(size, *SHAPE, generator=torch.Generator().manual_seed(1)), torch.arange(size))
    return Moment(step, 0.0, 0, size, torch.device("cpu"), workers or Alone(), lambda ahead: batch)


def step_of(generator: Styled, at: Moment, share: float | None = None) -> Step:
    batch = at.upcoming(0).share(at.workers.rank, at.workers.size)
    rng = torch.Generator().manual_seed(2)
    z = SimpleNamespace(z=torch.randn(at.batch_size, 5, generator=rng)[at.workers.rank :: at.workers.size])
    kind = Step if share is None else MixedStep
    found = kind(batch, at, generator=generator, prior=Gaussian(dim=5), latents=lambda *_: z)
    if share is not None:
        found.mixing = share
    return found


class TestPathLengths:
    def test_of_a_linear_generator_are_those_of_its_matrices(self):
        generator, y = Linear(), torch.randn(B, *SHAPE, generator=torch.Generator().manual_seed(3))
        lengths = path_lengths(generator, torch.zeros(B, 5), y)
        gradients = torch.einsum("lpw,np->nlw", generator.matrices.double(), y.flatten(1).double()) / 4  # r of 4
        torch.testing.assert_close(lengths.double(), gradients.square().sum(2).mean(1).sqrt())

    def test_descend_their_distance_from_a_moving_average(self):
        generator = Linear()
        term, average = PathLengthTerm(generator, Gaussian(dim=5), weight=2.0, every=4), 0.0
        for number in range(3):
            at = moment(number)
            y = torch.randn(B, *SHAPE, generator=at.rng("path directions"))
            lengths = path_lengths(generator, torch.zeros(B, 5), y).detach()  # the same for all latents
            average = 0.99 * average + 0.01 * float(lengths.mean())
            loss = term.loss(step_of(generator, at))
            value = float(loss.value.detach())
            assert value == pytest.approx(2 * 4 * float((lengths - average).square().mean()), rel=1e-5)
            assert float(term.state_dict()["average"]) == pytest.approx(average, rel=1e-5)
        loss.value.backward()
        assert float(generator.matrices.grad.abs().max()) > 0

    def test_the_average_is_kept(self):
        terms = [PathLengthTerm(Linear(), Gaussian(dim=5), weight=2.0, every=4) for _ in range(2)]
        terms[0].loss(step_of(terms[0].generator, moment()))
        terms[1].load_state_dict(terms[0].state_dict())
        values = [float(term.loss(step_of(term.generator, moment(1))).value.detach()) for term in terms]
        assert values[0] == values[1]

    def test_processes_share_latents_and_directions(self):
        shares = []
        for rank in range(2):
            generator = Linear()
            term = PathLengthTerm(generator, Gaussian(dim=5), weight=1.0, every=1)
            shares.append(term.loss(step_of(generator, moment(workers=OneOf(rank, 2)))).scalars["path_length"])
        term = PathLengthTerm(Linear(), Gaussian(dim=5), weight=1.0, every=1)
        whole = term.loss(step_of(term.generator, moment())).scalars["path_length"]
        assert float(sum(shares) / 2) == pytest.approx(float(whole), rel=1e-5)
        assert float(shares[0]) != float(shares[1])


class TestMixing:
    def test_gives_a_share_of_samples_the_styles_of_a_second_latent_from_a_layer_on(self):
        at, n = moment(size=4000), 4000
        first = step_of(Told(), at).samples
        mixed = step_of(Told(), at, 0.7).samples
        other = (mixed != first).any(2)
        assert not bool(other[:, 0].any())  # the first layer is always of the first latent
        assert bool((other[:, 1] <= other[:, 2]).all())  # and all after the second's first are the second's
        begins = other.sum(1).bincount(minlength=3).tolist()  # none, the last, the last two
        for count, chance in zip(begins, (0.3, 0.35, 0.35), strict=True):
            assert abs(count - n * chance) < 4 * (n * chance * (1 - chance)) ** 0.5
        assert torch.equal(mixed[:, 1][other[:, 1]], mixed[:, 2][other[:, 1]])  # one and the same second latent

    def test_of_none_is_the_sample_itself(self):
        assert torch.equal(step_of(Linear(), moment(), 0.0).samples, step_of(Linear(), moment()).samples)

    def test_processes_mix_the_same(self):
        whole = step_of(Told(), moment(), 0.7).samples
        for rank in range(2):
            assert torch.equal(step_of(Told(), moment(workers=OneOf(rank, 2)), 0.7).samples, whole[rank::2])


def adversary(gamma: float = 0.5, every: int = 16) -> Adversary:
    torch.manual_seed(0)
    return Adversary(Plain(), NonSaturating(gamma=gamma, every=every))


class TestRealPenalty:
    def test_of_a_linear_score_is_half_of_gamma_times_its_squared_weights(self):
        against = adversary()
        loss = RealPenaltyTerm(against).loss(step_of(Linear(), moment()))
        squared = float(against.discriminator.score.weight.detach().double().square().sum())
        assert float(loss.value) == pytest.approx(16 * 0.5 / 2 * squared)

    def test_is_descended_in_turns_of_its_own_that_the_optimizer_is_corrected_for(self):
        torch.manual_seed(0)
        method = StyleGan2(
            Drawer((1, 8, 8), 4, width=2),
            Gaussian(dim=4),
            discriminator=Judge((1, 8, 8), width=2),
            loss=NonSaturating(gamma=1.0, every=16, where="real"),
        )
        at = replace(moment(), upcoming=lambda _: None)
        turns = [(update.player, update.lazy) for update in method.updates(None, at)]
        expected = [("discriminator", 0), ("discriminator", 16), ("generator", 0), ("generator", 8)]
        assert turns == expected
        config = Optimizer(lr=0.0025, beta1=0.5, beta2=0.99, players={"generator": Player(beta1=0.0)})
        made = make_optimizers(method.players(), config, {"discriminator": {16}, "generator": {8}})
        groups = {name: adam.param_groups[0] for name, adam in made.items()}
        assert groups["discriminator"]["lr"] == pytest.approx(0.0025 * 16 / 17)
        assert groups["discriminator"]["betas"] == pytest.approx((0.5 ** (16 / 17), 0.99 ** (16 / 17)))
        assert groups["generator"]["lr"] == groups["generator"]["full_lr"] == pytest.approx(0.0025 * 8 / 9)
        assert groups["generator"]["betas"] == pytest.approx((0.0, 0.99 ** (8 / 9)))

    def test_what_is_left_out_has_no_turn(self):
        parts = Drawer((1, 8, 8), 4, width=2), Gaussian(dim=4)
        method = StyleGan2(*parts, discriminator=Judge((1, 8, 8), width=2), loss=NonSaturating(), path=0.0)
        at = replace(moment(), upcoming=lambda _: None)
        assert [update.lazy for update in method.updates(None, at)] == [0, 0]


def seen(signs: list[float]) -> Step:
    """A discriminator's turn in which real images got these scores, and samples none above 0."""
    step = step_of(Linear(), moment(size=len(signs)))
    scores = torch.cat([torch.tensor(signs), -torch.ones(len(signs))])
    step.seen = Seen(step.batch.images, step.batch.images, Judgement(scores))
    return step


class TestController:
    def turns(self, term: AdaptiveTerm, *rounds: list[float]) -> None:
        for number, signs in enumerate(rounds):
            step = seen(signs)
            step.moment = replace(step.moment, step=number)
            assert float(term.loss(step).value) == 0

    def test_moves_by_the_images_of_four_steps_up_where_scores_are_too_sure(self):
        against = adversary()
        term = AdaptiveTerm(against, target=0.6, speed=1000)
        self.turns(term, *[[1.0] * 10] * 3)
        assert float(term.strength) == 0
        assert against.policies == ()
        term = AdaptiveTerm(against, target=0.6, speed=1000)
        self.turns(term, *[[1.0] * 10] * 8)
        assert float(term.strength) == pytest.approx(2 * 40 / 1000)
        assert len(against.policies) == 1

    def test_moves_down_where_they_are_not_but_not_below_none(self):
        against = adversary()
        term = AdaptiveTerm(against, target=0.6, speed=400)
        sure, unsure = [2.0] * 9 + [-3.0], [0.1] * 7 + [-3.0] * 3  # mean signs 0.8 and 0.4
        self.turns(term, *[sure] * 8)
        assert float(term.strength) == pytest.approx(0.2)
        self.turns(term, *[unsure] * 4)
        assert float(term.strength) == pytest.approx(0.1)
        self.turns(term, *[unsure] * 8)
        assert float(term.strength) == 0
        assert against.policies == ()

    def test_is_kept_in_the_middle_of_four_steps(self):
        sure, unsure = [1.0] * 10, [-1.0] * 10
        first, second = (AdaptiveTerm(adversary(), target=0.0, speed=100) for _ in range(2))
        self.turns(first, sure, sure, sure, sure, sure, unsure)
        second.load_state_dict(first.state_dict())
        assert second.adversary.policies[0].apply.keywords == {"p": pytest.approx(0.4)}
        for term in (first, second):
            for number in (6, 7):
                step = seen(sure)
                step.moment = replace(step.moment, step=number)
                term.loss(step)
        assert float(first.strength) == float(second.strength) == pytest.approx(0.8)

    @pytest.mark.parametrize(("target", "speed"), [(1.5, 100), (0.6, 0)])
    def test_options_out_of_range_are_refused(self, target, speed):
        with pytest.raises(UserError, match=r"objective.target"):
            AdaptiveTerm(adversary(), target=target, speed=speed)


def test_a_judge_of_whole_batches_sees_real_images_and_samples_one_after_the_other():
    torch.manual_seed(0)
    judge = Judge((1, 4, 4), width=4)
    against, at = Adversary(judge, NonSaturating()), moment()
    real, fake = at.upcoming(0).images, 3 * torch.ones(B, *SHAPE)
    step = Step(at.upcoming(0), at, generator=None, prior=None, latents=None)
    both = against.judge(torch.cat([real, fake]), step, "discriminator", kinds=2).judgement.scores
    torch.testing.assert_close(both, torch.cat([judge(real).scores, judge(fake).scores]))
    assert not torch.allclose(both, judge(torch.cat([real, fake])).scores)


@pytest.mark.parametrize("options", [{"mixing": 1.1}, {"path": -1.0}, {"path_every": 0}])
def test_options_out_of_range_are_refused(options):
    parts = Drawer((1, 8, 8), 4, width=2), Gaussian(dim=4)
    with pytest.raises(UserError, match=r"objective\.mixing"):
        StyleGan2(*parts, discriminator=Judge((1, 8, 8), width=2), loss=NonSaturating(), **options)


def test_a_penalty_at_samples_is_refused():
    parts = Drawer((1, 8, 8), 4, width=2), Gaussian(dim=4)
    with pytest.raises(UserError, match=r"--loss\.where real"):
        StyleGan2(*parts, discriminator=Judge((1, 8, 8), width=2), loss=NonSaturating(gamma=1.0))


def test_a_judge_of_whole_batches_is_not_unrolled():
    parts = Drawer((1, 8, 8), 4, width=2), Gaussian(dim=4)
    with pytest.raises(UserError, match=r"--discriminator\.group 1"):
        UnrolledGan(*parts, discriminator=Judge((1, 8, 8), width=2), loss=NonSaturating())
