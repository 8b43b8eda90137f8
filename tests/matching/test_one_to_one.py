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
    examples = torch.randn(50, 4, generator=stream(3, "examples"))
    found = OneToOne(group=10).match(examples, draw, embed=lambda z: z, workers=Alone(), parts=2)
    drawn = torch.cat([draw(0, 10), draw(1, 10), draw(2, 5)])
    for part in range(2):
        served = found.latents[part::2]
        assert sorted(map(tuple, served.tolist())) == sorted(map(tuple, drawn.tolist()))
        columns = slice(part * 2, part * 2 + 2)
        gaps = (examples[part::2, columns] - served[:, columns]).norm(dim=1)
        torch.testing.assert_close(found.distances[part::2], gaps)


def test_counts_are_checked() -> None:
    with pytest.raises(UserError, match="group"):
        OneToOne(group=0)
