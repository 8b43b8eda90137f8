"""Rounds of matching in parts: every example against the pool, by brute force."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.data.fixed import endless_order
from allmodes.distances.features import EmbeddingFeatures
from allmodes.matching import Matcher, Nearest, Rounds
from allmodes.matching.one_to_one import OneToOne
from allmodes.networks.features.embedding import Embedding
from allmodes.priors.gaussian import Gaussian

SHAPE = (3, 8, 8)
EXAMPLES = torch.rand(7, *SHAPE, generator=stream(0, "examples")) * 2 - 1
REFRESH = 5


class Linear(nn.Module):
    """A generator that works the same in training and in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 192, generator=stream(0, "weight")))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return (z @ self.weight).tanh().view(-1, *SHAPE)


def make(project: int | None = None, within: str = "part", matcher: Matcher | None = None) -> Rounds:
    distance = EmbeddingFeatures(maps=2, pixels=0.1)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the same network every time
        distance.attach(Embedding((1, 8, 8)))
    matcher = matcher or Nearest(pool=30, block=30, refresh=REFRESH, within=within, project=project)
    return Rounds(matcher, distance, generator=Linear(), prior=Gaussian(4))


def moment(step: int) -> Moment:
    def upcoming(ahead: int) -> Batch:
        index = endless_order(len(EXAMPLES), (step + ahead) * 3, 3, 0)
        return Batch(EXAMPLES[index], index)

    return Moment(step, 0.0, 0, 3, torch.device("cpu"), Alone(), upcoming)


def brute(rounds: Rounds, step: int, example: int, part: int) -> torch.Tensor:
    """The latent of the pool whose sample is nearest."""
    z = rounds.prior.sample(30, stream(0, "pool", step, 0)).z
    with torch.no_grad():
        gaps = rounds.distance.embed(rounds.generator(z)) - rounds.distance.embed(EXAMPLES[example : example + 1])
    return z[gaps.view(30, 3, -1)[:, part].pow(2).sum(1).argmin()]


def test_each_example_is_matched_in_a_part_that_changes_from_round_to_round() -> None:
    rounds, parts = make(), []
    for turn in range(4):
        rounds.renew(moment(turn * REFRESH))
        for step in range(turn * REFRESH, (turn + 1) * REFRESH):
            now = moment(step)
            matched, examples = rounds.matched(now), now.upcoming(0)
            for row, example in enumerate(examples.index.tolist()):
                nearest = brute(rounds, turn * REFRESH, example, int(matched.part[row]))
                torch.testing.assert_close(matched.latents[row], nearest)
        parts.append(int(matched.part[0] - examples.index[0]) % 3)
    assert parts == [0, 1, 2, 0]


