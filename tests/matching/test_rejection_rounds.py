"""Rejection in rounds: its radius belongs to all the data, whichever examples a round looks at or matches again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.data.fixed import endless_order
from allmodes.distances.pixels import Pixels
from allmodes.matching import Rejection, Rounds, Thresholds
from allmodes.priors.gaussian import Gaussian

N, BATCH, REFRESH, POOL, EPSILON = 40, 8, 5, 60, 0.9
DATA = torch.randn(N, 2, generator=stream(0, "data"))


def moment(step: int, refresh: int = REFRESH, examples: int | None = N) -> Moment:
    def upcoming(ahead: int) -> Batch:
        index = endless_order(N, (step + ahead) * BATCH, BATCH, 0)
        return Batch(DATA[index], index)

    return Moment(step, 0.0, 0, BATCH, torch.device("cpu"), Alone(), upcoming, examples)


def near(a: Tensor, b: Tensor) -> Tensor:
    """The distance of :class:`Pixels` in double precision, ``(n, m)``: a root mean square."""
    return torch.cdist(a.double(), b.double(), compute_mode="donot_use_mm_for_euclid_dist") / math.sqrt(2)


def median_distance(data: Tensor) -> float:
    return float(near(data, data).fill_diagonal_(torch.inf).min(dim=1).values.median())


def linear(scale: float) -> nn.Linear:
    generator = nn.Linear(2, 2)
    with torch.no_grad():
        generator.weight.copy_(scale * torch.eye(2))
        generator.bias.zero_()
    return generator


@dataclass
class Twin:
    """Adaptive IMLE with rejection, by its definition, in plain steps."""

    latents: Tensor = field(default_factory=lambda: torch.zeros(N, 2))
    thresholds: Tensor = field(default_factory=lambda: torch.full((N,), torch.inf, dtype=torch.float64))
    known: bool = False

    def renew(self, step: int, generator: nn.Linear) -> Tensor:
        """One round; returns which examples were due."""
        with torch.no_grad():
            reached = near(generator(self.latents), DATA).diagonal() if self.known else torch.full((N,), torch.inf)
            due = reached < self.thresholds if self.known else torch.ones(N, dtype=torch.bool)
            z = Gaussian(2).sample(POOL, stream(0, "pool", step, 0)).z
            distances = near(DATA, generator(z))
        left = distances.min(dim=0).values >= EPSILON * median_distance(DATA)
        assert left.any()
        distances[:, ~left] = torch.inf
        self.latents[due] = z[distances[due].argmin(dim=1)]
        self.thresholds[due] = 0.7 * reached[due].double()
        self.known = True
        return due


def test_adaptive_thresholds_with_rejection_against_their_definition() -> None:
    generator, twin = linear(1.0), Twin()
    matcher = Rejection(epsilon=EPSILON, pool=POOL, refresh=REFRESH)
    parts = {"examples": N, "tighten": 0.3, "staleness": 1, "force": None}
    rounds = Thresholds(matcher, Pixels(), generator=generator, prior=Gaussian(2), **parts)
    counts, radii = [], []
    for turn in range(8):
        rounds.renew(moment(turn * REFRESH))
        due = twin.renew(turn * REFRESH, generator)
        torch.testing.assert_close(rounds.assignment.latents, twin.latents)
        counts.append(int(due.sum()))
        radii.append(matcher.radius)
        with torch.no_grad():
            generator.weight.mul_(0.97)
            generator.bias.add_(0.02)
    assert any(0 < count < N / 2 for count in counts)  # rounds in which few of the examples are due
    assert radii == [pytest.approx(EPSILON * median_distance(DATA), rel=1e-6)] * 8


def test_rounds_that_see_a_part_of_the_data_reject_by_the_radius_of_all() -> None:
    matcher = Rejection(epsilon=EPSILON, pool=POOL, refresh=1)
    rounds = Rounds(matcher, Pixels(), generator=linear(1.0), prior=Gaussian(2))
    all_data = EPSILON * median_distance(DATA)
    for step in range(3):
        rounds.renew(moment(step, 1))
        assert matcher.radius == pytest.approx(all_data, rel=1e-6)
        part = EPSILON * median_distance(moment(step).upcoming(0).images)
        assert part > 1.3 * all_data  # what the round's own examples would give
    again = Rejection(epsilon=EPSILON, pool=POOL, refresh=1)
    Rounds(again, Pixels(), generator=linear(1.0), prior=Gaussian(2)).load_state_dict(rounds.state_dict())
    assert again.radius == matcher.radius


def test_of_data_composed_afresh_the_first_round_stands_for_all() -> None:
    matcher = Rejection(epsilon=EPSILON, pool=POOL, refresh=2)
    rounds = Rounds(matcher, Pixels(), generator=linear(1.0), prior=Gaussian(2))
    first = torch.cat([moment(0).upcoming(ahead).images for ahead in range(2)])
    for step in (0, 2):
        rounds.renew(moment(step, 2, None))
        assert matcher.radius == pytest.approx(EPSILON * median_distance(first), rel=1e-6)


class Zoom(Pixels):
    """Pixels through a lens that is turned before every round."""

    def __init__(self, *, steady: bool) -> None:
        super().__init__()
        self.lens = nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.lens.weight)
        self.still = steady

    @torch.no_grad()
    def update(self) -> None:
        self.lens.weight.mul_(2)

    @property
    def steady(self) -> bool:
        return self.still

    def moving(self) -> nn.Module:
        return self.lens if self.still else nn.Module()

    def embed(self, images: Tensor) -> Tensor:
        return super().embed(images) * self.lens.weight.detach()[0, 0]


@pytest.mark.parametrize("steady", [True, False])
def test_in_a_space_that_moves_it_is_measured_before_every_round(steady: bool) -> None:
    matcher = Rejection(epsilon=EPSILON, pool=POOL, refresh=REFRESH)
    rounds = Rounds(matcher, Zoom(steady=steady), generator=linear(1.0), prior=Gaussian(2))
    for turn in range(3):
        rounds.renew(moment(turn * REFRESH))
        assert matcher.radius == pytest.approx(2 ** (turn + 1) * EPSILON * median_distance(DATA), rel=1e-5)
        again = Rounds(matcher, Zoom(steady=steady), generator=linear(1.0), prior=Gaussian(2))
        again.load_state_dict(rounds.state_dict())
        saved = 2 ** (turn + 1) if steady else 1  # a space that moves within a round belongs to a player, who saves it
        assert again.distance.lens.weight.item() == saved
