"""One-to-one matching against the definition."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from sources import source

from allmodes.core.errors import UserError
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.matching.candidates import Sought
from allmodes.matching.one_to_one import OneToOne, assigned


def draw(block: int, size: int) -> torch.Tensor:
    return torch.randn(size, 4, generator=stream(1, "pool", block))


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 99))
def test_no_other_permutation_is_shorter(n: int, seed: int) -> None:
    examples = torch.randn(n, 4, generator=stream(seed, "examples"))
    found = OneToOne().match(Sought.of(examples), source(draw), workers=Alone())
    z = draw(0, n)
    squares = torch.cdist(examples, z).square()
    best = min(float(sum(squares[i, j] for i, j in enumerate(order))) for order in permutations(range(n)))
    assert float(found.distances.square().sum()) == pytest.approx(best, rel=1e-4)
    torch.testing.assert_close(found.distances, (examples - found.latents).norm(dim=1))
    assert sorted(map(tuple, found.latents.tolist())) == sorted(map(tuple, z.tolist()))


def clusters(shares: list[float], size: int, name: str) -> torch.Tensor:
    """Points ``(size, 8)`` around ten centres that are far from each other."""
    centres = 6 * torch.randn(10, 8, generator=stream(0, "centres"))
    where = torch.multinomial(torch.tensor(shares), size, replacement=True, generator=stream(0, "where", name))
    return centres[where] + torch.randn(size, 8, generator=stream(0, "around", name))


EVEN, UNEVEN = [0.1] * 10, [0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.0, 0.0]
CANDIDATES = {
    "as the data": (clusters(EVEN, 900, "candidates"), 1.001),
    "nearly one and the same": (0.01 * torch.randn(900, 8, generator=stream(0, "candidates")), 1.01),
    "two clusters dropped, others too full": (clusters(UNEVEN, 700, "candidates"), 1.05),
}


@pytest.mark.parametrize("kind", CANDIDATES)
def test_weighing_some_pairs_alone_costs_hardly_more(kind: str) -> None:
    examples, (candidates, most) = clusters(EVEN, 700, "examples"), CANDIDATES[kind]
    squares = torch.cdist(examples, candidates).square()
    least = squares[linear_sum_assignment(squares.numpy())].mean()
    found = assigned(examples, candidates)
    assert len(found.unique()) == len(examples)
    assert least * (1 - 1e-4) <= squares[torch.arange(700), found].mean() <= most * least


def test_examples_that_come_again_and_again_are_assigned_exactly() -> None:
    examples = torch.randn(30, 8, generator=stream(0, "examples"))[torch.arange(400) % 30]
    candidates = torch.randn(400, 8, generator=stream(0, "candidates"))
    squares = torch.cdist(examples, candidates).square()
    rows, least = linear_sum_assignment(squares.numpy())
    found = assigned(examples, candidates)
    torch.testing.assert_close(squares[rows, found].sum(), squares[rows, least].sum())


@pytest.mark.parametrize(("size", "most"), [(20, 1.0), (400, 1.01)])
def test_of_a_larger_pool_those_that_fit_worst_serve_none(size: int, most: float) -> None:
    examples = torch.randn(size, 4, generator=stream(0, "examples"))
    found = OneToOne(pool=3 * size).match(Sought.of(examples), source(draw), workers=Alone())
    squares = torch.cdist(examples, draw(0, 3 * size)).square()
    least = squares[linear_sum_assignment(squares.numpy())].sum()
    assert len(found.latents.unique(dim=0)) == size
    assert least * (1 - 1e-4) <= found.distances.square().sum() <= most * least * (1 + 1e-4)


def test_an_example_that_equals_its_candidate_takes_it() -> None:
    points = torch.randn(300, 4, generator=stream(0, "points"))
    order = torch.randperm(300, generator=stream(0, "order"))
    torch.testing.assert_close(order[assigned(points, points[order])], torch.arange(300))


def test_parts_are_assigned_apart() -> None:
    examples = torch.randn(43, 2, generator=stream(3, "examples"))
    part = torch.tensor([0, 1, 1, 0]).repeat(11)[:43]
    part[40:] = 0  # 23 and 20
    found = OneToOne().match(Sought.of(examples, part), source(draw), workers=Alone())
    drawn = draw(0, 23)
    for number in (0, 1):
        here, columns = examples[part == number], drawn[:, 2 * number : 2 * number + 2]
        squares = torch.cdist(here, columns).square()
        rows, best = linear_sum_assignment(squares.numpy())
        torch.testing.assert_close(found.latents[part == number], drawn[best])
        torch.testing.assert_close(found.distances[part == number].square(), squares[rows, best])


@pytest.mark.parametrize("size", [2, 3])
def test_processes_share_the_candidates_and_agree(size: int) -> None:
    examples = torch.randn(43, 4, generator=stream(3, "examples"))
    alone = OneToOne().match(Sought.of(examples), source(draw), workers=Alone())
    shares: list[torch.Tensor] = []

    class Recorder(Alone):
        def __init__(self, rank: int, answer: torch.Tensor | None) -> None:
            self.rank, self.size, self.answer = rank, size, answer

        def gather(self, tensor: torch.Tensor) -> torch.Tensor:
            shares.append(tensor)
            return torch.stack([tensor] * size) if self.answer is None else self.answer

    for rank in range(size):
        OneToOne().match(Sought.of(examples), source(draw), workers=Recorder(rank, None))
    for rank in range(size):
        found = OneToOne().match(Sought.of(examples), source(draw), workers=Recorder(rank, torch.stack(shares[:size])))
        torch.testing.assert_close(found.latents, alone.latents)


def test_counts_are_checked() -> None:
    with pytest.raises(UserError, match="refresh"):
        OneToOne(refresh=0)
    with pytest.raises(UserError, match="turns"):
        OneToOne(turns=0)
    with pytest.raises(UserError, match="pool"):
        OneToOne(pool=0)
    with pytest.raises(UserError, match="block"):
        OneToOne(block=0)
    with pytest.raises(UserError, match="project"):
        OneToOne(project=0)
