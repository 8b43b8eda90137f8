"""Adaptive thresholds: the published rule step by step, and its limit, which is IMLE."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.data.fixed import endless_order
from allmodes.distances.pixels import Pixels
from allmodes.matching import Nearest, Rounds, Thresholds
from allmodes.priors.gaussian import Gaussian

EXAMPLES = torch.tensor([[0.0, 0.0], [0.1, 0.0], [4.0, 0.0], [0.0, 4.0], [-4.0, 1.0]])


@dataclass
class Stage:
    """Rounds over five points, two a batch, with a generator that the test moves."""

    rounds: Rounds
    generator: nn.Linear

    def moment(self, step: int) -> Moment:
        def upcoming(ahead: int) -> Batch:
            index = endless_order(5, (step + ahead) * 2, 2, 0)
            return Batch(EXAMPLES[index], index)

        return Moment(step, 0.0, 0, 2, torch.device("cpu"), Alone(), upcoming)

    def distances(self) -> torch.Tensor:
        return (self.generator(self.rounds.assignment.latents) - EXAMPLES).norm(dim=1) / math.sqrt(2)


def stage(cls: type[Rounds] = Thresholds, refresh: int = 5, **options) -> Stage:
    generator = nn.Linear(3, 2)
    with torch.no_grad():
        generator.weight.copy_(torch.eye(2, 3))
        generator.bias.zero_()
    matcher = Nearest(pool=20, refresh=refresh)  # by default five steps of two: every example twice
    parts = {"generator": generator, "prior": Gaussian(3)}
    if cls is Thresholds:
        parts |= {"examples": 5, "tighten": 0.1, "staleness": 1, "force": None, **options}
    return Stage(cls(matcher, Pixels(), **parts), generator)


def test_examples_are_due_by_their_own_thresholds():
    ours = stage(staleness=2)
    ours.rounds.renew(ours.moment(0))
    assert torch.isinf(ours.rounds.thresholds).all()
    first = ours.rounds.assignment.latents.clone()
    assert ours.rounds.renew(ours.moment(5))["matching/rematched"] == 0  # too young
    assert torch.equal(ours.rounds.assignment.latents, first)
    reached = ours.distances()
    assert ours.rounds.renew(ours.moment(10))["matching/rematched"] == 5
    torch.testing.assert_close(ours.rounds.thresholds, 0.9 * reached)
    assert (ours.rounds.assignment.age == 0).all()

    with torch.no_grad():  # samples of 0 and 3 come near enough, those of the others stay
        z = ours.rounds.assignment.latents
        change = torch.linalg.lstsq(torch.cat([z, torch.ones(5, 1)], 1)[[0, 3]], EXAMPLES[[0, 3]]).solution
        ours.generator.weight.copy_(change[:3].T)
        ours.generator.bias.copy_(change[3])
    before, thresholds = ours.rounds.assignment.latents.clone(), ours.rounds.thresholds.clone()
    due = ours.distances() < thresholds
    assert due[[0, 3]].all()
    ours.rounds.renew(ours.moment(15))
    assert ours.rounds.renew(ours.moment(20))["matching/rematched"] == float(due.sum())
    moved = (ours.rounds.assignment.latents != before).any(dim=1)
    assert torch.equal(moved, due)
    assert (ours.rounds.thresholds[due] < thresholds[due]).all()
    assert torch.equal(ours.rounds.thresholds[~due], thresholds[~due])


def test_rounds_of_a_part_of_the_examples_leave_the_others_as_they_are():
    ours = stage(refresh=1)
    for step in range(8):  # two of five examples each
        before = ours.rounds.assignment.latents.clone()
        found = ours.rounds.renew(ours.moment(step))
        index = ours.moment(step).upcoming(0).index
        others = torch.ones(5, dtype=torch.bool).index_fill_(0, index, False)
        assert torch.equal(ours.rounds.assignment.latents[others], before[others])
        assert torch.equal(ours.rounds.matched(ours.moment(step)).latents, ours.rounds.assignment.latents[index])
        assert found["matching/distance"] == pytest.approx(float(ours.distances()[index].detach().mean()), rel=1e-5)


def test_examples_that_no_round_has_looked_at_have_no_latent_yet() -> None:
    ours = stage(refresh=1)
    assert ours.rounds.assigned() is None
    ours.rounds.renew(ours.moment(0))
    first = ours.moment(0).upcoming(0).index.sort().values
    torch.testing.assert_close(ours.rounds.assigned(), ours.rounds.assignment.latents[first])


def test_a_threshold_that_never_tightens_is_imle():
    adaptive, imle = stage(tighten=-math.inf), stage(Rounds)
    for step in (0, 5, 10):
        moments = adaptive.moment(step), imle.moment(step)
        adaptive.rounds.renew(moments[0])
        imle.rounds.renew(moments[1])
        for later in range(5):
            ours = adaptive.rounds.matched(adaptive.moment(step + later))
            theirs = imle.rounds.matched(imle.moment(step + later))
            assert torch.equal(ours.latents, theirs.latents)


def test_force_renews_what_is_stuck():
    ours = stage(tighten=0.999, force=3)
    ours.rounds.renew(ours.moment(0))
    rematched = [ours.rounds.renew(ours.moment(5 * turn))["matching/rematched"] for turn in range(1, 9)]
    # once without a threshold, then only by force: the generator does not move
    assert rematched == [5, 0, 0, 5, 0, 0, 5, 0]


def test_thresholds_survive_a_checkpoint():
    whole, first = stage(staleness=2), stage(staleness=2)
    for step in (0, 5, 10, 15):
        whole.rounds.renew(whole.moment(step))
        first.rounds.renew(first.moment(step))
    assert (first.rounds.assignment.age == 1).any()
    second = stage(staleness=2)
    second.rounds.load_state_dict({key: value.clone() for key, value in first.rounds.state_dict().items()})
    with torch.no_grad():
        for one in (whole, second):
            one.generator.bias += 0.3
    assert torch.equal(second.rounds.assignment.age, whole.rounds.assignment.age)
    assert torch.equal(second.rounds.assignment.distances, whole.rounds.assignment.distances)
    assert whole.rounds.renew(whole.moment(20)) == second.rounds.renew(second.moment(20))
    assert torch.equal(whole.rounds.thresholds, second.rounds.thresholds)
    assert torch.equal(whole.rounds.assignment.latents, second.rounds.assignment.latents)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"tighten": 1.0}, "tighten"), ({"staleness": 0}, "staleness"), ({"staleness": 5, "force": 4}, "force")],
)
def test_bad_settings_are_refused(options, word):
    with pytest.raises(UserError, match=word):
        stage(**options)