@pytest.mark.parametrize("turns", [1, 2])
@pytest.mark.parametrize("within", ["whole", "part"])
def test_one_to_one_the_turns_of_an_example_have_latents_of_their_own(within: str, turns: int) -> None:
    """Each of so many turns takes a candidate, all are assigned together, and the turns come round."""
    rounds = make(matcher=OneToOne(refresh=REFRESH, turns=turns, block=4, within=within))
    rounds.renew(moment(0))
    index = torch.cat([moment(step).upcoming(0).index for step in range(REFRESH)])
    assert len(index) == 15
    latents = torch.cat([rounds.matched(moment(step)).latents for step in range(REFRESH)])
    part = index % 3 if within == "part" else torch.zeros_like(index)
    needed = {number: -(-int((index == number).sum()) // turns) for number in set(index.tolist())}
    wanted = by_hand(rounds, needed, part, index, parts=3 if within == "part" else 1)
    for number, count in needed.items():
        mine = latents[index == number]
        torch.testing.assert_close(mine[count:], mine[: len(mine) - count])  # they come round
        assert sorted(mine[:count].tolist()) == sorted(wanted[number])


def by_hand(
    rounds: Rounds, needed: dict[int, int], part: torch.Tensor, index: torch.Tensor, parts: int
) -> dict[int, list[list[float]]]:
    """The latents of each example by the exact assignment within each part, so many for each."""
    rows = torch.tensor([number for number, count in needed.items() for _ in range(count)])
    part_of = torch.tensor([int(part[index == number][0]) for number in rows])
    z = rounds.prior.sample(int(part_of.bincount().max()), stream(0, "pool", 0, 0)).z
    with torch.no_grad():
        samples, real = (rounds.distance.embed(x) for x in (rounds.generator(z), EXAMPLES[rows]))
    latents: dict[int, list[list[float]]] = {number: [] for number in needed}
    for number in range(parts):
        here = torch.nonzero(part_of == number).flatten()
        ours, theirs = (x.view(len(x), parts, -1)[:, number] for x in (real[here], samples))
        _, best = linear_sum_assignment(torch.cdist(ours, theirs).square().numpy())
        for row, column in zip(here.tolist(), best, strict=True):
            latents[int(rows[row])].append(z[column].tolist())
    return latents


def test_the_matched_distance_is_that_of_the_part() -> None:
    rounds = make()
    rounds.renew(moment(0))
    batch, matched = moment(0).upcoming(0), rounds.matched(moment(0))
    apart = rounds.distance.embed(rounds.generator(matched.latents)) - rounds.distance.embed(batch.images)
    squares = apart.view(3, 3, -1).pow(2).sum(2)[torch.arange(3), matched.part]
    torch.testing.assert_close(rounds.distance_to(batch, matched).mean(), squares.mean())
    torch.testing.assert_close(rounds.assignment.distances[rounds.place[:3]].pow(2), squares)


@pytest.mark.parametrize("within", ["whole", "part", "pair"])
def test_what_is_kept_for_the_steps_is_what_they_would_compute(within: str) -> None:
    rounds = make(within=within)
    rounds.renew(moment(REFRESH))
    now = moment(REFRESH + 2)
    batch, matched = now.upcoming(0), rounds.matched(now)
    anew = replace(matched, targets=None)
    torch.testing.assert_close(rounds.distance_to(batch, matched), rounds.distance_to(batch, anew))
    again = make(within=within)
    again.renew(moment(0))
    again.load_state_dict(rounds.state_dict())
    assert torch.equal(again.matched(now).targets, matched.targets)  # bit for bit, or a resumed run would differ


@pytest.mark.parametrize("start", [0, REFRESH])
def test_a_round_is_due_after_so_many_steps_and_no_sooner(start: int) -> None:
    rounds = make()
    assert rounds.due(moment(start))
    rounds.renew(moment(start))
    resumed = make()
    resumed.load_state_dict(rounds.state_dict())
    for each in (rounds, resumed):
        assert [each.due(moment(start + step)) for step in range(REFRESH + 2)] == [False] * REFRESH + [True] * 2
    rounds.end()
    assert rounds.due(moment(start + 1))


@pytest.mark.parametrize("within", ["whole", "part"])
def test_targets_after_a_checkpoint_are_the_embeddings_of_that_steps_examples(within: str) -> None:
    """The truth is each example's own embedding, at every step of a first and of a later round."""
    for start in (0, REFRESH):
        rounds = make(within=within)
        rounds.renew(moment(start))
        for step in range(start, start + REFRESH):
            resumed = make(within=within)
            resumed.load_state_dict(rounds.state_dict())
            matched = resumed.matched(moment(step))
            for i, image in enumerate(moment(step).upcoming(0).images[:, None]):
                part = None if matched.part is None else matched.part[i : i + 1]
                torch.testing.assert_close(matched.targets[i : i + 1], resumed._embed(image, part))


def test_what_would_not_fit_or_not_last_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = make()
    rounds.renew(moment(0))
    kept = rounds.coming.targets.nbytes
    monkeypatch.setattr("allmodes.matching.rounds.KEEP", kept - 1)
    rounds.renew(moment(REFRESH))
    assert rounds.matched(moment(REFRESH)).targets is None
    monkeypatch.setattr("allmodes.matching.rounds.KEEP", kept)
    rounds.renew(moment(2 * REFRESH))
    assert rounds.matched(moment(2 * REFRESH)).targets is not None
    monkeypatch.setattr(type(rounds.distance), "steady", False)
    rounds.renew(moment(3 * REFRESH))
    assert rounds.matched(moment(3 * REFRESH)).targets is None


def test_a_pair_is_a_part_and_the_next_one() -> None:
    rounds = make(within="pair")
    rounds.renew(moment(REFRESH))
    batch, matched = moment(REFRESH).upcoming(0), rounds.matched(moment(REFRESH))
    z = rounds.prior.sample(30, stream(0, "pool", REFRESH, 0)).z
    with torch.no_grad():
        candidates, examples = rounds.distance.embed(rounds.generator(z)), rounds.distance.embed(batch.images)
    for row, part in enumerate(matched.part.tolist()):
        squares = (candidates - examples[row]).view(30, 3, -1).pow(2).sum(2)
        of_pair = squares[:, part] + squares[:, (part + 1) % 3]
        torch.testing.assert_close(matched.latents[row], z[of_pair.argmin()])
        torch.testing.assert_close(rounds.assignment.distances[rounds.place[row]].pow(2), of_pair.min())
    found = rounds.assignment.distances[rounds.place[:3]].pow(2).mean()
    torch.testing.assert_close(rounds.distance_to(batch, matched).mean(), found)


def test_the_part_survives_a_checkpoint() -> None:
    first, second = make(), make()
    first.renew(moment(REFRESH))
    second.load_state_dict(first.state_dict())
    ours, theirs = first.matched(moment(REFRESH + 1)), second.matched(moment(REFRESH + 1))
    assert torch.equal(ours.part, theirs.part)
    assert torch.equal(ours.latents, theirs.latents)


def test_a_sketch_keeps_parts_apart() -> None:
    """Far fewer dimensions than a part has, but distances of parts and of pairs are still theirs, roughly."""
    for within in ("part", "pair"):
        whole, sketched = make(within=within), make(project=64, within=within)
        for rounds in (whole, sketched):
            rounds.renew(moment(0))
        torch.testing.assert_close(sketched.assignment.distances, whole.assignment.distances, rtol=0.4, atol=0)


def test_the_pool_is_drawn_by_the_seed_and_the_step() -> None:
    for seed, step in ((0, 0), (1, 0), (1, REFRESH)):
        rounds = make()
        rounds.renew(replace(moment(step), seed=seed))
        pool = rounds.prior.sample(30, stream(seed, "pool", step, 0)).z
        assert (rounds.assignment.latents[:, None] == pool).all(dim=2).any(dim=1).all()


def test_samples_that_are_not_finite_are_one_sentence() -> None:
    rounds = make()
    with torch.no_grad():
        rounds.generator.weight[0, 0] = torch.nan
    with pytest.raises(UserError, match="samples became NaN or infinite: lower optimizer.lr"):
        rounds.renew(moment(0))
