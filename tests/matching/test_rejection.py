"""Rejection against brute force, and against the match of IMLE at epsilon 0."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import source

from allmodes.core.errors import UserError
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.matching import Nearest, Rejection
from allmodes.matching.candidates import Sought
from allmodes.matching.rejection import apart


def draw(block: int, size: int) -> torch.Tensor:
    return torch.randn(size, 3, generator=stream(1, "pool", block))


def pool_of(pool: int, block: int) -> torch.Tensor:
    sizes = [min(block, pool - start) for start in range(0, pool, block)]
    return torch.cat([draw(number, size) for number, size in enumerate(sizes)])


def measured(matcher: Rejection, data: torch.Tensor) -> Rejection:
    matcher.measure([data], again=False)
    return matcher


@settings(max_examples=30, deadline=None)
@given(
    pool=st.integers(1, 60),
    block=st.integers(1, 25),
    n=st.integers(1, 8),
    epsilon=st.sampled_from([0.0, 0.3, 0.8, 1.5]),
    seed=st.integers(0, 99),
    search=st.sampled_from(["exact", "dci"]),
)
def test_the_nearest_of_those_that_are_close_to_no_example(pool, block, n, epsilon, seed, search):
    examples = torch.randn(n, 3, generator=stream(seed, "examples"))
    matcher = Rejection(epsilon=epsilon, relative=False, pool=pool, block=block, search=search)
    found = matcher.match(Sought.of(examples), source(draw), workers=Alone())
    candidates = pool_of(pool, block)
    distances = torch.cdist(examples, candidates, compute_mode="donot_use_mm_for_euclid_dist")
    left = distances.min(dim=0).values >= epsilon
    if left.any():
        distances[:, ~left] = torch.inf
    best, winner = distances.min(dim=1)
    torch.testing.assert_close(found.distances, best, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.latents, candidates[winner])


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 12), seed=st.integers(0, 99))
def test_epsilon_0_is_imle(n, seed):
    examples = torch.randn(n, 3, generator=stream(seed, "examples"))
    ours = measured(Rejection(epsilon=0.0, pool=50, block=20), examples).match(
        Sought.of(examples), source(draw, torch.tanh), workers=Alone()
    )
    imle = Nearest(pool=50, block=20).match(Sought.of(examples), source(draw, torch.tanh), workers=Alone())
    assert torch.equal(ours.latents, imle.latents)
    assert torch.equal(ours.distances, imle.distances)


def test_matched_latents_keep_the_law_of_the_prior():
    """Where the generator already serves an example, IMLE trains on few latents again and again; rejection does not."""
    examples = torch.tensor([[0.0], [3.0]])

    def one(block: int, size: int) -> torch.Tensor:
        return torch.randn(size, 1, generator=stream(2, "pool", block))

    imle = Nearest(pool=500, block=500).match(Sought.of(examples), source(one), workers=Alone())
    ours = Rejection(epsilon=0.5, relative=False, pool=500, block=500).match(
        Sought.of(examples), source(one), workers=Alone()
    )
    assert imle.latents[0].abs() < 0.02  # the mode of the prior, whose sample needs no training
    assert ours.latents[0].abs() >= 0.5
    assert ours.distances.min() >= 0.5


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 12), seed=st.integers(0, 99), scale=st.sampled_from([0.01, 1.0, 100.0]))
def test_a_relative_epsilon_is_in_units_of_the_distance_between_examples(n, seed, scale):
    examples = scale * torch.randn(n, 3, generator=stream(seed, "examples"))
    between = torch.cdist(examples, examples, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    sought, pool = Sought.of(examples), source(draw, lambda z: scale * z)
    radius = 0.8 * float(between.min(dim=1).values.median())
    ours = measured(Rejection(epsilon=0.8, pool=50, block=20), examples).match(sought, pool, workers=Alone())
    same = Rejection(epsilon=radius, relative=False, pool=50, block=20).match(sought, pool, workers=Alone())
    assert torch.equal(ours.latents, same.latents)


def test_a_single_example_has_no_other_to_measure_by():
    ours = measured(Rejection(epsilon=0.8, pool=50), torch.zeros(1, 3)).match(
        Sought.of(torch.zeros(1, 3)), source(draw), workers=Alone()
    )
    imle = Nearest(pool=50).match(Sought.of(torch.zeros(1, 3)), source(draw), workers=Alone())
    assert torch.equal(ours.latents, imle.latents)


@pytest.mark.parametrize("block", [5, 7, 30])
def test_the_distance_between_examples_is_measured_in_blocks_and_of_many_by_the_first(block, monkeypatch):
    monkeypatch.setattr("allmodes.matching.rejection.ASKED", 10)
    data = torch.randn(30, 3, generator=stream(0, "data"))
    between = torch.cdist(data.double(), data.double()).fill_diagonal_(torch.inf).min(dim=1).values
    asked = next(rows for rows in range(block, 61, block) if rows >= 10)
    assert apart(torch.split(data, block)) == pytest.approx(float(between[:asked].median()), rel=1e-6)


def test_it_is_measured_once_unless_the_space_has_changed():
    matcher = measured(Rejection(epsilon=2.0), torch.tensor([[0.0], [1.0], [2.0]]))
    assert matcher.radius == 2.0
    matcher.measure([torch.tensor([[0.0], [3.0]])], again=False)
    assert matcher.radius == 2.0
    matcher.measure([torch.tensor([[0.0], [3.0]])], again=True)
    assert matcher.radius == 6.0
    after = Rejection(epsilon=2.0)
    after.load_state_dict(matcher.state_dict())
    assert after.radius == 6.0
    absolute = Rejection(epsilon=2.0, relative=False)
    absolute.measure([torch.tensor([[0.0], [9.0]])], again=True)
    assert absolute.radius == 2.0


def test_examples_that_keep_their_match_reject_candidates_too():
    """Example 0 is matched again, example 1 is not: what is close to 1 needs no training either."""
    data = torch.tensor([[0.0], [3.0]])
    pool = torch.tensor([[2.9], [-4.0]])
    matcher = Rejection(epsilon=0.5, relative=False, pool=2)
    found = matcher.match(Sought.of(data[:1]), source(lambda block, size: pool), workers=Alone(), data=Sought.of(data))
    assert found.latents.tolist() == [[-4.0]]


def test_a_relative_epsilon_cannot_be_used_unmeasured():
    with pytest.raises(RuntimeError, match="measure"):
        Rejection().match(Sought.of(torch.zeros(2, 3)), source(draw), workers=Alone())


def test_bad_settings_are_refused():
    with pytest.raises(UserError, match="matching.epsilon"):
        Rejection(epsilon=-0.1)
    with pytest.raises(UserError, match="matching.project"):
        Rejection(project=0)
