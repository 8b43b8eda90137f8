"""What the methods of the family claim, on problems whose answers are known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.distances.pixels import Pixels
from allmodes.matching import Nearest
from allmodes.networks.base import Generator
from allmodes.objectives.adaptive_imle import AdaptiveImle
from allmodes.objectives.glann import Glann
from allmodes.objectives.glo import Codes, Glo, in_ball
from allmodes.objectives.imle import Imle
from allmodes.priors.fitted_gaussian import FittedGaussian
from allmodes.priors.gaussian import Gaussian
from allmodes.priors.implicit import Implicit
from allmodes.training.recipe import load_recipe

POINTS = torch.tensor([[0.5, 0.2], [-0.4, 0.9], [1.5, -0.7], [0.0, -1.2]])


class Affine(Generator):
    """A linear map of latents to points of the plane."""

    def __init__(self, latent: int = 2) -> None:
        super().__init__()
        self.map = nn.Linear(latent, 2)
        with torch.no_grad():
            self.map.weight.copy_(0.5 * torch.eye(2, latent))
            self.map.bias.zero_()

    def make(self, z: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        return self.map(z)


def moment_of(data: torch.Tensor, *, progress: float = 0.0, step: int = 0) -> Moment:
    whole = Batch(data, torch.arange(len(data)))
    return Moment(step, progress, 0, len(data), torch.device("cpu"), Alone(), lambda ahead: whole)


@pytest.mark.parametrize("method", ["imle", "adaptive-imle"])
def test_a_large_pool_gives_the_distance_to_the_nearest_point_of_all_samples(method):
    """The samples of an affine map fill the plane: the matched distance goes to 0 as the pool grows, like 1 / m."""
    losses = []
    for pool in (30, 3_000, 300_000):
        parts = {"distance": Pixels(), "matching": Nearest(pool=pool, refresh=1, block=100_000)}
        made = {"imle": Imle, "adaptive-imle": AdaptiveImle}[method]
        extra = {"examples": len(POINTS)} if method == "adaptive-imle" else {}
        objective = made(Affine(), Gaussian(2), **parts, **extra)
        moment = moment_of(POINTS)
        objective.prepare(moment)
        (update,) = objective.updates(moment.upcoming(0), moment)
        losses.append(float(update.closure().value.detach()))
    assert losses[0] > 10 * losses[1] > 100 * losses[2]
    assert losses[2] < 1e-4


def test_the_matched_gradient_is_that_of_the_pulls():
    objective = Imle(Affine(), Gaussian(2), distance=Pixels(), matching=Nearest(pool=50, refresh=1))
    moment = moment_of(POINTS)
    objective.prepare(moment)
    (update,) = objective.updates(moment.upcoming(0), moment)
    update.closure().value.backward()
    with torch.no_grad():
        samples = objective.generator(objective.rounds.matched(moment).latents)
        pull = (2 * (samples - POINTS) / 2).mean(0)  # of the mean over two coordinates
    torch.testing.assert_close(objective.generator.map.bias.grad, pull)


def test_codes_get_the_gradient_of_the_joint_loss():
    glo = Glo(Affine(), FittedGaussian(2), distance=Pixels(), examples=4, seed=0)
    for update in glo.updates(Batch(POINTS, torch.arange(4)), moment_of(POINTS)):
        update.closure().value.backward()
    ours = glo.codes.free.grad.clone(), glo.generator.map.weight.grad.clone()
    glo.codes.zero_grad()
    glo.generator.zero_grad()
    samples = glo.generator(glo.codes(torch.arange(4)))
    (samples - POINTS).square().mean(1).mean().backward()
    torch.testing.assert_close(ours[0], glo.codes.free.grad)
    torch.testing.assert_close(ours[1], glo.generator.map.weight.grad)


def test_codes_stay_in_the_unit_ball():
    codes = in_ball(torch.tensor([[3.0, 4.0], [0.3, 0.4]]))
    torch.testing.assert_close(codes, torch.tensor([[0.6, 0.8], [0.3, 0.4]]))
    far = Codes(50, 8, seed=0)
    with torch.no_grad():
        far.free.mul_(3)  # where steps of descent may have brought them
    torch.testing.assert_close(far(torch.arange(50)), in_ball(far.free))
    assert (far(torch.arange(50)).norm(dim=1) <= 1 + 1e-6).all()


def test_codes_belong_to_examples_and_to_the_seed():
    codes, same, other = Codes(6, 3, seed=1), Codes(6, 3, seed=1), Codes(6, 3, seed=2)
    order = torch.tensor([4, 0, 5])
    assert torch.equal(codes(order), same(torch.arange(6))[order])
    assert (codes.free != other.free).all()


def test_glo_samples_have_the_moments_of_its_codes():
    prior = FittedGaussian(3)
    mixing = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.2, 0.0], [-0.3, 0.1, 0.05]])
    codes = torch.randn(5_000, 3, generator=stream(0, "codes")) @ mixing.T + torch.tensor([1.0, -2.0, 0.5])
    prior.fit(codes)
    drawn = prior.sample(50_000, stream(1, "drawn")).z
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), atol=0.02, rtol=0.02)
    torch.testing.assert_close(drawn.T.cov(), codes.T.cov(), atol=0.02, rtol=0.05)


def test_the_prior_of_glo_follows_the_codes():
    glo = Glo(Affine(), FittedGaussian(2), distance=Pixels(), examples=40, seed=0)
    assert [step for step in range(25) if glo.due(moment_of(POINTS, step=step))] == [0, 10, 20]
    with torch.no_grad():
        glo.codes.free.add_(torch.tensor([0.5, -0.5]))  # some now lie outside of the ball
    glo.prepare(moment_of(POINTS))
    codes = glo.codes(torch.arange(40)).detach()
    torch.testing.assert_close(glo.prior.mean, codes.mean(0))
    torch.testing.assert_close(glo.prior.factor @ glo.prior.factor.T, codes.T.cov(), rtol=1e-4, atol=1e-5)
    again = Glo(Affine(), FittedGaussian(2), distance=Pixels(), examples=40, seed=0)
    again.load_state_dict(glo.state_dict())
    assert torch.equal(again.prior.mean, glo.prior.mean)
    assert torch.equal(again.prior.factor, glo.prior.factor)


def test_the_options_of_adaptive_imle_are_those_of_its_thresholds():
    options = {"tighten": 0.125, "staleness": 3, "force": 7}
    parts = {"distance": Pixels(), "matching": Nearest(), "examples": 4}
    rounds = AdaptiveImle(Affine(), Gaussian(2), **parts, **options).rounds
    assert {name: getattr(rounds, name) for name in options} == options


def test_the_second_stage_of_glann_recovers_planted_codes():
    """Codes on a ring: the network from noise must come to draw the ring, all of it and nothing far from it."""
    torch.manual_seed(0)
    angle = torch.arange(64) * (2 * torch.pi / 64)
    ring = torch.stack([angle.cos(), angle.sin()], 1)
    matching = Nearest(pool=128, refresh=1, block=128)
    parts = {"distance": Pixels(), "matching": matching, "examples": 64, "seed": 0, "until": 0.5}
    glann = Glann(Affine(), Implicit(2, noise=4, width=64), **parts)
    with torch.no_grad():
        glann.codes.free.copy_(ring)
    optimizer = torch.optim.Adam(glann.prior.parameters(), 3e-3)
    assert not glann.due(moment_of(torch.zeros(64, 2), progress=0.49))
    for step in range(500):
        moment = moment_of(torch.zeros(64, 2), progress=0.5, step=step)
        assert glann.due(moment)
        glann.prepare(moment)
        (update,) = glann.updates(moment.upcoming(0), moment)
        assert update.player == "prior"
        optimizer.zero_grad()
        update.closure().value.backward()
        optimizer.step()
    assert glann.codes.free.grad is None  # codes are what is drawn to, and stay where they are
    drawn = glann.prior.sample(2_000, stream(2, "drawn")).z
    assert torch.cdist(ring, drawn).min(1).values.max() < 0.15  # every code has a latent near it
    assert (drawn.norm(dim=1) - 1).abs().median() < 0.15


@pytest.mark.parametrize(("method", "needed"), [("glo", "fitted-gaussian"), ("glann", "implicit")])
def test_methods_refuse_priors_that_they_cannot_use(method, needed):
    with pytest.raises(UserError, match=rf"'{method}' needs another prior than 'gaussian': {needed}"):
        load_recipe(f"few-shot/{method}", {"prior": "gaussian"})


def test_the_second_stage_of_glann_begins_within_the_training():
    with pytest.raises(UserError, match="until"):
        Glann(Affine(), Implicit(2), distance=Pixels(), matching=Nearest(), examples=4, seed=0, until=1.0)
