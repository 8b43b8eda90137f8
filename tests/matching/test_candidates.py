"""Examples of a kind choose among candidates that are made for that kind alone: against a search by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from test_nearest import Thread
from torch import Tensor, nn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch, Latents
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.data.fixed import endless_order
from allmodes.distances.pixels import Pixels
from allmodes.matching import Nearest, Rejection, Rounds, Thresholds
from allmodes.matching.candidates import Candidates, Kinds, Sought
from allmodes.matching.one_to_one import OneToOne
from allmodes.priors.base import Prior
from allmodes.priors.gaussian import Gaussian
from allmodes.priors.gaussian_mixture import GaussianMixture

N, POOL, REFRESH, B = 9, 8, 3, 3
EXAMPLES = torch.randn(N, 2, generator=stream(0, "examples"))
LABELS = torch.tensor([0, 2, 1, 1, 0, 2, 2, 0, 1])
INPUTS = torch.randn(N, 1, 2, 2, generator=stream(0, "inputs"))
WEIGHT = torch.randn(2, 2, generator=stream(0, "weight"))
SHIFT = torch.randn(3, 2, generator=stream(0, "shift"))


def embed(latents: Latents) -> Tensor:
    """Samples of latents, moved by their condition: a label, or an input."""
    given = latents.condition
    moved = 0 if given is None else SHIFT[given] if given.ndim == 1 else given.flatten(1)[:, :2]
    return torch.tanh(latents.z @ WEIGHT) + moved


def latents(block: int, size: int, labels: Tensor | None) -> Tensor:
    z = torch.randn(size, 2, generator=stream(1, "pool", block))
    return z if labels is None else z + 10 * labels[:, None]


KINDS = {
    "one pool": Kinds.among(N),
    "classes of the prior": Kinds.among(N, labels=LABELS),
    "labels": Kinds.among(N, condition=LABELS),
    "inputs": Kinds.among(N, condition=INPUTS),
    "both": Kinds.among(N, labels=LABELS, condition=INPUTS),
}


def pools(kinds: Kinds, block: int, pool: int = POOL) -> tuple[Latents, Tensor]:
    """All candidates, one after the other, and the kind that each is made for."""
    kind = torch.arange(int(kinds.of.max()) + 1).repeat_interleave(pool)
    drawn = []
    for number, some in enumerate(torch.split(kind, block)):
        z = latents(number, len(some), None if kinds.labels is None else kinds.labels[some])
        drawn.append(Latents(z, condition=None if kinds.condition is None else kinds.condition[some]))
    given = None if kinds.condition is None else torch.cat([each.condition for each in drawn])
    return Latents(torch.cat([each.z for each in drawn]), condition=given), kind


@pytest.mark.parametrize("search", ["exact", "dci"])
@pytest.mark.parametrize("block", [5, 8, 100])
@pytest.mark.parametrize("name", KINDS)
def test_each_example_takes_the_nearest_of_those_made_for_its_kind(name, block, search):
    kinds = KINDS[name]
    found = Nearest(pool=POOL, block=block, search=search).match(
        Sought.of(EXAMPLES, kind=kinds.of), Candidates(latents, embed, kinds), workers=Alone()
    )
    drawn, kind = pools(kinds, block)
    samples = embed(drawn)
    for i, example in enumerate(EXAMPLES):
        gaps = (samples - example).norm(dim=1)
        gaps[kind != kinds.of[i]] = torch.inf
        assert int((kind == kinds.of[i]).sum()) == POOL
        torch.testing.assert_close(found.latents[i], drawn.z[gaps.argmin()])
        torch.testing.assert_close(found.distances[i], gaps.min(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("epsilon", [0.4, 50.0])
@pytest.mark.parametrize("name", KINDS)
def test_a_candidate_is_rejected_that_is_close_to_an_example_of_its_kind(name, epsilon):
    """Where all of a kind are, its examples take the nearest of these."""
    kinds = KINDS[name]
    matcher = Rejection(epsilon=epsilon, relative=False, pool=POOL, block=100)
    found = matcher.match(Sought.of(EXAMPLES, kind=kinds.of), Candidates(latents, embed, kinds), workers=Alone())
    drawn, kind = pools(kinds, 100)
    gaps = torch.cdist(embed(drawn), EXAMPLES, compute_mode="donot_use_mm_for_euclid_dist")
    gaps[kind[:, None] != kinds.of] = torch.inf
    left = gaps.min(dim=1).values >= epsilon
    for i in range(N):
        own = gaps[:, i].clone()
        if bool(left[kind == kinds.of[i]].any()):
            own[~left] = torch.inf
        torch.testing.assert_close(found.latents[i], drawn.z[own.argmin()])


@pytest.mark.parametrize("name", ["one pool", "labels"])
def test_one_to_one_deals_out_those_of_a_kind_among_its_examples(name):
    kinds = KINDS[name]
    found = OneToOne().match(Sought.of(EXAMPLES, kind=kinds.of), Candidates(latents, embed, kinds), workers=Alone())
    counts = kinds.of.bincount()
    kind = torch.arange(len(counts)).repeat_interleave(counts)
    z = latents(0, N, None)
    samples = embed(Latents(z, condition=None if kinds.condition is None else kinds.condition[kind]))
    for number in range(len(counts)):
        rows, columns = (torch.nonzero(of == number).flatten() for of in (kinds.of, kind))
        gaps = torch.cdist(EXAMPLES[rows], samples[columns]).square()
        _, best = linear_sum_assignment(gaps.numpy())
        torch.testing.assert_close(found.latents[rows], z[columns[best]])


def test_two_workers_find_what_one_finds():
    kinds = KINDS["inputs"]
    matcher, sought, source = (
        Nearest(pool=POOL, block=5),
        Sought.of(EXAMPLES, kind=kinds.of),
        Candidates(latents, embed, kinds),
    )
    alone = matcher.match(sought, source, workers=Alone())
    table, barrier = {}, Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        workers = [Thread(rank, table, barrier) for rank in range(2)]
        for found in threads.map(lambda each: matcher.match(sought, source, workers=each), workers):
            assert torch.equal(found.latents, alone.latents)


def test_a_pool_is_never_held_as_a_whole():
    """Not even the numbers of its candidates: of so many, that would be 80 GB."""

    def stop(block: int, size: int, labels: Tensor | None) -> Tensor:
        if block == 2:
            raise StopIteration
        return latents(block, size, labels)

    kinds = KINDS["labels"]
    with pytest.raises(StopIteration):
        Nearest(pool=10**10, block=10).match(
            Sought.of(EXAMPLES, kind=kinds.of), Candidates(stop, embed, kinds), workers=Alone()
        )


def test_examples_with_equal_conditions_are_of_a_kind():
    twice = torch.cat([INPUTS[:4], INPUTS[:4]])
    of = Kinds.among(8, condition=twice).of
    assert torch.equal(of[:4], of[4:])
    assert len(of.unique()) == 4
    apart = Kinds.among(8, labels=torch.arange(8) // 4, condition=twice)
    assert len(apart.of.unique()) == 8
    assert torch.equal(apart.condition[apart.of], twice)
    assert torch.equal(apart.labels[apart.of], torch.arange(8) // 4)
    assert Kinds.among(8).of.tolist() == [0] * 8


class Made(nn.Module):
    """Samples as embedded above."""

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return embed(Latents(z, condition=condition))


def moment(step: int) -> Moment:
    def upcoming(ahead: int) -> Batch:
        index = endless_order(N, (step + ahead) * B, B, 0)
        return Batch(EXAMPLES[index], index, LABELS[index], INPUTS[index])

    return Moment(step, 0.0, 0, B, torch.device("cpu"), Alone(), upcoming, N)


def given(conditioned: str | None):
    return lambda batch: None if conditioned is None else getattr(batch, conditioned)


TIED = GaussianMixture(2, components=6, classes=3, spread=9.0, sigma=0.1)


@pytest.mark.parametrize("prior", [Gaussian(2), TIED], ids=["free", "tied"])
@pytest.mark.parametrize("conditioned", [None, "labels", "inputs"])
@pytest.mark.parametrize("adaptive", [False, True])
def test_a_round_serves_examples_by_latents_of_their_class_under_their_condition(prior: Prior, conditioned, adaptive):
    matcher = Nearest(pool=POOL, refresh=REFRESH, block=4)
    if adaptive:
        options = {"examples": N, "tighten": 0.02, "staleness": 1, "force": None}
        rounds: Rounds = Thresholds(
            matcher, Pixels(), generator=Made(), prior=prior, condition=given(conditioned), **options
        )
    else:
        rounds = Rounds(matcher, Pixels(), generator=Made(), prior=prior, condition=given(conditioned))
    rounds.renew(moment(0))
    labels = LABELS if prior.classes else None
    kinds = Kinds.among(N, labels, given(conditioned)(Batch(EXAMPLES, torch.arange(N), LABELS, INPUTS)))
    kind = torch.arange(int(kinds.of.max()) + 1).repeat_interleave(POOL)
    z = torch.cat(
        [
            prior.sample(len(some), stream(0, "pool", 0, number), None if labels is None else kinds.labels[some]).z
            for number, some in enumerate(torch.split(kind, 4))
        ]
    )
    for step in range(REFRESH):
        batch, matched = moment(step).upcoming(0), rounds.matched(moment(step))
        apart = []
        for row, i in enumerate(batch.index.tolist()):
            mine = z[kind == kinds.of[i]]
            condition = kinds.given(kinds.of[i].expand(POOL))
            gaps = (embed(Latents(mine, condition=condition)) - EXAMPLES[i]).norm(dim=1)
            torch.testing.assert_close(matched.latents[row], mine[gaps.argmin()])
            apart.append(gaps.min().square() / 2)  # the mean over two coordinates
        torch.testing.assert_close(rounds.distance_to(batch, matched).mean(), torch.stack(apart).mean())
        if prior.classes:
            component = torch.cdist(matched.latents, TIED.means).argmin(1)
            assert torch.equal(component % 3, batch.labels)


def test_a_second_round_measures_what_was_reached_under_the_condition_of_each_example():
    options = {"examples": N, "tighten": -torch.inf, "staleness": 99, "force": None}
    matcher = Nearest(pool=POOL, refresh=REFRESH, block=4)
    rounds = Thresholds(matcher, Pixels(), generator=Made(), prior=Gaussian(2), condition=given("inputs"), **options)
    rounds.renew(moment(0))
    before = rounds.assignment.distances.clone()
    rounds.renew(moment(REFRESH))
    torch.testing.assert_close(rounds.assignment.distances, before)  # nothing has moved, and none was matched again


def test_candidates_that_are_of_one_example_alone_are_not_dealt_out():
    rounds = Rounds(OneToOne(refresh=REFRESH), Pixels(), generator=Made(), prior=Gaussian(2), condition=given("inputs"))
    with pytest.raises(UserError, match="'one-to-one' deals candidates out .* take --matching nearest"):
        rounds.renew(moment(0))
