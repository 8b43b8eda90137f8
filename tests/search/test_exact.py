"""Exact search in blocks."""

from __future__ import annotations

import pytest
import torch

from allmodes.search import Exact


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_the_size_of_blocks_does_not_matter(block: int, k: int) -> None:
    points, queries = torch.randn(101, 9), torch.randn(23, 9)
    whole, blocked = Exact(9), Exact(9, block=block)
    whole.add(points)
    blocked.add(points)
    expected, found = whole.query(queries, k), blocked.query(queries, k)
    assert torch.equal(found.ids, expected.ids)
    assert torch.equal(found.distances, expected.distances)
