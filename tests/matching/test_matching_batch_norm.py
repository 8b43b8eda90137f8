"""Rounds of a generator with batch norm: matched by what is trained, and no candidate by its company."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from allmodes.core.moment import Moment
from allmodes.core.records import Batch, Latents
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.distances.pixels import Pixels
from allmodes.matching import Nearest, Rounds, Thresholds
from allmodes.networks.generators.dcgan import DCGAN
from allmodes.networks.norm import BatchNorm, settle
from allmodes.priors.gaussian import Gaussian

SHAPE, BATCH, POOL = (1, 8, 8), 64, 256
DATA = torch.rand(BATCH, *SHAPE, generator=stream(0, "data")) * 2 - 1


def moment(step: int = 0) -> Moment:
    whole = Batch(DATA, torch.arange(BATCH))
    return Moment(step, 0.0, 0, BATCH, torch.device("cpu"), Alone(), lambda ahead: whole, BATCH)


def make(cls: type[Rounds] = Rounds, block: int = POOL) -> Rounds:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = DCGAN(SHAPE, 8, width=16)
    extra = {"examples": BATCH, "tighten": -torch.inf, "staleness": 1, "force": None} if cls is Thresholds else {}
    matcher = Nearest(pool=POOL, block=block, refresh=1)
    return cls(matcher, Pixels(), generator=generator, prior=Gaussian(8), **extra)


@torch.no_grad()
def as_trained(rounds: Rounds, step: int) -> tuple[Tensor, Tensor]:
    """The latents of the pool, and how far their samples are from the data when the whole pool is one batch."""
    z = rounds.prior.sample(POOL, stream(0, "pool", step, 0)).z
    samples = copy.deepcopy(rounds.generator).train()(z)
    return z, torch.cdist(DATA.flatten(1), samples.flatten(1)) / 8


@pytest.mark.parametrize("cls", [Rounds, Thresholds])
def test_the_first_match_and_later_ones_are_those_of_training(cls: type[Rounds]) -> None:
    rounds = make(cls)
    for step in range(3):
        rounds.renew(moment(step))
        z, distances = as_trained(rounds, step)
        best = distances.min(dim=1)
        found = rounds.matched(moment(step)).latents
        agree = (found == z[best.indices]).all(dim=1)
        assert agree.float().mean() > 0.7
        torch.testing.assert_close(rounds.assignment.distances, best.values, rtol=0.03, atol=0)
        chosen = (found[:, None] == z).all(dim=2).float().argmax(dim=1)
        assert (distances.gather(1, chosen[:, None])[:, 0] < 1.02 * best.values).all()
        with torch.no_grad():  # a step of training, whose batches batch norm has not seen
            for parameter in rounds.generator.parameters():
                parameter.add_(
                    0.5
                    * parameter.square().mean().sqrt()
                    * torch.randn(parameter.shape, generator=stream(step, "step"))
                )


@pytest.mark.parametrize("cls", [Rounds, Thresholds])
def test_distances_are_those_of_evaluation_mode(cls: type[Rounds]) -> None:
    """Of new matches and of those that are kept: a sample does not depend on which others are measured with it."""
    rounds = make(cls)
    if cls is Thresholds:
        rounds.tighten = 0.9  # the first two rounds match, the third keeps what it has
    for step in range(3):
        found = rounds.renew(moment(step))
        with torch.no_grad():
            samples = copy.deepcopy(rounds.generator).eval()(rounds.assignment.latents)
        torch.testing.assert_close(rounds.assignment.distances, (samples - DATA).flatten(1).norm(dim=1) / 8)
        assert found["matching/distance"] == pytest.approx(float(rounds.assignment.distances.mean()))
    assert cls is Rounds or found["matching/rematched"] == 0


def test_a_match_does_not_depend_on_which_candidates_share_a_block() -> None:
    ours, apart = make(), make(block=7)
    for rounds in (ours, apart):
        rounds.prior = Drawn()
        rounds.renew(moment())
    torch.testing.assert_close(ours.assignment.latents, apart.assignment.latents)
    torch.testing.assert_close(ours.assignment.distances, apart.assignment.distances)


class Drawn(Gaussian):
    """Blocks of any size that are together the same pool."""

    def __init__(self) -> None:
        super().__init__(8)
        self.given = 0

    def sample(self, n: int, rng: torch.Generator, labels: Tensor | None = None):
        found = super().sample(n, rng)
        if n == BATCH:  # for the statistics
            return found
        pool = super().sample(POOL, stream(1, "pool")).z
        self.given += n
        return type(found)(pool[self.given - n : self.given])


def test_matching_leaves_the_generator_in_the_mode_and_with_the_weights_that_it_had() -> None:
    for training in (True, False):
        rounds = make()
        rounds.generator.train(training)
        before = {name: value.clone() for name, value in rounds.generator.named_parameters()}
        rounds.renew(moment())
        assert all(module.training == training for module in rounds.generator.modules())
        assert all(torch.equal(value, before[name]) for name, value in rounds.generator.named_parameters())


def test_settled_statistics_are_the_means_over_the_batches() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), BatchNorm(4), nn.Dropout(0.5), nn.BatchNorm1d(4, momentum=0.3)).train()
    batches = [torch.randn(20, 3) + shift for shift in range(3)]
    settle(network, [Latents(batch) for batch in batches])
    with torch.no_grad():
        seen = [network[0](batch) for batch in batches]
        mean = torch.stack([each.mean(0) for each in seen]).mean(0)
        variance = torch.stack([each.var(0) for each in seen]).mean(0)
        second = [(each - each.mean(0)) / (each.var(0, unbiased=False) + 1e-5).sqrt() for each in seen]
    torch.testing.assert_close(network[1].running_mean, mean)
    torch.testing.assert_close(network[1].running_var, variance)
    spread = torch.stack([each.var(0) for each in second]).mean(0)  # dropout drops nothing here
    torch.testing.assert_close(network[3].running_var, spread)
    assert (network[1].momentum, network[3].momentum) == (0.1, 0.3)
    assert all(module.training for module in network.modules())


def test_nothing_is_drawn_for_a_network_without_batch_norm() -> None:
    settle(nn.Linear(2, 2), _refuse())


def _refuse():
    raise AssertionError("asked for a batch")
    yield
