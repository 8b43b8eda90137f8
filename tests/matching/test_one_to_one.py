"""One-to-one matching against the definition."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from allmodes.core.errors import UserError
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.matching.one_to_one import OneToOne


def draw(block: int, size: int) -> torch.Tensor:
    return torch.randn(size, 4, generator=stream(1, "pool", block))


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 99))
def test_no_other_permutation_is_shorter(n: int, seed: int) -> None:
    examples = torch.randn(n, 4, generator=stream(seed, "examples"))
    found = OneToOne().match(examples, draw, embed=lambda z: z, workers=Alone())
    z = draw(0, n)
    squares = torch.cdist(examples, z).square()
    best = min(float(sum(squares[i, j] for i, j in enumerate(order))) for order in permutations(range(n)))
    assert float(found.distances.square().sum()) == pytest.approx(best, rel=1e-4)
    torch.testing.assert_close(found.distances, (examples - found.latents).norm(dim=1))
    assert sorted(map(tuple, found.latents.tolist())) == sorted(map(tuple, z.tolist()))


def test_groups_and_parts_are_assigned_apart() -> None:
    examples = torch.randn(43, 2, generator=stream(3, "examples"))
    part = torch.tensor([0, 1, 1, 0]).repeat(11)[:43]
    part[40:] = 0  # 23 and 20
    found = OneToOne(group=10).match(examples, draw, embed=lambda z: z, workers=Alone(), part=part)
    drawn = torch.cat([draw(0, 10), draw(1, 10), draw(2, 3)])
    for number, count in enumerate((23, 20)):
        served, here = found.latents[part == number], examples[part == number]
        assert sorted(map(tuple, served.tolist())) == sorted(map(tuple, drawn[:count].tolist()))
        gaps = (here - served[:, 2 * number : 2 * number + 2]).norm(dim=1)
        torch.testing.assert_close(found.distances[part == number], gaps)


def test_counts_are_checked() -> None:
    with pytest.raises(UserError, match="group"):
        OneToOne(group=0)
    with pytest.raises(UserError, match="project"):
        OneToOne(project=0)
